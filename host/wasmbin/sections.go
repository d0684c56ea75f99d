package wasmbin

// pageSize is the size of a memory page in bytes.
const pageSize = 64 << 10

func (r *reader) types() {
	n := r.count(3, r.p.Limits.Types, RuleTypes)
	r.m.Types = make([]FuncType, 0, n)
	for range n {
		at := r.at
		if form := r.u8(); r.err == nil && form != 0x60 {
			r.reject(RuleForm, at, "type form 0x%02x is not a function type", form)
		}
		t := FuncType{r.valueTypes(r.p.Limits.Params, RuleParams), r.valueTypes(r.p.Limits.Results, RuleResults)}
		if r.err != nil {
			return
		}
		r.m.Types = append(r.m.Types, t)
	}
}

func (r *reader) valueTypes(limit uint32, rule Rule) []ValueType {
	n := r.count(1, limit, rule)
	v := make([]ValueType, n)
	for i := range v {
		v[i] = r.valueType()
	}
	return v
}

func (r *reader) typeIndex() uint32 {
	at, t := r.at, r.u32()
	if r.err == nil && t >= uint32(len(r.m.Types)) {
		r.reject(RuleIndex, at, "type %d of %d", t, len(r.m.Types))
	}
	return t
}

func (r *reader) imports() {
	n := r.count(4, r.p.Limits.Imports, RuleImports)
	r.m.Imports = make([]Import, 0, n)
	for range n {
		at := r.at
		im := Import{Module: r.name(), Name: r.name()}
		if kind := r.u8(); r.err == nil && kind != ExportFunc {
			r.reject(RuleImport, at, "%q %q is not a function; memories, tables and globals are not imported", im.Module, im.Name)
		}
		im.Type = r.typeIndex()
		if r.err == nil && !r.allowed(&im) {
			r.reject(RuleImport, at, "%q %q is not a function of the ABI, or has another type there", im.Module, im.Name)
		}
		if r.err != nil {
			return
		}
		r.m.Imports = append(r.m.Imports, im)
	}
}

func (r *reader) allowed(im *Import) bool {
	for _, f := range r.p.Imports {
		if f.Name == im.Name {
			return im.Module == r.p.ImportModule && f.Type.Equal(r.m.Types[im.Type])
		}
	}
	return false
}

func (r *reader) functions() {
	n := r.count(1, r.p.Limits.Functions, RuleFunctions)
	r.m.Funcs = make([]uint32, n)
	for i := range r.m.Funcs {
		r.m.Funcs[i] = r.typeIndex()
	}
}

func (r *reader) table() {
	at := r.at
	if r.count(3, 1, RuleTable) == 0 {
		return
	}
	form, flag := r.u8(), r.u8()
	if r.err == nil && form != 0x70 {
		r.reject(RuleTable, at, "table of type 0x%02x is not of functions", form)
	}
	if r.err == nil && flag != 1 {
		r.reject(RuleTable, at, "table without a maximum, or not of the first version")
	}
	lo, hi := r.u32(), r.u32()
	if r.err == nil && (lo != hi || lo > r.p.Limits.TableEntries) {
		r.reject(RuleTable, at, "table of %d to %d entries; want a fixed number up to %d", lo, hi, r.p.Limits.TableEntries)
	}
	r.m.Table, r.m.HasTable = lo, true
}

func (r *reader) memory() {
	at := r.at
	if r.count(2, 1, RuleMemory) == 0 {
		return
	}
	switch flag := r.u8(); {
	case r.err != nil:
	case flag == 0:
		r.reject(RuleMemoryMax, at, "memory without a maximum; link with one")
	case flag != 1:
		r.reject(RuleMemory, at, "memory flags 0x%02x: shared, 64-bit or of another page size", flag)
	}
	mem := Memory{Min: r.u32(), Max: r.u32()}
	switch {
	case r.err != nil:
	case mem.Max > r.p.Limits.MemoryPages:
		r.reject(RuleMemoryMax, at, "memory of up to %d pages, the limit is %d", mem.Max, r.p.Limits.MemoryPages)
	case mem.Min > mem.Max || mem.Max == 0:
		r.reject(RuleMemory, at, "memory of %d to %d pages", mem.Min, mem.Max)
	}
	r.m.Memory = mem
}

