package meter

import "github.com/animicaorg/engine/host/wasmbin"

// bodyWriter writes one body.
type bodyWriter struct {
	*rewriter
	b         []byte
	charges   []int64
	blocks    int64  // metered blocks that are not free
	nesting   uint32 // constructs of the original that are open
	fuelLocal uint32
	i32       uint32 // scratch
	f32, f64  uint32
}

// Block types of the binary format, one byte each.
const blockVoid = 0x40

func (w *bodyWriter) op(op wasmbin.Opcode) { w.b = wasmbin.AppendOp(w.b, op) }

func (w *bodyWriter) index(op wasmbin.Opcode, i uint32) {
	w.b = wasmbin.AppendUnsigned(wasmbin.AppendOp(w.b, op), uint64(i))
}

func (w *bodyWriter) i32Const(v int32) {
	w.b = wasmbin.AppendSigned(append(w.b, byte(wasmbin.OpI32Const)), int64(v))
}

func (w *bodyWriter) i64Const(v int64) {
	w.b = wasmbin.AppendSigned(append(w.b, byte(wasmbin.OpI64Const)), v)
}

func (w *bodyWriter) open(op wasmbin.Opcode, blockType byte) {
	w.b = append(wasmbin.AppendOp(w.b, op), blockType)
}

// function writes the whole body:
//
//	pay depth
//	block            ;; a branch here means: out of fuel
//	  block results  ;; the function's own label
//	    the original
//	  end
//	  give depth back, store fuel
//	  return
//	end
//	fuel = -1, unreachable
func (w *bodyWriter) function(weight int64, results []wasmbin.ValueType) {
	c := &w.check
	w.enter(int32(weight), c.calls)
	w.open(wasmbin.OpBlock, blockVoid)
	w.op(wasmbin.OpBlock)
	switch len(results) {
	case 0:
		w.b = append(w.b, blockVoid)
	case 1:
		w.b = append(w.b, byte(results[0]))
	default:
		w.b = wasmbin.AppendSigned(w.b, int64(w.typeIndex(wasmbin.FuncType{Results: results})))
	}
	if w.charges[0] == 0 {
		w.load()
	}
	for i := range c.steps {
		w.step(i)
	}
	w.spill()
	if c.calls {
		w.index(wasmbin.OpGlobalGet, w.depth)
		w.i32Const(int32(weight))
		w.op(opI32Add)
		w.index(wasmbin.OpGlobalSet, w.depth)
	}
	w.op(wasmbin.OpReturn)
	w.op(wasmbin.OpEnd)
	w.exhausted()
	w.op(wasmbin.OpEnd)
}

// enter pays for the frame. A function that calls nothing only compares.
func (w *bodyWriter) enter(weight int32, calls bool) {
	w.index(wasmbin.OpGlobalGet, w.depth)
	w.i32Const(weight)
	if !calls {
		w.op(opI32LtS)
		w.open(wasmbin.OpIf, blockVoid)
		w.i32Const(-1)
		w.index(wasmbin.OpGlobalSet, w.depth)
	} else {
		w.op(opI32Sub)
		w.index(wasmbin.OpLocalTee, w.i32)
		w.index(wasmbin.OpGlobalSet, w.depth)
		w.index(wasmbin.OpLocalGet, w.i32)
		w.i32Const(0)
		w.op(opI32LtS)
		w.open(wasmbin.OpIf, blockVoid)
	}
	w.op(wasmbin.OpUnreachable)
	w.op(wasmbin.OpEnd)
}

func (w *bodyWriter) load() {
	w.index(wasmbin.OpGlobalGet, w.fuel)
	w.index(opLocalSet, w.fuelLocal)
}

func (w *bodyWriter) spill() {
	w.index(wasmbin.OpLocalGet, w.fuelLocal)
	w.index(wasmbin.OpGlobalSet, w.fuel)
}

func (w *bodyWriter) exhausted() {
	w.i64Const(fuelOut)
	w.index(wasmbin.OpGlobalSet, w.fuel)
	w.op(wasmbin.OpUnreachable)
}

