package statevector

import (
	"fmt"
	"math/bits"
	"runtime"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// stored returns the amplitude of a basis state but for its final phase.
func (s *State) stored(x uint64) (re, im float64) {
	if s.fast != nil {
		return s.fast.Stored(x)
	}
	return s.wide.Stored(x)
}

// lowBits is the number of qubits of the lower half table.
const lowBits = 12

// finalPhase evaluates e^{i·phase} and the last diagonal from two half tables.
type finalPhase struct {
	re, im [2][]float64
	low    int
	frame  uint64
	cz     []uint64    // per qubit: its CZ partners across the halves, as a mask of upper qubits
	terms  []plan.Term // across the halves
	signs  [][2]float64
}

func (s *State) finalPhase() *finalPhase {
	p := s.p.phases
	low := min(s.Width(), lowBits)
	f := &finalPhase{low: low, frame: p.Frame, cz: make([]uint64, low)}
	for h, g := range [2][2]int{{0, low}, {low, s.Width()}} {
		start := circuit.Angle(0)
		if h == 0 {
			start = p.Phase
		}
		for _, a := range halfAngles(&p.Last, start, g[0], g[1]) {
			si, co := a.SinCos()
			f.re[h], f.im[h] = append(f.re[h], co), append(f.im[h], si)
		}
	}
	for _, c := range p.Last.CZs {
		if int(c.A) < low && int(c.B) >= low {
			f.cz[c.A] |= 1 << c.B
		}
	}
	for _, t := range p.Last.Terms {
		if t.Mask>>low != 0 && t.Mask&(1<<low-1) != 0 {
			si, co := t.Angle.SinCos()
			f.terms, f.signs = append(f.terms, t), append(f.signs, [2]float64{co, si})
		}
	}
	return f
}

// halfAngles sums the angles of what acts on qubits from..to-1 alone, for each of
// their states.
func halfAngles(d *plan.Diagonal, start circuit.Angle, from, to int) []circuit.Angle {
	out := make([]circuit.Angle, 1<<(to-from))
	out[0] = start
	for q := from; q < to; q++ {
		n := 1 << (q - from)
		for i, a := range out[:n] {
			out[n+i] = a + d.Alpha[q]
		}
	}
	inside := uint64(1)<<to - 1<<from
	add := func(mask, value uint64, a circuit.Angle) {
		if mask&^inside != 0 {
			return
		}
		for i := range out {
			if uint64(i)<<from&mask == value {
				out[i] += a
			}
		}
	}
	for _, c := range d.CZs {
		m := uint64(1)<<c.A | uint64(1)<<c.B
		add(m, m, circuit.Pi)
	}
	for _, t := range d.Terms {
		add(t.Mask, t.Value, t.Angle)
	}
	return out
}

// amplitude returns the amplitude of basis state x, with +0 for zeros.
func (s *State) amplitude(f *finalPhase, x uint64) complex128 {
	y := x ^ f.frame
	i, j := y&(1<<f.low-1), y>>f.low
	a, b, c, d := f.re[0][i], f.im[0][i], f.re[1][j], f.im[1][j]
	c, d = float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	a, b = s.stored(x)
	re, im := float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	for k := range f.terms {
		if t := &f.terms[k]; y&t.Mask == t.Value {
			co, si := f.signs[k][0], f.signs[k][1]
			re, im = float64(re*co)-float64(im*si), float64(re*si)+float64(im*co)
		}
	}
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
	a, err := complex128(0), error(nil)
	if s.fast != nil {
		a, err = s.fast.Amplitude(x)
	} else {
		a, err = s.wide.Amplitude(x)
	}
	return complex(real(a)+0, imag(a)+0), err
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
