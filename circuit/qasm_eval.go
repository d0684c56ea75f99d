package circuit

import (
	"math"
)

// float evaluates an expression as a binary64.
func (e *elab) float(x *expr) (float64, error) {
	switch {
	case x.kind == xFloat:
		return x.f, nil
	case x.kind == xInt:
		return float64(x.i), nil
	case x.kind == xUnary && x.op == tMinus:
		f, err := e.float(x.x)
		return -f, err
	}
	v, err := e.eval(x)
	if err == nil && v.kind == vBits {
		return 0, e.fault(x, CodeType, "a number wanted, not bits")
	}
	return v.float(), err
}

// fault is an error at an expression.
func (e *elab) fault(x *expr, code Code, format string, args ...any) error {
	return newError(e.src, x.pos, code, format, args...)
}

// integer evaluates an expression as an int64.
func (e *elab) integer(x *expr) (int64, error) {
	if x.kind == xInt && x.i <= math.MaxInt64 {
		return int64(x.i), nil
	}
	v, err := e.eval(x)
	if err != nil {
		return 0, err
	}
	n, ok := v.int()
	if !ok {
		return 0, e.fault(x, CodeType, "an integer below 2^63 wanted")
	}
	return n, nil
}

// eval computes a value that is known before the run; measured bits are
// refused.
func (e *elab) eval(x *expr) (value, error) {
	if err := e.step(1); err != nil {
		return value{}, err
	}
	switch x.kind {
	case xInt:
		if x.i > math.MaxInt64 {
			return value{kind: vUint, i: x.i}, nil
		}
		return intValue(int64(x.i)), nil
	case xFloat:
		return floatValue(x.f), nil
	case xBool:
		return boolValue(x.i == 1), nil
	case xBits:
		return e.bitString(x)
	case xIdent, xIndex:
		return e.evalName(x)
	case xUnary:
		return e.evalUnary(x)
	case xBinary:
		return e.evalBinary(x)
	case xCall:
		return e.evalCall(x)
	case xCast:
		return e.evalCast(x)
	}
	return value{}, e.fault(x, CodeType, "this is not a value")
}

func (e *elab) bitString(x *expr) (value, error) {
	if len(x.text) > 64 {
		return value{}, e.fault(x, CodeOverflow, "bit strings hold at most 64 bits")
	}
	v := value{kind: vBits, width: len(x.text)}
	for _, c := range x.text { // the first digit is the highest bit
		v.i = v.i<<1 | uint64(c-'0')
	}
	return v, nil
}

var constants = map[string]float64{
	"pi": math.Pi, "π": math.Pi, "tau": 2 * math.Pi, "τ": 2 * math.Pi, "euler": math.E, "ℇ": math.E,
}

func (e *elab) evalName(x *expr) (value, error) {
	sym := e.lookup(x.text)
	if sym == nil {
		if f, ok := constants[x.text]; ok && x.kind == xIdent {
			return floatValue(f), nil
		}
		return value{}, e.fault(x, CodeUnknownName, "%q is not defined here", clipText(x.text, 40))
	}
	switch sym.kind {
	case symValue:
		if x.kind == xIdent {
			return sym.val, nil
		}
		return e.valueBits(x, sym.val)
	case symBits:
		ids, err := e.bitsOf(x)
		if err != nil {
			return value{}, err
		}
		return e.staticBits(x, ids)
	}
	return value{}, e.fault(x, CodeType, "%q is not a value", x.text)
}

// valueBits reads bits out of an integer or a bit string.
func (e *elab) valueBits(x *expr, v value) (value, error) {
	width := v.width
	if width == 0 {
		width = 64
	}
	if v.isFloat() {
		return value{}, e.fault(x, CodeType, "%q has no bits", x.text)
	}
	idx, single, err := e.indices(x.x, width)
	if err != nil {
		return value{}, err
	}
	if len(idx) > 64 {
		return value{}, e.fault(x, CodeOverflow, "at most 64 bits at a time")
	}
	out := value{kind: vBits, width: len(idx)}
	for k, i := range idx {
		out.i |= v.i >> i & 1 << k
	}
	if single {
		out.width = 1
	}
	return out, nil
}

