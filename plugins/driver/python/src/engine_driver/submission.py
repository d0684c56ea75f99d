"""A batch on its way to a vendor, and the checks it passes before."""

import array
import hashlib
import math
import re
import struct
import sys

from . import driver_pb2 as pb
from .errors import DriverError

CHUNK_BYTES = 256 << 10  # most rows of one message
MAX_PROGRAM_BYTES = 64 << 20  # of the rows of one submission
_MAX_WIDTH, _MAX_LAYERS, _MAX_CZ, _MAX_PALETTE, _MAX_SLOTS = 4096, 1 << 16, 1 << 22, 1 << 20, 10_000_000
_PI, _TWO_PI, _MASK = 1 << 62, 1 << 63, (1 << 64) - 1  # angles: 2^64 is 4π
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def row_bytes(width):
    """Bytes of one outcome."""
    return (width + 7) // 8


def radians(angle):
    """A palette angle in radians, 0 to 4π."""
    return angle * (4 * math.pi / 2**64)


def _invalid(field, text):
    return DriverError("PROGRAM_INVALID", text, field=field)


class Submission:
    """n circuits of one skeleton.

    Slot i is u3 on every qubit, the CZ pairs of layers[0], u3 on every qubit, …, u3
    on every qubit, measure all, qubit q into bit q. gates(i) gives slot i's u3
    angles, layer by layer.
    """

    def __init__(self, header, rows=b""):
        self._header, self.rows = header, rows
        self.key, self.device = header.idempotency_key, header.device_id
        self.width = header.skeleton.width
        self.layers = [[(p[i], p[i + 1]) for i in range(0, len(p), 2)] for p in (layer.pairs for layer in header.skeleton.layers)]
        angles = struct.unpack(f"<{len(header.palette) // 8}Q", header.palette)
        self.palette = list(zip(angles[0::3], angles[1::3], angles[2::3]))  # (theta, phi, lambda)
        self.index_bytes, self.slots, self.shots_per_slot = header.index_bytes, header.slots, header.shots_per_slot
        self.kind, self.verbatim = header.kind, header.verbatim
        self.calibration_id = header.calibration_id  # empty: any
        self.max_cost = header.max_cost if header.HasField("max_cost") else None
        self.not_after = header.not_after.ToNanoseconds() / 1e9 if header.HasField("not_after") else None  # seconds since 1970
        self.meta = header.meta

    @property
    def locations(self):
        """u3 gates of a slot."""
        return (len(self.layers) + 1) * self.width

    @property
    def row_size(self):
        """Bytes of a slot's row."""
        return self.locations * self.index_bytes

    def indexes(self, slot):
        """Palette indexes of a slot, layer-major."""
        return _indexes(self.rows[slot * self.row_size:(slot + 1) * self.row_size], self.index_bytes)

    def gates(self, slot):
        """The u3 angles of a slot in radians: one list of (theta, phi, lambda) per layer."""
        flat = [tuple(map(radians, self.palette[i])) for i in self.indexes(slot)]
        return [flat[i:i + self.width] for i in range(0, len(flat), self.width)]

    def sub_key(self, k):
        """The name of part k of a submission that a driver splits."""
        return hashlib.sha3_256(self.key + struct.pack("<I", k)).digest()

    def digest(self):
        """batch_sha3 of SPEC.md: what one key stands for."""
        device = self.device.encode()
        h = hashlib.sha3_256(b"engine.driver.v1/batch\0" + struct.pack("<II", len(device), self.width) + device + struct.pack("<I", len(self.layers)))
        for layer in self.layers:
            h.update(struct.pack(f"<I{2 * len(layer)}H", len(layer), *(q for pair in layer for q in pair)))
        h.update(struct.pack("<I", len(self.palette)) + self._header.palette)
        h.update(struct.pack("<BQQBB", self.index_bytes, self.slots, self.shots_per_slot, self.kind, self.verbatim))
        h.update(self.rows)
        return h.digest()

    def marshal(self):
        """The bytes of the chunks, for drivers that keep submissions."""
        header = self._header.SerializeToString()
        return struct.pack("<I", len(header)) + header + self.rows

    @staticmethod
    def unmarshal(data):
        """Read what marshal wrote, with all checks of a submission that arrives."""
        n = struct.unpack_from("<I", data)[0] if len(data) >= 4 else len(data)
        if n > len(data) - 4:
            raise _invalid("header", "cut short")
        header = pb.BatchHeader.FromString(data[4:4 + n])
        return receive([pb.SubmitChunk(header=header), pb.SubmitChunk(rows=data[4 + n:])])


