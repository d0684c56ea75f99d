package statevector

import (
	"context"
	"math"

	"github.com/animicaorg/engine/circuit"
)

// gates is a state that is advanced gate by gate (SPEC-0.md, "Trajectories").
// Once ctx has ended its contents mean nothing.
type gates[T float] struct {
	ctx    context.Context
	re, im []T
}

// newGates returns |0…0⟩.
func newGates[T float](ctx context.Context, width int) *gates[T] {
	g := &gates[T]{ctx, make([]T, 1<<width), make([]T, 1<<width)}
	g.re[0] = 1
	return g
}

// blocks calls f for [0, n) in pieces, and stops where ctx ends.
func (g *gates[T]) blocks(n int, f func(lo, hi int)) {
	const size = 1 << 16
	for lo := 0; lo < n && g.ctx.Err() == nil; lo += size {
		f(lo, min(lo+size, n))
	}
}

// unitary applies u3 or CZ; a barrier does nothing.
func (g *gates[T]) unitary(op *circuit.Op) {
	switch op.Gate {
	case circuit.U3:
		g.u3(int(op.Q[0]), op.Params[0], op.Params[1], op.Params[2])
	case circuit.CZ:
		m := 1<<op.Q[0] | 1<<op.Q[1]
		g.blocks(len(g.re), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if i&m == m {
					g.re[i], g.im[i] = -g.re[i], -g.im[i]
				}
			}
		})
	}
}

// u3 applies [[c, -e^{iλ}s], [e^{iφ}s, e^{i(φ+λ)}c]], s and c of θ/2. For an odd
// multiple of the angle unit θ/2 is rounded down.
func (g *gates[T]) u3(q int, theta, phi, lambda circuit.Angle) {
	s, c := (theta >> 1).SinCos()
	ls, lc := lambda.SinCos()
	ps, pc := phi.SinCos()
	ss, sc := (phi + lambda).SinCos()
	a := T(c)
	br, bi := T(-float64(lc*s)), T(-float64(ls*s))
	cr, ci := T(float64(pc*s)), T(float64(ps*s))
	dr, di := T(float64(sc*c)), T(float64(ss*c))
	g.blocks(len(g.re)/2, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			i := k>>q<<(q+1) | k&(1<<q-1)
			j := i | 1<<q
			xr, xi, yr, yi := g.re[i], g.im[i], g.re[j], g.im[j]
			g.re[i] = T(a*xr) + (T(br*yr) - T(bi*yi))
			g.im[i] = T(a*xi) + (T(br*yi) + T(bi*yr))
			g.re[j] = (T(cr*xr) - T(ci*xi)) + (T(dr*yr) - T(di*yi))
			g.im[j] = (T(cr*xi) + T(ci*xr)) + (T(dr*yi) + T(di*yr))
		}
	})
}

// measure projects qubit q and reports whether it was 1: where word/2^64 of the
// total probability is not below the probability of 0. The state is scaled by
// the power of two that brings its norm squared into [1/4, 1).
func (g *gates[T]) measure(q int, word uint64) bool {
	var p [2]float64
	g.blocks(len(g.re), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			p[i>>q&1] += probability(g.re[i], g.im[i])
		}
	})
	one := float64(float64(word>>11)*0x1p-53*(p[0]+p[1])) >= p[0] && p[1] > 0
	bit := 0
	if one {
		bit = 1
	}
	_, e := math.Frexp(p[bit]) // exact, as is Ldexp
	scale := T(math.Ldexp(1, -((e + 1) >> 1)))
	g.blocks(len(g.re), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if i>>q&1 == bit {
				g.re[i], g.im[i] = g.re[i]*scale, g.im[i]*scale
			} else {
				g.re[i], g.im[i] = 0, 0
			}
		}
	})
	return one
}

// flip applies X.
func (g *gates[T]) flip(q int) {
	g.blocks(len(g.re), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if j := i | 1<<q; j != i {
				g.re[i], g.re[j] = g.re[j], g.re[i]
				g.im[i], g.im[j] = g.im[j], g.im[i]
			}
		}
	})
}
