package statevector

import (
	"math/bits"

	"github.com/animicaorg/engine/circuit"
)

// group is a run of qubits [lo, lo+bits) that one sweep over memory serves.
type group struct{ lo, bits int }

// groups splits a width: the lowest lowBits qubits, then as few groups of at
// most groupBits as hold the rest, sizes equal or falling by one.
func groups(width int) []group {
	g := []group{{0, min(width, lowBits)}}
	rest := width - g[0].bits
	for n := (rest + groupBits - 1) / groupBits; n > 0; n-- {
		b := (rest + n - 1) / n
		g = append(g, group{width - rest, b})
		rest -= b
	}
	return g
}

// crossing is a CZ between bit inner of a group and qubit outer above it.
type crossing struct{ inner, outer int }

// sweep is what one step does to one group: multiply by the table (and the signs
// of crossings), then rotate.
type sweep struct {
	group
	re, im []float64 // table by group index; empty: all 1
	cross  []crossing
	tan    []float64 // per qubit
	idle   bool
}

// table builds group tables in float64 and keeps its buffers.
type table struct{ re, im []float64 }

// fill computes e^{i·(phases)}·(signs of CZs inside)·scale for each index of the
// group by doubling, qubits ascending.
func (t *table) fill(g group, d *diagonal, scale float64) {
	size := 1 << g.bits
	if cap(t.re) < size {
		t.re, t.im = make([]float64, size), make([]float64, size)
	}
	t.re, t.im = t.re[:size], t.im[:size]
	t.re[0], t.im[0] = scale, 0
	var below [lowBits]uint // CZ partners below, inside the group
	for _, p := range d.cz {
		if a, b := int(p.A)-g.lo, int(p.B)-g.lo; a >= 0 && b < g.bits {
			below[b] |= 1 << a
		}
	}
	for k := range g.bits {
		s, c := d.alpha[g.lo+k].SinCos()
		lr, li := t.re[:1<<k], t.im[:1<<k]
		hr, hi := t.re[1<<k:][:len(lr)], t.im[1<<k:][:len(lr)]
		m := below[k]
		for i, a := range lr {
			b := li[i]
			x, y := float64(a*c)-float64(b*s), float64(a*s)+float64(b*c)
			if bits.OnesCount(uint(i)&m)&1 == 1 {
				x, y = -x, -y
			}
			hr[i], hi[i] = x, y
		}
	}
}

// prepare fills s for one step. It reuses the buffers of s.
func (s *sweep) prepare(st *step, t *table) {
	hi := s.lo + s.bits
	s.tan, s.cross, s.idle = s.tan[:0], s.cross[:0], true
	scale, phased := 1.0, false
	for q := s.lo; q < hi; q++ {
		tan, cos := st.rest[q].TanCosHalf()
		s.tan = append(s.tan, float64(tan))
		scale *= cos
		phased = phased || st.alpha[q]|st.rest[q] != 0
		s.idle = s.idle && st.rest[q] == 0
	}
	for _, p := range st.cz {
		if a, b := int(p.A), int(p.B); a >= s.lo && a < hi {
			phased = true
			if b >= hi {
				s.cross = append(s.cross, crossing{a - s.lo, b})
			}
		}
	}
	if s.re, s.im = s.re[:0], s.im[:0]; !phased {
		return
	}
	s.idle = false
	t.fill(s.group, &st.diagonal, scale)
	for i, x := range t.re {
		s.re, s.im = append(s.re, float64(x)), append(s.im, float64(t.im[i]))
	}
}

// crossMask returns the bits of the group index whose parity is the sign that
// the crossings give where the qubits outside the group are those of base.
func (s *sweep) crossMask(base int) uint {
	m := uint(0)
	for _, c := range s.cross {
		m ^= uint(base>>c.outer&1) << c.inner
	}
	return m
}

// productTables returns what R_0 makes of |0…0⟩, Π over qubits of
// (bit ? sin : cos)(rest/2), as a table over the lowest qubits and one over the
// others. It is real.
func productTables(rest []circuit.Angle, low int) (lo, hi []float64) {
	fill := func(rest []circuit.Angle) []float64 {
		t := make([]float64, 1<<len(rest))
		t[0] = 1
		for k, a := range rest {
			s, c := circuit.Angle(int64(a) >> 1).SinCos()
			for i, x := range t[:1<<k] {
				t[1<<k+i] = x * s
				t[i] = x * c
			}
		}
		return t
	}
	return fill(rest[:low]), fill(rest[low:])
}