// constant reads an initializer: one constant of the type, and end.
func (r *reader) constant(t ValueType) int64 {
	at, op := r.at, Opcode(r.u8())
	var v int64
	switch {
	case op == OpI32Const && t == I32:
		v = r.signed(32)
	case op == OpI64Const && t == I64:
		v = r.signed(64)
	case op == opF32Const && t == F32:
		v = int64(r.fixed(4))
	case op == opF64Const && t == F64:
		v = int64(r.fixed(8))
	default:
		r.reject(RuleInitExpr, at, "initializer is not one %s constant", t)
	}
	if end := r.u8(); r.err == nil && Opcode(end) != OpEnd {
		r.reject(RuleInitExpr, at, "initializer is not one %s constant", t)
	}
	return v
}

func (r *reader) globals() {
	n := r.count(5, r.p.Limits.Globals, RuleGlobals)
	r.m.Globals = make([]Global, 0, n)
	for range n {
		at := r.at
		t, mut := r.valueType(), r.u8()
		if r.err == nil && mut > 1 {
			r.reject(RuleForm, at, "mutability 0x%02x", mut)
		}
		if r.err != nil {
			return
		}
		r.m.Globals = append(r.m.Globals, Global{t, mut == 1, r.constant(t)})
	}
}

func (r *reader) elems() {
	n := r.count(5, r.p.Limits.ElemSegments, RuleElem)
	for range n {
		at := r.at
		if flag := r.u32(); r.err == nil && (flag != 0 || !r.m.HasTable) {
			r.reject(RuleElem, at, "segment of form %d; want active, for the one table", flag)
			return
		}
		e := Elem{Offset: uint32(r.constant(I32))}
		e.Count = uint32(r.count(1, ^uint32(0), RuleElem))
		if r.err == nil && uint64(e.Offset)+uint64(e.Count) > uint64(r.m.Table) {
			r.reject(RuleElemBounds, at, "entries %d+%d of a table of %d", e.Offset, e.Count, r.m.Table)
		}
		for range e.Count {
			at, f := r.at, r.u32()
			if _, ok := r.m.FuncType(f); r.err == nil && !ok {
				r.reject(RuleIndex, at, "function %d", f)
			}
		}
		if r.err != nil {
			return
		}
		e.Range = Range{at, r.at}
		r.m.Elems = append(r.m.Elems, e)
	}
}

func (r *reader) codes() {
	at := r.at
	n := r.count(3, r.p.Limits.Functions, RuleFunctions)
	if r.err == nil && n != len(r.m.Funcs) {
		r.reject(RuleFuncCode, at, "%d functions and %d bodies", len(r.m.Funcs), n)
	}
	if r.err != nil {
		return
	}
	r.m.Bodies = make([]Body, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		r.body(i)
	}
}

func (r *reader) datas() {
	n := r.count(5, r.p.Limits.DataSegments, RuleData)
	r.m.Data = make([]Data, 0, n)
	room := uint64(r.m.Memory.Min) * pageSize
	total := uint64(0)
	for range n {
		at := r.at
		if flag := r.u32(); r.err == nil && (flag != 0 || r.m.Memory.Max == 0) {
			r.reject(RuleData, at, "segment of form %d; want active, for the one memory", flag)
			return
		}
		d := Data{Offset: uint32(r.constant(I32))}
		size := r.count(1, ^uint32(0), RuleData)
		total += uint64(size)
		if r.err == nil && (uint64(d.Offset)+uint64(size) > room || total > room) {
			r.reject(RuleDataBounds, at, "bytes %d+%d, %d in all, of an initial memory of %d", d.Offset, size, total, room)
		}
		if r.err != nil {
			return
		}
		d.Range = Range{r.at, r.at + size}
		r.at += size
		r.m.Data = append(r.m.Data, d)
	}
}
