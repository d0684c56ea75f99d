package circuit

import (
	"math"
	"math/bits"
)

type valKind uint8

const (
	vInt valKind = iota
	vUint
	vFloat
	vAngle
	vBool
	vBits
)

var kindNames = [...]string{"int", "uint", "float", "angle", "bool", "bit"}

var kindByName = map[string]valKind{"int": vInt, "uint": vUint, "float": vFloat, "angle": vAngle, "bool": vBool, "bit": vBits}

// value is a constant known before the run. Integers, bools and bits are in i
// (two's complement), floats and angles, in radians, in f. width 0 is the
// machine's width, 64.
type value struct {
	kind  valKind
	width int
	i     uint64
	f     float64
}

// valType is a classical type with its width evaluated.
type valType struct {
	kind  valKind
	width int
}

func intValue(i int64) value     { return value{kind: vInt, i: uint64(i)} }
func floatValue(f float64) value { return value{kind: vFloat, f: f} }

func boolValue(b bool) value {
	if b {
		return value{kind: vBool, width: 1, i: 1}
	}
	return value{kind: vBool, width: 1}
}

func (v value) isFloat() bool { return v.kind == vFloat || v.kind == vAngle }

func (v value) float() float64 {
	switch {
	case v.isFloat():
		return v.f
	case v.kind == vInt:
		return float64(int64(v.i))
	}
	return float64(v.i)
}

func (v value) bool() bool {
	if v.isFloat() {
		return v.f != 0
	}
	return v.i != 0
}

// int reads v as a signed integer; ok is false for a float and for an unsigned
// value above 2^63-1.
func (v value) int() (n int64, ok bool) {
	if v.isFloat() {
		return 0, false
	}
	return int64(v.i), v.kind == vInt || v.i <= math.MaxInt64
}

// wrap cuts an integer to its declared width.
func (v value) wrap() value {
	if v.width > 0 && v.width < 64 {
		v.i &= 1<<v.width - 1
		if v.kind == vInt && v.i>>(v.width-1) == 1 {
			v.i |= ^uint64(0) << v.width
		}
	}
	return v
}

// convert is a cast or an assignment to type t; ok is false where the language
// has none or the number does not fit 64 bits.
func (v value) convert(t valType) (out value, ok bool) {
	out = value{kind: t.kind, width: t.width}
	switch t.kind {
	case vFloat:
		out.f = v.float()
	case vBool:
		return boolValue(v.bool()), true
	case vAngle:
		out.f = v.float()
		if v.kind == vBits { // bit pattern as a fraction of a turn
			out.f = math.Ldexp(float64(v.i), 1-v.width) * math.Pi
		} else if t.width > 0 {
			out.f = quantize(out.f, t.width)
		}
	case vInt, vUint:
		out.i = v.i
		if v.isFloat() {
			if !(math.Abs(v.f) < 1<<63) {
				return out, false
			}
			out.i = uint64(int64(v.f))
		}
		out = out.wrap()
	case vBits:
		if v.isFloat() || v.kind == vBits && v.width != t.width {
			return out, false
		}
		out.i = v.i
		out = out.wrap()
	}
	return out, true
}

// quantize rounds radians to a multiple of 2π/2^width in [0, 2π).
func quantize(f float64, width int) float64 {
	if width > 52 || !(math.Abs(f) < 1<<50) {
		return f
	}
	n := int64(math.RoundToEven(math.Ldexp(f/math.Pi, width-1))) & (1<<width - 1)
	return float64(math.Ldexp(float64(n), 1-width) * math.Pi)
}

