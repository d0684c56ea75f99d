"""Stim: the code of its command line in this process, and its samplers. Packed
outcomes in every setting."""

import tempfile
import time

import numpy
import stim

import gates


def names():
    """Gate names by tableau, of the one-qubit gates."""
    out = {}
    for name, g in stim.gate_data().items():
        if g.is_unitary and g.is_single_qubit_gate:
            out.setdefault(str(stim.Tableau.from_named_gate(name)), name)
    return out


class Peer:
    version = stim.__version__
    detail = stim.Circuit.__module__.rsplit("_", 1)[-1]  # the vector width of the build

    def __init__(self, threads):
        self.names, self.seen = names(), {}

    def settings(self, kind, precision, shots):
        if kind != "clifford":
            return []
        return ["command line", "sampler"] + (["tableau"] if shots == 1 else [])

    def gate(self, name, p):
        key = (name, *p)
        if key not in self.seen:
            m = numpy.array(gates.matrix(name, p), dtype=numpy.complex64)
            self.seen[key] = self.names[str(stim.Tableau.from_unitary_matrix(m, endian="little"))]
        return self.seen[key]

    def circuit(self, c):
        out, two = stim.Circuit(), {"cz": "CZ", "cx": "CX", "swap": "SWAP"}
        for op in c["ops"]:
            name, q, p = gates.parts(op)
            out.append(two[name] if name in two else self.gate(name, p), q)
        out.append("M", range(c["qubits"]))
        return out

    def build(self, c, setting):
        circuit = self.circuit(c)
        if setting == "command line":
            file = tempfile.NamedTemporaryFile("w", suffix=".stim")
            circuit.to_file(file.name)

            def command(shots, file=file):
                stim.main(command_line_args=["sample", "--shots", str(shots), "--seed", "7", "--in", file.name,
                                             "--out_format", "b8", "--out", "/dev/null"])

            return command
        if setting == "tableau":

            def tableau(shots):
                for _ in range(shots):
                    s = stim.TableauSimulator()
                    s.do(circuit)
                    numpy.packbits(s.current_measurement_record())

            return tableau

        def sampler(shots):
            circuit.compile_sampler(seed=7).sample_bit_packed(shots)

        return sampler

    def wrapper_seconds(self, shots, circuit, setting):
        """The command line parses, which the other side is spared too."""
        if setting != "command line":
            return 0
        text = str(self.circuit(circuit))
        began = time.perf_counter()
        stim.Circuit(text)
        return time.perf_counter() - began

    def samples(self, c, setting, shots):
        rows = self.circuit(c).compile_sampler(seed=7).sample_bit_packed(shots)
        return [r.tobytes().hex() for r in rows]
