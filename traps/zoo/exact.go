package zoo

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
)

// Widths up to which exact rates are summed.
const (
	MaxExactWidth    = 20 // 2^w supports
	MaxExactIQPWidth = 12 // 3^w pairs of a diagonal and a vector of its kernel
)

// ExactRate is how often an honest device passes a trap of a family, under the
// independent depolarizing noise of a policy: a finite sum over all draws of the
// family and all places of errors, without neglect. A plan's pass rates are floors of
// it, functions of n1, n2 and width alone. Its rounding error is below 1e-12; it
// decides no verdict. ok is false for the families whose rate has no such sum here
// (kind A of accredit, trap_h, trap_xz: two errors that cancel are neglected in the
// closed form), and beyond the widths above.
//
// An error on Pauli P of the certain observable flips its sign where the two
// anticommute, so that a depolarizing error after a gate shrinks the expectation of
// the observable by 1-4p1/3 where its support covers the qubit, and by 1-16p2/15 where
// it covers a qubit of the CZ; a readout flip shrinks it by 1-2ro per measured qubit.
// What is left is the distribution of the support, which each family has its own of.
func ExactRate(mix traps.Mix, s *circuit.Skeleton, pol stats.Policy) (p float64, ok bool) {
	d := damping{1 - 4*float64(pol.P1)/3/stats.Ppb, 1 - 16*float64(pol.P2)/15/stats.Ppb, 1 - 2*float64(pol.RO)/stats.Ppb}
	w := s.Width
	switch traps.NameOf(mix) {
	case "clifford_parity":
		if w <= MaxExactWidth {
			return (1 + cliffordChain(s, d, func(ones int) float64 { return math.Pow(3, float64(ones)) / (math.Pow(4, float64(w)) - 1) })) / 2, true
		}
	case "cst":
		if w <= MaxExactWidth {
			return (1 + cliffordChain(s, d, func(int) float64 { return 1 / (math.Pow(2, float64(w)) - 1) })) / 2, true
		}
	case "mirror":
		if first, half := traps.Mirrored(s); half > 0 && w <= MaxExactWidth {
			return mirrorSum(s, d, first, half), true
		}
	case "iqp":
		if w <= MaxExactIQPWidth {
			return (1 + iqpSum(s, d)) / 2, true
		}
	case "hidden_angle":
		return (1 + hiddenAngleSum(s, d)) / 2, true
	}
	return 0, false
}

// damping is what is left of an expectation after one place of errors.
type damping struct{ gate, cz, readout float64 }

// supports is a measure on the sets of qubits that an observable covers, by bit mask.
type supports struct {
	p []float64
	w int
}

// shrink multiplies by f^(covered qubits).
func (v *supports) shrink(f float64) {
	pow := make([]float64, v.w+1)
	pow[0] = 1
	for k := range v.w {
		pow[k+1] = pow[k] * f
	}
	for x := range v.p {
		v.p[x] *= pow[bits.OnesCount(uint(x))]
	}
}

// cz lets a layer act on observables whose Paulis are uniform on the support, and
// shrinks by f per CZ that they cover: one covered qubit stays alone with 1/3 (Z) and
// takes the partner in with 2/3, two stay two in 5 of 9 cases.
func (v *supports) cz(pairs []circuit.Pair, f float64) {
	for _, c := range pairs {
		a, b := 1<<c.A, 1<<c.B
		for x := range v.p {
			if x&(a|b) != 0 {
				continue
			}
			pa, pb, both := v.p[x|a]*f, v.p[x|b]*f, v.p[x|a|b]*f
			v.p[x|a], v.p[x|b], v.p[x|a|b] = pa/3+both*2/9, pb/3+both*2/9, (pa+pb)*2/3+both*5/9
		}
	}
}