def _indexes(data, size):
    a = array.array("H" if size == 2 else "I", bytes(data))
    if sys.byteorder == "big":
        a.byteswap()
    return a


def receive(chunks):
    """Read a submission and check all that can be checked without the device."""
    chunks = iter(chunks)
    first = next(chunks, None)
    if first is None or not first.HasField("header"):
        raise _invalid("header", "the first chunk is not a header")
    _check_header(first.header)
    s = Submission(first.header)
    want = s.slots * s.row_size
    if want > MAX_PROGRAM_BYTES:
        raise DriverError("PROGRAM_TOO_LARGE", f"{s.slots} slots make {want} bytes of rows, the limit is {MAX_PROGRAM_BYTES}", field="slots", hint="submit fewer slots at once")
    rows = bytearray()
    while len(rows) < want:
        chunk = next(chunks, None)
        if chunk is None:
            raise _invalid("rows", f"{len(rows)} of {want} bytes arrived")
        if not chunk.rows:
            raise _invalid("rows", f"a chunk without rows after {len(rows)} bytes")
        if len(rows) + len(chunk.rows) > want:
            raise _invalid("rows", f"more than {want} bytes")
        rows += chunk.rows
    s.rows = bytes(rows)
    _check_batch(s)
    if s.digest() != first.header.batch_sha3:
        raise _invalid("batch_sha3", f"{first.header.batch_sha3.hex()}, but the batch hashes to {s.digest().hex()}")
    return s


def _check_header(h):
    width, layers, n = h.skeleton.width, h.skeleton.layers, len(h.palette)
    if len(h.idempotency_key) != 32:
        raise _invalid("idempotency_key", f"{len(h.idempotency_key)} bytes, want 32")
    if len(h.batch_sha3) != 32:
        raise _invalid("batch_sha3", f"{len(h.batch_sha3)} bytes, want 32")
    if not _ID.fullmatch(h.device_id):
        raise DriverError("UNKNOWN_DEVICE", f"{h.device_id[:128]!r} is no device id", field="device_id")
    if not 1 <= width <= _MAX_WIDTH:
        raise DriverError("TOO_MANY_QUBITS", f"width {width}, want 1 to {_MAX_WIDTH}", field="skeleton.width")
    if len(layers) > _MAX_LAYERS:
        raise _invalid("skeleton.layers", f"{len(layers)} layers, at most {_MAX_LAYERS}")
    if n % 24 or n // 24 > _MAX_PALETTE:
        raise _invalid("palette", f"{n} bytes, want 24 an entry and at most {_MAX_PALETTE} entries")
    if h.index_bytes not in (2, 4):
        raise _invalid("index_bytes", f"{h.index_bytes}, want 2 or 4")
    if not 1 <= h.slots <= _MAX_SLOTS:
        raise DriverError("TOO_MANY_SHOTS", f"{h.slots} slots, want 1 to {_MAX_SLOTS}", field="slots")
    if not 1 <= h.shots_per_slot <= _MAX_SLOTS or h.shots_per_slot > 1 and h.slots > 1:
        raise DriverError("TOO_MANY_SHOTS", f"{h.shots_per_slot} shots for each of {h.slots} slots", field="shots_per_slot", hint="more than one shot only for a single slot")
    if not pb.RESULT_KIND_PER_SHOT <= h.kind <= pb.RESULT_KIND_RESAMPLED:
        raise DriverError("NOT_SUPPORTED", f"result kind {h.kind} is not known", field="kind")
    total = 0
    for i, layer in enumerate(layers):
        total += len(layer.pairs)
        if len(layer.pairs) % 2 or total > 2 * _MAX_CZ:
            raise _invalid("skeleton.layers", f"layer {i}: {len(layer.pairs)} numbers, want pairs and at most {_MAX_CZ} in all")


