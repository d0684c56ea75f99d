package statevector

import (
	"fmt"
	"math/bits"

	"github.com/animicaorg/engine/backends"
)

// stored returns the amplitude at a stored index.
func (s *State) stored(y uint64) (re, im float64) {
	if s.v64 != nil {
		return s.v64.re[y], s.v64.im[y]
	}
	return float64(s.v32.re[y]), float64(s.v32.im[y])
}

// finalPhase evaluates e^{i·phase}·D_m from two half tables.
type finalPhase struct {
	re, im [2][]float64
	low    int
	cz     []uint64 // per qubit: its CZ partners across the halves, as a mask of upper qubits
}

func (s *State) finalPhase() *finalPhase {
	low := min(s.p.width, lowBits)
	f := &finalPhase{low: low, cz: make([]uint64, low)}
	for h, g := range []group{{0, low}, {low, s.p.width - low}} {
		var t table
		t.fill(g, &s.p.last, 1)
		f.re[h], f.im[h] = t.re, t.im
	}
	for _, p := range s.p.last.cz {
		if int(p.A) < low && int(p.B) >= low {
			f.cz[p.A] |= 1 << p.B
		}
	}
	si, co := s.p.phase.SinCos()
	for i, a := range f.re[0] {
		b := f.im[0][i]
		f.re[0][i], f.im[0][i] = float64(a*co)-float64(b*si), float64(a*si)+float64(b*co)
	}
	return f
}

// amplitude returns the amplitude of basis state x, with +0 for zeros.
func (s *State) amplitude(f *finalPhase, x uint64) complex128 {
	y := x ^ s.p.frame
	i, j := y&(1<<f.low-1), y>>f.low
	a, b, c, d := f.re[0][i], f.im[0][i], f.re[1][j], f.im[1][j]
	c, d = float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	a, b = s.stored(y)
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
	if x>>s.p.width != 0 {
		return 0, fmt.Errorf("basis state %d of %d qubits: %w", x, s.p.width, backends.ErrUnsupported)
	}
	return s.amplitude(s.finalPhase(), x), nil
}

// Amplitudes returns all amplitudes by index, qubit 0 the lowest bit. The global
// phase is that of the product of the circuit's u3 matrices as OpenQASM 2 writes
// them, so it is the same for both precisions; two descriptions of one physical
// circuit agree up to that phase only. It takes 16 bytes an amplitude.
func (s *State) Amplitudes() []complex128 {
	f := s.finalPhase()
	out := make([]complex128, 1<<s.p.width)
	for x := range out {
		out[x] = s.amplitude(f, uint64(x))
	}
	return out
}

// Probabilities returns the probability of each basis state by index, as stored:
// their sum is Norm.
func (s *State) Probabilities() []float64 {
	out := make([]float64, 1<<s.p.width)
	for x := range out {
		re, im := s.stored(uint64(x) ^ s.p.frame)
		out[x] = probability(re, im)
	}
	return out
}

// Expectation returns ⟨P⟩/⟨I⟩ of a Pauli string, one letter I, X, Y or Z per
// qubit, the highest qubit first as in printed bit strings.
func (s *State) Expectation(pauli string) (float64, error) {
	x, z, ys, err := pauliMasks(pauli, s.p.width)
	if err != nil {
		return 0, err
	}
	f := s.finalPhase()
	total, sum := 0.0, 0.0
	for i := range uint64(1) << s.p.width { // P|i⟩ = i^ys·(-1)^{|i&z|}·|i^x⟩
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
