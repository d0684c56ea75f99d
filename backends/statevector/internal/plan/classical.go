package plan

import (
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// A run of gates that map basis states to basis states (X, CX and CCX) and of
// phases is a diagonal if in the end every state is where it was.
// Controlled gates without a native form are built that way: Barenco et al.,
// "Elementary gates for quantum computation", Phys. Rev. A 52, 3457 (1995),
// lemmas 7.2 to 7.5, and so is the phase between two CX.
//
// A qubit's value is followed as an exclusive or of products of the values
// before the run; a phase on it is then a sum of phases on products, since
// x⊕y = x + y - 2xy.

// Bounds of the search. A run that exceeds one is taken gate by gate.
const (
	maxBlock     = 1024 // gates
	maxProducts  = 8    // of one value
	maxSummed    = 6    // products under one phase: up to 2^6 phases
	maxRemembers = 64   // runs that are looked up before they are followed again
)

// monomial is a phase on the states with all qubits of mask 1.
type monomial struct {
	mask  uint64
	angle circuit.Angle
}

// value is an exclusive or of products, each a set of qubits; the empty set is 1.
type value struct {
	n int
	m [maxProducts]uint64
}

// classical finds such runs.
type classical struct {
	budget int // gates that may still be followed
	v      [MaxWidth]value
	sums   map[uint64]circuit.Angle
	order  []uint64
	found  []monomial // of the last run
	known  []known
	moved  uint64 // qubits that are not what they were
}

type known struct {
	ops   []circuit.Op
	found []monomial
}

// block returns how many gates at the start of ops are such a run, 0 for none,
// and leaves its phases in c.found. Only a run that begins with CX or CCX is
// looked for.
func (c *classical) block(ops []circuit.Op) int {
	if g := ops[0].Gate; g != circuit.CX && g != circuit.CCX {
		return 0
	}
	for i := range c.known {
		if k := &c.known[i]; len(ops) >= len(k.ops) && slices.Equal(ops[:len(k.ops)], k.ops) {
			c.found = k.found
			return len(k.ops)
		}
	}
	if c.budget <= 0 {
		return 0
	}
	c.begin()
	for i := range ops[:min(len(ops), maxBlock)] {
		c.budget--
		if !c.step(&ops[i]) {
			return 0
		}
		if c.moved == 0 {
			c.end()
			if i > 0 && len(c.known) < maxRemembers {
				c.known = append(c.known, known{ops[:i+1], c.found})
			}
			return i + 1
		}
	}
	return 0
}

func (c *classical) begin() {
	for q := range c.v {
		c.v[q].n, c.v[q].m[0] = 1, 1<<q
	}
	c.sums, c.order, c.moved = map[uint64]circuit.Angle{}, c.order[:0], 0
}

func (c *classical) end() {
	c.found = nil
	for _, m := range c.order {
		if a := c.sums[m]; a != 0 {
			c.found = append(c.found, monomial{m, a})
		}
	}
}

// step follows one gate; false ends the run.
func (c *classical) step(op *circuit.Op) bool {
	q, a := op.Q, op.Params[0]
	one := value{n: 1}
	switch op.Gate {
	case circuit.Barrier, circuit.ID:
		return true
	case circuit.X:
		return c.flip(int(q[0]), &one)
	case circuit.CX:
		return c.flip(int(q[1]), &c.v[q[0]])
	case circuit.CCX:
		p, ok := product(&c.v[q[0]], &c.v[q[1]])
		return ok && c.flip(int(q[2]), &p)
	case circuit.CZ:
		return c.phase2(circuit.Pi, int(q[0]), int(q[1]))
	case circuit.CP:
		return c.phase2(a, int(q[0]), int(q[1]))
	case circuit.RZ:
		return c.phase(-half(a), &one) && c.phase(a, &c.v[q[0]])
	case circuit.CCZ:
		p, ok := product(&c.v[q[0]], &c.v[q[1]])
		if ok {
			p, ok = product(&p, &c.v[q[2]])
		}
		return ok && c.phase(circuit.Pi, &p)
	}
	u, phase, ok := op.Gate.AsU3(op.Params[:op.Gate.Info().Params])
	return ok && u.Theta == 0 && c.phase(phase, &one) && c.phase(u.Phi+u.Lambda, &c.v[q[0]])
}

// flip adds x to the value of qubit q.
func (c *classical) flip(q int, x *value) bool {
	v := &c.v[q]
	for _, m := range x.m[:x.n] {
		if !v.toggle(m) {
			return false
		}
	}
	return c.mark(q)
}

// mark notes whether qubit q is what it was.
func (c *classical) mark(q int) bool {
	c.moved &^= 1 << q
	if v := &c.v[q]; v.n != 1 || v.m[0] != 1<<q {
		c.moved |= 1 << q
	}
	return true
}

// toggle adds a product, which two of cancel; false where there are too many.
func (v *value) toggle(m uint64) bool {
	for i, x := range v.m[:v.n] {
		if x == m {
			v.n--
			v.m[i] = v.m[v.n]
			return true
		}
	}
	if v.n == len(v.m) {
		return false
	}
	v.m[v.n] = m
	v.n++
	return true
}

func product(x, y *value) (p value, ok bool) {
	for _, a := range x.m[:x.n] {
		for _, b := range y.m[:y.n] {
			if !p.toggle(a | b) {
				return p, false
			}
		}
	}
	return p, true
}

func (c *classical) phase2(a circuit.Angle, x, y int) bool {
	p, ok := product(&c.v[x], &c.v[y])
	return ok && c.phase(a, &p)
}

// phase adds e^{ia} where v is 1: over the non-empty sets S of its products,
// (-2)^(|S|-1)·a on their common product.
func (c *classical) phase(a circuit.Angle, v *value) bool {
	if v.n > maxSummed {
		return false
	}
	for s := uint(1); s < 1<<v.n; s++ {
		mask, f := uint64(0), a
		for i := range v.n {
			if s>>i&1 == 1 {
				mask |= v.m[i]
			}
		}
		for range bits.OnesCount(s) - 1 {
			f = -(f + f)
		}
		c.add(mask, f)
	}
	return true
}

func (c *classical) add(mask uint64, a circuit.Angle) {
	if _, ok := c.sums[mask]; !ok {
		c.order = append(c.order, mask)
	}
	c.sums[mask] += a
}
