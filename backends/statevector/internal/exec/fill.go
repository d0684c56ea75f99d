package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// fillGroup turns the angles of a group of lines into numbers.
func (w *worker) fillGroup(s *script, p *plan.Program, g int) {
	from, to := s.groups[g][0], s.groups[g][1]
	lo, hi := s.lines[from].from, s.half
	if to < len(s.lines) {
		hi = s.lines[to].from
	}
	var odd circuit.Angle
	rots, rests, alphas := s.at[lo:min(hi, len(s.at))], s.angles[lo:], s.angles[s.half+lo:]
	for i, rot := range rots {
		if rot != nil {
			odd |= rot.Rest
			rests[i], alphas[i] = uint64(int64(rot.Rest)/2), uint64(rot.Alpha)
		}
	}
	s.sinCos(lo, hi)
	s.sinCos(s.half+lo, s.half+hi)
	s.tangents(p, lo, hi, odd&1 == 1)
	for i := from; i < to; i++ {
		w.fillLine(s, &s.lines[i])
	}
}

// sinCos fills in sines and cosines of a range, a multiple of 8 on both sides.
func (s *script) sinCos(lo, hi int) {
	unsure := s.unsure[lo/8 : hi/8]
	s.kernel.SinCos(s.sin[lo:hi], s.cos[lo:hi], s.angles[lo:hi], unsure)
	for b, m := range unsure {
		for ; m != 0; m &= m - 1 {
			i := lo + 8*b + bits.TrailingZeros8(m)
			s.sin[i], s.cos[i] = sinCos(circuit.Angle(s.angles[i]))
		}
	}
}

// tangents fills in tangents, and where a tangent needs more than the rounded
// sine and cosine, or an angle has no half, both from the angle itself.
func (s *script) tangents(p *plan.Program, lo, hi int, odd bool) {
	unsure := s.unsure[lo/8 : hi/8]
	s.kernel.Tangents(s.tan[lo:hi], s.sin[lo:hi], s.cos[lo:hi], unsure)
	for b, m := range unsure {
		for ; m != 0; m &= m - 1 {
			i := lo + 8*b + bits.TrailingZeros8(m)
			if i < len(s.rots) && s.rots[i].K >= 0 {
				r := s.rots[i]
				s.exactTangent(i, p.Rots[r.Q][r.K].Rest)
			}
		}
	}
	for i := lo; odd && i < min(hi, len(s.rots)); i++ {
		if r := s.rots[i]; r.K >= 0 && p.Rots[r.Q][r.K].Rest&1 != 0 {
			s.exactTangent(i, p.Rots[r.Q][r.K].Rest)
		}
	}
}

func (s *script) exactTangent(i int, a circuit.Angle) {
	t, c := a.TanCosHalf()
	s.tan[i], s.cos[i] = float32(t), c
}

// fillLine writes the factors of a line (SPEC.md, "Tables") and its tangents.
func (w *worker) fillLine(s *script, ln *line) {
	scale := 1.0
	var tans [plan.ChunkMax]float32
	for k, place := range ln.places {
		i := ln.from + k
		scale = float64(scale * s.cos[i])
		tans[place] = s.tan[i]
		st := &ln.stages[place]
		st.Copy = 1
		if s.angles[s.half+i] != 0 {
			st.Sin, st.Cos, st.Copy = s.sin[s.half+i], s.cos[s.half+i], 0
		}
	}
	copy(ln.lanes[:], tans[:])
	for i := range ln.rot {
		for j := range ln.rot[i].N {
			ln.rot[i].T[j] = tans[ln.rotAt[i][j]]
		}
	}
	v := &w.v
	w.s[0], w.s[1] = scale, 0
	s.kernel.Spread(v[:], w.s[:kernel.Block], ln.stages[:plan.Lanes])
	for l := range kernel.Lanes {
		ln.outer.V[l], ln.outer.V[l+kernel.Lanes] = v[2*l], v[2*l+1]
	}
	w.s[0], w.s[1] = 1, 0
	s.kernel.Spread(ln.outer.S, w.s[:len(ln.outer.S)], ln.stages[plan.Lanes:ln.bits])
}

// chunkOf does the lines of pass i on unit u.
func (w *worker) chunkOf(s *script, state []float32, i, u int) {
	p := &s.passes[i]
	base := deposit(uint64(u), p.outer)
	mem := state[stateOffset(base)/4:]
	r := &p.subs[0].rows
	x := mem[:r.size]
	if !r.whole() {
		x = w.chunk[:r.size*len(r.off)]
		w.k.Gather(x, mem, r.off)
	}
	for j := s.first[i]; j < s.first[i+1]; j++ {
		w.doLine(&s.lines[j], x, base)
	}
	if !r.whole() {
		w.k.Scatter(x, mem, r.off)
	}
}

func (w *worker) doLine(ln *line, x []float32, base uint64) {
	var signs *kernel.Signs
	if len(ln.cross) > 0 {
		signs = w.crossing(ln.cross, base)
	}
	if signs == nil {
		w.k.Product(x, w.product(len(x)), &ln.outer, &ln.lanes, ln.mask, &ln.rot[0])
	} else {
		var t kernel.LaneTans
		for m := ln.mask; m != 0; m &= m - 1 {
			q := bits.TrailingZeros64(m)
			t.Set(q, ln.lanes[q])
		}
		f := w.product(len(x))
		w.k.Outer(f, &ln.outer)
		w.k.Layer(x, f, signs, &t, &ln.rot[0])
	}
	for j := 1; j < len(ln.rot) && ln.rot[j].N > 0; j++ {
		w.k.Rotate(x, &ln.rot[j])
	}
}

// product is scratch for n floats of a table.
func (w *worker) product(n int) []float32 {
	if cap(w.f) < n {
		w.f = floats(n)
	}
	return w.f[:n]
}
