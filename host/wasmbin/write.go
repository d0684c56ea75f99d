package wasmbin

// AppendUnsigned appends the shortest unsigned LEB128 of v.
func AppendUnsigned(b []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// AppendSigned appends the shortest signed LEB128 of v.
func AppendSigned(b []byte, v int64) []byte {
	for {
		x := byte(v & 0x7f)
		v >>= 7
		if v == 0 && x&0x40 == 0 || v == -1 && x&0x40 != 0 {
			return append(b, x)
		}
		b = append(b, x|0x80)
	}
}

// AppendOp appends an opcode without its immediates.
func AppendOp(b []byte, op Opcode) []byte {
	if op>>8 == 0xfc {
		return AppendUnsigned(append(b, 0xfc), uint64(op&0xff))
	}
	return append(b, byte(op))
}

// AppendLocals appends the declaration of a body's locals, equal neighbours in
// one run.
func AppendLocals(b []byte, locals []ValueType) []byte {
	var runs []byte
	n := uint64(0)
	for i := 0; i < len(locals); n++ {
		j := i
		for j < len(locals) && locals[j] == locals[i] {
			j++
		}
		runs = append(AppendUnsigned(runs, uint64(j-i)), byte(locals[i]))
		i = j
	}
	return append(AppendUnsigned(b, n), runs...)
}

// LocalTypes returns the declared locals of a body of an accepted module,
// without the parameters.
func (m *Module) LocalTypes(f *Body) []ValueType {
	c := &cursor{b: m.Bytes, at: f.Start, end: f.Code, floats: true}
	types := make([]ValueType, 0, f.Locals)
	for range c.u32() {
		n, t := c.u32(), c.valueType()
		for range n {
			types = append(types, t)
		}
	}
	return types
}

// Functions returns the function indexes of an element segment of an accepted
// module.
func (m *Module) Functions(e *Elem) []uint32 {
	c := &cursor{b: m.Bytes, at: e.Start, end: e.End}
	c.u32() // form
	c.u8()  // i32.const
	c.signed(32)
	c.u8() // end
	funcs := make([]uint32, c.u32())
	for i := range funcs {
		funcs[i] = c.u32()
	}
	return funcs
}

// Labels returns the labels of a br_table of an accepted module, the default
// last.
func (m *Module) Labels(in *Instr) []uint32 {
	c := &cursor{b: m.Bytes, at: in.Start + 1, end: in.End}
	labels := make([]uint32, uint64(c.u32())+1)
	for i := range labels {
		labels[i] = c.u32()
	}
	return labels
}

// Encode writes the module anew: types, imports, functions, memory, globals and
// exports from its fields; bodies as given, each the locals and instructions
// without their size; elems gives the functions of each element segment; table
// and data segments from Bytes. Integers are minimal, sections without items,
// custom sections and the data count are left out. It is the inverse of Read for
// modules that have none of those.
func (m *Module) Encode(bodies [][]byte, elems [][]uint32) []byte {
	e := encoder{out: append(make([]byte, 0, len(m.Bytes)*2), header...)}
	e.section(sectionType, len(m.Types), func(i int) { e.funcType(m.Types[i]) })
	e.section(sectionImport, len(m.Imports), func(i int) {
		im := &m.Imports[i]
		e.name(im.Module)
		e.name(im.Name)
		e.b = append(e.b, ExportFunc)
		e.u(im.Type)
	})
	e.section(sectionFunction, len(m.Funcs), func(i int) { e.u(m.Funcs[i]) })
	if m.HasTable {
		e.section(sectionTable, 1, func(int) {
			e.b = append(e.b, 0x70, 1)
			e.u(m.Table)
			e.u(m.Table)
		})
	}
	e.section(sectionMemory, 1, func(int) {
		e.b = append(e.b, 1)
		e.u(m.Memory.Min)
		e.u(m.Memory.Max)
	})
	e.section(sectionGlobal, len(m.Globals), func(i int) { e.global(&m.Globals[i]) })
	e.section(sectionExport, len(m.Exports), func(i int) {
		e.name(m.Exports[i].Name)
		e.b = append(e.b, m.Exports[i].Kind)
		e.u(m.Exports[i].Index)
	})
	e.section(sectionElem, len(elems), func(i int) { e.elem(m.Elems[i].Offset, elems[i]) })
	e.section(sectionCode, len(bodies), func(i int) {
		e.u(uint32(len(bodies[i])))
		e.b = append(e.b, bodies[i]...)
	})
	e.section(sectionData, len(m.Data), func(i int) {
		d := &m.Data[i]
		e.b = append(e.b, 0)
		e.constant(I32, int64(int32(d.Offset)))
		e.u(uint32(d.End - d.Start))
		e.b = append(e.b, m.Bytes[d.Start:d.End]...)
	})
	return e.out
}

// encoder builds one section in b and appends it to out.
type encoder struct{ out, b []byte }

func (e *encoder) section(id byte, n int, item func(i int)) {
	if n == 0 {
		return
	}
	e.b = e.b[:0]
	e.u(uint32(n))
	for i := range n {
		item(i)
	}
	e.out = append(AppendUnsigned(append(e.out, id), uint64(len(e.b))), e.b...)
}

func (e *encoder) u(v uint32) { e.b = AppendUnsigned(e.b, uint64(v)) }

func (e *encoder) name(s string) {
	e.u(uint32(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) funcType(t FuncType) {
	e.b = append(e.b, 0x60)
	for _, v := range [][]ValueType{t.Params, t.Results} {
		e.u(uint32(len(v)))
		e.b = append(e.b, valueBytes(v)...)
	}
}

func (e *encoder) global(g *Global) {
	mutable := byte(0)
	if g.Mutable {
		mutable = 1
	}
	e.b = append(e.b, byte(g.Type), mutable)
	e.constant(g.Type, g.Init)
}

func (e *encoder) constant(t ValueType, v int64) {
	switch t {
	case I32:
		e.b = AppendSigned(append(e.b, byte(OpI32Const)), v)
	case I64:
		e.b = AppendSigned(append(e.b, byte(OpI64Const)), v)
	case F32:
		e.b = appendFixed(append(e.b, byte(opF32Const)), uint64(v), 4)
	case F64:
		e.b = appendFixed(append(e.b, byte(opF64Const)), uint64(v), 8)
	}
	e.b = append(e.b, byte(OpEnd))
}

func appendFixed(b []byte, v uint64, n int) []byte {
	for i := range n {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func (e *encoder) elem(offset uint32, funcs []uint32) {
	e.b = append(e.b, 0)
	e.constant(I32, int64(int32(offset)))
	e.u(uint32(len(funcs)))
	for _, f := range funcs {
		e.u(f)
	}
}
