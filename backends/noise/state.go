package noise

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/hugepages"
)

type float interface{ float32 | float64 }

// matrix is u3: [[a, b], [c, d]], a real.
type matrix[T float] struct{ a, br, bi, cr, ci, dr, di T }

// matrixOf is [[c, -e^{iλ}s], [e^{iφ}s, e^{i(φ+λ)}c]], s and c of θ/2 (OpenQASM 2).
func matrixOf[T float](op *circuit.Op) matrix[T] {
	theta, phi, lambda := op.Params[0], op.Params[1], op.Params[2]
	s, c := (theta >> 1).SinCos()
	ls, lc := lambda.SinCos()
	ps, pc := phi.SinCos()
	ss, sc := (phi + lambda).SinCos()
	return matrix[T]{T(c), T(-float64(lc * s)), T(-float64(ls * s)), T(float64(pc * s)), T(float64(ps * s)), T(float64(sc * c)), T(float64(ss * c))}
}

func (m matrix[T]) conj() matrix[T] {
	m.bi, m.ci, m.di = -m.bi, -m.ci, -m.di
	return m
}

// state is a vector of amplitudes, not normalised. Once ctx is done its methods
// return early and leave it undefined.
type state[T float] struct {
	ctx     context.Context
	threads int
	re, im  []T
	loss    float64 // the norm squared is at least this share of what it was when last scaled
}

// newState returns a vector of zeros, which lives until it is freed.
func newState[T float](ctx context.Context, width int) (*state[T], error) {
	re, err := hugepages.Make[T](1 << width)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, backends.ErrTooLarge)
	}
	im, err := hugepages.Make[T](1 << width)
	if err != nil {
		hugepages.Free(re)
		return nil, fmt.Errorf("%w: %w", err, backends.ErrTooLarge)
	}
	return &state[T]{ctx, 1, re, im, 1}, nil
}

func (s *state[T]) free() {
	hugepages.Free(s.re)
	hugepages.Free(s.im)
	s.re, s.im = nil, nil
}

// piece is how many elements are worked on between looks at ctx.
const piece = 1 << 15

// pieces calls f for parts of 0..n-1, which is a power of two.
func (s *state[T]) pieces(n int, f func(lo, hi int)) {
	size := min(n, piece)
	if s.threads > 1 && n > size {
		_ = parallel(s.ctx, s.threads, n/size, func(_, i int) error {
			f(i*size, (i+1)*size)
			return nil
		})
		return
	}
	for lo := 0; lo < n && s.ctx.Err() == nil; lo += size {
		f(lo, lo+size)
	}
}

func (s *state[T]) zero() {
	s.pieces(len(s.re), func(lo, hi int) {
		clear(s.re[lo:hi])
		clear(s.im[lo:hi])
	})
	s.re[0], s.loss = 1, 1
}

func (s *state[T]) copyFrom(o *state[T]) {
	s.pieces(len(s.re), func(lo, hi int) {
		copy(s.re[lo:hi], o.re[lo:])
		copy(s.im[lo:hi], o.im[lo:])
	})
	s.loss = o.loss
}

// pairs calls f with runs of elements where qubit q is 0, ascending from index at, and
// those where it is 1.
func (s *state[T]) pairs(q int, f func(at int, r0, i0, r1, i1 []T)) {
	h := 1 << q
	s.pieces(len(s.re)/2, func(lo, hi int) {
		run := min(h, hi-lo)
		for k := lo; k < hi; k += run {
			i := k&^(h-1)<<1 | k&(h-1)
			f(i, s.re[i:][:run], s.im[i:][:run], s.re[i+h:][:run], s.im[i+h:][:run])
		}
	})
}

func (s *state[T]) u3(q int, m matrix[T]) {
	s.pairs(q, func(_ int, r0, i0, r1, i1 []T) {
		i0, r1, i1 = i0[:len(r0)], r1[:len(r0)], i1[:len(r0)]
		for k, xr := range r0 {
			xi, yr, yi := i0[k], r1[k], i1[k]
			r0[k] = T(m.a*xr) + (T(m.br*yr) - T(m.bi*yi))
			i0[k] = T(m.a*xi) + (T(m.br*yi) + T(m.bi*yr))
			r1[k] = (T(m.cr*xr) - T(m.ci*xi)) + (T(m.dr*yr) - T(m.di*yi))
			i1[k] = (T(m.cr*xi) + T(m.ci*xr)) + (T(m.dr*yi) + T(m.di*yr))
		}
	})
}

