"""qsim through the compiled module under qsimcirq, without cirq's translation."""

import math

import numpy
import qsimcirq

import gates

m = qsimcirq.qsim


class Peer:
    version = qsimcirq.__version__
    detail = m.__name__.rsplit("_", 1)[-1]

    def __init__(self, threads):
        self.threads = threads

    def settings(self, kind, precision, shots):
        self.kind = kind
        return ["f=2", "f=3", "f=4"] if kind in ("state", "noise") and precision == "single" else []

    def options(self, circuit, setting):
        f = int(setting.split("=")[1])
        return {
            "c": circuit, "i": "", "s": 7, "f": f, "t": self.threads, "v": 0, "r": 1, "z": False,
            "g": False, "gmode": 0, "gsst": 512, "gdb": 16,
        }

    def circuit(self, c):
        out = m.Circuit()
        out.num_qubits = c["qubits"]
        for at, op in gates.moments(c["ops"]):
            name, q, p = gates.parts(op)
            if name == "cz":
                m.add_gate(m.kCZ, at, q, {}, out)
            elif name == "cx":
                m.add_gate(m.kCX, at, q, {}, out)
            elif name == "swap":
                m.add_gate(m.kSWAP, at, q, {}, out)
            elif name == "cp":
                m.add_gate(m.kCZPowGate, at, q, {"exponent": p[0] / math.pi, "global_shift": 0.0}, out)
            elif name == "fsim":
                m.add_gate(m.kFSimGate, at, q, {"theta": p[0], "phi": p[1]}, out)
            elif name == "mcz":
                m.add_gate(m.kZ, at, q[-1:], {}, out)
                m.control_last_gate(q[:-1], [1] * (len(q) - 1), out)
            else:
                m.add_matrix_gate(at, q, self.flat(gates.matrix(name, p)), out)
        return out

    def noisy(self, c):
        """The circuit with channels, measured at the end."""
        out = m.NoisyCircuit()
        out.num_qubits = c["qubits"]
        end = 0
        for at, op in gates.moments(c["ops"]):
            name, q, p = gates.parts(op)
            end = at + 1
            if name == "depolarize":
                paulis = [(1 - p[0], "id"), (p[0] / 3, "x"), (p[0] / 3, "y"), (p[0] / 3, "z")]
                m.add_channel(at, q, [(x, self.flat(gates.matrix(k, [])), True) for x, k in paulis], out)
            elif name == "cz":
                m.add_gate_channel(m.kCZ, at, q, {}, out)
            else:
                m.add_matrix_gate_channel(at, q, self.flat(gates.matrix(name, p)), out)
        m.add_gate_channel(m.kMeasurement, end, list(range(c["qubits"])), {}, out)
        return out

    def flat(self, matrix):
        return numpy.array(matrix, dtype=complex).ravel().view(float).tolist()

    def build(self, c, setting):
        if self.kind == "noise":
            options = self.options(self.noisy(c), setting)

            def trajectories(shots):
                for i in range(shots):
                    options["s"] = i + 1
                    m.qtrajectory_sample(options)

            return trajectories
        options = self.options(self.circuit(c), setting)

        def call(shots):
            m.qsim_sample_final(options, shots)

        return call

    def samples(self, c, setting, shots):
        """Of a circuit with noise."""
        options, out = self.options(self.noisy(c), setting), []
        for i in range(shots):
            options["s"] = i + 1
            out.append(gates.row(sum(b << q for q, b in enumerate(m.qtrajectory_sample(options))), c["qubits"]))
        return out

    def wrapper_seconds(self, shots, circuit, setting):
        return gates.list_seconds(shots) if self.kind == "state" else 0

    def probabilities(self, c, setting, states):
        v = m.qsim_simulate_fullstate(self.options(self.circuit(c), setting), 0).view(numpy.complex64)
        return numpy.abs(v[states].astype(complex)) ** 2
