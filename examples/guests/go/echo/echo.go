// Package echo is trap family echo@1 in Go: the same bytes as the other languages'
// examples; ../../README.md says what it computes. It is an example and promises
// no more power than that page says.
package echo

import (
	"math"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	qx1 "github.com/animicaorg/engine/sdk/go"
	"github.com/animicaorg/engine/seed"
)

// Describe is qx_describe.
var Describe = qx1.Describe("traps", "echo", "1.0.0")

// Statistics: Chebyshev's inequality on integers.

func isqrt(n uint64) (r uint64) {
	for bit := uint64(1) << 31; bit > 0; bit >>= 1 {
		if (r|bit)*(r|bit) <= n {
			r |= bit
		}
	}
	return r
}

// accept is the least number of passes of n traps that an honest device with
// failure rate q (ppb) misses with probability at most alpha (ppb).
func accept(n, q, alpha uint64) uint64 {
	f := n*q/qx1.PPB + isqrt(n*q/alpha) + 1
	return n - min(n, f)
}

// leftTail bounds the chance of k or fewer passes of n.
func leftTail(n, k, q uint64) guest.Tail {
	f, mean, bound := n-k, (n*q+qx1.PPB-1)/qx1.PPB, uint64(qx1.PPB)
	if f > mean {
		bound = n*q/((f-mean)*(f-mean)) + 1
	}
	if bound >= qx1.PPB {
		return guest.Tail{Mant: 100_000_000}
	}
	t := guest.Tail{Mant: bound, Exp: -1}
	for t.Mant < 100_000_000 {
		t.Mant, t.Exp = 10*t.Mant, t.Exp-1
	}
	return t
}

// fixed are the four Paulis, and each behind a Hadamard.
func fixed() []circuit.U3Angles {
	g := make([]circuit.U3Angles, 8)
	for p := range circuit.Pauli(4) {
		g[p] = circuit.U3Angles{}.Left(p)
		g[4+p] = circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}.Left(p)
	}
	return g
}

// Plan is qx_plan.
func Plan(c *qx1.Call) error {
	in, err := qx1.ReadInputs(c)
	if err != nil {
		return err
	}
	pol := in.Policy
	p := &guest.Plan{Skeleton: in.Circuit.Skeleton, Policy: pol, Shots: in.Job.Shots, RatioPPM: in.Job.RatioPPM, MixA: 1, HGlobal: math.MaxInt64, HCusum: math.MaxInt64}
	qx1.Shape(p)
	q, alpha := p.N1*pol.P1+p.N2*pol.P2+uint64(in.Circuit.Width)*pol.RO, pol.AlphaE+pol.AlphaA+pol.AlphaB
	q = min(max(q, 1000), qx1.PPB)
	p.PA, p.NA, p.CA = qx1.PPB-q, p.Traps, accept(p.Traps, q, alpha)
	for p.TMin = 128; p.TMin < guest.MaxShots && 4*accept(p.TMin, q, alpha) < 3*p.TMin; {
		p.TMin *= 2
	}
	p.Palette = qx1.Palette(in.Circuit, fixed())
	return c.Out(qx1.Result, p.Append(nil))
}

func readPlan(c *qx1.Call) (*guest.Plan, error) {
	p, err := qx1.ReadPlan(c)
	if err == nil && (p.MixA != 1 || p.MixB != 0 || p.NB != 0 || p.PA > qx1.PPB || p.CA > p.NA) {
		err = qx1.Refuse(qx1.BadInput, "plan: made by another trap library")
	}
	return p, err
}

// generator draws slots.
type generator struct {
	*qx1.Slots
	s     *circuit.Skeleton
	fixed [8]uint32
	draw  *seed.Stream
}

// Generate returns qx_generate(first, n).
func Generate(first int64, n int32) func(*qx1.Call) error {
	return func(c *qx1.Call) error {
		in, err := qx1.ReadInputs(c)
		if err != nil {
			return err
		}
		p, err := readPlan(c)
		if err != nil {
			return err
		}
		g := &generator{s: &p.Skeleton}
		if g.Slots, err = qx1.NewSlots(c, p, in, first, n); err != nil {
			return err
		}
		for k, u := range fixed() {
			if g.fixed[k], err = qx1.Find(p, u); err != nil {
				return err
			}
		}
		g.draw = seed.NewStream(in.Root, "roles", 0)
		for j := g.Window[0]; j <= g.Window[g.N-1]; j++ {
			g.draw.Reset(&in.Root, "roles", uint64(j))
			g.roles(p, int(j))
		}
		for i := range g.N {
			g.draw.Reset(&in.Root, "slot", g.First+uint64(i))
			if guest.SlotKind(g.Kind[i]) == guest.SlotMatch {
				err = g.match(i)
			} else {
				err = g.target(i)
			}
			if err != nil {
				return err
			}
		}
		return g.End()
	}
}