// staticBits reads bits that were assigned, never measured.
func (e *elab) staticBits(x *expr, ids []int32) (value, error) {
	if len(ids) > 64 {
		return value{}, e.fault(x, CodeOverflow, "at most 64 bits at a time")
	}
	v := value{kind: vBits, width: len(ids)}
	for k, id := range ids {
		switch e.bits[id].assigned {
		case 1:
			v.i |= 1 << k
		case 0:
		default:
			return value{}, asError(e.fault(x, CodeRuntimeValue, "%q holds a measured bit here, and only comparisons of measured bits in if, switch and while are supported", x.text)).
				hint("compare it in an if, or move the computation behind the run")
		}
	}
	return v, nil
}

func (e *elab) evalUnary(x *expr) (value, error) {
	v, err := e.eval(x.x)
	if err != nil {
		return v, err
	}
	switch x.op {
	case tBang:
		return boolValue(!v.bool()), nil
	case tPlus:
		return v, nil
	case tMinus:
		if v.isFloat() {
			return floatValue(-v.f), nil
		}
		if n, ok := v.int(); ok && n != math.MinInt64 {
			return intValue(-n), nil
		}
		return v, e.fault(x, CodeOverflow, "the negative leaves 64 bits")
	}
	if v.isFloat() {
		return v, e.fault(x, CodeType, "~ wants an integer or bits")
	}
	if v.kind == vBool {
		return boolValue(!v.bool()), nil
	}
	v.i = ^v.i
	return v.wrap(), nil
}

func (e *elab) evalBinary(x *expr) (value, error) {
	a, err := e.eval(x.x)
	if err != nil {
		return a, err
	}
	if x.op == tAnd || x.op == tOr {
		if a.bool() == (x.op == tOr) {
			return boolValue(a.bool()), nil
		}
		b, err := e.eval(x.y)
		return boolValue(b.bool()), err
	}
	b, err := e.eval(x.y)
	if err != nil {
		return b, err
	}
	var v value
	var code Code
	if a.isFloat() || b.isFloat() || e.v2 && x.op == tSlash || x.op == tPower {
		if !a.isFloat() && !b.isFloat() && x.op == tPower {
			v, code = binaryInt(x.op, a, b)
		} else {
			if x.op == tPower {
				if err := e.step(256); err != nil {
					return v, err
				}
			}
			v, code = binaryFloat(x.op, a.float(), b.float())
		}
	} else {
		v, code = binaryInt(x.op, a, b)
		if n, ok := v.int(); code == "" && x.op == tSlash && ok {
			if d, _ := b.int(); uint64(n*d) != a.i {
				e.at = x.pos
				e.warn(WarnIntDivision, "a quotient of integers loses its fraction in OpenQASM 3; write a decimal point for a float")
			}
		}
	}
	switch code {
	case "":
		return v, nil
	case CodeDivisionByZero:
		return v, e.fault(x, code, "division by zero")
	case CodeOverflow:
		return v, e.fault(x, code, "the result leaves 64 bits, or an unsigned result goes below zero")
	}
	return v, e.fault(x, code, "this operator does not apply to %s and %s", kindNames[a.kind], kindNames[b.kind])
}

func (e *elab) evalCast(x *expr) (value, error) {
	v, err := e.eval(x.x)
	if err != nil {
		return v, err
	}
	t, err := e.valType(x.typ)
	if err != nil {
		return v, err
	}
	if t.kind == vBits && x.typ.width == nil && v.kind == vBits {
		t.width = v.width
	}
	out, ok := v.convert(t)
	if !ok {
		return v, e.fault(x, CodeType, "this %s does not convert to %s", kindNames[v.kind], x.typ.name)
	}
	return out, nil
}

// valType evaluates the width of a classical type.
func (e *elab) valType(t *typeName) (valType, error) {
	out := valType{kind: kindByName[t.name]}
	if out.kind == vBits || out.kind == vBool {
		out.width = 1
	}
	if t.width == nil {
		return out, nil
	}
	n, err := e.integer(t.width)
	if err != nil {
		return out, err
	}
	if n < 1 || out.kind != vBits && n > 64 || n > int64(e.limits.Clbits) {
		return out, e.fault(t.width, CodeLimitClbits, "width %d of %s; numbers have 1 to 64 bits, bit registers at most %d", n, t.name, e.limits.Clbits)
	}
	out.width = int(n)
	return out, nil
}
