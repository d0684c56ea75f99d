package noise

import (
	"math"
	"sort"

	"github.com/animicaorg/engine/circuit"
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

// state is a vector of amplitudes, not normalised.
type state[T float] struct {
	re, im []T
	loss   float64 // the norm squared is at least this share of what it was when last scaled
}

func newState[T float](width int) *state[T] {
	return &state[T]{make([]T, 1<<width), make([]T, 1<<width), 1}
}

func (s *state[T]) zero() {
	clear(s.re)
	clear(s.im)
	s.re[0], s.loss = 1, 1
}

func (s *state[T]) copyFrom(o *state[T]) {
	copy(s.re, o.re)
	copy(s.im, o.im)
	s.loss = o.loss
}

// pairs calls f with the halves of each block where qubit q is 0 and is 1.
func (s *state[T]) pairs(q int, f func(r0, i0, r1, i1 []T)) {
	h := 1 << q
	for lo := 0; lo < len(s.re); lo += 2 * h {
		f(s.re[lo:][:h], s.im[lo:][:h], s.re[lo+h:][:h], s.im[lo+h:][:h])
	}
}

func (s *state[T]) u3(q int, m matrix[T]) {
	s.pairs(q, func(r0, i0, r1, i1 []T) {
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
	for hi := 1 << b; hi < len(s.re); hi += 2 << b {
		for lo := hi + 1<<a; lo < hi+1<<b; lo += 2 << a {
			for i := lo; i < lo+1<<a; i++ {
				s.re[i], s.im[i] = -s.re[i], -s.im[i]
			}
		}
	}
}

// pauli applies choice 1 X, 2 Y, 3 Z, up to phase.
func (s *state[T]) pauli(q, choice int) {
	s.pairs(q, func(r0, i0, r1, i1 []T) {
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
	s.pairs(q, func(r0, i0, r1, i1 []T) {
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
	s.pairs(q, func(r0, i0, r1, i1 []T) {
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
	s.pairs(q, func(_, _, r1, i1 []T) {
		for k := range r1 {
			r1[k], i1[k] = T(r1[k]*t), T(i1[k]*t)
		}
	})
	if s.loss = float64(s.loss * (1 - gamma)); s.loss >= 0x1p-20 {
		return
	}
	p := s.weights(q)
	c := scaleFor[T](p[0] + p[1])
	for i := range s.re {
		s.re[i], s.im[i] = s.re[i]*c, s.im[i]*c
	}
	s.loss = 1
}

// accumulate fills cum with running sums of |x|² in index order.
func (s *state[T]) accumulate(cum []float64) {
	sum := 0.0
	for i, x := range s.re {
		sum += weight(x, s.im[i])
		cum[i] = sum
	}
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