// roles marks the traps of a window among the slots of this call: each slot in turn
// is one with probability (traps left) / (slots left).
func (g *generator) roles(p *guest.Plan, j int) {
	end, left := p.WindowStart(j+1), uint64(p.WindowTraps[j])
	for at := p.WindowStart(j); at < end && at < g.First+uint64(g.N); at++ {
		if g.draw.Uniform(end-at) < left {
			left--
			if at >= g.First {
				g.Kind[at-g.First] = byte(guest.SlotMatch)
			}
		}
	}
}

// target is the compiled circuit under a one-time pad.
func (g *generator) target(i int) error {
	frame := make([]circuit.Pauli, g.s.Width)
	for j := 0; ; j++ {
		for q := range frame {
			p := circuit.Pauli(g.draw.Uniform(4))
			if err := g.Put(g.Variant(j*g.s.Width+q, frame[q], p)); err != nil {
				return err
			}
			frame[q] = p
		}
		if j == len(g.s.Layers) {
			break
		}
		g.s.PushFrame(j, frame)
	}
	for q, f := range frame {
		if f&circuit.PauliX != 0 {
			g.Flip(g.Pad, i, q)
		}
	}
	return nil
}

// basis puts qubits into the X basis, no two of them coupled.
func (g *generator) basis() []bool {
	x := make([]bool, g.s.Width)
	for q := range x {
		x[q] = len(g.s.Layers) > 0 && g.draw.Uniform(2) == 1
	}
	for _, layer := range g.s.Layers {
		for _, p := range layer {
			x[p.B] = x[p.B] && !x[p.A]
		}
	}
	return x
}

// match is a circuit of Paulis and Hadamards whose outcome is known.
func (g *generator) match(i int) error {
	x, bit, last := g.basis(), make([]circuit.Pauli, g.s.Width), len(g.s.Layers)
	for j := 0; ; j++ {
		for q := range bit {
			p, at := circuit.Pauli(g.draw.Uniform(4)), 0
			if x[q] && (j == 0 || j == last) {
				at = 4
			}
			if err := g.Put(g.fixed[at+int(p)]); err != nil {
				return err
			}
			if x[q] && j < last {
				p >>= 1
			}
			bit[q] ^= p & 1
		}
		if j == last {
			break
		}
		for _, p := range g.s.Layers[j] {
			switch {
			case x[p.A] && !x[p.B]:
				bit[p.A] ^= bit[p.B]
			case x[p.B] && !x[p.A]:
				bit[p.B] ^= bit[p.A]
			}
		}
	}
	for q, b := range bit {
		g.Flip(g.Mask, i, q)
		if b == 1 {
			g.Flip(g.Pad, i, q)
		}
	}
	return nil
}

// Judge returns qx_judge(n).
func Judge(n int32) func(*qx1.Call) error {
	return func(c *qx1.Call) error {
		p, err := readPlan(c)
		if err != nil {
			return err
		}
		v, err := qx1.Tally(c, p, n)
		if err != nil {
			return err
		}
		whole := v.Judged == v.Shots
		if whole {
			v.TailA = leftTail(v.NA, v.KA, qx1.PPB-v.PA)
			if v.KA < v.CA {
				v.Reasons |= guest.ReasonFinalA
			}
		}
		switch {
		case v.Traps == 0 || v.Traps < v.TMin:
			v.Decision = guest.DecisionInsufficient
		case v.Reasons&guest.ReasonFinalA != 0:
			v.Decision = guest.DecisionFail
		case v.Missing > 0:
			v.Decision, v.TrapPass = guest.DecisionFail, p.WindowStart(int(v.FirstBad))
		default:
			v.Decision, v.TrapPass = guest.DecisionPending, v.Judged
			if whole {
				v.Decision = guest.DecisionPass
			}
		}
		return qx1.WriteVerdict(c, v)
	}
}