def _check_batch(s):
    for i, layer in enumerate(s.layers):
        used = [q for pair in layer for q in pair]
        if any(not a < b < s.width for a, b in layer) or layer != sorted(layer) or len(set(used)) != len(used):
            raise _invalid("skeleton.layers", f"layer {i}: pairs are ascending a < b < {s.width}, no qubit twice")
    if not s.palette:
        raise _invalid("palette", "is empty")
    for i, u in enumerate(s.palette):
        if _normal(*u) != u or (u[0] | u[1] | u[2]) & 0xFFF:
            raise _invalid("palette", f"entry {i} is not in normal form")
        if i and s.palette[i - 1] >= u:
            raise _invalid("palette", f"entry {i} is out of order")
    want = 2 if len(s.palette) <= 1 << 16 else 4
    if s.index_bytes != want:
        raise _invalid("index_bytes", f"{s.index_bytes}, want {want} for {len(s.palette)} entries")
    if max(_indexes(s.rows, s.index_bytes)) >= len(s.palette):
        raise _invalid("rows", f"an index outside the palette of {len(s.palette)}")


def _normal(t, p, l):
    """The normal form of u3(t, p, l): theta 0 to π, phi and lambda below 2π, phi 0 at the poles."""
    t %= _TWO_PI
    if t > _PI:
        t, p, l = _TWO_PI - t, p + _PI, l + _PI
    if t == 0:
        p, l = 0, p + l
    elif t == _PI:
        p, l = 0, l - p
    return t, p % _TWO_PI, l % _TWO_PI


def check_limits(s, d):
    """Compare a submission with what its device takes; raises DriverError."""
    limits = d.limits
    gates = s.locations + sum(map(len, s.layers))
    slots, shots = max(1, limits.max_slots_per_submit), max(1, limits.max_shots_per_slot)
    if limits.max_program_bytes and len(s.rows) > limits.max_program_bytes:
        raise DriverError("PROGRAM_TOO_LARGE", f"{len(s.rows)} bytes, device {d.id} takes {limits.max_program_bytes}", field="rows")
    if s.width > d.width:
        raise DriverError("TOO_MANY_QUBITS", f"width {s.width}, device {d.id} has {d.width} qubits", field="skeleton.width")
    if s.slots > slots:
        raise DriverError("TOO_MANY_SHOTS", f"{s.slots} slots, device {d.id} takes {slots} at once", field="slots")
    if s.shots_per_slot > shots:
        raise DriverError("TOO_MANY_SHOTS", f"{s.shots_per_slot} shots, device {d.id} takes {shots}", field="shots_per_slot")
    if limits.max_gates_per_slot and gates > limits.max_gates_per_slot:
        raise DriverError("PROGRAM_TOO_LARGE", f"{gates} gates a slot, device {d.id} takes {limits.max_gates_per_slot}", field="skeleton")
    if s.verbatim and not d.verbatim:
        raise DriverError("NOT_SUPPORTED", f"device {d.id} changes circuits before it runs them", field="verbatim")
    if s.kind not in d.result_kinds:
        raise DriverError("NOT_SUPPORTED", f"device {d.id} gives no {pb.ResultKind.Name(s.kind)}", field="kind")
    coupled = {(min(e.a, e.b), max(e.a, e.b)) for e in d.edges}
    for i, layer in enumerate(s.layers if coupled else []):
        for a, b in layer:
            if (a, b) not in coupled:
                raise DriverError("CONNECTIVITY", f"layer {i}: qubits {a} and {b} are not coupled on {d.id}", field="skeleton.layers")
