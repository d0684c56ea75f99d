package exec

import (
	"fmt"
	"math"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// State is the outcome of a run. Sample is for one goroutine at a time, the other
// methods that only read may be called from many. Close gives its memory back.
type State struct {
	prog     *plan.Program
	plan     *plan.Plan
	kernel   kernel.Kernel
	mem      []float32 // what x lies in
	x        []float32 // blocks of 16 real, then 16 imaginary parts, by number, with gaps (stateOffset)
	leaves   sums      // of the weights of leaves, whole numbers (kernel.Weight)
	all      sums      // of the weights of amplitudes; empty: not made
	leaf     int       // floats in a leaf
	workers  []*worker
	prepared [2]pass
	script   script
	sections sections
	start    start
}

// Bytes is the memory that a run of a width needs, in bytes: amplitudes, running
// sums, and the scratch memory of so many threads. Tables of wide programs add a
// few hundred KiB, a Sample of 2^20 words up to 10 MiB.
func Bytes(width, threads int) uint64 {
	w := max(width, plan.Lanes)
	n := uint64(stateFloats(w)) * 4
	leaves := max(uint64(1)<<w/leafSize, 1)
	const scratch = 8 << 20 // of a thread: chunk, tables, a batch of shots
	return n + leaves*12 + uint64(threads)*scratch
}

func newState(p *plan.Program, pl *plan.Plan, o *Options) (*State, error) {
	s := &State{prog: p, plan: pl, kernel: o.Kernel}
	if s.kernel == nil {
		s.kernel = kernel.Best()
	}
	n := stateFloats(pl.Width)
	if o.Reuse != nil {
		old := *o.Reuse
		*o.Reuse = State{}
		s.mem, s.leaves, s.all, s.prepared, s.script, s.start, s.sections = old.mem, old.leaves, old.all, old.prepared, old.script, old.start, old.sections
		if old.kernel == s.kernel {
			s.workers = old.workers
		}
	}
	if cap(s.mem) < n {
		s.free()
		var err error
		if s.mem, err = allocate(n); err != nil {
			return nil, err
		}
	}
	s.x = s.mem[:n]
	s.leaf = min(2<<pl.Width, 2*leafSize)
	s.leaves.size(2 << pl.Width / s.leaf)
	s.all.cum, s.all.guide, s.sections.tops.cum = s.all.cum[:0], s.all.guide[:0], s.sections.tops.cum[:0]
	want := threads(o.Threads)
	for len(s.workers) < want {
		s.workers = append(s.workers, newWorker(s.kernel))
	}
	s.workers = s.workers[:want]
	return s, nil
}

// chunks is the number of chunks of consecutive amplitudes.
func (s *State) chunks() int { return 1 << max(s.plan.Width-plan.ChunkMax, 0) }

// crew is the workers that a run can use: one for one chunk.
func (s *State) crew() []*worker { return s.workers[:min(len(s.workers), s.chunks())] }

// Mapped reports whether the amplitudes lie outside of the collected heap.
func (s *State) Mapped() bool { return mapped(s.mem) }

// free gives the memory of the amplitudes back.
func (s *State) free() {
	release(s.mem)
	s.mem, s.x = nil, nil
}

// Close gives the memory back. The state must not be used again.
func (s *State) Close() {
	if s.mem != nil {
		s.free()
	}
}

// Width is the number of qubits of the program.
func (s *State) Width() int { return s.prog.Width }

// stored returns the place of the real part of a basis state's amplitude: behind
// the frame, in the plan's order.
func (s *State) stored(qubits uint64) uint64 {
	index := s.plan.Index(qubits ^ s.prog.Frame)
	return stateOffset(index)/4 + index&(kernel.Lanes-1)
}

// Probability returns the weight of a basis state, qubit q at bit q of it, as a
// multiple of 2^-51. Weights sum to Total, which differs from 1 by rounding.
func (s *State) Probability(qubits uint64) float64 {
	return math.Ldexp(float64(s.weight(qubits)), -kernel.WeightBits)
}

// Stored returns the amplitude of a basis state but for the last diagonal and the
// phase, which are all that Amplitude adds.
func (s *State) Stored(qubits uint64) (re, im float64) {
	o := s.stored(qubits)
	return float64(s.x[o]), float64(s.x[o+kernel.Lanes])
}

// Amplitude returns the amplitude of a basis state with the global phase of the
// given u3 gates: the stored one times the last diagonal and the phase, computed
// in binary64.
func (s *State) Amplitude(qubits uint64) (complex128, error) {
	x, y := s.Stored(qubits & (1<<s.prog.Width - 1))
	return finish(s.prog, qubits, x, y)
}

// finish multiplies a stored amplitude by the last diagonal and the phase.
func finish(p *plan.Program, qubits uint64, x, y float64) (complex128, error) {
	if qubits>>p.Width != 0 {
		return 0, fmt.Errorf("basis state %#x outside width %d", qubits, p.Width)
	}
	bits := qubits ^ p.Frame
	a := p.Phase
	for q, alpha := range p.Last.Alpha {
		if bits>>q&1 == 1 {
			a += alpha
		}
	}
	neg := false
	for _, c := range p.Last.CZs {
		neg = neg != ((bits>>c.A)&(bits>>c.B)&1 == 1)
	}
	for i := range p.Last.Terms {
		if t := &p.Last.Terms[i]; bits&t.Mask == t.Value {
			a += t.Angle
		}
	}
	sin, cos := a.SinCos()
	if neg {
		sin, cos = -sin, -cos
	}
	return complex(float64(x*cos)-float64(y*sin), float64(x*sin)+float64(y*cos)), nil
}

// Total is the sum of all weights.
func (s *State) Total() float64 { return math.Ldexp(float64(s.leaves.total()), -kernel.WeightBits) }