// binaryFloat evaluates an operator on two floats.
func binaryFloat(op tokKind, a, b float64) (value, Code) {
	switch op {
	case tPlus:
		return floatValue(a + b), ""
	case tMinus:
		return floatValue(a - b), ""
	case tStar:
		return floatValue(float64(a * b)), ""
	case tSlash:
		if b == 0 {
			return value{}, CodeDivisionByZero
		}
		return floatValue(a / b), ""
	case tPercent:
		if b == 0 {
			return value{}, CodeDivisionByZero
		}
		return floatValue(math.Mod(a, b)), ""
	case tPower:
		return floatValue(powFloat(a, b)), ""
	}
	if b, ok := compare(op, a < b, a == b); ok {
		return boolValue(b), ""
	}
	return value{}, CodeType
}

func compare(op tokKind, less, equal bool) (result, ok bool) {
	switch op {
	case tEq:
		return equal, true
	case tNe:
		return !equal, true
	case tLt:
		return less, true
	case tLe:
		return less || equal, true
	case tGt:
		return !less && !equal, true
	case tGe:
		return !less, true
	}
	return false, false
}

// binaryInt evaluates an operator on integers, bools and bits. A result that
// leaves 64 bits, or goes below zero where an operand is unsigned, is an
// overflow.
func binaryInt(op tokKind, a, b value) (value, Code) {
	if r, ok := bitwise(op, a, b); ok {
		return r, ""
	}
	x, ok1 := a.int()
	y, ok2 := b.int()
	if r, ok := compare(op, x < y, a.i == b.i); ok {
		if ok1 && ok2 {
			return boolValue(r), ""
		}
		r, _ = compare(op, a.i < b.i, a.i == b.i)
		return boolValue(r), ""
	}
	if !ok1 || !ok2 {
		return value{}, CodeOverflow
	}
	r, code := arithmetic(op, x, y)
	if code == "" && (a.kind == vUint || b.kind == vUint) {
		if int64(r.i) < 0 {
			return value{}, CodeOverflow
		}
		r.kind = vUint
	}
	return r, code
}

// bitwise covers & | ^ << >>.
func bitwise(op tokKind, a, b value) (value, bool) {
	out := value{kind: a.kind, width: max(a.width, b.width)}
	switch op {
	case tAmp:
		out.i = a.i & b.i
	case tPipe:
		out.i = a.i | b.i
	case tCaret:
		out.i = a.i ^ b.i
	case tShl, tShr:
		out.width = a.width
		n := b.i
		switch {
		case op == tShl && n < 64:
			out.i = a.i << n
		case op == tShr && a.kind == vInt:
			out.i = uint64(int64(a.i) >> min(n, 63))
		case op == tShr && n < 64:
			out.i = a.i >> n
		}
		return out.wrap(), true
	default:
		return out, false
	}
	return out, true
}

func arithmetic(op tokKind, x, y int64) (value, Code) {
	switch op {
	case tPlus:
		if s := x + y; (s > x) == (y > 0) {
			return intValue(s), ""
		}
	case tMinus:
		if s := x - y; (s < x) == (y > 0) {
			return intValue(s), ""
		}
	case tStar:
		if p, ok := mulInt(x, y); ok {
			return intValue(p), ""
		}
	case tSlash, tPercent:
		if y == 0 {
			return value{}, CodeDivisionByZero
		}
		if y == -1 {
			return arithmetic(tMinus, 0, map[tokKind]int64{tSlash: x}[op])
		}
		if op == tSlash {
			return intValue(x / y), ""
		}
		return intValue(x % y), ""
	case tPower:
		if y < 0 {
			return floatValue(powFloat(float64(x), float64(y))), ""
		}
		if p, ok := powInt(x, y); ok {
			return intValue(p), ""
		}
	default:
		return value{}, CodeType
	}
	return value{}, CodeOverflow
}

func mulInt(x, y int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (x < 0) != (y < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func powInt(x, y int64) (int64, bool) {
	result, ok := int64(1), true
	for ; y > 0 && ok; y >>= 1 {
		if y&1 == 1 {
			result, ok = mulInt(result, x)
		}
		if y > 1 && ok {
			x, ok = mulInt(x, x)
		}
	}
	return result, ok
}
