package kernel

import "math"

// A Double does the sweeps of complex128 states: those of a Kernel with binary64
// in place of binary32, in the same order. Blocks are Lanes real parts, then Lanes
// imaginary parts.
type Double interface {
	// Name is that of the Kernel of the same instructions.
	Name() string
	Split(n int, lanes bool) [3]int
	Layer(x, f []float64, s *Signs64, t *LaneTans64, r *Rotation64)
	Rotate(x []float64, r *Rotation64)
	Exchange(x []float64, e *Exchange64)
	Outer(f []float64, o *Outer64)
	Fold(f, s []float64, lane int)
}

// Signs64, LaneTans64, Rotation64 and Outer64 are Signs, LaneTans, Rotation and
// Outer of a Double.
type Signs64 struct {
	Block []uint64 // words are 0 or 1<<63
	Lane  [Lanes]uint64
}

// LaneTans64 rotates lane qubits.
type LaneTans64 struct {
	Mask uint64
	T    [4 * Lanes]float64
}

// Set adds lane qubit k.
func (t *LaneTans64) Set(k int, tan float64) {
	t.Mask |= 1 << k
	for l := range Lanes {
		t.T[k*Lanes+l] = tan
		if l>>k&1 == 0 {
			t.T[k*Lanes+l] = -tan
		}
	}
}

// Rotation64 rotates up to four qubits that are not lanes.
type Rotation64 struct {
	N      int
	Stride [4]uint64
	T      [4]float64
}

// Add appends the qubit that is bit of the block number. It reports false when
// there is no room.
func (r *Rotation64) Add(bit int, tan float64) bool {
	if r.N == len(r.T) {
		return false
	}
	r.Stride[r.N], r.T[r.N] = 2*blockBytes<<bit, tan
	r.N++
	return true
}

// check panics where r does not fit into x.
func (r *Rotation64) check(x []float64) {
	if r.N == 0 || uint64(len(x))*8%(2*r.Stride[r.N-1]) != 0 {
		panic("kernel: qubits of a rotation outside of the buffer")
	}
}

// Outer64 is a diagonal as a product.
type Outer64 struct {
	V       [Block]float64
	S       []float64
	Pattern []uint8
}

// GenericDouble is the definition of all Doubles, in pure Go.
var GenericDouble Double = generic64{}

// DoubleOf returns the Double of the same instructions as a Kernel, or
// GenericDouble where there is none.
func DoubleOf(k Kernel) Double {
	for _, d := range doubles() {
		if d.Name() == k.Name() {
			return d
		}
	}
	return GenericDouble
}

type generic64 struct{}

func (generic64) Name() string { return "generic" }

func (generic64) Split(n int, _ bool) [3]int { return [3]int{min(n, 4), max(n-4, 0), 0} }

func flip64(x float64, s uint64) float64 { return math.Float64frombits(math.Float64bits(x) ^ s) }

// Product64 is the complex product of all Doubles.
func Product64(xr, xi, fr, fi float64) (re, im float64) {
	return math.FMA(-xi, fi, float64(xr*fr)), math.FMA(xi, fr, float64(xr*fi))
}

func (g generic64) Layer(x, f []float64, s *Signs64, t *LaneTans64, r *Rotation64) {
	for b := 0; b*Block < len(x); b++ {
		x, f := x[b*Block:][:Block], f[b*Block:][:Block]
		for l := range Lanes {
			var m uint64
			if s != nil {
				m = s.Block[b] ^ s.Lane[l]
			}
			x[l], x[l+Lanes] = Product64(x[l], x[l+Lanes], flip64(f[l], m), flip64(f[l+Lanes], m))
		}
		rotateLanes64(x[:Lanes], t)
		rotateLanes64(x[Lanes:], t)
	}
	if r != nil && r.N > 0 {
		g.Rotate(x, r)
	}
}

func rotateLanes64(x []float64, t *LaneTans64) {
	for k := range 4 {
		if t.Mask>>k&1 == 0 {
			continue
		}
		old := [Lanes]float64(x)
		for l := range Lanes {
			x[l] = math.FMA(t.T[k*Lanes+l], old[l^1<<k], old[l])
		}
	}
}

func (generic64) Rotate(x []float64, r *Rotation64) {
	for i, t := range r.T[:r.N] {
		d := int(r.Stride[i] / 8)
		for o := 0; o < len(x); o += 2 * d {
			a, b := x[o:o+d], x[o+d:o+2*d]
			for j, x0 := range a {
				x1 := b[j]
				a[j], b[j] = math.FMA(-t, x1, x0), math.FMA(t, x0, x1)
			}
		}
	}
}

func (generic64) Outer(f []float64, o *Outer64) {
	for b := range len(f) / Block {
		f, sr, si := f[b*Block:][:Block], o.S[2*b], o.S[2*b+1]
		m := &patterns64[o.Pattern[b]&15]
		for l := range Lanes {
			f[l], f[l+Lanes] = Product64(sr, si, flip64(o.V[l], m[l]), flip64(o.V[l+Lanes], m[l]))
		}
	}
}

func (generic64) Fold(f, s []float64, lane int) {
	for b := range len(f) / Block {
		f, sr, si := f[b*Block:][:Block], s[2*b], s[2*b+1]
		for l := range Lanes {
			if l>>lane&1 == 1 {
				f[l], f[l+Lanes] = Product64(f[l], f[l+Lanes], sr, si)
			}
		}
	}
}

// patterns64[p][l] is the sign bit of (-1)^|p&l|.
var patterns64 = func() (out [16][Lanes]uint64) {
	for p := range out {
		for l := range Lanes {
			out[p][l] = uint64(patterns[p][l]) << 32
		}
	}
	return out
}()
