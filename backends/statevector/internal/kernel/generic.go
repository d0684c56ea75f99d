package kernel

import "math"

// Generic is the definition of all kernels, in pure Go.
var Generic Kernel = generic{}

type generic struct{}

func (generic) Name() string { return "generic" }

func (generic) Split(n int, _ bool) [3]int { return [3]int{min(n, 4), max(n-4, 0), 0} }

// flip returns x with its sign bit flipped by the top bit of s.
func flip(x float32, s uint32) float32 { return math.Float32frombits(math.Float32bits(x) ^ s) }

// product is x·f: re = fma(-xi, fi, xr·fr), im = fma(xi, fr, xr·fi).
func product(xr, xi, fr, fi float32) (re, im float32) {
	return fma32(-xi, fi, float32(xr*fr)), fma32(xi, fr, float32(xr*fi))
}

// Product is the complex product of all kernels.
func Product(xr, xi, fr, fi float32) (re, im float32) { return product(xr, xi, fr, fi) }

func (g generic) Layer(x, f []float32, s *Signs, t *LaneTans, r *Rotation) {
	for b := 0; b*Block < len(x); b++ {
		x, f := x[b*Block:][:Block], f[b*Block:][:Block]
		for l := range Lanes {
			var m uint32
			if s != nil {
				m = s.Block[b] ^ s.Lane[l]
			}
			x[l], x[l+Lanes] = product(x[l], x[l+Lanes], flip(f[l], m), flip(f[l+Lanes], m))
		}
		rotateLanes(x[:Lanes], t)
		rotateLanes(x[Lanes:], t)
	}
	if r != nil {
		g.Rotate(x, r)
	}
}

// rotateLanes does y = fma(t, partner, x) for the lane qubits of t.
func rotateLanes(x []float32, t *LaneTans) {
	for k := range 4 {
		if t.Mask>>k&1 == 0 {
			continue
		}
		old := [Lanes]float32(x)
		for l := range Lanes {
			x[l] = fma32(t.T[k*Lanes+l], old[l^1<<k], old[l])
		}
	}
}

// Rotate does y0 = fma(-t, x1, x0), y1 = fma(t, x0, x1), qubit after qubit.
func (generic) Rotate(x []float32, r *Rotation) {
	for i, t := range r.T[:r.N] {
		d := int(r.Stride[i] / 4)
		for o := 0; o < len(x); o += 2 * d {
			a, b := x[o:o+d], x[o+d:o+2*d]
			for j, x0 := range a {
				x1 := b[j]
				a[j], b[j] = fma32(-t, x1, x0), fma32(t, x0, x1)
			}
		}
	}
}

func (generic) Gather(buf, mem []float32, off []uint64) {
	n := len(buf) / len(off)
	for i, o := range off {
		copy(buf[i*n:][:n], mem[o/4:])
	}
}

func (generic) Scatter(buf, mem []float32, off []uint64) {
	n := len(buf) / len(off)
	for i, o := range off {
		copy(mem[o/4:], buf[i*n:][:n])
	}
}

func (generic) Prefetch([]float32, []uint64, int) {}

func (generic) Fold(f, s []float32, lane int) {
	for b := range len(f) / Block {
		f, sr, si := f[b*Block:][:Block], s[2*b], s[2*b+1]
		for l := range Lanes {
			if l>>lane&1 == 1 {
				f[l], f[l+Lanes] = product(f[l], f[l+Lanes], sr, si)
			}
		}
	}
}

func (generic) Outer(f []float32, o *Outer) {
	for b := range len(f) / Block {
		f, sr, si := f[b*Block:][:Block], o.S[2*b], o.S[2*b+1]
		m := &patterns[o.Pattern[b]&15]
		for l := range Lanes {
			f[l], f[l+Lanes] = product(sr, si, flip(o.V[l], m[l]), flip(o.V[l+Lanes], m[l]))
		}
	}
}

// patterns[p][l] is the sign bit of (-1)^|p&l|.
var patterns = func() (out [16][Lanes]uint32) {
	for p := range out {
		for l := range Lanes {
			for v := p & l; v != 0; v &= v - 1 {
				out[p][l] ^= 1 << 31
			}
		}
	}
	return out
}()

func (g generic) Product(x, table []float32, o *Outer, lanes *[4]float32, mask uint64, r *Rotation) {
	inTwo(g, x, table, o, lanes, mask, r)
}

// inTwo is Product in two sweeps.
func inTwo(k Kernel, x, table []float32, o *Outer, lanes *[4]float32, mask uint64, r *Rotation) {
	var t LaneTans
	for i, tan := range lanes {
		if mask>>i&1 == 1 {
			t.Set(i, tan)
		}
	}
	table = table[:len(x)]
	k.Outer(table, o)
	k.Layer(x, table, nil, &t, r)
}

func (generic) Fused() bool { return false }

func (g generic) SplitProduct(n int, lanes bool) [3]int { return g.Split(n, lanes) }

func (generic) Running(w []uint64, x []float32, sum uint64) {
	for i := range w[:len(x)/2] {
		o := i/Lanes*Block + i%Lanes
		sum += Weight(x[o], x[o+Lanes])
		w[i] = sum
	}
}

func (generic) Weights(w []uint64, x []float32) {
	n := len(x) / len(w)
	for g := range w {
		w[g] = 0
		for o := g * n; o < (g+1)*n; o += Block {
			for l := range Lanes {
				w[g] += Weight(x[o+l], x[o+l+Lanes])
			}
		}
	}
}

func (generic) Squares(w []uint64, x []float32) {
	for i := range len(x) / 2 {
		o := i/Lanes*Block + i%Lanes
		w[i] = Weight(x[o], x[o+Lanes])
	}
}

func (generic) Probe(n uint64) {
	var x [Lanes]float32
	for range n * ProbeLength {
		for l := range x {
			x[l] = fma32(x[l], x[l], x[l])
		}
	}
}

// WeightBits says that a Weight counts units of 2^-WeightBits.
const WeightBits = 51

// Weight is the probability fma(im, im, re·re), which must be below 2, rounded
// to a multiple of 2^-51, ties to even. Sums of weights are whole numbers and do
// not depend on their order.
func Weight(re, im float32) uint64 {
	p := float64(fma32(im, im, float32(re*re)))
	return math.Float64bits(p+2) - math.Float64bits(2)
}
