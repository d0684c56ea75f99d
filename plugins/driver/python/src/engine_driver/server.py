"""The rules of the contract around a Driver."""

import contextlib
import hashlib
import sys
import threading
import traceback

import grpc

from . import driver_pb2 as pb
from .driver import Call, Config
from .errors import DriverError, abort
from .submission import CHUNK_BYTES, check_limits, receive

MAX_WAIT = 30.0  # seconds of a Get


def _bounded(chunks):
    """The chunks of a stream, none longer than the contract has it."""
    for c in chunks:
        if len(c.rows) > CHUNK_BYTES:
            raise DriverError("PROGRAM_INVALID", f"a chunk of {len(c.rows)} bytes, at most {CHUNK_BYTES}", field="rows")
        yield c


class _Gate:
    """Configure runs alone; other calls run together."""

    def __init__(self):
        self._c, self._inside, self._closed, self.open = threading.Condition(), 0, False, False

    @contextlib.contextmanager
    def shared(self):
        with self._c:
            self._c.wait_for(lambda: not self._closed)
            if not self.open:
                raise DriverError("NOT_CONFIGURED", "Configure has not succeeded yet")
            self._inside += 1
        try:
            yield
        finally:
            with self._c:
                self._inside -= 1
                self._c.notify_all()

    @contextlib.contextmanager
    def alone(self):
        with self._c:
            self._c.wait_for(lambda: not self._closed)
            self._closed = True
            self._c.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._c:
                self._closed = False
                self._c.notify_all()


class Service(grpc.GenericRpcHandler):
    """engine.driver.v1.Driver over a Driver."""

    def __init__(self, driver):
        self._d, self._gate, self._draining = driver, _Gate(), False
        self._methods = {}
        for m in pb.DESCRIPTOR.services_by_name["Driver"].methods:
            self._methods[f"/{m.containing_service.full_name}/{m.name}"] = self._handler(m)

    def service(self, handler_call_details):
        return self._methods.get(handler_call_details.method)

    def _handler(self, m):
        wire = {"request_deserializer": getattr(pb, m.input_type.name).FromString, "response_serializer": getattr(pb, m.output_type.name).SerializeToString}
        f = getattr(self, m.name)
        if m.name in ("Validate", "SubmitBatch"):
            return grpc.stream_unary_rpc_method_handler(_one(f), **wire)
        if m.name in ("WatchStatus", "Results", "Recover", "Drain"):
            return grpc.unary_stream_rpc_method_handler(_many(f), **wire)
        return grpc.unary_unary_rpc_method_handler(_one(f), **wire)

    def Describe(self, r, call):
        return self._d.describe()

    def Configure(self, r, call):
        if len(r.config_json) > 64 << 10:
            raise DriverError("CONFIG_INVALID", f"{len(r.config_json)} bytes, at most {64 << 10}", field="config_json")
        with self._gate.alone():
            warnings = self._d.configure(Config(r.config_json, dict(r.secrets), r.cache_dir, r.dev))
            self._gate.open = True
        return pb.ConfigureResponse(warnings=warnings or [])

    def GetDevice(self, r, call):
        with self._gate.shared():
            d = self._d.device(r.device_id)
        etag = hashlib.sha3_256(d.SerializeToString(deterministic=True)).hexdigest()[:32]
        return pb.GetDeviceResponse(etag=etag, device=None if etag == r.if_etag else d)

    def GetCalibration(self, r, call):
        with self._gate.shared():
            return self._d.calibration(r.device_id, r.calibration_id)

    def WatchStatus(self, r, call):
        with self._gate.shared():
            pass  # a watch outlives reloads
        yield from self._d.watch(call, r.device_id)

    def _submission(self, chunks):
        s = receive(_bounded(chunks))
        check_limits(s, self._d.device(s.device))
        return s

    def Validate(self, chunks, call):
        with self._gate.shared():
            try:
                problems = self._d.validate(call, self._submission(chunks))
            except DriverError as e:
                problems = [e]
        return pb.ValidateReport(ok=not problems, problems=[p.detail() for p in problems])

    def Estimate(self, r, call):
        with self._gate.shared():
            return self._d.estimate(call, r)

    def SubmitBatch(self, chunks, call):
        with self._gate.shared():
            if self._draining:
                raise DriverError("DRAINING", "the driver is draining", retryable=True)
            return self._d.submit(call, self._submission(chunks))

    def Get(self, r, call):
        with self._gate.shared():
            pass  # a long poll outlives reloads
        return self._d.get(call, r.job_id, min(MAX_WAIT, max(0.0, r.wait.ToNanoseconds() / 1e9)))

    def Results(self, r, call):
        with self._gate.shared():
            pass
        yield from self._d.results(call, r.job_id, r.from_slot, r.max_message_bytes)

    def Cancel(self, r, call):
        with self._gate.shared():
            return pb.CancelResponse(state=self._d.cancel(call, r.job_id))

    def Recover(self, r, call):
        key = r.idempotency_key or None
        if len(key or bytes(32)) != 32 or key is None and not r.HasField("since"):
            raise DriverError("PROGRAM_INVALID", f"{len(key or b'')} bytes, want 32, or none and a time", field="idempotency_key")
        since = r.since.ToNanoseconds() / 1e9 if r.HasField("since") else 0.0
        with self._gate.shared():
            yield from self._d.recover(call, r.device_id, key, since)

    def SignTranscript(self, r, call):
        if len(r.digest) != 32:
            raise DriverError("PROGRAM_INVALID", f"{len(r.digest)} bytes, want 32", field="digest")
        if r.purpose not in (pb.PURPOSE_EXEC, pb.PURPOSE_RESULT):
            raise DriverError("PROGRAM_INVALID", f"{r.purpose} is not known", field="purpose")
        with self._gate.shared():
            return self._d.sign(call, r.device_id, r.purpose, r.digest)

    def Drain(self, r, call):
        self._draining = True
        for n in self._d.drain(call, max(0.0, r.grace.ToNanoseconds() / 1e9)):
            yield pb.DrainProgress(open_jobs=n, done=n == 0)
        yield pb.DrainProgress(done=True)


def _fail(e, context):
    """Turn any exception into a status. The trace goes to the log without the
    exception's own text, which could hold a secret."""
    if not isinstance(e, DriverError):
        frames = traceback.format_list(traceback.extract_tb(e.__traceback__))
        print("".join(frames) + type(e).__name__, file=sys.stderr, flush=True)
        e = DriverError("EXECUTION_FAILED", f"the driver failed with {type(e).__name__}; its log says where")
    abort(context, e)


def _one(f):
    def call(request, context):
        try:
            return f(request, Call(context))
        except Exception as e:  # the boundary to the engine
            if _aborted(context):
                raise
            _fail(e, context)

    return call


def _many(f):
    def call(request, context):
        try:
            yield from f(request, Call(context))
        except Exception as e:  # the boundary to the engine
            if _aborted(context):
                raise
            _fail(e, context)

    return call


def _aborted(context):
    """The caller has gone: there is nobody to answer."""
    return not context.is_active()
