package noise

import (
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// maxSites bounds the noise sites of a circuit: an event is a site and a choice
// in 32 bits.
const maxSites = 1 << 22

// step is a lowered operation, or a noise site where op is nil.
type step struct {
	op   *circuit.Op
	site int // of a site
	word int // of a measure or reset in mid-circuit: its word; of a readout: see program
	cond uint32
}

// readout is one measurement: what it reads, where, and how often wrongly.
type readout struct {
	qubit, clbit int
	p            [2]float64 // chance to read the other value, by value
	word         int        // word of the flip, -1 where both chances are 0
}

// program is a circuit with its noise sites. Measurements that nothing later
// depends on are taken out of the steps: they are one sample of the final state.
type program struct {
	qubits, clbits int
	conds          []circuit.Cond
	steps          []step
	sites          []site
	measures       map[*circuit.Op]*readout // measurements among the steps
	final          []*readout               // the others, in order
	static         bool                     // no step measures, resets or is conditional
	pauli          bool                     // static, and no damping
	clifford       bool                     // all gates are
	layout
}

// compile lowers c, which has explicit measurements, and places the sites.
func compile(c *circuit.Circuit, m *Model) (*program, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &program{qubits: c.Qubits, clbits: c.Clbits, conds: c.Conds, measures: map[*circuit.Op]*readout{}, static: true, pauli: true, clifford: true}
	groups, err := lowered(c)
	if err != nil {
		return nil, err
	}
	late := deferrable(c)
	mid, flips := 0, 0
	for i := range c.Ops {
		op := &c.Ops[i]
		if op.Gate == circuit.Measure {
			r := m.readout(op, &flips)
			if late[i] {
				p.final = append(p.final, r)
				continue
			}
			p.measures[op] = r
		}
		for k := range groups[i] {
			g := &groups[i][k]
			if g.Gate == circuit.Measure {
				g = op
			}
			s := step{op: g, cond: g.Cond}
			if g.Gate == circuit.Measure || g.Gate == circuit.Reset {
				s.word = mid
				mid++
			}
			p.static = p.static && g.Cond == 0 && (g.Gate == circuit.U3 || g.Gate == circuit.CZ)
			p.clifford = p.clifford && (g.Gate != circuit.U3 || circuit.U3Angles{Theta: g.Params[0], Phi: g.Params[1], Lambda: g.Params[2]}.IsClifford())
			p.steps = append(p.steps, s)
		}
		p.place(m, op)
		if len(p.sites) > maxSites {
			return nil, fmt.Errorf("more than %d places for noise: %w", maxSites, backends.ErrTooLarge)
		}
	}
	p.pauli = p.pauli && p.static
	p.lay(mid, flips)
	return p, nil
}

// place appends the sites of one source operation.
func (p *program) place(m *Model, op *circuit.Op) {
	if m == nil || !op.Gate.Info().Unitary() && op.Gate != circuit.Reset {
		return
	}
	r := m.find(op)
	if r == nil {
		return
	}
	first := len(p.sites)
	p.sites = m.sites(p.sites, r, op.Q[:op.NQ])
	for i := first; i < len(p.sites); i++ {
		p.pauli = p.pauli && p.sites[i].kind != damp
		p.steps = append(p.steps, step{site: i, cond: op.Cond})
	}
}

// lowered lowers each operation by itself; barriers, which order nothing here,
// become nothing.
func lowered(c *circuit.Circuit) ([][]circuit.Op, error) {
	marked := *c
	marked.Ops = make([]circuit.Op, 0, 2*len(c.Ops))
	for i := range c.Ops {
		if c.Ops[i].Gate != circuit.Barrier {
			marked.Ops = append(marked.Ops, c.Ops[i])
		}
		marked.Ops = append(marked.Ops, circuit.Op{Gate: circuit.Barrier})
	}
	l, err := marked.Lower()
	if err != nil {
		return nil, err
	}
	out := make([][]circuit.Op, 0, len(c.Ops))
	first := 0
	for i := range l.Ops {
		if l.Ops[i].Gate == circuit.Barrier {
			out = append(out, l.Ops[first:i:i])
			first = i + 1
		}
	}
	return out, nil
}

// deferrable marks the unconditional measurements whose qubit is not used later,
// except by such measurements, and whose clbit nothing later reads or writes in
// mid-circuit.
func deferrable(c *circuit.Circuit) []bool {
	late := make([]bool, len(c.Ops))
	qubit, clbit := make([]bool, c.Qubits), make([]bool, c.Clbits) // used later
	for i := len(c.Ops) - 1; i >= 0; i-- {
		op := &c.Ops[i]
		if op.Gate == circuit.Barrier {
			continue
		}
		if op.Gate == circuit.Measure && op.Cond == 0 && !qubit[op.Q[0]] && !clbit[op.Clbit] {
			late[i] = true
			continue
		}
		for _, q := range op.Q[:op.NQ] {
			qubit[q] = true
		}
		if op.Gate == circuit.Measure {
			clbit[op.Clbit] = true
		}
		if op.Cond != 0 {
			for _, t := range c.Conds[op.Cond-1].Terms {
				for _, b := range t.Bits {
					clbit[b] = true
				}
			}
		}
	}
	return late
}

func (m *Model) readout(op *circuit.Op, flips *int) *readout {
	r := &readout{qubit: int(op.Q[0]), clbit: int(op.Clbit), word: -1}
	if m == nil {
		return r
	}
	q := m.of(r.qubit)
	if r.p = [2]float64{q.ZeroOne, q.OneZero}; r.p != [2]float64{} {
		r.word = *flips
		*flips++
	}
	return r
}

// reads returns what is read where bit was measured; word decides.
func (r *readout) reads(bit int, word uint64) int {
	if unit(word) < r.p[bit] {
		return 1 - bit
	}
	return bit
}

// unit maps a word to [0, 1): its 53 high bits.
func unit(word uint64) float64 { return float64(word>>11) * 0x1p-53 }

// holds evaluates a condition on a row of clbits.
func (p *program) holds(cond uint32, row []byte) bool {
	if cond == 0 {
		return true
	}
	for _, term := range p.conds[cond-1].Terms {
		v := uint64(0)
		for k, b := range term.Bits {
			v |= uint64(row[b>>3]>>(b&7)&1) << k
		}
		if (v == term.Value) == term.Negate {
			return false
		}
	}
	return true
}

func putBit(row []byte, b, v int) {
	row[b>>3] = row[b>>3]&^(1<<(b&7)) | byte(v)<<(b&7)
}
