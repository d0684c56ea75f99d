package circuit

import (
	"math"
	"math/bits"
)

// functions of one float.
var functions = map[string]func(float64) float64{
	"sin": sinOf, "cos": cosOf, "tan": tanOf, "exp": expOf, "log": logOf, "ln": logOf, "sqrt": math.Sqrt,
	"arcsin": arcsinOf, "arccos": arccosOf, "arctan": arctanOf, "asin": arcsinOf, "acos": arccosOf, "atan": arctanOf,
	"ceiling": math.Ceil, "floor": math.Floor,
}

func (e *elab) evalCall(x *expr) (value, error) {
	if sym := e.lookup(x.text); sym != nil && sym.kind == symDef {
		return e.callDef(x.text, x.list, nil, nil)
	}
	args := make([]value, len(x.list))
	if x.text == "sizeof" && len(x.list) == 1 && x.list[0].kind == xIdent {
		if sym := e.lookup(x.list[0].text); sym != nil && (sym.kind == symQubits || sym.kind == symBits) {
			return intValue(int64(len(sym.qubits) + len(sym.bits))), nil
		}
	}
	for i, a := range x.list {
		v, err := e.eval(a)
		if err != nil {
			return v, err
		}
		args[i] = v
	}
	if err := e.step(256); err != nil {
		return value{}, err
	}
	if f, ok := functions[x.text]; ok {
		if len(args) != 1 {
			return value{}, e.fault(x, CodeArgumentCount, "%s takes one argument", x.text)
		}
		r := f(args[0].float())
		if x.text == "ceiling" || x.text == "floor" {
			v, ok := floatValue(r).convert(valType{kind: vInt})
			if !ok {
				return v, e.fault(x, CodeOverflow, "the result leaves 64 bits")
			}
			return v, nil
		}
		if !finite(r) {
			return value{}, e.fault(x, CodeNotFinite, "%s is not finite here", x.text)
		}
		return floatValue(r), nil
	}
	return e.evalCall2(x, args)
}

func (e *elab) evalCall2(x *expr, args []value) (value, error) {
	wanted := map[string]int{"mod": 2, "pow": 2, "rotl": 2, "rotr": 2, "popcount": 1}[x.text]
	if wanted == 0 {
		return value{}, e.fault(x, CodeUnknownName, "%q is not a function", clipText(x.text, 40))
	}
	if len(args) != wanted {
		return value{}, e.fault(x, CodeArgumentCount, "%s takes %d arguments", x.text, wanted)
	}
	switch op := map[string]tokKind{"mod": tPercent, "pow": tPower}[x.text]; {
	case op != tEOF:
		r, code := binaryFloat(op, args[0].float(), args[1].float())
		if !args[0].isFloat() && !args[1].isFloat() {
			r, code = binaryInt(op, args[0], args[1])
		}
		if code != "" {
			return r, e.fault(x, code, "%s cannot be computed", x.text)
		}
		return r, nil
	case args[0].isFloat():
		return value{}, e.fault(x, CodeType, "%s wants bits", x.text)
	case x.text == "popcount":
		return intValue(int64(bits.OnesCount64(args[0].i))), nil
	}
	n, ok := args[1].int()
	w := int64(args[0].width)
	if !ok || w == 0 {
		return value{}, e.fault(x, CodeType, "%s wants bits of a known width and an integer", x.text)
	}
	if x.text == "rotr" {
		n = -(n % w)
	}
	n = (n%w + w) % w
	v := args[0]
	v.i = v.i<<n | v.i&(1<<w-1)>>(w-n)
	v.i &= 1<<w - 1
	return v.wrap(), nil
}
