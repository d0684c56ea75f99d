"""The backend that the configuration names."""

import hashlib
import importlib
import json
import math
import re

import qiskit
from engine_driver import DriverError, pb
from qiskit.providers import BackendV2

from .table import Table

# Modules whose backends run in this process: their jobs are this driver's own.
LOCAL = ("qiskit_aer", "qiskit_ibm_runtime.fake_provider", "qiskit.providers.fake_provider", "qiskit.providers.basic_provider")
MAX_WIDTH = 28  # qubits that a simulator of this kind holds

_PATH = re.compile(r"([A-Za-z_][A-Za-z0-9_.]{0,127}):([A-Za-z_][A-Za-z0-9_]{0,63})")


def _refuse(field, text, hint=""):
    return DriverError("CONFIG_INVALID", text, field="config_json." + field, hint=hint)


def load(path, options):
    """The backend that module:name(**options) makes."""
    found = _PATH.fullmatch(path)
    module, name = found.groups() if found else ("", "")
    if not any(module == m or module.startswith(m + ".") for m in LOCAL):
        raise _refuse("backend", f"{path[:80]!r} is not module:name with a module of {', '.join(LOCAL)}",
                      "backends of a service elsewhere need a driver of their own: a lost job could not be found again")
    try:
        backend = getattr(importlib.import_module(module), name)(**options)
    except Exception as e:
        raise _refuse("backend", f"{path} with these options: {type(e).__name__}: {str(e)[:400]}") from None
    if not isinstance(backend, BackendV2):
        raise _refuse("backend", f"{path} is no BackendV2")
    return backend


class Machine:
    """A backend with its table, its qubits and what the engine is told of it."""

    def __init__(self, backend, qubits, width, limits):
        self.backend, self.size = backend, backend.num_qubits or MAX_WIDTH
        target = backend.target
        try:
            self.table = Table(backend.operation_names, lambda gate: _pairs(target, gate))
        except ValueError as e:
            raise _refuse("backend", str(e)) from None
        self.recorded = self.table.pairs is not None
        if not qubits:
            qubits = list(range(self.size if self.recorded else min(self.size, width)))
        if len(qubits) > MAX_WIDTH:
            raise _refuse("qubits", f"{len(qubits)} qubits, at most {MAX_WIDTH} can be simulated", "choose a path of coupled ones: qubits: [0, 1, 2]")
        if any(not 0 <= q < self.size for q in qubits) or len(set(qubits)) != len(qubits):
            raise _refuse("qubits", f"each of 0 to {self.size - 1} once at most")
        if not self.recorded:
            self.size = len(qubits)  # a simulator is as large as it has to be
            qubits = list(range(self.size))
        self.places = qubits
        self.edges = [(a, b) for a in range(len(qubits)) for b in range(a + 1, len(qubits)) if self.table.coupled(qubits[a], qubits[b])]
        if self.recorded and len(qubits) > 1 and not self.edges:
            raise _refuse("qubits", "no two of them are coupled")
        self.serial = re.sub(r"[^A-Za-z0-9._:-]", "-", backend.name or "backend")[:64]
        self.device, self.snapshot = self._device(limits), self._calibration() if self.recorded else None

    def circuit(self, s, slot):
        return self.table.circuit(self.size, self.places[:s.width], s.layers, s.gates(slot))

    def _device(self, limits):
        kind = pb.DEVICE_KIND_EMULATOR if self.recorded else pb.DEVICE_KIND_SIMULATOR
        return pb.Device(
            id="qiskit", vendor="qiskit", family="emulator" if self.recorded else "simulator", serial=self.serial, firmware="qiskit-" + qiskit.__version__,
            kind=kind, width=len(self.places), verbatim=True, limits=limits,
            qubits=[pb.Qubit(id=i, label=f"q{q}", operational=True) for i, q in enumerate(self.places)],
            edges=[pb.Edge(a=a, b=b) for a, b in self.edges] if self.recorded else [],
            operations=[pb.Operation(name="cz", arity=2), pb.Operation(name="measure", arity=1), pb.Operation(name="u3", arity=1, parameters=3)],
            result_kinds=[pb.RESULT_KIND_PER_SHOT, pb.RESULT_KIND_COUNTS])

    def _calibration(self):
        """What the recording says of the chosen qubits; its id is a hash of that."""
        target, out = self.backend.target, pb.Calibration()
        for i, q in enumerate(self.places):
            qc = out.qubits.add(id=i)
            p = target.qubit_properties[q] if target.qubit_properties else None
            for field, seconds in (("t1_ns", getattr(p, "t1", None)), ("t2_ns", getattr(p, "t2", None))):
                if seconds and 1e-9 <= seconds <= 1e4:
                    setattr(qc, field, round(seconds * 1e9))
            error = _error(target, "measure", (q,))
            if error is not None:
                qc.readout_0_given_1 = qc.readout_1_given_0 = error
            self._gate(out, "sx", (i,), (q,))
        for a, b in self.edges:
            place = (self.places[a], self.places[b])
            self._gate(out, self.table.two, (a, b), place if place in self.table.pairs else place[::-1])
        raw = json.dumps({"backend": self.backend.name, "qubits": self.places, "snapshot": out.SerializeToString(deterministic=True).hex()}, sort_keys=True).encode()
        out.vendor_raw, out.vendor_raw_sha256 = raw, hashlib.sha256(raw).digest()
        out.id = f"{self.serial}:{hashlib.sha3_256(raw).hexdigest()[:32]}"
        return out

    def _gate(self, out, name, ids, place):
        error = _error(self.backend.target, name, place)
        if error is not None:
            g = out.gates.add(operation=name, qubits=ids, fidelity=1 - error)
            duration = self.backend.target[name][place].duration
            if duration and 0 < duration < 1:
                g.duration_ns = round(duration * 1e9)


def _error(target, name, place):
    """The recorded error of an instruction, or None."""
    properties = target[name].get(place) if name in target.operation_names else None
    error = getattr(properties, "error", None)
    return error if error is not None and math.isfinite(error) and 0 <= error <= 1 else None


def _pairs(target, gate):
    """The directed pairs of a gate, or None where it works on all."""
    places = set(target[gate] or ())
    if None in places or not places:
        return None
    return {p for p in places if len(p) == 2}
