"""Matrices of the one-qubit gates of a circuit file, and schedules."""

import cmath
import math

R = math.sqrt(0.5)

FIXED = {
    "h": [[R, R], [R, -R]],
    "id": [[1, 0], [0, 1]],
    "x": [[0, 1], [1, 0]],
    "y": [[0, -1j], [1j, 0]],
    "z": [[1, 0], [0, -1]],
    "s": [[1, 0], [0, 1j]],
    "t": [[1, 0], [0, cmath.exp(0.25j * math.pi)]],
    "sx": [[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]],
    "sy": [[0.5 + 0.5j, -0.5 - 0.5j], [0.5 + 0.5j, 0.5 + 0.5j]],
}


def u3(theta, phi, lam):
    """OpenQASM 2."""
    c, s = math.cos(theta / 2), math.sin(theta / 2)
    return [
        [c, -cmath.exp(1j * lam) * s],
        [cmath.exp(1j * phi) * s, cmath.exp(1j * (phi + lam)) * c],
    ]


def fsim(theta, phi):
    """The order of the two qubits does not matter."""
    c, s = math.cos(theta), -1j * math.sin(theta)
    return [[1, 0, 0, 0], [0, c, s, 0], [0, s, c, 0], [0, 0, 0, cmath.exp(-1j * phi)]]


def matrix(name, params):
    if name == "fsim":
        return fsim(*params)
    if name == "u3":
        return u3(*params)
    if name == "p":
        return [[1, 0], [0, cmath.exp(1j * params[0])]]
    return FIXED[name]


def parts(op):
    """name, qubits, parameters of an operation."""
    return op[0], op[1], op[2] if len(op) > 2 else []


def row(outcome, qubits):
    """An outcome, qubit 0 lowest, as a little-endian row in hexadecimal."""
    return int(outcome).to_bytes((qubits + 7) // 8, "little").hex()


def moments(ops):
    """Pairs (moment, operation), each as early as its qubits allow, by moment."""
    free, out = {}, []
    for op in ops:
        at = max(free.get(q, 0) for q in op[1])
        for q in op[1]:
            free[q] = at + 1
        out.append((at, op))
    return sorted(out, key=lambda x: x[0])


def list_seconds(n):
    """How long a list of n integers takes to make: wrappers return one."""
    import time

    import numpy

    a = numpy.arange(n, dtype=numpy.uint64) + (1 << 12)
    began = time.perf_counter()
    a.tolist()
    return time.perf_counter() - began
