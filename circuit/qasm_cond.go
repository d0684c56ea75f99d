package circuit

import (
	"slices"
)

// runtime reports whether an expression reads a measured bit.
func (e *elab) runtime(x *expr) bool {
	if x == nil {
		return false
	}
	if x.kind == xIdent || x.kind == xIndex {
		if sym := e.lookup(x.text); sym != nil && sym.kind == symBits {
			ids, err := e.bitsOf(x)
			return err == nil && slices.ContainsFunc(ids, func(id int32) bool { return e.bits[id].assigned < 0 })
		}
	}
	if e.runtime(x.x) || e.runtime(x.y) || e.runtime(x.z) {
		return true
	}
	return slices.ContainsFunc(x.list, e.runtime)
}

// conditions turns an expression on measured bits into alternatives.
func (e *elab) conditions(x *expr) (conds, error) {
	if err := e.step(1); err != nil {
		return nil, err
	}
	if !e.runtime(x) {
		v, err := e.eval(x)
		if err != nil || !v.bool() {
			return nil, err
		}
		return always(), nil
	}
	switch {
	case x.kind == xUnary && (x.op == tBang || x.op == tTilde && e.oneBit(x.x)):
		d, err := e.conditions(x.x)
		if err != nil {
			return nil, err
		}
		return e.not(d, x)
	case x.kind == xBinary && (x.op == tAnd || x.op == tOr || (x.op == tAmp || x.op == tPipe || x.op == tCaret) && e.oneBit(x.x) && e.oneBit(x.y)):
		return e.connective(x)
	case x.kind == xBinary && precedence[x.op] >= precedence[tEq] && precedence[x.op] <= precedence[tLt]:
		return e.comparison(x)
	}
	if ids, err := e.pattern(x); err == nil { // a bit, or a register that is not zero
		return conds(nil).add(e.differs(ids, 0)), nil
	}
	return nil, e.notComparable(x)
}

func (e *elab) notComparable(x *expr) error {
	return asError(e.fault(x, CodeRuntimeValue, "conditions on measured bits are comparisons of a register with a constant, single bits, and ! && || of those")).
		hint("compute the rest behind the run")
}

// oneBit reports whether an expression is a single bit or a truth value.
func (e *elab) oneBit(x *expr) bool {
	switch x.kind {
	case xBool:
		return true
	case xIdent, xIndex:
		ids, err := e.bitsOf(x)
		if err != nil {
			sym := e.lookup(x.text)
			return sym != nil && sym.kind == symValue && sym.val.kind == vBool
		}
		return len(ids) == 1
	case xCast:
		return x.typ.name == "bool" || x.typ.name == "bit" && x.typ.width == nil
	case xUnary:
		return x.op == tBang || x.op == tTilde && e.oneBit(x.x)
	case xBinary:
		p := precedence[x.op]
		return p <= precedence[tAnd] || p == precedence[tEq] || p == precedence[tLt] || p <= precedence[tAmp] && e.oneBit(x.x) && e.oneBit(x.y)
	}
	return false
}

// pattern resolves a register of measured bits, through casts that keep its
// bits.
func (e *elab) pattern(x *expr) ([]int32, error) {
	for x.kind == xCast && x.typ.name != "float" {
		if x.typ.name == "bool" {
			ids, err := e.pattern(x.x)
			if err == nil && len(ids) != 1 {
				err = e.notComparable(x)
			}
			return ids, err
		}
		if x.typ.width != nil {
			ids, err := e.pattern(x.x)
			if err != nil {
				return nil, err
			}
			t, err := e.valType(x.typ)
			if err == nil && t.width < len(ids) {
				err = e.fault(x, CodeSizeMismatch, "%d bits do not fit %s[%d]", len(ids), x.typ.name, t.width)
			}
			return ids, err
		}
		x = x.x
	}
	ids, err := e.bitsOf(x)
	if err == nil && len(ids) > MaxTermBits {
		err = e.fault(x, CodeRuntimeValue, "%d bits in one comparison; the limit is %d", len(ids), MaxTermBits)
	}
	return ids, err
}

