package layer

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/circuit"
)

// State is 2^width amplitudes, qubit q at bit q of the index.
type State struct {
	k     kernel.Kernel
	width int
	x     []float32 // blocks of 16 real, 16 imaginary parts
}

// NewState returns a state with undefined amplitudes, or nil for a width above
// MaxWidth.
func NewState(k Kernel, width int) *State {
	if width > MaxWidth {
		return nil
	}
	return &State{k: k.k, width: width, x: make([]float32, 2<<max(width, lanes))}
}

// Zero makes the state |0…0⟩.
func (s *State) Zero() {
	clear(s.x)
	s.x[0] = 1
}

// Copy makes amplitude i of s that of from at i ^ x: X on the qubits of x. Both
// have the same width and are not the same.
func (s *State) Copy(from *State, x uint64) {
	x &= 1<<s.width - 1
	high, low := int(x>>lanes)*kernel.Block, int(x)&(kernel.Lanes-1)
	if high == 0 && low == 0 {
		copy(s.x, from.x)
		return
	}
	for b := 0; b < len(s.x); b += kernel.Block {
		to, src := (*[kernel.Block]float32)(s.x[b:]), (*[kernel.Block]float32)(from.x[b^high:])
		if low == 0 {
			*to = *src
			continue
		}
		for l := range kernel.Lanes {
			m := (l ^ low) & (kernel.Lanes - 1)
			to[l], to[l+kernel.Lanes] = src[m], src[m+kernel.Lanes]
		}
	}
}

// Apply does a step of the same width.
func (s *State) Apply(st *Step) {
	s.k.Layer(s.x, st.table, nil, &st.lanes, nonempty(&st.rotations[0]))
	for i := 1; i < len(st.rotations) && st.rotations[i].N > 0; i++ {
		s.k.Rotate(s.x, &st.rotations[i])
	}
}

func nonempty(r *kernel.Rotation) *kernel.Rotation {
	if r.N == 0 {
		return nil
	}
	return r
}

// Phases is scratch for phases.
type Phases struct {
	outer  kernel.Outer
	re, im []float64
	table  []float32
}

// Phase applies diag(g0, g1·e^{iα}) on each qubit, one angle and one pair of gains
// per qubit; nil gains are 1.
func (s *State) Phase(alpha []circuit.Angle, gain [][2]float64, p *Phases) {
	n := max(s.width, lanes)
	if len(p.table) != len(s.x) {
		p.table = make([]float32, len(s.x))
		p.outer.S, p.outer.Pattern = make([]float32, 2<<(n-lanes)), make([]uint8, 1<<(n-lanes))
		p.re, p.im = make([]float64, 1<<n), make([]float64, 1<<n)
	}
	low := min(len(alpha), lanes)
	p.product(alpha[:low], gain, 1<<lanes)
	for l := range kernel.Lanes {
		p.outer.V[l], p.outer.V[l+kernel.Lanes] = float32(p.re[l]), float32(p.im[l])
	}
	if len(gain) > 0 {
		gain = gain[low:]
	}
	p.product(alpha[low:], gain, 1<<(n-lanes))
	for b := range p.outer.Pattern {
		p.outer.S[2*b], p.outer.S[2*b+1] = float32(p.re[b]), float32(p.im[b])
	}
	s.k.Outer(p.table, &p.outer)
	s.k.Layer(s.x, p.table, nil, &kernel.LaneTans{}, nil)
}

// product writes the phases of a group of qubits, by doubling, and repeats them up
// to n: qubits that are not there do nothing.
func (p *Phases) product(alpha []circuit.Angle, gain [][2]float64, n int) {
	p.re[0], p.im[0] = 1, 0
	size := 1
	for q, a := range alpha {
		double(p.re, p.im, size, a, gainOf(gain, q))
		size *= 2
	}
	for ; size < n; size *= 2 {
		copy(p.re[size:], p.re[:size])
		copy(p.im[size:], p.im[:size])
	}
}

// gainOf is the gains of qubit q.
func gainOf(gain [][2]float64, q int) [2]float64 {
	if len(gain) == 0 {
		return [2]float64{1, 1}
	}
	return gain[q]
}

// double makes a product of n entries one of 2n, by one more qubit.
func double(re, im []float64, n int, a circuit.Angle, g [2]float64) {
	si, co := a.SinCos()
	si, co = si*g[1], co*g[1]
	for i := range n {
		x, y := re[i], im[i]
		re[i+n], im[i+n] = times(x, y, co, si)
		re[i], im[i] = x*g[0], y*g[0]
	}
}

// times is (a + ib)(c + id).
func times(a, b, c, d float64) (re, im float64) {
	return float64(a*c) - float64(b*d), float64(a*d) + float64(b*c)
}

// leafBlocks is how many blocks a leaf of Sums has.
const leafBlocks = 4

// Sums is running sums of the weights of a state, for Draw.
type Sums struct {
	s       *State
	leaf    []uint64 // running sums up to and with each leaf
	squares [leafBlocks * kernel.Lanes]uint64
}

// Of prepares draws from s, which must not change until the last one.
func (u *Sums) Of(s *State) {
	n := max(len(s.x)/(leafBlocks*kernel.Block), 1)
	if len(u.leaf) != n {
		u.leaf = make([]uint64, n)
	}
	u.s = s
	s.k.Weights(u.leaf, s.x)
	sum := uint64(0)
	for i, w := range u.leaf {
		sum += w
		u.leaf[i] = sum
	}
}

// Draw returns an index with the chance of its weight: the first one whose running
// sum exceeds word·(sum of all)/2^64.
func (u *Sums) Draw(word uint64) uint64 {
	target, _ := bits.Mul64(word, u.leaf[len(u.leaf)-1])
	lo, hi := 0, len(u.leaf)-1
	for lo < hi {
		if m := (lo + hi) / 2; u.leaf[m] > target {
			hi = m
		} else {
			lo = m + 1
		}
	}
	size := len(u.s.x) / len(u.leaf)
	squares := u.squares[:size/2]
	u.s.k.Squares(squares, u.s.x[lo*size:][:size])
	if lo > 0 {
		target -= u.leaf[lo-1]
	}
	i, last := 0, len(squares)-1
	for i < last && squares[i] <= target {
		target -= squares[i]
		i++
	}
	return uint64(lo*size/2 + i)
}

// Weights returns the sums of |x|² where qubit q is 0 and is 1, in index order.
func (s *State) Weights(q int) (p [2]float64) {
	for b := 0; b < len(s.x); b += kernel.Block {
		block := (*[kernel.Block]float32)(s.x[b:])
		for l := range kernel.Lanes {
			x, y := float64(block[l]), float64(block[l+kernel.Lanes])
			p[(b/kernel.Block*kernel.Lanes+l)>>q&1] += float64(x*x) + float64(y*y)
		}
	}
	return p
}

// Amplitude returns one amplitude.
func (s *State) Amplitude(i uint64) complex64 {
	at := i/kernel.Lanes*kernel.Block + i%kernel.Lanes
	return complex(s.x[at], s.x[at+kernel.Lanes])
}
