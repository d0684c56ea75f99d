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
        return ["f=2", "f=3", "f=4"] if kind == "state" and precision == "single" else []

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
            elif name == "mcz":
                m.add_gate(m.kZ, at, q[-1:], {}, out)
                m.control_last_gate(q[:-1], [1] * (len(q) - 1), out)
            else:
                flat = numpy.array(gates.matrix(name, p), dtype=complex).ravel()
                m.add_matrix_gate(at, q, flat.view(float).tolist(), out)
        return out

    def build(self, c, setting):
        options = self.options(self.circuit(c), setting)

        def call(shots):
            m.qsim_sample_final(options, shots)

        return call

    def wrapper_seconds(self, shots, circuit, setting):
        return gates.list_seconds(shots)

    def probabilities(self, c, setting, states):
        v = m.qsim_simulate_fullstate(self.options(self.circuit(c), setting), 0).view(numpy.complex64)
        return numpy.abs(v[states].astype(complex)) ** 2
