package oracle

import "github.com/animicaorg/engine/host/wasmbin"

// node is an instruction that can run; constructs hold their arms.
type node struct {
	wasmbin.Instr
	labels          []uint32 // of br_table
	body, other     []*node
	params, results int
	named           bool // a branch names the construct
	// where the node is: its sequence and position, for the look ahead
	seq   *sequence
	at    int
	ahead int64 // weight of the metered block that would begin here; -1 not known yet
}

// sequence is a list of instructions in its construct; owner is nil for a body.
type sequence struct {
	nodes []*node
	owner *node
}

// parser builds the tree of one body.
type parser struct {
	m      *wasmbin.Module
	ins    []wasmbin.Instr
	i      int
	open   []*node
	height int // operands now
	most   int // operands at most
}

func (o *Machine) parse(i int) function {
	b := &o.m.Bodies[i]
	p := &parser{m: o.m}
	_ = o.m.Walk(b, func(in *wasmbin.Instr) error { // the module was accepted
		p.ins = append(p.ins, *in)
		return nil
	})
	f := function{t: o.m.Types[o.m.Funcs[i]]}
	f.locals = len(f.t.Params) + int(b.Locals)
	f.body, _ = p.sequence(nil, true)
	f.frame = o.rules.Frame(f.locals + p.most)
	return f
}

// sequence reads up to the matching else or end, and says which. What cannot run
// is skipped.
func (p *parser) sequence(owner *node, live bool) ([]*node, wasmbin.Opcode) {
	s := &sequence{owner: owner}
	for {
		in := p.ins[p.i]
		p.i++
		if in.Op == wasmbin.OpElse || in.Op == wasmbin.OpEnd {
			return s.nodes, in.Op
		}
		n := &node{Instr: in, seq: s, at: len(s.nodes), ahead: -1}
		before := p.height
		p.construct(n, live)
		if !live {
			p.height = before
			continue
		}
		s.nodes = append(s.nodes, n)
		live = p.effect(n)
		if live {
			p.most = max(p.most, p.height)
		}
	}
}

// construct reads the arms of a construct.
func (p *parser) construct(n *node, live bool) {
	switch n.Op {
	case wasmbin.OpBlock, wasmbin.OpLoop, wasmbin.OpIf:
	case wasmbin.OpBrTable:
		n.labels = p.m.Labels(&n.Instr)
		return
	default:
		return
	}
	switch t := int64(n.A); {
	case t >= 0:
		n.params, n.results = len(p.m.Types[t].Params), len(p.m.Types[t].Results)
	case t != wasmbin.BlockEmpty:
		n.results = 1
	}
	if n.Op == wasmbin.OpIf {
		p.height--
	}
	base := p.height
	if live {
		p.most = max(p.most, base)
	}
	p.open = append(p.open, n)
	var last wasmbin.Opcode
	n.body, last = p.sequence(n, live)
	if last == wasmbin.OpElse {
		p.height = base
		n.other, _ = p.sequence(n, live)
	}
	p.open = p.open[:len(p.open)-1]
	p.height = base - n.params + n.results
}

// effect changes the height by an instruction that can run, marks what it
// branches to, and says whether the next instruction can run.
func (p *parser) effect(n *node) bool {
	switch n.Op {
	case wasmbin.OpBlock, wasmbin.OpLoop, wasmbin.OpIf:
	case wasmbin.OpUnreachable, wasmbin.OpReturn:
		return false
	case wasmbin.OpBr:
		p.name(uint32(n.A))
		return false
	case wasmbin.OpBrTable:
		for _, l := range n.labels {
			p.name(l)
		}
		return false
	case wasmbin.OpBrIf:
		p.name(uint32(n.A))
		p.height--
	case wasmbin.OpCall:
		t, _ := p.m.FuncType(uint32(n.A))
		p.height += len(t.Results) - len(t.Params)
	case wasmbin.OpCallIndirect:
		t := p.m.Types[n.B]
		p.height += len(t.Results) - len(t.Params) - 1
	default:
		p.height += change(n.Op)
	}
	return true
}

func (p *parser) name(l uint32) {
	if int(l) < len(p.open) {
		p.open[len(p.open)-1-int(l)].named = true
	}
}

// change is what a plain instruction does to the number of operands.
func change(op wasmbin.Opcode) int {
	in := func(first, last wasmbin.Opcode) bool { return op >= first && op <= last }
	switch {
	case op == 0x01 || op == 0x22 || in(0x28, 0x35) || op == 0x40: // nop, tee, loads, grow
		return 0
	case op == 0x20 || op == 0x23 || op == 0x3f || in(0x41, 0x44): // pushes
		return 1
	case op == 0x1a || op == 0x21 || op == 0x24:
		return -1
	case op == 0x1b || in(0x36, 0x3e): // select, stores
		return -2
	case op == wasmbin.OpMemoryCopy || op == wasmbin.OpMemoryFill:
		return -3
	case in(0x46, 0x4f) || in(0x51, 0x66) || in(0x6a, 0x78) || in(0x7c, 0x8a) || in(0x92, 0x98) || in(0xa0, 0xa6):
		return -1
	}
	return 0
}

// lookAhead is the weight of the metered block that begins at position i of s.
func (o *Machine) lookAhead(s *sequence, i int) int64 {
	sum := int64(0)
	for {
		w, ended := o.straight(s.nodes[i:])
		sum += w
		if ended || s.owner == nil || s.owner.Op == wasmbin.OpIf || s.owner.Op == wasmbin.OpBlock && s.owner.named {
			return sum
		}
		s, i = s.owner.seq, s.owner.at+1
	}
}

// straight adds weights up to the end of a metered block or of the list.
func (o *Machine) straight(list []*node) (sum int64, ended bool) {
	for _, n := range list {
		sum += o.rules.Weight(n.Op)
		switch n.Op {
		case wasmbin.OpBr, wasmbin.OpBrIf, wasmbin.OpBrTable, wasmbin.OpReturn, wasmbin.OpUnreachable, wasmbin.OpIf:
			return sum, true
		case wasmbin.OpLoop, wasmbin.OpBlock:
			if n.Op == wasmbin.OpLoop && n.named {
				return sum, true
			}
			w, ended := o.straight(n.body)
			sum += w
			if ended || n.named {
				return sum, true
			}
		}
	}
	return sum, false
}