func (s *state[T]) cz(a, b int) {
	a, b = min(a, b), max(a, b)
	bit := 1 << a
	s.pairs(b, func(at int, _, _, r1, i1 []T) {
		if len(r1) <= bit { // a has one value in all of the run
			if at&bit != 0 {
				negate(r1, i1)
			}
			return
		}
		for lo := bit; lo < len(r1); lo += 2 * bit {
			negate(r1[lo:][:bit], i1[lo:][:bit])
		}
	})
}

func negate[T float](re, im []T) {
	for i := range re {
		re[i], im[i] = -re[i], -im[i]
	}
}

// pauli applies choice 1 X, 2 Y, 3 Z, up to phase.
func (s *state[T]) pauli(q, choice int) {
	s.pairs(q, func(_ int, r0, i0, r1, i1 []T) {
		for k := range r0 {
			if choice != 1 {
				r1[k], i1[k] = -r1[k], -i1[k]
			}
			if choice != 3 {
				r0[k], i0[k], r1[k], i1[k] = r1[k], i1[k], r0[k], i0[k]
			}
		}
	})
}

// weights returns the sums of |x|² where qubit q is 0 and is 1, each in index order.
func (s *state[T]) weights(q int) (p [2]float64) {
	s.pairs(q, func(_ int, r0, i0, r1, i1 []T) {
		for k := range r0 {
			p[0] += weight(r0[k], i0[k])
			p[1] += weight(r1[k], i1[k])
		}
	})
	return p
}

func weight[T float](re, im T) float64 {
	a, b := float64(re), float64(im)
	return float64(a*a) + float64(b*b)
}

// scaleFor is the power of two that brings a norm squared into [1/4, 1); it is
// exact to multiply with.
func scaleFor[T float](norm float64) T {
	_, e := math.Frexp(norm)
	return T(math.Ldexp(1, -((e + 1) >> 1)))
}

// project keeps the half where qubit q is bit, whose weight is norm, and puts it
// where q is at.
func (s *state[T]) project(q, bit, at int, norm float64) {
	c := scaleFor[T](norm)
	s.loss = 1
	s.pairs(q, func(_ int, r0, i0, r1, i1 []T) {
		r, i := [2][]T{r0, r1}, [2][]T{i0, i1}
		for k := range r0 {
			x, y := r[bit][k]*c, i[bit][k]*c
			r[1-at][k], i[1-at][k] = 0, 0
			r[at][k], i[at][k] = x, y
		}
	})
}

// keep applies K0 = diag(1, keep) of damping γ, and scales before numbers get small.
func (s *state[T]) keep(q int, keep, gamma float64) {
	t := T(keep)
	s.pairs(q, func(_ int, _, _, r1, i1 []T) {
		for k := range r1 {
			r1[k], i1[k] = T(r1[k]*t), T(i1[k]*t)
		}
	})
	if s.loss = float64(s.loss * (1 - gamma)); s.loss >= 0x1p-20 {
		return
	}
	p := s.weights(q)
	c := scaleFor[T](p[0] + p[1])
	s.pieces(len(s.re), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s.re[i], s.im[i] = s.re[i]*c, s.im[i]*c
		}
	})
	s.loss = 1
}

// leafBits is the logarithm of the number of amplitudes that share a running sum.
const leafBits = 6

// leaves is how many running sums a state has.
func leaves(width int) int { return 1 << max(width-leafBits, 0) }

// accumulate fills cum with running sums of |x|² up to and with each leaf: the leaf
// summed in index order, then added.
func (s *state[T]) accumulate(cum []float64) {
	sum, size := 0.0, len(s.re)/len(cum)
	s.pieces(len(cum), func(lo, hi int) {
		for g := lo; g < hi; g++ {
			leaf := 0.0
			for i, x := range s.re[g*size:][:size] {
				leaf += weight(x, s.im[g*size+i])
			}
			sum += leaf
			cum[g] = sum
		}
	})
}

// draw returns the first index whose running sum exceeds word/2^64 of the total.
func (s *state[T]) draw(cum []float64, word uint64) uint64 {
	g := int(pick(cum, word))
	size := len(s.re) / len(cum)
	at := float64(unit(word) * cum[len(cum)-1])
	if g > 0 {
		at -= cum[g-1]
	}
	sum, last := 0.0, 0
	for i, x := range s.re[g*size:][:size] {
		if w := weight(x, s.im[g*size+i]); w > 0 {
			last = i // rounding may leave at above the sum
			if sum += w; sum > at {
				break
			}
		}
	}
	return uint64(g*size + last)
}

// pick returns the first index whose running sum exceeds word/2^64 of the total.
func pick(cum []float64, word uint64) uint64 {
	last := len(cum) - 1
	at := float64(unit(word) * cum[last])
	i := sort.Search(last, func(i int) bool { return cum[i] > at })
	for i > 0 && cum[i] == cum[i-1] { // rounding led behind the last possible index
		i--
	}
	return uint64(i)
}
