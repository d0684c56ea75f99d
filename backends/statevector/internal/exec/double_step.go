package exec

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// doubleStep is step in binary64.
type doubleStep struct {
	step  // its table, lanes and rot are not used
	table []float64
	lanes kernel.LaneTans64
	rot   [3]kernel.Rotation64
	pairs []kernel.Exchange64
}

// doubleWorker is the scratch memory of one goroutine.
type doubleWorker struct {
	builder // its tables in binary64 are what is used
	kernel  kernel.Kernel
	k       kernel.Double
	outer   kernel.Outer64
	chunk   []float64
	cross   []float64
	out     diagonal
	signs   kernel.Signs64
	none    kernel.LaneTans64
}

func newDoubleWorker(k kernel.Kernel) *doubleWorker {
	const most = 1 << (plan.ChunkMax - plan.Lanes)
	w := &doubleWorker{kernel: k, k: kernel.DoubleOf(k)}
	w.chunk = wide(floats(2 * kernel.Block * most))
	w.outer.S, w.outer.Pattern = make([]float64, 2*most), make([]uint8, most)
	w.signs.Block = make([]uint64, most)
	return w
}

// fill writes chunk u of the state after the first rotations.
func (w *doubleWorker) fill(s *start, state []float64, u int) {
	f := 1.0
	for p := plan.ChunkMax; p < len(s.cos); p++ {
		if u>>(p-plan.ChunkMax)&1 == 1 {
			f = float64(f * s.sin[p])
		} else {
			f = float64(f * s.cos[p])
		}
	}
	o := &w.outer
	o.V = [kernel.Block]float64{}
	s.tensor(o.V[:0], 0, plan.Lanes)
	clear(o.S)
	clear(o.Pattern)
	for b, x := range s.block {
		o.S[2*b] = float64(f * x)
	}
	n := len(s.block) * kernel.Block
	w.k.Outer(state[stateOffset(uint64(u)<<plan.ChunkMax)/4:][:n], o)
}

// build fills dst as builder.build does.
func (w *doubleWorker) build(dst *doubleStep, p *plan.Program, pl *plan.Plan, l local, st *plan.Step, scale float64) {
	d := diagonal{scale: 1, bits: len(l)}
	*dst = doubleStep{table: dst.table, step: step{bits: len(l)}}
	var tans [plan.ChunkMax]float64
	rotating := uint32(0)
	for _, r := range st.Rots {
		rot, i := p.Rots[r.Q][r.K], l.index(pl.Position(int(r.Q)))
		tan, cos := rot.Rest.TanCosHalf()
		d.scale = float64(d.scale * cos)
		d.alpha[i], tans[i] = rot.Alpha, tan
		if rot.Rest != 0 {
			rotating |= 1 << i
		}
	}
	if scale != 0 {
		d.scale = scale
	}
	d.signs(&dst.step, p, pl, l, st)
	w.terms(&dst.step, &d, p, pl, l, st.Terms)
	dst.rotations(w.k, rotating, &tans)
	dst.exchanges(p, pl, l, st)
	n := kernel.Block << (d.bits - plan.Lanes)
	if cap(dst.table) < n {
		dst.table = wide(floats(2 * n))
	}
	dst.table = dst.table[:n]
	w.table(dst.table, &d)
	for i := range w.patterns {
		w.patterns[i].applyDouble(dst.table)
	}
}

func (s *doubleStep) rotations(k kernel.Double, rotating uint32, tans *[plan.ChunkMax]float64) {
	for m := rotating & (1<<plan.Lanes - 1); m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		s.lanes.Set(i, tans[i])
	}
	blocks := rotating >> plan.Lanes
	split := k.Split(bits.OnesCount32(blocks), s.lanes.Mask != 0)
	for i := range s.rot {
		for s.rot[i].N < split[i] {
			bit := bits.TrailingZeros32(blocks)
			s.rot[i].Add(bit, tans[bit+plan.Lanes])
			blocks &= blocks - 1
		}
	}
}

