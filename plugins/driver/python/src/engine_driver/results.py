"""Result streams: header, bodies, trailer, and the hash over the bodies."""

import dataclasses
import hashlib
import struct

from . import driver_pb2 as pb
from .errors import DriverError
from .submission import CHUNK_BYTES, row_bytes


class Rolling:
    """rolling_sha3 of SPEC.md."""

    def __init__(self):
        self._h = hashlib.sha3_256(b"engine.driver.v1/results\0")

    def add(self, body):
        self._h.update(struct.pack("<QIII", body.first, body.n, len(body.rows), len(body.present)))
        self._h.update(body.rows)
        self._h.update(body.present)
        self._h.update(struct.pack(f"<{len(body.counts)}Q", *body.counts))
        self._h.update(struct.pack(f"<{len(body.probabilities)}d", *body.probabilities))

    def digest(self):
        return self._h.digest()


@dataclasses.dataclass
class Finished:
    """What a trailer says beside the hash; Timestamps, or None where not known."""

    calibration_id: str = ""
    started: object = None
    done: object = None


def send_rows(width, rows, start=0, max_bytes=0, finished=Finished(), present=None):
    """The chunks of a job of kind PER_SHOT.

    rows holds the outcomes of all slots from slot 0 on, ceil(width/8) bytes each,
    bit i at byte i>>3, mask 1<<(i&7). present is a list of booleans, or None when
    every slot has an outcome. start is the first slot wanted, max_bytes the most
    rows of a message (0: 256 KiB).
    """
    size = row_bytes(width)
    total = len(rows) // size
    if start > total:
        raise DriverError("PROGRAM_INVALID", f"slot {start} of {total}", field="from_slot")
    if not 1 <= max_bytes <= CHUNK_BYTES:
        max_bytes = CHUNK_BYTES
    return _rows(width, rows, start, max(8, max_bytes // size & ~7), finished, present, total)


def _rows(width, rows, start, step, finished, present, total):
    size, sum_ = row_bytes(width), Rolling()
    yield _header(pb.RESULT_KIND_PER_SHOT, width, total, start)
    for i in range(start, total, step):
        n = min(step, total - i)
        body = pb.ResultBody(first=i, n=n, rows=bytes(rows[i * size:(i + n) * size]))
        if present is not None and not all(present):
            bits = sum(1 << k for k in range(n) if present[i + k])
            body.present = bits.to_bytes((n + 7) // 8, "little")
        sum_.add(body)
        yield pb.ResultChunk(body=body)
    yield _trailer(sum_, total - start, finished)


def send_pairs(kind, width, total, pairs, start=0, finished=Finished()):
    """The chunks of a job of another kind.

    pairs are (row, value) in an order that never changes: value is a count for
    RESULT_KIND_COUNTS, else a probability. total is the number of shots, 0 where
    none took place.
    """
    if start > len(pairs):
        raise DriverError("PROGRAM_INVALID", f"pair {start} of {len(pairs)}", field="from_slot")
    return _pairs(kind, width, total, pairs, start, finished)


def _pairs(kind, width, total, pairs, start, finished):
    sum_ = Rolling()
    yield _header(kind, width, total, start)
    for i in range(start, len(pairs), 4096):
        part = pairs[i:i + 4096]
        body = pb.ResultBody(first=i, n=len(part), rows=b"".join(row for row, _ in part))
        values = body.counts if kind == pb.RESULT_KIND_COUNTS else body.probabilities
        values.extend(value for _, value in part)
        sum_.add(body)
        yield pb.ResultChunk(body=body)
    yield _trailer(sum_, len(pairs) - start, finished)


def _header(kind, width, total, start):
    header = pb.ResultHeader(kind=kind, width=width, total=total)
    setattr(header, "from", start)  # a keyword of Python
    return pb.ResultChunk(header=header)


def _trailer(sum_, n, f):
    return pb.ResultChunk(trailer=pb.ResultTrailer(rolling_sha3=sum_.digest(), total=n, calibration_id=f.calibration_id, started_at=f.started, finished_at=f.done))