// cliffordChain is the expectation of a parity that random Cliffords at every place
// carry to the measurement; start is the weight of a first support of so many qubits,
// none excluded.
func cliffordChain(s *circuit.Skeleton, d damping, start func(ones int) float64) float64 {
	v := &supports{make([]float64, 1<<s.Width), s.Width}
	for x := 1; x < len(v.p); x++ {
		v.p[x] = start(bits.OnesCount(uint(x)))
	}
	v.shrink(d.gate)
	for _, layer := range s.Layers {
		v.cz(layer, d.cz)
		v.shrink(d.gate)
	}
	v.shrink(d.readout)
	return v.total()
}

func (v *supports) total() (sum float64) {
	for _, p := range v.p {
		sum += p
	}
	return sum
}

// mirrorSum averages the expectations of all 2^w products of Z: all bits are right
// with that average. Behind the centre an observable goes back through random
// Cliffords, before it the same way again, because the gates there are the inverses.
func mirrorSum(s *circuit.Skeleton, d damping, first, half int) float64 {
	v := &supports{make([]float64, 1<<s.Width), s.Width}
	m := len(s.Layers)
	for x := range v.p {
		v.p[x] = 1 / float64(len(v.p))
	}
	v.shrink(d.readout)
	outside := m - (first + 2*half) + 1 + first // places where the observable is the product of Z
	v.shrink(math.Pow(d.gate, float64(outside)))
	for j, layer := range s.Layers {
		if j < first || j >= first+2*half {
			v.touch(layer, d.cz)
		}
	}
	for j := first + 2*half - 1; j >= first+half; j-- {
		v.shrink(d.gate) // of the mirror image's place
		v.cz(s.Layers[j], d.cz*d.cz)
		v.shrink(d.gate)
	}
	return v.total()
}

// touch shrinks by f per CZ that is covered; products of Z stay what they are.
func (v *supports) touch(pairs []circuit.Pair, f float64) {
	for x := range v.p {
		for _, c := range pairs {
			if x>>c.A&1|x>>c.B&1 == 1 {
				v.p[x] *= f
			}
		}
	}
}

// iqpSum averages over the vectors v that iqp may measure. On |+...+> X^v ends as ±X^v
// exactly when M v = 0 for the matrix of odd CZ counts with the random diagonal; the
// other qubits carry a Z after an odd number of CZ with v.
func iqpSum(s *circuit.Skeleton, d damping) float64 {
	w := s.Width
	met := make([]uint, w)
	for _, layer := range s.Layers {
		for _, p := range layer {
			met[p.A] ^= 1 << p.B
			met[p.B] ^= 1 << p.A
		}
	}
	all := uint(1)<<w - 1
	// need is the diagonal on v that v is in the kernel of; ok: no other row speaks.
	need := func(v uint) (diagonal uint, ok bool) {
		for q := range w {
			odd := uint(bits.OnesCount(met[q]&v)) & 1
			if v>>q&1 == 1 {
				diagonal |= odd << q
			} else if odd == 1 {
				return 0, false
			}
		}
		return diagonal, true
	}
	kernel := make([]int, 1<<w) // vectors but 0, by diagonal
	each := func(v uint, f func(diagonal uint)) {
		if on, ok := need(v); ok {
			free := all &^ v
			for x := free; ; x = (x - 1) & free {
				f(on | x)
				if x == 0 {
					break
				}
			}
		}
	}
	for v := uint(1); v <= all; v++ {
		each(v, func(d uint) { kernel[d]++ })
	}
	some := 0
	for _, k := range kernel {
		if k > 0 {
			some++
		}
	}
	fallback := uint(0) // the diagonal that has the vector of all ones in its kernel
	for q := range w {
		fallback |= uint(bits.OnesCount(met[q])&1) << q
	}
	last := math.Pow(1-float64(some)/float64(len(kernel)), 32) // no kernel in 32 draws
	sum := 0.0
	for v := uint(1); v <= all; v++ {
		weight := 0.0
		each(v, func(d uint) {
			share := (1 - last) / float64(some)
			if d == fallback {
				share += last
			}
			weight += share / float64(kernel[d])
		})
		if weight > 0 {
			sum += weight * iqpExpectation(s, d, v)
		}
	}
	return sum
}

