package circuit

// indices evaluates what stands in [ ] against a register of the given size;
// single is true for one plain index.
func (e *elab) indices(x *expr, size int) (idx []int, single bool, err error) {
	at := func(n int64, pos *expr) (int, error) {
		if n < 0 {
			n += int64(size) // counted from the end
		}
		if n < 0 || n >= int64(size) {
			return 0, e.fault(pos, CodeIndexRange, "index outside of a register of size %d", size)
		}
		return int(n), nil
	}
	one := func(x *expr) error {
		n, err := e.integer(x)
		if err != nil {
			return err
		}
		i, err := at(n, x)
		idx = append(idx, i)
		return err
	}
	switch x.kind {
	case xRange:
		idx, err = e.rangeIndices(x, size, at)
	case xSet:
		for _, y := range x.list {
			if err := one(y); err != nil {
				return nil, false, err
			}
		}
	default:
		err = one(x)
		return idx, true, err
	}
	return idx, false, err
}

func (e *elab) rangeIndices(x *expr, size int, at func(int64, *expr) (int, error)) ([]int, error) {
	step := int64(1)
	var err error
	if x.z != nil {
		if step, err = e.integer(x.z); err != nil {
			return nil, err
		}
		if step == 0 {
			return nil, e.fault(x.z, CodeIndexRange, "a range does not step by 0")
		}
	}
	from, to := 0, size-1
	if step < 0 {
		from, to = size-1, 0
	}
	for _, end := range []struct {
		x *expr
		p *int
	}{{x.x, &from}, {x.y, &to}} {
		if end.x == nil {
			continue
		}
		n, err := e.integer(end.x)
		if err != nil {
			return nil, err
		}
		if *end.p, err = at(n, end.x); err != nil {
			return nil, err
		}
	}
	var idx []int
	if step > int64(size) || step < -int64(size) {
		step = int64(size) * (step / max(step, -step))
	}
	for i := from; step > 0 && i <= to || step < 0 && i >= to; i += int(step) {
		idx = append(idx, i)
	}
	if len(idx) == 0 {
		return nil, e.fault(x, CodeIndexRange, "an empty range")
	}
	return idx, nil
}

// register finds the symbol of an operand through a one-entry cache.
func (e *elab) register(x *expr) *symbol {
	if c := e.cached[1]; c != nil && c.name == x.text {
		return c
	}
	sym := e.lookup(x.text)
	e.cached[1] = sym
	return sym
}

// qubitsOf resolves a quantum operand; single is true for one qubit that is
// not a register.
func (e *elab) qubitsOf(x *expr, buf []uint16) (list []uint16, single bool, err error) {
	switch x.kind {
	case xHardware:
		q, err := e.physicalQubit(x)
		return append(buf, q), true, err
	case xIdent, xIndex:
	default:
		return nil, false, e.fault(x, CodeType, "a qubit wanted")
	}
	sym := e.register(x)
	if sym == nil {
		return nil, false, e.fault(x, CodeUnknownName, "%q is not defined here", clipText(x.text, 40))
	}
	if sym.kind != symQubits {
		return nil, false, e.fault(x, CodeType, "%q is not a qubit", x.text)
	}
	if x.kind == xIdent {
		return append(buf, sym.qubits...), sym.single, nil
	}
	if i := x.x; i.kind == xInt && i.i < uint64(len(sym.qubits)) {
		return append(buf, sym.qubits[i.i]), true, nil
	}
	idx, single, err := e.indices(x.x, len(sym.qubits))
	if err != nil {
		return nil, false, err
	}
	for _, i := range idx {
		buf = append(buf, sym.qubits[i])
	}
	return buf, single, nil
}

func (e *elab) physicalQubit(x *expr) (uint16, error) {
	if e.declared {
		return 0, e.fault(x, CodeMixedQubits, "physical qubits beside declared qubits")
	}
	if x.i >= uint64(e.limits.Qubits) {
		return 0, e.fault(x, CodeLimitQubits, "physical qubit $%d; the limit is %d qubits", x.i, e.limits.Qubits)
	}
	e.physical = true
	e.c.Qubits = max(e.c.Qubits, int(x.i)+1)
	return uint16(x.i), nil
}

// bitsOf resolves a classical bit operand.
func (e *elab) bitsOf(x *expr) ([]int32, error) {
	if x.kind != xIdent && x.kind != xIndex {
		return nil, e.fault(x, CodeType, "a bit wanted")
	}
	sym := e.lookup(x.text)
	if sym == nil {
		return nil, e.fault(x, CodeUnknownName, "%q is not defined here", clipText(x.text, 40))
	}
	if sym.kind == symValue {
		return nil, e.fault(x, CodeRuntimeValue, "%q is not a bit, and measurement results are kept in bits only", x.text)
	}
	if sym.kind != symBits {
		return nil, e.fault(x, CodeType, "%q is not a bit", x.text)
	}
	if x.kind == xIdent {
		return sym.bits, nil
	}
	idx, _, err := e.indices(x.x, len(sym.bits))
	if err != nil {
		return nil, err
	}
	out := make([]int32, len(idx))
	for k, i := range idx {
		out[k] = sym.bits[i]
	}
	return out, nil
}
