"""Errors of the contract and the gRPC statuses that carry them."""

import grpc
from google.protobuf import any_pb2

from . import driver_pb2 as pb

MAX_VENDOR_TEXT = 1024  # bytes of a vendor's message in an error

_S = grpc.StatusCode
_STATUS = {
    "PROGRAM_INVALID": _S.INVALID_ARGUMENT, "GATE_UNSUPPORTED": _S.INVALID_ARGUMENT, "CONNECTIVITY": _S.INVALID_ARGUMENT,
    "TOO_MANY_QUBITS": _S.INVALID_ARGUMENT, "TOO_MANY_SHOTS": _S.INVALID_ARGUMENT, "PROGRAM_TOO_LARGE": _S.INVALID_ARGUMENT,
    "CONFIG_INVALID": _S.INVALID_ARGUMENT, "AUTH": _S.UNAUTHENTICATED, "FORBIDDEN": _S.PERMISSION_DENIED,
    "QUOTA": _S.RESOURCE_EXHAUSTED, "RATE_LIMITED": _S.RESOURCE_EXHAUSTED, "BUDGET": _S.RESOURCE_EXHAUSTED,
    "DEVICE_OFFLINE": _S.UNAVAILABLE, "CALIBRATING": _S.UNAVAILABLE, "VENDOR_DOWN": _S.UNAVAILABLE, "DRAINING": _S.UNAVAILABLE,
    "EXECUTION_FAILED": _S.FAILED_PRECONDITION, "COMPILATION_FAILED": _S.FAILED_PRECONDITION, "NOT_CONFIGURED": _S.FAILED_PRECONDITION,
    "DEADLINE": _S.DEADLINE_EXCEEDED, "UNKNOWN_JOB": _S.NOT_FOUND, "UNKNOWN_DEVICE": _S.NOT_FOUND, "RESULT_GONE": _S.DATA_LOSS,
    "SUBMIT_UNCERTAIN": _S.UNKNOWN, "NOT_SUPPORTED": _S.UNIMPLEMENTED, "CANCELLED": _S.CANCELLED, "KEY_REUSED": _S.ALREADY_EXISTS,
}


def clip(text, n):
    """Cut a text to n bytes of valid UTF-8."""
    return text.encode("utf-8", "replace")[:n].decode("utf-8", "ignore")


class DriverError(Exception):
    """What a driver answers when it refuses or fails.

    code is a name of the contract without its prefix, such as "RATE_LIMITED".
    retryable says that the same call may succeed later, retry_after (seconds) when;
    it is never sent with SUBMIT_UNCERTAIN. message must hold no secret.
    """

    def __init__(self, code, message="", *, field="", hint="", retryable=False, retry_after=0.0, vendor_code="", http_status=0):
        if code not in _STATUS:
            raise ValueError(f"{code} is no error code of the contract")
        self.code, self.message, self.field, self.hint = code, message, field, hint
        self.retryable = retryable and code != "SUBMIT_UNCERTAIN"
        self.retry_after, self.vendor_code, self.http_status = retry_after, vendor_code, http_status
        super().__init__(str(self))

    def __str__(self):
        field = f" ({self.field})" if self.field else ""
        vendor = f" [vendor {self.vendor_code} {self.http_status}]" if self.vendor_code or self.http_status else ""
        return f"{self.code}{field}: {self.message}{vendor}"

    def detail(self):
        """The wire form."""
        d = pb.ErrorDetail(code=pb.ErrorCode.Value("ERROR_CODE_" + self.code), retryable=self.retryable, vendor_code=clip(self.vendor_code, 128),
                           vendor_message=clip(self.message, MAX_VENDOR_TEXT), field=clip(self.field, 256), hint=clip(self.hint, MAX_VENDOR_TEXT))
        if self.http_status > 0:
            d.http_status = self.http_status
        if self.retry_after > 0:
            d.retry_after.FromNanoseconds(int(self.retry_after * 1e9))
        return d


def abort(context, error):
    """End a call with a status that carries the error's detail."""
    status = _STATUS[error.code]
    text = clip(str(error), MAX_VENDOR_TEXT)
    detail = any_pb2.Any()
    detail.Pack(error.detail())
    context.set_trailing_metadata((("grpc-status-details-bin", _rpc_status(status.value[0], text, detail)),))
    context.abort(status, text)


def _rpc_status(code, text, detail):
    """google.rpc.Status: int32 code = 1, string message = 2, repeated Any details = 3."""
    out = b"\x08" + _varint(code)
    for tag, value in ((b"\x12", text.encode()), (b"\x1a", detail.SerializeToString())):
        out += tag + _varint(len(value)) + value
    return out


def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)
