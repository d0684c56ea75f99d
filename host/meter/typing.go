package meter

import "github.com/animicaorg/engine/host/wasmbin"

// step types one instruction.
func (c *checker) step(s *step) {
	switch s.Op {
	case wasmbin.OpUnreachable:
		c.never()
	case wasmbin.OpIf:
		c.pop(wasmbin.I32)
		c.enter(s)
	case wasmbin.OpBlock, wasmbin.OpLoop:
		c.enter(s)
	case wasmbin.OpElse:
		c.otherwise(s)
	case wasmbin.OpEnd:
		c.end(s)
	case wasmbin.OpBr:
		c.popAll(c.branch(s.A, s.dead))
		c.never()
	case wasmbin.OpBrIf:
		c.pop(wasmbin.I32)
		t := c.branch(s.A, s.dead)
		s.bare = len(t) == 0
		s.again = c.frames[uint64(len(c.frames)-1)-s.A].op == wasmbin.OpLoop
		c.popAll(t)
		c.push(t...)
	case wasmbin.OpBrTable:
		c.brTable(s)
	case wasmbin.OpReturn:
		c.popAll(c.frames[0].results)
		c.never()
	case wasmbin.OpCall:
		t, _ := c.m.FuncType(uint32(s.A))
		c.call(s, t)
	case wasmbin.OpCallIndirect:
		c.pop(wasmbin.I32)
		c.call(s, c.m.Types[s.B])
	case opDrop:
		c.popAny()
	case opSelect:
		c.pop(wasmbin.I32)
		t := c.popAny()
		if u := c.pop(t); t == unknown {
			t = u
		}
		s.operand = t
		c.push(t)
		c.note(s)
	case wasmbin.OpLocalGet:
		c.push(c.locals[s.A])
	case opLocalSet:
		c.pop(c.locals[s.A])
	case wasmbin.OpLocalTee:
		c.pop(c.locals[s.A])
		c.push(c.locals[s.A])
	case wasmbin.OpGlobalGet:
		c.push(c.m.Globals[s.A].Type)
	case wasmbin.OpGlobalSet:
		c.pop(c.m.Globals[s.A].Type)
	default:
		o := opOf(s.Op)
		c.popAll(o.params)
		c.push(o.results...)
		c.note(s)
	}
}

func (c *checker) call(s *step, t wasmbin.FuncType) {
	c.popAll(t.Params)
	c.push(t.Results...)
	c.calls = c.calls || !s.dead
}

// note remembers which scratch locals the rewriter will need.
func (c *checker) note(s *step) {
	if s.dead {
		return
	}
	switch s.Op {
	case wasmbin.OpMemoryCopy, wasmbin.OpMemoryFill:
		c.bulk = true
	case opF32Store, opI32Reinterpret, opF32Copysign:
		c.f32s = true
	case opF64Store, opI64Reinterpret, opF64Copysign:
		c.f64 = true
	case opSelect:
		float := s.operand == wasmbin.F32 || s.operand == wasmbin.F64
		c.f32s, c.f64, c.choice = c.f32s || s.operand == wasmbin.F32, c.f64 || s.operand == wasmbin.F64, c.choice || float
	}
}