// comparison covers == != < <= > >= between a register and a constant.
func (e *elab) comparison(x *expr) (conds, error) {
	op, left, right := x.op, x.x, x.y
	if !e.runtime(left) {
		left, right = right, left
		op = map[tokKind]tokKind{tEq: tEq, tNe: tNe, tLt: tGt, tLe: tGe, tGt: tLt, tGe: tLe}[op]
	}
	if e.runtime(right) {
		return nil, e.notComparable(x)
	}
	v, err := e.eval(right)
	if err != nil {
		return nil, err
	}
	ids, err := e.pattern(left)
	if err != nil {
		if !e.oneBit(left) || v.isFloat() || op != tEq && op != tNe {
			return nil, e.notComparable(x)
		}
		d, err := e.conditions(left) // (a && b) == true
		if err != nil || v.bool() == (op == tEq) {
			return d, err
		}
		return e.not(d, x)
	}
	if v.isFloat() {
		return nil, e.fault(right, CodeType, "bits compare with integers and bit strings")
	}
	n, fits := len(ids), true
	if i, ok := v.int(); ok && i < 0 { // a negative number stands for its bit pattern
		fits = n == 64 || i >= -1<<(n-1)
		v.i &= 1<<n - 1
	} else {
		fits = n == 64 || v.i>>n == 0
	}
	switch {
	case op == tEq && !fits:
		return nil, nil
	case op == tNe && !fits:
		return always(), nil
	case op == tEq:
		return conds(nil).add(e.equals(ids, v.i)), nil
	case op == tNe:
		return conds(nil).add(e.differs(ids, v.i)), nil
	}
	return e.ordered(x, op, ids, v)
}

// ordered lists the patterns that satisfy an inequality, or those that do not.
func (e *elab) ordered(x *expr, op tokKind, ids []int32, v value) (conds, error) {
	limit, ok := v.int()
	if !ok || len(ids) > 20 {
		return nil, e.notComparable(x)
	}
	var yes, no []uint64
	for k := range uint64(1) << len(ids) {
		if r, _ := compare(op, int64(k) < limit, int64(k) == limit); r {
			yes = append(yes, k)
		} else {
			no = append(no, k)
		}
	}
	if err := e.step(1 << len(ids)); err != nil {
		return nil, err
	}
	if len(yes) <= maxAlternatives {
		var d conds
		for _, k := range yes {
			d = d.add(e.equals(ids, k))
		}
		return d, nil
	}
	if len(no) > maxAlternatives {
		return nil, e.notComparable(x)
	}
	d := always()
	for _, k := range no {
		d = d.and(conds(nil).add(e.differs(ids, k)))
	}
	return d, nil
}

// equals is the condition that bits have a value; ok is false when bits known
// by assignment contradict it.
func (e *elab) equals(ids []int32, v uint64) (terms []CondTerm, ok bool) {
	t := CondTerm{}
	for k, id := range ids {
		b, bit := e.bits[id], v>>k&1
		if b.assigned >= 0 {
			if uint64(b.assigned) != bit {
				return nil, false
			}
			continue
		}
		t.Value |= bit << len(t.Bits)
		t.Bits = append(t.Bits, uint32(b.clbit))
	}
	if len(t.Bits) == 0 {
		return nil, true
	}
	return []CondTerm{t}, true
}

func (e *elab) differs(ids []int32, v uint64) (terms []CondTerm, ok bool) {
	terms, ok = e.equals(ids, v)
	switch {
	case !ok:
		return nil, true
	case len(terms) == 0:
		return nil, false
	}
	return []CondTerm{negateTerm(terms[0])}, true
}

// connective covers && || & | ^.
func (e *elab) connective(x *expr) (conds, error) {
	a, err := e.conditions(x.x)
	if err != nil {
		return nil, err
	}
	b, err := e.conditions(x.y)
	if err != nil {
		return nil, err
	}
	var out conds
	switch x.op {
	case tAnd, tAmp:
		out = a.and(b)
	default:
		notA, err := e.not(a, x)
		if err != nil {
			return nil, err
		}
		if x.op != tCaret {
			out = append(slices.Clone(a), notA.and(b)...)
			break
		}
		notB, err := e.not(b, x)
		if err != nil {
			return nil, err
		}
		out = append(a.and(notB), notA.and(b)...)
	}
	if len(out) > maxAlternatives {
		return nil, e.tooMany(x)
	}
	return out, nil
}
