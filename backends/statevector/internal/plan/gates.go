package plan

import (
	"fmt"

	"github.com/animicaorg/engine/circuit"
)

// FromOps converts unconditional gates and barriers in any order. Phases of any
// number of qubits are kept as they are, swaps rename qubits, and other gates are
// decomposed by the gate table. A run of gates that only exchanges basis states
// and returns them, with phases on the way, becomes its phases (classical.go).
func FromOps(width int, ops []circuit.Op) (*Program, error) { return FromGates(width, ops, nil) }

// Phase multiplies the states in which all of Qubits, bit q for qubit q, are 1 by
// e^{i·Angle}. It stands before operation Before of a list, or at its end.
type Phase struct {
	Before int
	Qubits uint64
	Angle  circuit.Angle
}

// FromGates is FromOps with phases of any number of qubits in between, ascending
// in Before.
func FromGates(width int, ops []circuit.Op, phases []Phase) (*Program, error) {
	b, err := newBuilder(width, 0)
	if err != nil {
		return nil, err
	}
	var rots [MaxWidth]int // per qubit: rotations of the gates, most of the time at least as many as it gets
	all := 0
	var runsOf, pairsOf, swaps bool // whether a gate is there that findRuns, findPairs and rename look for
	for i := range ops {
		op := &ops[i]
		info := op.Gate.Info()
		inside := info != nil && op.NQ <= circuit.MaxOpQubits && op.Cond == 0
		for k := 0; inside && k < int(op.NQ); k++ {
			inside = int(op.Q[k]) < width
		}
		if !inside {
			return nil, fmt.Errorf("operation %d is conditional or leaves width %d: %w", i, width, ErrOp)
		}
		if op.Gate != circuit.Barrier && (!info.Unitary() || int(op.NQ) != info.Qubits || op.NQ > 1 && repeats(op)) {
			return nil, fmt.Errorf("operation %d has gate %d on %d qubits, not a gate on qubits that differ: %w", i, op.Gate, op.NQ, ErrOp)
		}
		switch op.Gate {
		case circuit.U3, circuit.CZ, circuit.Barrier:
		case circuit.CX, circuit.CCX:
			runsOf, b.p.Mixed = true, true
		case circuit.RYY, circuit.CRY, circuit.CRX:
			pairsOf, b.p.Mixed = true, true
		case circuit.Swap, circuit.ISwap, circuit.ISwapDg:
			swaps, b.p.Mixed = true, true
		default:
			b.p.Mixed = true
		}
		if n := rotations(op.Gate); n > 0 {
			for _, q := range op.Q[:op.NQ] {
				rots[q] += n
				all += n
			}
		}
	}
	room := make([]Rot, all)
	for q := range b.p.Rots {
		b.p.Rots[q], room = room[:0:rots[q]], room[rots[q]:]
	}
	for i, f := range phases {
		if f.Qubits == 0 || f.Qubits>>width != 0 || f.Before < 0 || f.Before > len(ops) || i > 0 && f.Before < phases[i-1].Before {
			return nil, fmt.Errorf("phase %d: qubits %#x of %d, before operation %d: %w", i, f.Qubits, width, f.Before, ErrOp)
		}
	}
	b.p.Mixed = b.p.Mixed || len(phases) > 0
	if len(phases) > 0 {
		b.p.Terms = make([]Term, 0, len(phases))
	}
	var runs []run
	if runsOf {
		runs = findRuns(ops, phases)
	}
	var pairs []pairing
	if pairsOf {
		pairs = findPairs(ops, phases, runs)
	}
	b.p.Fused = pairs != nil
	if swaps || runs != nil || pairs != nil {
		b.rename(ops, runs, pairs)
	}
	for i := 0; i < len(ops); i++ {
		for ; len(phases) > 0 && phases[0].Before <= i; phases = phases[1:] {
			on := b.set(phases[0].Qubits)
			b.phase(on, on, phases[0].Angle)
		}
		if len(runs) == 0 || runs[0].first != i {
			if pairs == nil || !b.pair(&ops[i], pairs[i]) {
				b.gate(&ops[i])
			}
			continue
		}
		b.run(ops, &runs[0])
		i += runs[0].n - 1
		runs = runs[1:]
	}
	for _, f := range phases {
		on := b.set(f.Qubits)
		b.phase(on, on, f.Angle)
	}
	return b.done(), nil
}

