package statevector

import (
	"fmt"
	"math/bits"
	"runtime"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// stored returns the amplitude of a basis state but for its final phase.
func (s *State) stored(x uint64) (re, im float64) {
	if s.fast != nil {
		return s.fast.Stored(x)
	}
	y := x ^ s.p.layers().frame
	return s.wide.re[y], s.wide.im[y]
}

// last returns the final diagonal of a complex128 state, the frame that follows it
// and the phase.
func (s *State) last() (d diagonal, frame uint64, phase circuit.Angle) {
	l := s.p.layers()
	return l.last, l.frame, l.phase
}

// finalPhase evaluates e^{i·phase}·D_m from two half tables.
type finalPhase struct {
	re, im [2][]float64
	low    int
	frame  uint64
	cz     []uint64 // per qubit: its CZ partners across the halves, as a mask of upper qubits
}

func (s *State) finalPhase() *finalPhase {
	d, frame, phase := s.last()
	low := min(s.Width(), lowBits)
	f := &finalPhase{low: low, frame: frame, cz: make([]uint64, low)}
	for h, g := range []group{{0, low}, {low, s.Width() - low}} {
		var t table
		t.fill(g, &d, 1)
		f.re[h], f.im[h] = t.re, t.im
	}
	for _, p := range d.cz {
		if int(p.A) < low && int(p.B) >= low {
			f.cz[p.A] |= 1 << p.B
		}
	}
	si, co := phase.SinCos()
	for i, a := range f.re[0] {
		b := f.im[0][i]
		f.re[0][i], f.im[0][i] = float64(a*co)-float64(b*si), float64(a*si)+float64(b*co)
	}
	return f
}

// amplitude returns the amplitude of basis state x, with +0 for zeros.
func (s *State) amplitude(f *finalPhase, x uint64) complex128 {
	y := x ^ f.frame
	i, j := y&(1<<f.low-1), y>>f.low
	a, b, c, d := f.re[0][i], f.im[0][i], f.re[1][j], f.im[1][j]
	c, d = float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	a, b = s.stored(x)
	re, im := float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	odd := false
	for q := i; q != 0; q &= q - 1 {
		odd = odd != parity(f.cz[bits.TrailingZeros64(q)]&y)
	}
	if odd {
		re, im = -re, -im
	}
	return complex(re+0, im+0)
}

// Amplitude returns the amplitude of one basis state, qubit q at bit q of x.
func (s *State) Amplitude(x uint64) (complex128, error) {
	defer runtime.KeepAlive(s)
	if x>>s.Width() != 0 {
		return 0, fmt.Errorf("basis state %d of %d qubits: %w", x, s.Width(), backends.ErrUnsupported)
	}
	if s.fast != nil {
		a, err := s.fast.Amplitude(x)
		return complex(real(a)+0, imag(a)+0), err
	}
	return s.amplitude(s.finalPhase(), x), nil
}

// Amplitudes returns all amplitudes by index, qubit 0 the lowest bit. The global
// phase is that of the product of the circuit's u3 matrices as OpenQASM 2 writes
// them, so it is the same for both precisions; two descriptions of one physical
// circuit agree up to that phase only. It takes 16 bytes an amplitude.
func (s *State) Amplitudes() []complex128 {
	out := make([]complex128, 1<<s.Width())
	s.ReadAmplitudes(out, 0)
	return out
}

// ReadAmplitudes is Amplitudes for the indexes from first on, all below 2^Width.
func (s *State) ReadAmplitudes(out []complex128, first uint64) {
	var f *finalPhase
	if s.fast == nil {
		f = s.finalPhase()
	}
	s.readAmplitudes(f, out, first)
}

func (s *State) readAmplitudes(f *finalPhase, out []complex128, first uint64) {
	defer runtime.KeepAlive(s)
	if s.fast != nil {
		for i := range out {
			a, _ := s.fast.Amplitude(first + uint64(i)) // it is in range
			out[i] = complex(real(a)+0, imag(a)+0)
		}
		return
	}
	for i := range out {
		out[i] = s.amplitude(f, first+uint64(i))
	}
}

// Probabilities returns the probability of each basis state by index, as stored:
// their sum is Norm.
func (s *State) Probabilities() []float64 {
	out := make([]float64, 1<<s.Width())
	s.ReadProbabilities(out, 0)
	return out
}

// ReadProbabilities is Probabilities for the indexes from first on, all below
// 2^Width.
func (s *State) ReadProbabilities(out []float64, first uint64) {
	defer runtime.KeepAlive(s)
	for i := range out {
		if s.fast != nil {
			out[i] = s.fast.Probability(first + uint64(i))
			continue
		}
		re, im := s.stored(first + uint64(i))
		out[i] = probability(re, im)
	}
}
