package stabilizer

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
)

// tableau holds n generators of the stabilizer group, in slices of 512: of each
// slice and qubit eight words of X parts, then eight of Z parts, a bit per
// generator. Generator g is (-1)^sign·Π P_q with P in {I, X, Y, Z}. Up to 64 qubits
// a slice has one word, and sign is one.
type tableau struct {
	k        kernel.Kernel
	n        int
	slice    int // words of X parts of a qubit in a slice
	xz, sign []uint64
	ops      []kernel.Op // still to be applied
}

// pending is how many gates are collected.
const pending = 1 << 10

// words is how many words hold a bit per qubit, or per generator.
func (t *tableau) words() int { return (t.n + 63) / 64 }

func (t *tableau) slices() int { return (t.words() + t.slice - 1) / t.slice }

// reset makes the tableau that of |0…0⟩: generator q is Z on qubit q.
func (t *tableau) reset(n int) {
	if t.n, t.slice = n, 1; n > 64 {
		t.slice = kernel.Slice
	}
	if t.k == nil {
		t.k = kernel.Best()
	}
	t.xz, t.sign = cleared(t.xz, t.slices()*n*2*t.slice), cleared(t.sign, t.slices()*t.slice)
	for q := range n {
		t.xz[t.at(q/(64*t.slice), q)+t.slice+q/64%t.slice] = 1 << (q % 64)
	}
	if t.ops = t.ops[:0]; cap(t.ops) == 0 {
		t.ops = make([]kernel.Op, 0, pending)
	}
}

// cleared is n zeros, in the memory of s where it suffices.
func cleared(s []uint64, n int) []uint64 {
	if cap(s) < n {
		return make([]uint64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// at is the place of qubit q in a slice.
func (t *tableau) at(slice, q int) int { return (slice*t.n + q) * 2 * t.slice }

// run applies the gates collected.
func (t *tableau) run() {
	if t.slice == 1 {
		t.sign[0] = runNarrow(t.xz, t.sign[0], t.ops)
	} else {
		size := 2 * t.slice * t.n
		for s := range t.slices() {
			t.k.Gates(t.xz[s*size:][:size], t.sign[s*t.slice:][:t.slice], t.ops, actions)
		}
	}
	t.ops = t.ops[:0]
}

// runNarrow is Kernel.Gates for slices of one word.
func runNarrow(xz []uint64, sign uint64, ops []kernel.Op) uint64 {
	for _, op := range ops {
		p := (*[2]uint64)(xz[2*(op>>16&0xffff):])
		a, z := p[0], p[1]
		if op&0xffff == kernel.CZ {
			q := (*[2]uint64)(xz[2*(op>>32&0xffff):])
			b, y := q[0], q[1]
			sign ^= a & b & (z ^ y)
			p[1], q[1] = z^b, y^a
			continue
		}
		m := &actions[op&0xffff]
		sign ^= a&m.SX ^ z&m.SZ ^ a&z&m.SXZ
		p[0], p[1] = a&m.XX^z&m.ZX, a&m.XZ^z&m.ZZ
	}
	return sign
}

// part copies the X (0) or Z (1) parts to rows: bit q of word q/64 of row g, at
// stride words, belongs to generator g. dst has stride words for each of as many
// rows as there are bits in words().
func (t *tableau) part(which int, dst []uint64, stride int) {
	w := t.words()
	var b [64]uint64
	for j := range w { // block of generators
		for i := range w { // block of qubits
			base, m := t.at(j/t.slice, 64*i)+which*t.slice+j%t.slice, min(64, t.n-64*i)
			for k := range m {
				b[k] = t.xz[base+2*t.slice*k]
			}
			clear(b[m:])
			transpose64(&b)
			at := 64*j*stride + i
			for k := range min(64, t.n-64*j) {
				dst[at+k*stride] = b[k]
			}
		}
	}
}

// phase is the power of i in front of generator g written as i^phase·X^x·Z^z: Y is
// i·X·Z.
func (t *tableau) phase(g int, x, z []uint64) int {
	p := 2 * int(t.sign[g/64]>>(g%64)&1)
	for i, a := range x {
		p += bits.OnesCount64(a & z[i])
	}
	return p
}

// transpose64 swaps bit i of word j with bit j of word i, by halves (Warren,
// Hacker's Delight, section 7-3).
func transpose64(b *[64]uint64) {
	m := uint64(0x00000000ffffffff)
	for s := uint(32); s != 0; s >>= 1 {
		for k := uint(0); k < 64; k = (k + s + 1) &^ s {
			t := (b[k]>>s ^ b[k+s]) & m
			b[k+s] ^= t
			b[k] ^= t << s
		}
		m ^= m << (s >> 1)
	}
}
