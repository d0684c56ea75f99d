package meter

import (
	"github.com/animicaorg/engine/host/wasmbin"
)

// step is one instruction of a body, with what the rewriter must know about it.
type step struct {
	wasmbin.Instr
	dead    bool              // behind an unconditional branch: dropped
	target  bool              // of block, loop and if: a branch that is not dead names it
	bare    bool              // of br_if: its label takes no operands
	again   bool              // of br_if: it names a loop
	operand wasmbin.ValueType // of select: the type of what it chooses from
	open    int32             // of else and end: the step that opened the construct, -1 for the function
}

// frame is a construct that is open. The algorithm is that of WebAssembly Core
// 2.0, appendix A.3 (validation).
type frame struct {
	open            int32
	op              wasmbin.Opcode // block, loop, if, else; unreachable for the function
	params, results []wasmbin.ValueType
	base            int  // operands below the construct
	polymorphic     bool // behind an unconditional branch
	dropped         bool // the construct as a whole is behind one
}

// label is what a branch to the construct carries.
func (f *frame) label() []wasmbin.ValueType {
	if f.op == wasmbin.OpLoop {
		return f.params
	}
	return f.results
}

// unknown is the type of an operand of code that cannot run.
const unknown wasmbin.ValueType = 0

// checker types one body after the other. Its slices are reused.
type checker struct {
	m      *wasmbin.Module
	locals []wasmbin.ValueType // with parameters
	stack  []wasmbin.ValueType
	frames []frame
	at     int // byte of the instruction at hand
	err    *wasmbin.Rejected

	steps     []step
	height    int  // most operands at once, in code that can run
	loops     int  // most loops in one another, in code that can run
	calls     bool // call or call_indirect, in code that can run
	wideType  bool // the function has more than one result
	bulk      bool // memory.fill or memory.copy
	choice    bool // select of floats
	f32s, f64 bool // a scratch local is needed: for NaNs to make canonical, for select
}

// check types body i. Afterwards the fields from steps on describe it.
func (c *checker) check(i int) error {
	f := &c.m.Bodies[i]
	t := c.m.Types[c.m.Funcs[i]]
	c.locals = append(append(c.locals[:0], t.Params...), c.m.LocalTypes(f)...)
	c.stack, c.frames, c.steps = c.stack[:0], c.frames[:0], c.steps[:0]
	c.loops = 0
	c.height, c.calls, c.wideType, c.bulk, c.choice, c.f32s, c.f64 = 0, false, len(t.Results) > 1, false, false, false, false
	c.frames = append(c.frames, frame{open: -1, op: wasmbin.OpUnreachable, results: t.Results})
	err := c.m.Walk(f, func(in *wasmbin.Instr) error {
		top := &c.frames[len(c.frames)-1]
		c.at = in.Start
		c.steps = append(c.steps, step{Instr: *in, dead: top.dropped || top.polymorphic, open: -1})
		c.step(&c.steps[len(c.steps)-1])
		if c.err != nil {
			return c.err
		}
		if len(c.frames) > 0 && !c.frames[len(c.frames)-1].polymorphic && !c.frames[len(c.frames)-1].dropped {
			c.height = max(c.height, len(c.stack))
			if in.Op == wasmbin.OpLoop {
				c.loops = max(c.loops, c.openLoops())
			}
		}
		return nil
	})
	if err == nil && c.height > MaxOperands {
		return rejected(RuleOperands, f.Code, "function %d has up to %d operands at once, the limit is %d", i, c.height, MaxOperands)
	}
	return err
}

func (c *checker) openLoops() (n int) {
	for i := range c.frames {
		if c.frames[i].op == wasmbin.OpLoop {
			n++
		}
	}
	return n
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = rejected(RuleTyping, c.at, format, args...)
	}
}

func (c *checker) push(types ...wasmbin.ValueType) { c.stack = append(c.stack, types...) }

