"""Qulacs: complex128, its own threads by OMP_NUM_THREADS."""

import numpy
import qulacs
from qulacs.circuit import QuantumCircuitOptimizer

import gates


class Peer:
    version = qulacs.__version__
    detail = "complex128"

    def __init__(self, threads):
        self.states = {}

    def settings(self, kind, precision, shots):
        self.kind = kind
        return {"state": ["light", "plain"], "noise": ["noise simulator"]}.get(kind, [])

    def circuit(self, c, setting):
        out = qulacs.QuantumCircuit(c["qubits"])
        native = {"h": out.add_H_gate, "x": out.add_X_gate, "z": out.add_Z_gate, "t": out.add_T_gate,
                  "sx": out.add_sqrtX_gate, "sy": out.add_sqrtY_gate, "s": out.add_S_gate}
        wide = False
        for op in c["ops"]:
            name, q, p = gates.parts(op)
            if name == "cz":
                out.add_CZ_gate(*q)
            elif name == "cx":
                out.add_CNOT_gate(*q)
            elif name == "swap":
                out.add_SWAP_gate(*q)
            elif name in ("cp", "mcz"):
                base = qulacs.gate.U1(q[-1], p[0]) if name == "cp" else qulacs.gate.Z(q[-1])
                g = qulacs.gate.to_matrix_gate(base)
                for control in q[:-1]:
                    g.add_control_qubit(control, 1)
                out.add_gate(g)
                wide = wide or len(q) > 4
            elif name == "fsim":
                out.add_gate(qulacs.gate.DenseMatrix(q, gates.matrix(name, p)))
            elif name == "depolarize":
                out.add_gate(qulacs.gate.DepolarizingNoise(q[0], p[0]))
            elif name in native:
                native[name](q[0])
            else:
                out.add_gate(qulacs.gate.DenseMatrix(q[0], gates.matrix(name, p)))
        # The optimizer writes a wide controlled gate as a dense matrix.
        if setting == "light" and not wide:
            QuantumCircuitOptimizer().optimize_light(out)
        return out

    def state(self, n):
        if n not in self.states:
            self.states.clear()
            self.states[n] = qulacs.QuantumState(n)
        return self.states[n]

    def forget(self):
        self.states.clear()

    def build(self, c, setting):
        circuit, n = self.circuit(c, setting), c["qubits"]
        if self.kind == "noise":
            simulator = qulacs.NoiseSimulator(circuit, qulacs.QuantumState(n))

            def trajectories(shots):
                simulator.execute(shots)

            return trajectories

        def call(shots):
            state = self.state(n)
            state.set_zero_state()
            circuit.update_quantum_state(state)
            state.sampling(shots)

        return call

    def samples(self, c, setting, shots):
        """Of a circuit with noise."""
        simulator = qulacs.NoiseSimulator(self.circuit(c, setting), qulacs.QuantumState(c["qubits"]))
        return [gates.row(x, c["qubits"]) for x in simulator.execute(shots)]

    def wrapper_seconds(self, shots, circuit, setting):
        return gates.list_seconds(shots)

    def probabilities(self, c, setting, states):
        s = qulacs.QuantumState(c["qubits"])
        self.circuit(c, setting).update_quantum_state(s)
        return numpy.abs(s.get_vector()[states]) ** 2
