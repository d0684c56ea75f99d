package stabilizer

// tableau holds n generators of the stabilizer group, column by column: bit g of
// x[q·w+g/64] is the X part of generator g on qubit q. Generator g is
// (-1)^sign·Π P_q with P in {I, X, Y, Z}.
type tableau struct {
	n, w int // qubits; words of a column
	x, z []uint64
	sign []uint64
}

// reset makes the tableau that of |0…0⟩: generator q is Z on qubit q.
func (t *tableau) reset(n int) {
	t.n, t.w = n, (n+63)/64
	if size := n * t.w; cap(t.x) < size {
		t.x, t.z = make([]uint64, size), make([]uint64, size)
	}
	if cap(t.sign) < t.w {
		t.sign = make([]uint64, t.w)
	}
	t.x, t.z, t.sign = t.x[:n*t.w], t.z[:n*t.w], t.sign[:t.w]
	clear(t.x)
	clear(t.z)
	clear(t.sign)
	for q := range n {
		t.z[q*t.w+q/64] = 1 << (q % 64)
	}
}

// u3 applies g to qubit q.
func (t *tableau) u3(g *Gate, q int) {
	x, z := t.x[q*t.w:][:t.w], t.z[q*t.w:][:t.w]
	for i, a := range x {
		b := z[i]
		t.sign[i] ^= a&^b&g.sx ^ b&^a&g.sz ^ a&b&g.sy
		x[i], z[i] = a&g.xx^b&g.zx, a&g.xz^b&g.zz
	}
}

// cz takes X_p to X_p·Z_q and X_q to Z_p·X_q; the sign of Y⊗X and X⊗Y flips.
func (t *tableau) cz(p, q int) {
	xp, zp := t.x[p*t.w:][:t.w], t.z[p*t.w:][:t.w]
	xq, zq := t.x[q*t.w:][:t.w], t.z[q*t.w:][:t.w]
	for i, a := range xp {
		b := xq[i]
		t.sign[i] ^= a & b & (zp[i] ^ zq[i])
		zp[i], zq[i] = zp[i]^b, zq[i]^a
	}
}