// table is builder.table without rounding to binary32.
func (w *doubleWorker) table(dst []float64, d *diagonal) {
	blocks := 1 << (d.bits - plan.Lanes)
	w.s[0], w.s[1] = d.scale, 0
	w.expand(w.s[:2<<plan.Lanes], d, 0, plan.Lanes)
	for l := range kernel.Lanes {
		w.outer.V[l], w.outer.V[l+kernel.Lanes] = w.s[2*l], w.s[2*l+1]
	}
	w.s[0], w.s[1] = 1, 0
	w.expand(w.s[:2*blocks], d, plan.Lanes, d.bits)
	copy(w.outer.S, w.s[:2*blocks])
	d.pattern(w.outer.Pattern)
	w.k.Outer(dst, &w.outer)
	for lane := range plan.Lanes {
		if d.pairs[lane]>>plan.Lanes != 0 {
			w.foldRow(d, lane)
			w.k.Fold(dst, w.s[:2*blocks], lane)
		}
	}
}

// sweep does steps on a chunk that lies in x.
func (w *doubleWorker) sweep(steps []doubleStep, x []float64, number uint64) {
	for i := range steps {
		st := &steps[i]
		for j := range st.patterns {
			if p := &st.patterns[j]; number&p.out == p.outValue {
				p.applyDouble(x)
			}
		}
		if len(st.phases) > 0 && w.out.outside(&st.step, number) {
			if len(w.cross) < len(x) {
				w.cross = wide(floats(2 * len(x)))
			}
			w.table(w.cross[:len(x)], &w.out)
			w.k.Layer(x, st.table, w.crossing(&st.step, number), &w.none, nil)
			w.k.Layer(x, w.cross[:len(x)], nil, &st.lanes, &st.rot[0])
		} else {
			w.k.Layer(x, st.table, w.crossing(&st.step, number), &st.lanes, &st.rot[0])
		}
		for j := 1; j < len(st.rot) && st.rot[j].N > 0; j++ {
			w.k.Rotate(x, &st.rot[j])
		}
		for j := range st.pairs {
			w.k.Exchange(x, &st.pairs[j])
		}
	}
}

// crossing returns the signs of the CZs that leave the chunk, nil if none is.
func (w *doubleWorker) crossing(st *step, number uint64) *kernel.Signs64 {
	var m uint32
	for _, c := range st.cross {
		m ^= uint32(number>>c.out&1) << c.in
	}
	if m == 0 {
		return nil
	}
	for l := range w.signs.Lane {
		w.signs.Lane[l] = uint64(sign(uint32(l)&m)) << 32
	}
	m >>= plan.Lanes
	for b := range w.signs.Block[:1<<(st.bits-plan.Lanes)] {
		w.signs.Block[b] = uint64(bits.OnesCount32(uint32(b)&m)) << 63
	}
	return &w.signs
}

// applyDouble is apply in binary64.
func (p *pattern) applyDouble(x []float64) {
	fixed, blocks := p.mask>>plan.Lanes, uint32(len(x)/kernel.Block)
	for b := uint32(0); b < blocks; b = ((b | fixed) + 1) &^ fixed {
		x := x[(b|p.value>>plan.Lanes)*kernel.Block:][:kernel.Block]
		for l := range kernel.Lanes {
			switch {
			case (uint32(l)^p.value)&p.mask&(kernel.Lanes-1) != 0:
			case p.factor[1] == 0: // the factor is -1
				x[l], x[l+kernel.Lanes] = -x[l], -x[l+kernel.Lanes]
			default:
				x[l], x[l+kernel.Lanes] = kernel.Product64(x[l], x[l+kernel.Lanes], p.factor[0], p.factor[1])
			}
		}
	}
}

// weight64 is kernel.Weight for binary64.
func weight64(re, im float64) uint64 {
	return math.Float64bits(math.FMA(im, im, float64(re*re))+2) - math.Float64bits(2)
}
