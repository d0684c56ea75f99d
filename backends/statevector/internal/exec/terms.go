package exec

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// crossPhase is a pair that leaves the chunk: where bit out of an amplitude's
// number is set, bit in of its number within the chunk has a phase.
type crossPhase struct {
	in, out int
	angle   circuit.Angle
}

// pattern is a phase on the amplitudes whose number within the chunk reads value
// under mask, in the chunks whose number reads outValue under out.
type pattern struct {
	mask, value   uint32
	out, outValue uint64
	factor        [2]float64 // real and imaginary part
}

// terms sorts the terms of a step into pairs of the chunk, pairs that leave it,
// and patterns, of the table or of amplitudes.
func (b *builder) terms(dst *step, d *diagonal, p *plan.Program, pl *plan.Plan, l local, ids []int32) {
	b.patterns = b.patterns[:0]
	for _, id := range ids {
		t := &p.Terms[id]
		places, values, out, outValue := l.split(pl.Index(t.Mask), pl.Index(t.Value))
		switch {
		case bits.OnesCount64(t.Mask) == 2 && out == 0:
			low, high := bits.TrailingZeros32(places), bits.Len32(places)-1
			d.paired = true
			d.pairs[low] |= 1 << high
			d.pair[low][high] += t.Angle
		case bits.OnesCount64(t.Mask) == 2 && places != 0:
			dst.phases = append(dst.phases, crossPhase{bits.TrailingZeros32(places), bits.TrailingZeros64(out), t.Angle})
		default:
			sin, cos := sinCos(t.Angle)
			f := pattern{places, values, out, outValue, [2]float64{cos, sin}}
			if out == 0 {
				b.patterns = append(b.patterns, f)
			} else {
				dst.patterns = append(dst.patterns, f)
			}
		}
	}
}

// split divides sets of positions into places of the chunk and positions outside.
func (l local) split(mask, value uint64) (places, values uint32, out, outValue uint64) {
	out, outValue = mask, value
	for i, pos := range l {
		places |= uint32(mask>>pos&1) << i
		values |= uint32(value>>pos&1) << i
		out &^= 1 << pos
		outValue &^= 1 << pos
	}
	return places, values, out, outValue
}

// pairPhases multiplies high, the half of a table in which bit j is 1, by the
// phases of pairs (k, j), k in from..j-1 (SPEC.md, "Tables").
func (b *builder) pairPhases(high []float64, d *diagonal, from, j int) {
	any := false
	for k := from; k < j; k++ {
		any = any || d.pairs[k]>>j&1 == 1
	}
	if !any {
		return
	}
	g := b.g[:len(high)]
	g[0], g[1] = 1, 0
	for k := from; k < j; k++ {
		turned(g, 2<<(k-from), d.pair[k][j])
	}
	for i := 0; i+1 < len(high); i += 2 {
		x, y, c, s := high[i], high[i+1], g[i], g[i+1]
		high[i], high[i+1] = float64(x*c)-float64(y*s), float64(x*s)+float64(y*c)
	}
}

// turned writes s[n:2n] as s[:n] times e^{ia}; a copy where a is 0.
func turned(s []float64, n int, a circuit.Angle) {
	low, high := s[:n], s[n:][:n]
	if a == 0 {
		copy(high, low)
		return
	}
	sin, cos := sinCos(a)
	for i := 0; i+1 < len(low) && i+1 < len(high); i += 2 {
		x, y := low[i], low[i+1]
		high[i], high[i+1] = float64(x*cos)-float64(y*sin), float64(x*sin)+float64(y*cos)
	}
}

// fold multiplies the table by the pairs of a lane and a bit of the block number.
func (b *builder) fold(table []float32, d *diagonal) {
	for lane := range plan.Lanes {
		if d.pairs[lane]>>plan.Lanes == 0 {
			continue
		}
		b.foldRow(d, lane)
		n := 2 << (d.bits - plan.Lanes)
		for i, x := range b.s[:n] {
			b.outer.S[i] = float32(x)
		}
		b.k.Fold(table, b.outer.S[:n], lane)
	}
}

