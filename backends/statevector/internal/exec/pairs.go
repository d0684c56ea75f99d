package exec

import (
	"math"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// coefficients of an exchange.
type coefficients struct{ cos, sin float32 }

// blockCoefficients gives each exchange of a program its cosine and sine in
// binary32. The larger of the two makes up for what both of the exchange before on
// the same qubits took off the norm, or added to it (SPEC.md, "Exchanges").
func blockCoefficients(p *plan.Program) []coefficients {
	out := make([]coefficients, len(p.Pairs))
	rest := map[[2]uint8]float64{} // looked up, never walked
	angle, sin, cos := circuit.Angle(0), 0.0, 1.0
	for i := range p.Pairs {
		e := &p.Pairs[i]
		if e.Angle != angle {
			angle = e.Angle
			sin, cos = sinCos(angle)
		}
		key := [2]uint8{e.A, e.B}
		r, seen := rest[key]
		if !seen {
			r = 1
		}
		c := coefficients{float32(cos), float32(sin)}
		if math.Abs(sin) <= math.Abs(cos) {
			c.cos = larger(r, c.sin, cos)
		} else {
			c.sin = larger(r, c.cos, sin)
		}
		rest[key] = r / (float64(float64(c.cos)*float64(c.cos)) + float64(float64(c.sin)*float64(c.sin)))
		out[i] = c
	}
	return out
}

// larger is the root of r - x², with the sign of s.
func larger(r float64, x float32, s float64) float32 {
	return float32(math.Copysign(math.Sqrt(r-float64(float64(x)*float64(x))), s))
}

// exchanges fills in those of a step, with numbers.
func (s *step) exchanges(p *plan.Program, pl *plan.Plan, l local, st *plan.Step, c []coefficients) {
	s.pairs = nil
	for _, id := range st.Pairs {
		low, high, minus := l.placesOf(&p.Pairs[id], pl)
		e := kernel.Exchange{Low: low, High: high, Even: p.Pairs[id].Even, Cos: c[id].cos, Sin: c[id].sin}
		if minus {
			e.Sin = -e.Sin
		}
		s.pairs = append(s.pairs, e)
	}
}

// exchanges is step.exchanges in binary64.
func (s *doubleStep) exchanges(p *plan.Program, pl *plan.Plan, l local, st *plan.Step) {
	for _, id := range st.Pairs {
		low, high, minus := l.placesOf(&p.Pairs[id], pl)
		sin, cos := sinCos(p.Pairs[id].Angle)
		if minus {
			sin = -sin
		}
		s.pairs = append(s.pairs, kernel.Exchange64{Low: low, High: high, Even: p.Pairs[id].Even, Cos: cos, Sin: sin})
	}
}

// placesOf returns the places of an exchange in the chunk, ascending, and whether
// that reverses the direction of its rotation.
func (l local) placesOf(e *plan.Exchange, pl *plan.Plan) (low, high int, minus bool) {
	low, high = l.index(pl.Position(int(e.A))), l.index(pl.Position(int(e.B)))
	if low > high {
		return high, low, !e.Even
	}
	return low, high, false
}