// rotations is the number of rotations to keep room for on each qubit of a gate.
func rotations(g circuit.Gate) int {
	switch g {
	case circuit.Barrier, circuit.ID, circuit.X, circuit.Z, circuit.S, circuit.Sdg, circuit.T, circuit.Tdg, circuit.P, circuit.RZ,
		circuit.CZ, circuit.CP, circuit.CRZ, circuit.RZZ, circuit.CCZ, circuit.Swap, circuit.ISwap, circuit.ISwapDg:
		return 0
	case circuit.U3, circuit.H, circuit.SX, circuit.RX, circuit.RY:
		return 1
	}
	return 2
}

func repeats(op *circuit.Op) bool {
	for k, q := range op.Q[:op.NQ] {
		for _, r := range op.Q[:k] {
			if q == r {
				return true
			}
		}
	}
	return false
}

// run is a number of consecutive gates that are taken as one: an exchange of two
// qubits by three CX, or a diagonal.
type run struct {
	first, n int
	exchange bool
	phases   []monomial
}

// findRuns looks for runs that no phase stands in.
func findRuns(ops []circuit.Op, phases []Phase) (out []run) {
	c := classical{budget: 16*len(ops) + 4096}
	end := len(ops)
	ops = ops[:end:end]
	for i := 0; i < end; i++ {
		if g := ops[i].Gate; g != circuit.CX && g != circuit.CCX {
			continue
		}
		for len(phases) > 0 && phases[0].Before <= i {
			phases = phases[1:]
		}
		ops := ops
		if len(phases) > 0 {
			ops = ops[:phases[0].Before]
		}
		if exchange(ops[i:]) {
			out = append(out, run{i, 3, true, nil})
			i += 2
		} else if n := c.block(ops[i:]); n > 0 {
			out = append(out, run{i, n, false, c.found})
			i += n - 1
		}
	}
	return out
}

// exchange reports whether ops begins with CX(a, b), CX(b, a), CX(a, b).
func exchange(ops []circuit.Op) bool {
	return len(ops) >= 3 && ops[0].Gate == circuit.CX && ops[1].Gate == circuit.CX && ops[0] == ops[2] &&
		ops[0].Q[0] == ops[1].Q[1] && ops[0].Q[1] == ops[1].Q[0]
}

func (b *builder) run(ops []circuit.Op, r *run) {
	if r.exchange {
		b.swap(&ops[r.first])
		return
	}
	for _, m := range r.phases {
		b.phase(b.set(m.mask), b.set(m.mask), m.angle)
	}
}

// rename chooses the names that qubits start with, so that after all exchanges
// every qubit has its own.
func (b *builder) rename(ops []circuit.Op, runs []run, pairs []pairing) {
	at := make([]uint8, b.p.Width) // at[q]: which qubit of the start is q at the end
	for q := range at {
		at[q] = uint8(q)
	}
	for i := 0; i < len(ops); i++ {
		g, n := ops[i].Gate, 1
		swaps := g == circuit.Swap || g == circuit.ISwap || g == circuit.ISwapDg
		if len(runs) > 0 && runs[0].first == i {
			swaps, n, runs = runs[0].exchange, runs[0].n, runs[1:]
		} else if pairs != nil {
			swaps = swaps || pairs[i].swaps()
		}
		if x, y := ops[i].Q[0], ops[i].Q[1]; swaps {
			at[x], at[y] = at[y], at[x]
		}
		i += n - 1
	}
	for q, from := range at {
		b.name[from] = uint8(q)
	}
}

