package meter

import "github.com/animicaorg/engine/host/wasmbin"

// importBody writes the function that stands for import i: it pays the import's
// price from the global and calls it. It takes no depth; engines have room for
// one frame more.
func (r *rewriter) importBody(i int) []byte {
	im := &r.in.Imports[i]
	p, ok := prices[im.Name]
	params := r.in.Types[im.Type].Params
	if !ok || p.n >= 0 && (p.n >= len(params) || params[p.n] != wasmbin.I32) {
		p = otherImport
	}
	w := &bodyWriter{rewriter: r, fuelLocal: uint32(len(params))}
	w.b = wasmbin.AppendLocals(nil, []wasmbin.ValueType{wasmbin.I64})
	w.settle(func() {
		w.i64Const(p.base)
		if p.n >= 0 {
			w.length(uint32(p.n), p.shift)
			w.op(opI64Add)
		}
	})
	for k := range params {
		w.index(wasmbin.OpLocalGet, uint32(k))
	}
	w.index(wasmbin.OpCall, uint32(i))
	w.op(wasmbin.OpEnd)
	return w.b
}

// settle pays an amount from the global, or ends the call.
func (w *bodyWriter) settle(amount func()) {
	w.index(wasmbin.OpGlobalGet, w.fuel)
	amount()
	w.op(opI64Sub)
	w.index(wasmbin.OpLocalTee, w.fuelLocal)
	w.i64Const(0)
	w.op(opI64LtS)
	w.open(wasmbin.OpIf, blockVoid)
	w.exhausted()
	w.op(wasmbin.OpEnd)
	w.spill()
}

// growBody writes the function that stands for memory.grow: -1 above the
// maximum; else it pays per page and grows. An engine that refuses then is at
// its own end, which no record may show as the guest's.
func (r *rewriter) growBody() []byte {
	const pages = 0 // the parameter
	w := &bodyWriter{rewriter: r, fuelLocal: 1}
	w.b = wasmbin.AppendLocals(nil, []wasmbin.ValueType{wasmbin.I64})
	w.b = append(w.b, byte(wasmbin.OpMemorySize), 0)
	w.op(opI64ExtendI32U)
	w.length(pages, 0)
	w.op(opI64Add)
	w.i64Const(int64(r.out.Memory.Max))
	w.op(opI64GtU)
	w.open(wasmbin.OpIf, blockVoid)
	w.i32Const(-1)
	w.op(wasmbin.OpReturn)
	w.op(wasmbin.OpEnd)
	w.settle(func() {
		w.length(pages, 0)
		w.i64Const(growPage)
		w.op(opI64Mul)
	})
	w.index(wasmbin.OpLocalGet, pages)
	w.b = append(w.b, byte(wasmbin.OpMemoryGrow), 0)
	w.index(wasmbin.OpLocalTee, pages)
	w.i32Const(-1)
	w.op(opI32Eq)
	w.open(wasmbin.OpIf, blockVoid)
	w.i64Const(fuelGrowth)
	w.index(wasmbin.OpGlobalSet, w.fuel)
	w.op(wasmbin.OpUnreachable)
	w.op(wasmbin.OpEnd)
	w.index(wasmbin.OpLocalGet, pages)
	w.op(wasmbin.OpEnd)
	return w.b
}
