package exec

import (
	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// start is the product state after rotation 0 of every qubit: position p of the
// amplitude's number contributes cos where it is 0 and sin where it is 1. Lanes
// and the next bits up to a chunk are tabulated, the rest is a factor of the
// chunk (SPEC.md, "Start").
type start struct {
	cos, sin []float64 // per position
	lane     [kernel.Block]float32
	block    []float64 // per block of a chunk
	high     []float64 // per chunk, once above has made it
}

// set computes the state of a program. It uses the memory of s again.
func (s *start) set(p *plan.Program, pl *plan.Plan) {
	s.cos, s.sin = grow(s.cos, pl.Width), grow(s.sin, pl.Width)
	for q := range pl.Width {
		pos := pl.Position(q)
		s.cos[pos], s.sin[pos] = 1, 0
		if q < p.Width && len(p.Rots[q]) > 0 {
			tan, cos := tanCosHalf64(p.Rots[q][0].Rest)
			s.cos[pos], s.sin[pos] = cos, float64(tan*cos)
		}
	}
	var lane [kernel.Lanes]float64
	for l, x := range s.tensor(lane[:0], 0, plan.Lanes) {
		s.lane[l] = float32(x)
	}
	s.block = s.tensor(s.block[:0], plan.Lanes, min(pl.Width, plan.ChunkMax))
}

// tensor multiplies positions from..to-1, lowest first, into out, which is
// empty.
func (s *start) tensor(out []float64, from, to int) []float64 {
	out = append(out, 1)
	for p := from; p < to; p++ {
		for _, x := range out {
			out = append(out, float64(x*s.sin[p]))
		}
		for i := range out[:len(out)/2] {
			out[i] = float64(out[i] * s.cos[p])
		}
	}
	return out
}

// fill writes chunk u of the state, 2^ChunkMax consecutive amplitudes.
func (w *worker) fill(s *start, state []float32, u int) {
	f := 1.0
	for p := plan.ChunkMax; p < len(s.cos); p++ {
		if u>>(p-plan.ChunkMax)&1 == 1 {
			f = float64(f * s.sin[p])
		} else {
			f = float64(f * s.cos[p])
		}
	}
	w.blocks()
	o := kernel.Outer{V: s.lane, S: w.outer.S[:2*len(s.block)], Pattern: w.outer.Pattern[:len(s.block)]}
	clear(o.Pattern)
	for b, x := range s.block {
		o.S[2*b], o.S[2*b+1] = float32(float64(f*x)), 0
	}
	n := len(s.block) * kernel.Block
	w.k.Outer(state[stateOffset(uint64(u)<<plan.ChunkMax)/4:][:n], &o)
}

// above tabulates the factors of chunks.
func (s *start) above(width int) {
	s.high = s.tensor(s.high[:0], min(width, plan.ChunkMax), width)
}

// begin writes the amplitudes of a chunk of any positions whose first one has the
// given number.
func (w *worker) begin(s *start, x []float32, l local, first uint64) {
	w.blocks()
	n := len(x) / kernel.Block
	o := kernel.Outer{V: s.lane, S: w.outer.S[:2*n], Pattern: w.outer.Pattern[:n]}
	clear(o.Pattern)
	number, mask := first, uint64(0)
	for _, p := range l[plan.Lanes:] {
		mask |= 1 << p
	}
	for b := range n {
		f, g := s.high[number>>plan.ChunkMax], s.block[number>>plan.Lanes&uint64(len(s.block)-1)]
		o.S[2*b], o.S[2*b+1] = float32(float64(f*g)), 0
		number = ((number|^mask)+1)&mask | first // the next one with these positions
	}
	w.k.Outer(x, &o)
}
