"""PennyLane Lightning through its compiled module, without PennyLane's tapes."""

import numpy
import pennylane_lightning
import pennylane_lightning.lightning_qubit_ops as ops

import gates


class Peer:
    version = pennylane_lightning.__version__ if hasattr(pennylane_lightning, "__version__") else ""
    detail = "lightning.qubit"

    def __init__(self, threads):
        if not self.version:
            from importlib.metadata import version

            Peer.version = version("pennylane-lightning")

    def settings(self, kind, precision, shots):
        return [precision] if kind == "state" else []

    def vector(self, n, setting):
        return ops.StateVectorC64(n) if setting == "single" else ops.StateVectorC128(n)

    def steps(self, c, state):
        """Bound methods with their arguments; wire 0 is the highest bit of an index."""
        n, out = c["qubits"], []
        names = {"h": "Hadamard", "x": "PauliX", "z": "PauliZ", "s": "S", "t": "T", "sx": "SX", "cz": "CZ",
                 "cx": "CNOT", "swap": "SWAP", "cp": "ControlledPhaseShift", "p": "PhaseShift"}
        kind = numpy.complex64 if isinstance(state, ops.StateVectorC64) else numpy.complex128
        for op in c["ops"]:
            name, q, p = gates.parts(op)
            wires = [n - 1 - x for x in q]
            if name == "u3":
                out.append((state.Rot, (wires, False, [p[2], p[0], p[1]])))
            elif name == "fsim":
                out.append((state.IsingXY, (wires, False, [-2 * p[0]])))
                out.append((state.ControlledPhaseShift, (wires, False, [-p[1]])))
            elif name == "mcz":
                m = numpy.array(gates.matrix("z", []), dtype=kind)
                out.append((state.applyControlledMatrix, (m, wires[:-1], [True] * (len(q) - 1), wires[-1:], False)))
            elif name in names:
                out.append((getattr(state, names[name]), (wires, False, p)))
            else:
                out.append((state.applyMatrix, (numpy.array(gates.matrix(name, p), dtype=kind), wires, False)))
        return out

    def build(self, c, setting):
        state = self.vector(c["qubits"], setting)
        steps = self.steps(c, state)
        measure = (ops.MeasurementsC64 if setting == "single" else ops.MeasurementsC128)(state)

        def call(shots):
            state.resetStateVector()
            for f, args in steps:
                f(*args)
            measure.generate_samples(c["qubits"], shots)

        return call

    def wrapper_seconds(self, shots, circuit, setting):
        return 0

    def probabilities(self, c, setting, states):
        state = self.vector(c["qubits"], setting)
        for f, args in self.steps(c, state):
            f(*args)
        v = numpy.zeros(1 << c["qubits"], dtype=numpy.complex64 if setting == "single" else numpy.complex128)
        state.getState(v)
        return numpy.abs(v[states].astype(complex)) ** 2
