"""Qiskit Aer's state vector. Its own stopwatch is taken, which leaves out what
qiskit does to the circuit before."""

import numpy
import qiskit_aer
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import depolarizing_error

import gates


class Peer:
    version = qiskit_aer.__version__
    detail = "statevector"

    def __init__(self, threads):
        self.threads = threads

    def settings(self, kind, precision, shots):
        self.kind = kind
        if kind not in ("state", "noise"):
            return []
        return ["%s fusion=%d" % (precision, f) for f in (2, 3, 5)]

    def simulator(self, setting):
        """Threads share one state, or have trajectories of their own where there are several."""
        precision, f = setting.split(" fusion=")
        return AerSimulator(method="statevector", precision=precision, max_parallel_threads=self.threads,
                            max_parallel_shots=self.threads if self.kind == "noise" else 1,
                            fusion_max_qubit=int(f), seed_simulator=7)

    def circuit(self, c):
        out = QuantumCircuit(c["qubits"])
        for op in c["ops"]:
            name, q, p = gates.parts(op)
            if name == "u3":
                out.u(*p, q[0])
            elif name == "mcz":
                out.mcp(numpy.pi, q[:-1], q[-1])
            elif name == "depolarize":
                out.append(depolarizing_error(4 / 3 * p[0], 1).to_instruction(), q)
            elif name in ("sy", "fsim"):
                out.append(UnitaryGate(numpy.array(gates.matrix(name, p))), q)
            else:
                getattr(out, name)(*p, *q)
        return out

    def build(self, c, setting):
        circuit, simulator = self.circuit(c), self.simulator(setting)
        circuit.measure_all()

        def call(shots):
            return simulator.run(circuit, shots=shots).result().results[0].time_taken

        return call

    def samples(self, c, setting, shots):
        """Of a circuit with noise."""
        circuit = self.circuit(c)
        circuit.measure_all()
        counts = self.simulator(setting).run(circuit, shots=shots).result().get_counts()
        return [gates.row(int(x, 2), c["qubits"]) for x, n in counts.items() for _ in range(n)]

    def wrapper_seconds(self, shots, circuit, setting):
        return 0

    def probabilities(self, c, setting, states):
        circuit = self.circuit(c)
        circuit.save_statevector()
        v = numpy.asarray(self.simulator(setting).run(circuit).result().get_statevector())
        return numpy.abs(v[states]) ** 2