// pay subtracts the operand above the fuel that is on the stack below it, and
// looks at the rest. Blocks that no function and no named loop begins with only
// subtract: what follows is short, and looks.
func (w *bodyWriter) pay() {
	w.op(opI64Sub)
	w.index(wasmbin.OpLocalTee, w.fuelLocal)
	w.i64Const(0)
	w.op(opI64LtS)
	w.index(wasmbin.OpBrIf, w.nesting+1)
}

func (w *bodyWriter) step(i int) {
	s := &w.check.steps[i]
	if s.dead {
		return
	}
	if cost := w.charges[i]; cost > 0 {
		if i == 0 {
			w.index(wasmbin.OpGlobalGet, w.fuel)
		} else {
			w.index(wasmbin.OpLocalGet, w.fuelLocal)
		}
		w.i64Const(cost)
		if i == 0 || w.check.steps[i-1].Op == wasmbin.OpLoop {
			w.pay()
		} else {
			w.op(opI64Sub)
			w.index(opLocalSet, w.fuelLocal)
		}
	}
	switch s.Op {
	case opNop:
		return
	case wasmbin.OpBlock, wasmbin.OpLoop, wasmbin.OpIf:
		w.nesting++
	case wasmbin.OpEnd:
		w.nesting--
	case wasmbin.OpReturn:
		w.index(wasmbin.OpBr, w.nesting)
		return
	case wasmbin.OpBrIf:
		if s.bare && (s.again || w.blocks <= fewBlocks) {
			w.branchIf(uint32(s.A))
			return
		}
	case wasmbin.OpCall:
		w.call(func() { w.index(wasmbin.OpCall, w.callee(uint32(s.A))) })
		return
	case wasmbin.OpCallIndirect:
		w.call(func() { w.copy(s) })
		return
	case wasmbin.OpMemoryGrow:
		w.call(func() { w.index(wasmbin.OpCall, w.grow) })
		return
	case wasmbin.OpMemoryFill:
		w.bulk(fillShift)
	case wasmbin.OpMemoryCopy:
		w.bulk(copyShift)
	case opF32Store:
		w.storeFloat(&form32, s)
		return
	case opF64Store:
		w.storeFloat(&form64, s)
		return
	case opI32Reinterpret:
		w.canonical(&form32)
		return
	case opI64Reinterpret:
		w.canonical(&form64)
		return
	case opF32Copysign:
		w.copysign(&form32, s)
		return
	case opF64Copysign:
		w.copysign(&form64, s)
		return
	case opSelect:
		switch s.operand {
		case wasmbin.F32:
			w.selectFloat(&form32)
			return
		case wasmbin.F64:
			w.selectFloat(&form64)
			return
		}
	}
	w.copy(s)
}

// fewBlocks is how many metered blocks a function may have whose every br_if is
// written as an if; with more, only branches to loops are. Thousands of ifs take
// wazero's compiler several times as long as thousands of br_ifs.
const fewBlocks = 32

// branchIf writes a br_if as an if around a br. wazero 1.12 joins a comparison
// with the jump that tests it, but not where the jump is a br_if to a place that
// is reached from elsewhere too, as the head of a loop is: there it makes a number
// of the comparison and tests that. In a loop this saves about what fuel costs.
func (w *bodyWriter) branchIf(label uint32) {
	w.open(wasmbin.OpIf, blockVoid)
	w.index(wasmbin.OpBr, label+1)
	w.op(wasmbin.OpEnd)
}

func (w *bodyWriter) copy(s *step) { w.b = append(w.b, w.in.Bytes[s.Start:s.End]...) }

// call writes a call: the callee works on the global.
func (w *bodyWriter) call(write func()) {
	w.spill()
	write()
	w.load()
}

// bulk pays for the length on top of the stack.
func (w *bodyWriter) bulk(shift int64) {
	w.index(opLocalSet, w.i32)
	w.index(wasmbin.OpLocalGet, w.fuelLocal)
	w.length(w.i32, shift)
	w.pay()
	w.index(wasmbin.OpLocalGet, w.i32)
}

// length pushes a length divided by 2^shift, rounded up.
func (w *bodyWriter) length(local uint32, shift int64) {
	w.index(wasmbin.OpLocalGet, local)
	w.op(opI64ExtendI32U)
	if shift > 0 {
		w.i64Const(1<<shift - 1)
		w.op(opI64Add)
		w.i64Const(shift)
		w.op(opI64ShrU)
	}
}