// foldRow writes the phases of a lane with the bits of each block.
func (b *builder) foldRow(d *diagonal, lane int) {
	b.s[0], b.s[1] = 1, 0
	for j := plan.Lanes; j < d.bits; j++ {
		turned(b.s[:], 2<<(j-plan.Lanes), d.pair[lane][j])
	}
}

// outside collects the phases of pairs that leave the chunk whose first amplitude
// has the given number, and reports whether there is any.
func (d *diagonal) outside(st *step, number uint64) bool {
	*d = diagonal{scale: 1, bits: st.bits}
	any := circuit.Angle(0)
	for _, c := range st.phases {
		d.alpha[c.in] += circuit.Angle(number>>c.out&1) * c.angle
	}
	for _, a := range d.alpha {
		any |= a
	}
	return any != 0
}

// phaseTable makes the table of the pairs that leave the chunk whose first
// amplitude has number bits, and reports whether there is any phase.
func (w *worker) phaseTable(st *step, n int, bits uint64) bool {
	if !w.out.outside(st, bits) {
		return false
	}
	if len(w.cross) < n {
		w.cross = floats(n)
	}
	w.table(w.cross[:n], &w.out)
	return true
}

// termed does a step that has phases or patterns on amplitudes.
func (w *worker) termed(st *step, x []float32, bits uint64) {
	for i := range st.patterns {
		if p := &st.patterns[i]; bits&p.out == p.outValue {
			p.apply(x)
		}
	}
	if len(st.phases) > 0 && w.phaseTable(st, len(x), bits) {
		w.k.Layer(x, st.table, w.crossing(st.cross, bits), &noLanes, nil)
		w.k.Layer(x, w.cross[:len(x)], nil, &st.lanes, &st.rot[0])
		return
	}
	w.k.Layer(x, st.table, w.crossing(st.cross, bits), &st.lanes, &st.rot[0])
}

var noLanes kernel.LaneTans

// apply multiplies the amplitudes of x, or of a table, that the pattern selects.
func (p *pattern) apply(x []float32) {
	var lanes [kernel.Lanes]int
	n := 0
	for l := range kernel.Lanes {
		if uint32(l)&p.mask == p.value&(kernel.Lanes-1)&p.mask {
			lanes[n] = l
			n++
		}
	}
	c, s := float32(p.factor[0]), float32(p.factor[1])
	fixed, blocks := p.mask>>plan.Lanes, uint32(len(x)/kernel.Block)
	for b := uint32(0); b < blocks; b = ((b | fixed) + 1) &^ fixed {
		x := x[(b|p.value>>plan.Lanes)*kernel.Block:][:kernel.Block]
		for _, l := range lanes[:n] {
			if s == 0 { // the factor is -1
				x[l], x[l+kernel.Lanes] = -x[l], -x[l+kernel.Lanes]
			} else {
				x[l], x[l+kernel.Lanes] = kernel.Product(x[l], x[l+kernel.Lanes], c, s)
			}
		}
	}
}

// scales gives each step of a program that is not Mixed its factor: the product
// of the cosines that its rotations leave out. A Mixed program carries the
// rounding of each factor over to the next step, so that the norm does not drift
// where the same angles come again and again (SPEC.md, "Scale").
func scales(p *plan.Program, pl *plan.Plan) []float64 {
	var out []float64
	rest, angle, square := 1.0, circuit.Angle(0), 0.0
	for i := range pl.Passes {
		for j := range pl.Passes[i].Subs {
			for _, st := range pl.Passes[i].Subs[j].Steps {
				n := 1.0
				for _, r := range st.Rots {
					if a := p.Rots[r.Q][r.K].Rest; a != angle {
						t, _ := tanCosHalf(a)
						angle, square = a, float64(float64(t)*float64(t))
					}
					n = float64(n * (1 + square))
				}
				s := rest / math.Sqrt(n)
				rest = s / float64(float32(s))
				out = append(out, s)
			}
		}
	}
	return out
}