// popAny takes the top operand of the innermost construct.
func (c *checker) popAny() wasmbin.ValueType {
	f := &c.frames[len(c.frames)-1]
	if n := len(c.stack); n > f.base {
		t := c.stack[n-1]
		c.stack = c.stack[:n-1]
		return t
	}
	if !f.polymorphic {
		c.fail("an operand is missing")
	}
	return unknown
}

func (c *checker) pop(want wasmbin.ValueType) wasmbin.ValueType {
	t := c.popAny()
	if t != want && t != unknown && want != unknown {
		c.fail("an operand is %v, want %v", t, want)
	}
	return t
}

func (c *checker) popAll(types []wasmbin.ValueType) {
	for i := len(types) - 1; i >= 0; i-- {
		c.pop(types[i])
	}
}

// never marks what follows as unreachable.
func (c *checker) never() {
	f := &c.frames[len(c.frames)-1]
	c.stack, f.polymorphic = c.stack[:f.base], true
}

// blockType returns the signature of a construct.
func (c *checker) blockType(a uint64) (params, results []wasmbin.ValueType) {
	switch t := int64(a); t {
	case wasmbin.BlockEmpty:
		return nil, nil
	case wasmbin.BlockI32:
		return nil, []wasmbin.ValueType{wasmbin.I32}
	case wasmbin.BlockI64:
		return nil, []wasmbin.ValueType{wasmbin.I64}
	case wasmbin.BlockF32:
		return nil, []wasmbin.ValueType{wasmbin.F32}
	case wasmbin.BlockF64:
		return nil, []wasmbin.ValueType{wasmbin.F64}
	default:
		return c.m.Types[t].Params, c.m.Types[t].Results
	}
}

func (c *checker) enter(s *step) {
	f := frame{open: int32(len(c.steps) - 1), op: s.Op, dropped: s.dead}
	f.params, f.results = c.blockType(s.A)
	c.popAll(f.params)
	f.base = len(c.stack)
	c.frames = append(c.frames, f)
	c.push(f.params...)
}

// leave closes the innermost construct, or its first arm.
func (c *checker) leave(s *step) frame {
	f := &c.frames[len(c.frames)-1]
	c.popAll(f.results)
	if len(c.stack) != f.base {
		c.fail("%d operands too many at the end of a construct", len(c.stack)-f.base)
	}
	s.open, s.dead = f.open, f.dropped
	return *f
}

func (c *checker) end(s *step) {
	f := c.leave(s)
	if f.op == wasmbin.OpIf && !sameTypes(f.params, f.results) {
		c.fail("if without else changes its operands")
	}
	c.frames = c.frames[:len(c.frames)-1]
	c.push(f.results...)
}

func (c *checker) otherwise(s *step) {
	c.leave(s)
	f := &c.frames[len(c.frames)-1]
	f.op, f.polymorphic = wasmbin.OpElse, false
	c.push(f.params...)
}

// branch notes a branch to the construct l levels out and returns what it carries.
func (c *checker) branch(l uint64, dead bool) []wasmbin.ValueType {
	f := &c.frames[uint64(len(c.frames)-1)-l]
	if f.open >= 0 && !dead {
		c.steps[f.open].target = true
	}
	return f.label()
}

func (c *checker) brTable(s *step) {
	c.pop(wasmbin.I32)
	labels := c.m.Labels(&s.Instr)
	last := c.branch(uint64(labels[len(labels)-1]), s.dead)
	for _, l := range labels[:len(labels)-1] {
		t := c.branch(uint64(l), s.dead)
		if len(t) != len(last) {
			c.fail("labels of one br_table carry %d and %d operands", len(t), len(last))
			return
		}
		had := make([]wasmbin.ValueType, len(t))
		for i := len(t) - 1; i >= 0; i-- {
			had[i] = c.pop(t[i])
		}
		c.push(had...)
	}
	c.popAll(last)
	c.never()
}

func sameTypes(a, b []wasmbin.ValueType) bool {
	return wasmbin.FuncType{Params: a}.Equal(wasmbin.FuncType{Params: b})
}
