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
	defer runtime.KeepAlive(s)
	out := make([]complex128, 1<<s.Width())
	if s.fast != nil {
		for x := range out {
			a, _ := s.fast.Amplitude(uint64(x)) // x is in range
			out[x] = complex(real(a)+0, imag(a)+0)
		}
		return out
	}
	f := s.finalPhase()
	for x := range out {
		out[x] = s.amplitude(f, uint64(x))
	}
	return out
}

// Probabilities returns the probability of each basis state by index, as stored:
// their sum is Norm.
func (s *State) Probabilities() []float64 {
	defer runtime.KeepAlive(s)
	out := make([]float64, 1<<s.Width())
	for x := range out {
		if s.fast != nil {
			out[x] = s.fast.Probability(uint64(x))
			continue
		}
		re, im := s.stored(uint64(x))
		out[x] = probability(re, im)
	}
	return out
}

// Expectation returns ⟨P⟩/⟨I⟩ of a Pauli string, one letter I, X, Y or Z per
// qubit, the highest qubit first as in printed bit strings.
func (s *State) Expectation(pauli string) (float64, error) {
	defer runtime.KeepAlive(s)
	x, z, ys, err := pauliMasks(pauli, s.Width())
	if err != nil {
		return 0, err
	}
	f := s.finalPhase()
	total, sum := 0.0, 0.0
	for i := range uint64(1) << s.Width() { // P|i⟩ = i^ys·(-1)^{|i&z|}·|i^x⟩
		a := s.amplitude(f, i)
		b := s.amplitude(f, i^x)
		sr := float64(real(a)*real(b)) + float64(imag(a)*imag(b)) // Re(b̄·a)
		si := float64(imag(a)*real(b)) - float64(real(a)*imag(b)) // Im(b̄·a)
		v := [4]float64{sr, -si, -sr, si}[ys&3]                   // Re(i^ys·b̄·a)
		if parity(i & z) {
			v = -v
		}
		sum += v
		total += float64(real(a)*real(a)) + float64(imag(a)*imag(a))
	}
	return sum / total, nil
}

func pauliMasks(pauli string, width int) (x, z uint64, ys int, err error) {
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
