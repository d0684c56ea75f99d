package meter

import "github.com/animicaorg/engine/host/wasmbin"

// floatForm is how the bits of one float type are handled as an integer.
type floatForm struct {
	bits, float wasmbin.Opcode // reinterpretations: to the integer, and back
	store       wasmbin.Opcode // of the integer
	eq          wasmbin.Opcode
	nan         func(w *bodyWriter)
	scratch     func(w *bodyWriter) uint32
}

// The canonical NaNs of WebAssembly Core 2.0 §2.2.3, positive.
var (
	form32 = floatForm{opI32Reinterpret, opF32Reinterpret, opI32Store, opF32Eq,
		func(w *bodyWriter) { w.i32Const(0x7fc00000) }, func(w *bodyWriter) uint32 { return w.f32 }}
	form64 = floatForm{opI64Reinterpret, opF64Reinterpret, opI64Store, opF64Eq,
		func(w *bodyWriter) { w.i64Const(0x7ff8000000000000) }, func(w *bodyWriter) uint32 { return w.f64 }}
)

// canonical replaces the float on top of the stack by its bits, those of the
// canonical NaN where it is one: x stays if x equals itself.
func (w *bodyWriter) canonical(f *floatForm) {
	x := f.scratch(w)
	w.index(wasmbin.OpLocalTee, x)
	w.op(f.bits)
	f.nan(w)
	w.index(wasmbin.OpLocalGet, x)
	w.index(wasmbin.OpLocalGet, x)
	w.op(f.eq)
	w.op(opSelect)
}

// storeFloat stores the canonical bits of a float.
func (w *bodyWriter) storeFloat(f *floatForm, s *step) {
	w.canonical(f)
	w.op(f.store)
	w.b = append(w.b, w.in.Bytes[s.Start+1:s.End]...) // alignment and offset are those of the float
}

// copysign takes its sign from canonical bits.
func (w *bodyWriter) copysign(f *floatForm, s *step) {
	w.canonical(f)
	w.op(f.float)
	w.copy(s)
}

// selectFloat chooses between the bits of two floats. wazero 1.12's compiler for
// amd64 may lose the second of two floats when registers are short (its issue
// 2534); of integers it does not. A float that is moved as an integer keeps its
// bits, NaNs too.
func (w *bodyWriter) selectFloat(f *floatForm) {
	y := f.scratch(w)
	w.index(opLocalSet, w.i32)
	w.index(opLocalSet, y)
	w.op(f.bits)
	w.index(wasmbin.OpLocalGet, y)
	w.op(f.bits)
	w.index(wasmbin.OpLocalGet, w.i32)
	w.op(opSelect)
	w.op(f.float)
}
