package noise

import "math"

// kind of a noise site.
type kind uint8

const (
	pauli1  kind = iota // X, Y, Z with a third of p each, on q[0]
	dephase             // Z with p on q[0]
	pauli2              // one of 15 Paulis on q[0], q[1] with p/15 each
	damp                // amplitude damping with γ = p on q[0]
)

// site is a place after a gate where an error may happen. Damping is a site whose
// event, with chance γ, is a look at the qubit: the qubit falls to 0 with the
// chance that it is 1. Where it does not fall, K0 acts.
type site struct {
	kind kind
	q    [2]int
	p    float64
	keep float64 // damp: √(1-γ)
}

// sites appends what rule r does on the operands: depolarizing, pair depolarizing,
// amplitude damping, phase damping, relaxation.
func (m *Model) sites(out []site, r *Rule, qubits []uint16) []site {
	add := func(k kind, p float64, a, b int) {
		if p > 0 {
			out = append(out, site{kind: k, q: [2]int{a, b}, p: p, keep: math.Sqrt(1 - p)})
		}
	}
	each := func(f func(q int)) {
		for _, q := range qubits {
			f(int(q))
		}
	}
	each(func(q int) { add(pauli1, r.Depolarizing, q, 0) })
	if len(qubits) == 2 {
		add(pauli2, r.PairDepolarizing, int(qubits[0]), int(qubits[1]))
	}
	each(func(q int) { add(damp, r.AmplitudeDamping, q, 0) })
	each(func(q int) { add(dephase, flipOf(r.PhaseDamping), q, 0) })
	each(func(q int) {
		gamma, lambda := relaxation(r.DurationNS, m.of(q))
		add(damp, gamma, q, 0)
		add(dephase, flipOf(lambda), q, 0)
	})
	return out
}

// flipOf is the chance of Z that is phase damping λ: (1 - √(1-λ))/2 (Nielsen and
// Chuang, exercise 8.27).
func flipOf(lambda float64) float64 { return (1 - math.Sqrt(1-lambda)) / 2 }

// relaxation is amplitude damping γ = 1 - e^(-t/T1) and the phase damping λ that
// brings coherences, which γ shrinks by e^(-t/2T1), to e^(-t/T2): 1 - λ =
// e^(t/T1 - 2t/T2).
func relaxation(t float64, q Qubit) (gamma, lambda float64) {
	a, b := 0.0, 0.0
	if q.T1 > 0 {
		a = t / q.T1
		gamma = 1 - expNeg(a)
	}
	if q.T2 > 0 {
		b = 2 * t / q.T2
		lambda = 1 - expNeg(max(b-a, 0))
	}
	return gamma, lambda
}

// expNeg is e^-x for x ≥ 0 with the same bits on every platform: e^-x =
// 2^-n·e^-r, r = x - n·ln 2 in [0, ln 2), by its series.
func expNeg(x float64) float64 {
	if !(x < 700) {
		return 0
	}
	n := math.Floor(x / math.Ln2)
	r := x - float64(n*math.Ln2)
	sum, term := 1.0, 1.0
	for k := 1; k < 24; k++ {
		term = float64(term*-r) / float64(k)
		sum += term
	}
	return math.Ldexp(min(sum, 1), -int(n))
}
