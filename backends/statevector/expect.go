package statevector

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/animicaorg/engine/backends"
)

// Expectation is Expectations for one string.
func (s *State) Expectation(pauli string) (float64, error) {
	v, err := s.Expectations(context.Background(), []string{pauli}, 1)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// keptWidth is the widest state of which all amplitudes are kept, 64 MiB, while
// several strings are worked out.
const keptWidth = 22

// Expectations returns ⟨P⟩/⟨I⟩ of Pauli strings, one letter I, X, Y or Z per qubit,
// the highest qubit first as in printed bit strings. threads is the number of
// goroutines, 0 one per CPU; results do not depend on it. It returns ctx's error
// within milliseconds of its end.
func (s *State) Expectations(ctx context.Context, paulis []string, threads int) ([]float64, error) {
	defer runtime.KeepAlive(s)
	e := &expecter{ctx: ctx, s: s, threads: threads}
	if threads <= 0 {
		e.threads = runtime.GOMAXPROCS(0)
	}
	if s.fast == nil {
		e.final = s.finalPhase()
	}
	out, turning := make([]float64, len(paulis)), 0
	for _, p := range paulis {
		x, _, _, err := PauliMasks(p, s.Width())
		if err != nil {
			return nil, err
		}
		if x != 0 {
			turning++
		}
	}
	if turning > 1 && s.Width() <= keptWidth {
		e.keep()
	}
	for i, p := range paulis {
		x, z, ys, _ := PauliMasks(p, s.Width()) // checked above
		if out[i] = e.value(x, z, ys); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}

// expecter works out expectation values of one state.
type expecter struct {
	ctx     context.Context
	s       *State
	threads int
	final   *finalPhase  // nil where the state knows it
	kept    []complex128 // all amplitudes; nil: they are read as they are needed
}

// expectChunk is how many indexes are worked on between looks at ctx, and added up
// one after the other.
const expectChunk = 1 << 13

// chunks calls f for parts of 0..n-1, n a power of two, with buffers of its own.
func (e *expecter) chunks(n uint64, f func(part int, first uint64, a, b []complex128)) {
	size := min(n, expectChunk)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(uint64(e.threads), n/size) {
		wg.Go(func() {
			a, b := make([]complex128, size), make([]complex128, size)
			for i := uint64(next.Add(1)) - 1; i < n/size && e.ctx.Err() == nil; i = uint64(next.Add(1)) - 1 {
				f(int(i), i*size, a, b)
			}
		})
	}
	wg.Wait()
}

func (e *expecter) keep() {
	kept := make([]complex128, 1<<e.s.Width())
	e.chunks(uint64(len(kept)), func(_ int, first uint64, a, _ []complex128) {
		e.s.readAmplitudes(e.final, kept[first:][:len(a)], first)
	})
	e.kept = kept
}

// read returns the amplitudes from first on, in buf or as they are kept.
func (e *expecter) read(buf []complex128, first uint64) []complex128 {
	if e.kept != nil {
		return e.kept[first:][:len(buf)]
	}
	e.s.readAmplitudes(e.final, buf, first)
	return buf
}

// value adds up P|i⟩ = i^ys·(-1)^{|i&z|}·|i^x⟩. The two terms of a pair i, i^x are
// complex conjugates of each other: where they lie in different blocks, one of the
// blocks tells all.
func (e *expecter) value(x, z uint64, ys int) float64 {
	n := uint64(1) << e.s.Width()
	if x == 0 {
		return e.diagonal(z)
	}
	size := min(n, expectChunk)
	high, low := x&^(size-1), x&(size-1)
	top, parts := uint64(0), n/size // of the blocks that are worked on, top is 0
	if high != 0 {
		top, parts = 1<<(63-bits.LeadingZeros64(high)), parts/2
	}
	sums := make([][2]float64, parts)
	e.chunks(parts*size, func(part int, first uint64, a, b []complex128) {
		if top != 0 {
			first = first&^(top-1)<<1 | first&(top-1)
		}
		p := e.read(a, first)
		q := p
		if top != 0 {
			q = e.read(b, first^high)
		}
		for j, u := range p {
			v := q[uint64(j)^low]
			sr := float64(real(u)*real(v)) + float64(imag(u)*imag(v)) // Re(v̄·u)
			si := float64(imag(u)*real(v)) - float64(real(u)*imag(v)) // Im(v̄·u)
			t := [4]float64{sr, -si, -sr, si}[ys&3]                   // Re(i^ys·v̄·u)
			if parity((first + uint64(j)) & z) {
				t = -t
			}
			sums[part][0] += t
			sums[part][1] += (float64(real(u)*real(u)) + float64(imag(u)*imag(u)) + float64(real(v)*real(v)) + float64(imag(v)*imag(v))) / 2
		}
	})
	return quotient(sums)
}

// diagonal is value for x = 0, where phases do not matter.
func (e *expecter) diagonal(z uint64) float64 {
	n := uint64(1) << e.s.Width()
	sums := make([][2]float64, max(n/expectChunk, 1))
	e.chunks(n, func(part int, first uint64, a, _ []complex128) {
		p := make([]float64, len(a))
		e.s.ReadProbabilities(p, first)
		for j, w := range p {
			sums[part][1] += w
			if parity((first + uint64(j)) & z) {
				w = -w
			}
			sums[part][0] += w
		}
	})
	return quotient(sums)
}

func quotient(sums [][2]float64) float64 {
	v, total := 0.0, 0.0
	for _, x := range sums {
		v, total = v+x[0], total+x[1]
	}
	return v / total
}

// PauliMasks reads a Pauli string of a width: P|i⟩ = i^ys·(-1)^{|i&z|}·|i^x⟩.
func PauliMasks(pauli string, width int) (x, z uint64, ys int, err error) {
	if len(pauli) != width {
		return 0, 0, 0, fmt.Errorf("Pauli string of %d letters for %d qubits: %w", len(pauli), width, backends.ErrUnsupported)
	}
	for i := range width {
		q := width - 1 - i
		switch pauli[i] {
		case 'I':
		case 'X':
			x |= 1 << q
		case 'Z':
			z |= 1 << q
		case 'Y':
			x, z, ys = x|1<<q, z|1<<q, ys+1
		default:
			return 0, 0, 0, fmt.Errorf("Pauli string: letter %q at %d, want I, X, Y or Z: %w", pauli[i], i, backends.ErrUnsupported)
		}
	}
	return x, z, ys, nil
}
