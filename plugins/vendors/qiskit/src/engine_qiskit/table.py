"""The tables: gate by gate, nothing merged and nothing left out, up to a global phase.

u3(t, p, l) on q, where the backend has u:          u(t, p, l) q
u3(t, p, l) on q, where it has rz, sx and x:        rz(l) q, sx q, rz(t+pi) q, sx q, rz(p+pi) q
cz a, b, where it has cz:                           cz a b
cz a, b, where it has cx:                           h b, cx a b, h b
cz a, b, where it has ecr:                          h b, ecr a b, x a, h b, rz(-pi/2) a, rz(-pi/2) b

h stands for rz(pi/2), sx, rz(pi/2). cx and ecr take the direction that the backend has;
cz is the same in both. The last line is cz = rz(-pi/2) rz(-pi/2) exp(-i pi ZZ/4) and
ecr a b = X_a exp(-i pi Z_a X_b/4).
"""

import math

from qiskit import QuantumCircuit

_HALF = math.pi / 2


class Table:
    """The translation for one backend.

    names are the backend's operations, pairs the directed pairs of qubits on which its
    gate on two qubits works, or None where all pairs do.
    """

    def __init__(self, names, pairs_of):
        if "u" in names and "cz" in names:
            self.one, self.two = "u", "cz"
        elif {"rz", "sx", "x"} <= set(names):
            self.one = "rz"
            self.two = next((g for g in ("cz", "cx", "ecr") if g in names), None)
        else:
            self.one = self.two = None
        if not self.one or not self.two:
            raise ValueError(f"there is no table for the gates {sorted(names)[:40]}")
        self.pairs = pairs_of(self.two)

    def coupled(self, a, b):
        """Whether cz a, b can be sent."""
        return self.pairs is None or (a, b) in self.pairs or (b, a) in self.pairs

    def u3(self, c, q, t, p, l):
        if self.one == "u":
            c.u(t, p, l, q)
            return
        c.rz(l, q)
        c.sx(q)
        c.rz(t + math.pi, q)
        c.sx(q)
        c.rz(p + math.pi, q)

    def cz(self, c, a, b):
        if self.pairs is not None and (a, b) not in self.pairs:
            a, b = b, a
        if self.two == "cz":
            c.cz(a, b)
            return
        _h(c, b)
        if self.two == "cx":
            c.cx(a, b)
            _h(c, b)
            return
        c.ecr(a, b)
        c.x(a)
        _h(c, b)
        c.rz(-_HALF, a)
        c.rz(-_HALF, b)

    def circuit(self, size, places, layers, gates):
        """One slot: gates are its u3 angles by layers, places the backend's qubit of
        each qubit, size how many the backend has. Qubit q is read into bit q."""
        c = QuantumCircuit(size, len(places))
        for k, row in enumerate(gates):
            for q, (t, p, l) in enumerate(row):
                self.u3(c, places[q], t, p, l)
            for a, b in layers[k] if k < len(layers) else []:
                self.cz(c, places[a], places[b])
        for q, place in enumerate(places):
            c.measure(place, q)
        return c


def _h(c, q):
    c.rz(_HALF, q)
    c.sx(q)
    c.rz(_HALF, q)