func iqpExpectation(s *circuit.Skeleton, d damping, v uint) float64 {
	places, pairs := bits.OnesCount(v), 0
	for x, j := v, 0; j < len(s.Layers); j++ {
		for _, p := range s.Layers[j] {
			if (x>>p.A|x>>p.B)&1 == 1 {
				pairs++
			}
			x ^= v >> p.A & 1 << p.B &^ v
			x ^= v >> p.B & 1 << p.A &^ v
		}
		places += bits.OnesCount(x)
	}
	return math.Pow(d.gate, float64(places)) * math.Pow(d.cz, float64(pairs)) * math.Pow(d.readout, float64(bits.OnesCount(v)))
}

// hiddenAngleSum averages over first CZ, root and size of the block, and over the
// histories of its qubits: a qubit that joined is |0> before, of which the observable
// sees (1+Z)/2.
func hiddenAngleSum(s *circuit.Skeleton, d damping) float64 {
	m, entries, sum := len(s.Layers), 0, 0.0
	for j, layer := range s.Layers {
		for _, p := range layer {
			entries++
			for size := 2; size <= 4; size++ {
				for _, q := range [][2]uint16{{p.A, p.B}, {p.B, p.A}} {
					sum += newAngleBlock(s, j, q[0], q[1], size).expectation(s, d) / 6
				}
			}
		}
	}
	if entries == 0 {
		return math.Pow(d.gate, float64(m+1)) * d.readout
	}
	return sum / float64(entries)
}

// angleBlock is one block of hidden_angle as it grows.
type angleBlock struct {
	qubit  []uint16
	joined []int            // CZ layer of joining
	touch  map[uint16][]int // CZ layers of a full block's contacts, by outside qubit
	in     map[uint16]bool
}

func newAngleBlock(s *circuit.Skeleton, entry int, root, other uint16, size int) *angleBlock {
	b := &angleBlock{qubit: []uint16{root, other}, joined: []int{entry, entry}, touch: map[uint16][]int{}, in: map[uint16]bool{root: true, other: true}}
	for j := entry + 1; j < len(s.Layers); j++ {
		for _, p := range s.Layers[j] {
			if b.in[p.A] == b.in[p.B] {
				continue
			}
			q := p.A
			if b.in[q] {
				q = p.B
			}
			if len(b.qubit) < size {
				b.qubit, b.joined, b.in[q] = append(b.qubit, q), append(b.joined, j), true
			} else {
				b.touch[q] = append(b.touch[q], j)
			}
		}
	}
	return b
}

// expectation averages over the histories of all but the root.
func (b *angleBlock) expectation(s *circuit.Skeleton, d damping) float64 {
	sum, n := 0.0, len(b.qubit)-1
	for seen := range 1 << n {
		from := make([]int, s.Width) // first place that the observable covers on a qubit of the block
		places, pairs := 0, 0
		for i, q := range b.qubit {
			if i > 0 && seen>>(i-1)&1 == 0 {
				from[q] = b.joined[i] + 1
			}
		}
		covers := func(q uint16, j int) bool { // at the place before CZ layer j
			if b.in[q] {
				return j >= from[q]
			}
			odd := false
			for _, t := range b.touch[q] {
				odd = odd != (t >= j)
			}
			return odd
		}
		for j := 0; j <= len(s.Layers); j++ {
			for q := range s.Width {
				if covers(uint16(q), j) {
					places++
				}
			}
			if j < len(s.Layers) {
				for _, p := range s.Layers[j] {
					if covers(p.A, j) || covers(p.B, j) {
						pairs++
					}
				}
			}
		}
		sum += math.Pow(d.gate, float64(places)) * math.Pow(d.cz, float64(pairs))
	}
	return sum / float64(int(1)<<n) * math.Pow(d.readout, float64(len(b.qubit)))
}
