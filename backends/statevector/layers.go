package statevector

import (
	"cmp"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// layers is a circuit in the form that numeric version 0 executes: alternating diagonals and
// layers of real rotations on stored amplitudes. The state it describes is
//
//	e^{i·phase} · X^frame · D_m · R_{m-1}·D_{m-1} ⋯ R_0·D_0 |0…0⟩
//
// where D_s is a product of phases diag(1, e^{iα}) and CZs, and R_s a product of
// Ry(rest) with rest in (-π/2, π/2]. All angles are exact.
type layers struct {
	width int
	steps []step
	last  diagonal // D_m; probabilities do not depend on it
	frame uint64   // bit q: X on qubit q
	phase circuit.Angle
}

// diagonal is D_s.
type diagonal struct {
	alpha []circuit.Angle // per qubit
	cz    []circuit.Pair  // ascending, each once
}

// step is D_s, then R_s.
type step struct {
	diagonal
	rest []circuit.Angle // per qubit; 0 is no rotation
}

// builder places gates as early as their qubits allow.
type builder struct {
	p     *layers
	next  []int // per qubit: the first step that may hold its next rotation
	steps []step
}

func newBuilder(width int) *builder {
	return &builder{p: &layers{width: width}, next: make([]int, width)}
}

func (b *builder) at(s int) *step {
	for len(b.steps) <= s {
		a := make([]circuit.Angle, 2*b.p.width)
		b.steps = append(b.steps, step{diagonal{alpha: a[:b.p.width:b.p.width]}, a[b.p.width:]})
	}
	return &b.steps[s]
}

// turn adds diag(1, e^{ia}) on q. Behind an X it is e^{ia}·diag(1, e^{-ia}).
func (b *builder) turn(q int, a circuit.Angle) {
	if b.p.frame>>q&1 == 1 {
		b.p.phase += a
		a = -a
	}
	b.at(b.next[q]).alpha[q] += a
}

func (b *builder) u3(q int, u circuit.U3Angles) {
	b.turn(q, u.Lambda)
	theta := u.Theta
	if b.p.frame>>q&1 == 1 { // Ry(θ)·X = X·Ry(-θ)
		theta = -theta
	}
	turns, rest := theta.SplitHalfTurns()
	if rest != 0 {
		b.at(b.next[q]).rest[q] = rest
		b.next[q]++
	}
	if turns >= 2 { // Ry(2π) = -1
		b.p.phase += circuit.Pi
	}
	if turns%2 == 1 { // Ry(π) = X·Z
		b.at(b.next[q]).alpha[q] += circuit.Pi
		b.p.frame ^= 1 << q
	}
	b.turn(q, u.Phi)
}

// cz uses CZ·X_a = X_a·Z_b·CZ; with X on both sides a sign is left over.
func (b *builder) cz(x, y int) {
	s := max(b.next[x], b.next[y])
	b.next[x], b.next[y] = s, s
	st := b.at(s)
	st.cz = append(st.cz, circuit.Pair{A: uint16(min(x, y)), B: uint16(max(x, y))})
	fx, fy := b.p.frame>>x&1, b.p.frame>>y&1
	st.alpha[y] += circuit.Angle(fx) * circuit.Pi
	st.alpha[x] += circuit.Angle(fy) * circuit.Pi
	b.p.phase += circuit.Angle(fx&fy) * circuit.Pi
}

// done relies on each step below the largest next holding a rotation: next grows
// by rotations, and a CZ only copies it.
func (b *builder) done() *layers {
	m := 0
	for _, n := range b.next {
		m = max(m, n)
	}
	b.at(m)
	for i := range b.steps {
		b.steps[i].cz = oddPairs(b.steps[i].cz)
	}
	b.p.steps, b.p.last = b.steps[:m], b.steps[m].diagonal
	return b.p
}

// oddPairs sorts and keeps one of each pair that occurs an odd number of times.
func oddPairs(p []circuit.Pair) []circuit.Pair {
	slices.SortFunc(p, func(a, b circuit.Pair) int {
		return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	out := p[:0]
	for _, x := range p {
		if len(out) > 0 && out[len(out)-1] == x {
			out = out[:len(out)-1]
		} else {
			out = append(out, x)
		}
	}
	return out
}