// set renames a set of qubits.
func (b *builder) set(qubits uint64) (out uint64) {
	for q, name := range b.name {
		out |= qubits >> q & 1 << name
	}
	return out
}

// half is a/2, exact but for an odd multiple of the unit of 2^-64.
func half(a circuit.Angle) circuit.Angle { return circuit.Angle(int64(a) / 2) }

// gate appends one gate of the table.
func (b *builder) gate(op *circuit.Op) {
	switch op.Gate { // the commonest, before anything is set up for the others
	case circuit.X:
		b.p.Frame ^= 1 << b.name[op.Q[0]]
		return
	case circuit.H:
		b.joins = true
		b.u3(int(b.name[op.Q[0]]), circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi})
		return
	}
	var n [circuit.MaxOpQubits]int
	var bit [circuit.MaxOpQubits]uint64
	for k, q := range op.Q[:op.NQ] {
		n[k] = int(b.name[q])
		bit[k] = 1 << n[k]
	}
	a, both := op.Params[0], bit[0]|bit[1]
	b.joins = op.Gate != circuit.U3
	switch op.Gate {
	case circuit.Barrier, circuit.ID:
	case circuit.U3:
		b.u3(n[0], circuit.U3Angles{Theta: a, Phi: op.Params[1], Lambda: op.Params[2]})
	case circuit.CZ:
		b.cz(n[0], n[1])
	case circuit.CP:
		b.phase(both, both, a)
	case circuit.CRZ: // diag(1, e^{-ia/2}) where the target is 0, e^{ia/2} where it is 1
		b.turn(n[0], -half(a))
		b.phase(both, both, a)
	case circuit.RZZ: // e^{-ia/2} where both are equal, e^{ia/2} elsewhere
		b.p.Phase -= half(a)
		b.turn(n[0], a)
		b.turn(n[1], a)
		b.phase(both, both, -(a + a))
	case circuit.CCZ:
		b.phase(both|bit[2], both|bit[2], circuit.Pi)
	case circuit.Swap:
		b.swap(op)
	case circuit.ISwap, circuit.ISwapDg: // diag(1, i, i, 1), then the exchange
		turn := circuit.HalfPi
		if op.Gate == circuit.ISwapDg {
			turn = -turn
		}
		b.turn(n[0], turn)
		b.turn(n[1], turn)
		b.cz(n[0], n[1])
		b.swap(op)
	case circuit.CRY: // S·H turns Z into Y
		for _, s := range cry {
			b.part(op, s, a)
		}
	default:
		b.table(op, n[0])
	}
}

// cry are the steps around a CRZ.
var cry = []circuit.Step{
	{Gate: circuit.Sdg, Q: [3]uint8{1}}, {Gate: circuit.H, Q: [3]uint8{1}},
	{Gate: circuit.CRZ, Q: [3]uint8{0, 1}},
	{Gate: circuit.H, Q: [3]uint8{1}}, {Gate: circuit.S, Q: [3]uint8{1}},
}

func (b *builder) part(op *circuit.Op, s circuit.Step, a circuit.Angle) {
	if s.Gate == circuit.CRZ {
		s.P[0] = a
	}
	sub := s.On(op)
	b.gate(&sub)
}

func (b *builder) swap(op *circuit.Op) {
	x, y := op.Q[0], op.Q[1]
	b.name[x], b.name[y] = b.name[y], b.name[x]
}

// table appends a gate by its row: a u3, or steps.
func (b *builder) table(op *circuit.Op, q int) {
	p := op.Params[:op.Gate.Info().Params]
	if u, phase, ok := op.Gate.AsU3(p); ok {
		b.p.Phase += phase
		b.u3(q, u)
		return
	}
	steps, phase, _ := op.Gate.Steps(p)
	b.p.Phase += phase
	for _, s := range steps {
		sub := s.On(op)
		b.gate(&sub)
	}
}
