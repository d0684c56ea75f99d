"""What a driver implements."""

import dataclasses
import json
import threading

from . import driver_pb2 as pb
from .errors import DriverError


@dataclasses.dataclass
class Config:
    """What Configure brings."""

    json: bytes
    secrets: dict = dataclasses.field(repr=False)  # never logged, never in an error
    cache_dir: str = ""  # the only folder that the driver may write
    dev: bool = False  # fakes and vendor sandboxes are fine


class Call:
    """The caller's side of a running call."""

    def __init__(self, context):
        self._context = context
        self.ended = threading.Event()  # set when the caller has gone
        if not context.add_callback(self.ended.set):
            self.ended.set()

    def remaining(self):
        """Seconds until the call's deadline, or None."""
        return self._context.time_remaining()


class Driver:
    """Derive from it and override. Methods run in several threads at once, only
    configure runs alone. Refuse and fail with DriverError; what is not overridden
    answers NOT_SUPPORTED, so list only the features that you have.
    """

    def describe(self):
        """A pb.Description, the same for the life of the process. Works before configure."""
        raise NotImplementedError

    def configure(self, config):
        """Take a Config, first or again; return warnings for the operator, or None.
        When it raises, everything stays as it was."""
        raise NotImplementedError

    def device(self, device_id):
        """A pb.Device, or UNKNOWN_DEVICE."""
        raise NotImplementedError

    def calibration(self, device_id, calibration_id):
        """A pb.Calibration: the present one when the id is empty. Its bytes depend on
        the calibration alone, never on the time of asking."""
        raise DriverError("NOT_SUPPORTED", "this driver has no calibration data")

    def submit(self, call, submission):
        """Hand a checked Submission to the vendor, at most once for its key; return a
        pb.SubmitResponse. SUBMIT_UNCERTAIN when the vendor's answer did not arrive."""
        raise NotImplementedError

    def get(self, call, job_id, wait):
        """A pb.Job; waits up to wait seconds (at most 30) for it to change."""
        raise NotImplementedError

    def results(self, call, job_id, start, max_bytes):
        """The chunks that send_rows or send_pairs make."""
        raise NotImplementedError

    def cancel(self, call, job_id):
        """A pb.CANCEL_STATE_…"""
        return pb.CANCEL_STATE_NOT_SUPPORTED

    def recover(self, call, device_id, key, since):
        """The vendor's pb.Jobs that carry key (32 bytes), or, with key None, that began
        at or after since (seconds since 1970)."""
        raise DriverError("NOT_SUPPORTED", "this driver cannot look for jobs")

    def watch(self, call, device_id):
        """Yield the present pb.DeviceStatus and every change until call.ended is set."""
        raise DriverError("NOT_SUPPORTED", "this driver does not watch its devices")

    def validate(self, call, submission):
        """A list of DriverErrors beyond what the device's limits say."""
        return []

    def estimate(self, call, request):
        """A pb.EstimateResponse."""
        raise DriverError("NOT_SUPPORTED", "this driver does not estimate")

    def sign(self, call, device_id, purpose, digest):
        """A pb.Signature over signed_message(purpose, digest)."""
        raise DriverError("NOT_SUPPORTED", "this driver holds no device key")

    def drain(self, call, grace):
        """Yield the number of open jobs until none is or grace seconds are over."""
        return []


def signed_message(purpose, digest):
    """What a device key signs for a transcript digest."""
    name = {pb.PURPOSE_EXEC: b"exec", pb.PURPOSE_RESULT: b"result"}[purpose]
    return b"engine.driver.v1/sign/" + name + b"\0" + digest


def settings(config, **defaults):
    """The members of a configuration, each of its default's type; None as a default
    takes any. What is unknown, twice there or of another type is CONFIG_INVALID.
    Names that are no Python identifiers go in as settings(config, **{"x-y": 1})."""

    def once(pairs):
        out = dict(pairs)
        if len(out) != len(pairs):
            raise ValueError("a member stands twice in one object")
        return out

    try:
        given = json.loads(config.json or b"{}", object_pairs_hook=once)
    except (ValueError, RecursionError) as e:
        raise DriverError("CONFIG_INVALID", f"not JSON: {e}", field="config_json") from None
    if not isinstance(given, dict):
        raise DriverError("CONFIG_INVALID", "is not an object", field="config_json")
    for name, value in given.items():
        if name not in defaults:
            raise DriverError("CONFIG_INVALID", f"{name[:64]!r} is not known; known are {', '.join(sorted(defaults))}", field="config_json." + name[:64])
        want = defaults[name]
        if want is not None and type(value) is not type(want) and not (type(want) is float and type(value) is int):
            raise DriverError("CONFIG_INVALID", f"{name} is a {type(value).__name__}, want a {type(want).__name__}", field="config_json." + name)
    return {**defaults, **given}
