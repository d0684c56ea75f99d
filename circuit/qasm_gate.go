package circuit

import (
	"math"
)

// gateSymbol finds a gate or def by name.
func (e *elab) gateSymbol(name string) (*symbol, error) {
	if c := e.cached[0]; c != nil && c.name == name {
		return c, nil
	}
	sym := e.lookup(name)
	if sym == nil || sym.kind != symGate && sym.kind != symDef {
		if sym = e.builtins[name]; sym == nil {
			sym = e.rareGate(name)
		}
	}
	if sym == nil {
		err := e.errorf(CodeUnknownName, "gate %q is not defined", clipText(name, 40))
		if n := nearName(name, e.builtins); n != "" {
			err.hint("did you mean " + n + "?")
		}
		return nil, err
	}
	if sym.kind == symBuiltin && !e.included && sym.builtin.file {
		e.warn(WarnNoInclude, "gate %q without include; the standard gates are built in", name)
	}
	e.cached[0] = sym
	return sym, nil
}

// nearName suggests a name that differs by case or by one letter more or less.
func nearName(name string, m map[string]*symbol) string {
	best := ""
	for n := range m {
		short, long := n, name
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(long) <= len(short)+1 && len(long) > 1 && (long[1:] == short || long[:len(long)-1] == short || equalFold(n, name)) && (best == "" || n < best) {
			best = n
		}
	}
	return best
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// rareGate elaborates a prelude gate on first use.
func (e *elab) rareGate(name string) *symbol {
	if sym := e.rare[name]; sym != nil || prelude[name] == "" {
		return sym
	}
	p := parser{lexer: lexer{src: prelude[name], maxTokens: 1000}, maxDepth: e.maxDepth}
	p.next()
	g, ok := p.statement().(*gateDef)
	if !ok || p.err != nil {
		return nil
	}
	if e.rare == nil {
		e.rare = map[string]*symbol{}
	}
	for _, s := range g.body.list {
		if call, ok := s.(*gateCall); ok {
			call.ref, call.pos = e.builtins[call.name], -1
		}
	}
	sym := &symbol{kind: symGate, name: name, gate: g}
	e.rare[name] = sym
	return sym
}

// arity is the number of parameters and qubits of a gate.
func (s *symbol) arity() (params, qubits int) {
	switch {
	case s.kind == symGate:
		return len(s.gate.params), len(s.gate.qubits)
	case s.builtin.gate == gphaseOp:
		return 1, 0
	}
	return gateTable[s.builtin.gate].Params, gateTable[s.builtin.gate].Qubits
}

// modifierEffect adds modifiers up: controls (true: on 1) in the order of
// their operands, and the power.
func (e *elab) modifierEffect(mods []modifier) (controls []bool, power int64, err error) {
	power = 1
	for _, m := range mods {
		n := int64(1)
		if m.arg != nil {
			if m.kind == modPow {
				if n, err = e.powerOf(m.arg); err != nil {
					return nil, 0, err
				}
			} else if n, err = e.integer(m.arg); err != nil {
				return nil, 0, err
			}
		}
		switch m.kind {
		case modInv:
			power = -power
		case modPow:
			p, ok := mulInt(power, n)
			if !ok {
				return nil, 0, newError(e.src, m.pos, CodeOverflow, "the power leaves 64 bits")
			}
			power = p
		default:
			if n < 1 || n > int64(e.limits.Qubits-len(controls)) {
				return nil, 0, newError(e.src, m.pos, CodeLimitQubits, "%d controls; at least 1 and at most %d qubits", n, e.limits.Qubits)
			}
			for range n {
				controls = append(controls, m.kind == modCtrl)
			}
		}
	}
	return controls, power, nil
}

func (e *elab) powerOf(x *expr) (int64, error) {
	v, err := e.eval(x)
	if err != nil {
		return 0, err
	}
	if v.isFloat() && v.f == math.Trunc(v.f) && math.Abs(v.f) < 1<<53 {
		return int64(v.f), nil
	}
	if n, ok := v.int(); ok {
		return n, nil
	}
	return 0, e.fault(x, CodePower, "pow takes integers only")
}

// execGate evaluates and broadcasts a gate call.
func (e *elab) execGate(g *gateCall) error {
	sym := g.ref
	if sym == nil {
		var err error
		if sym, err = e.gateSymbol(g.name); err != nil {
			return err
		}
	}
	if sym.kind == symDef {
		if len(g.mods) > 0 {
			return e.errorf(CodeType, "%q is a def: modifiers apply to gates only", g.name)
		}
		_, err := e.callDef(g.name, append(append([]*expr{}, g.params...), g.operands...), nil, nil)
		return err
	}
	var controls []bool
	power := int64(1)
	if len(g.mods) > 0 {
		var err error
		if controls, power, err = e.modifierEffect(g.mods); err != nil {
			return err
		}
	}
	nparams, nqubits := sym.arity()
	nqubits += len(controls)
	if len(g.params) != nparams || len(g.operands) != nqubits {
		return e.errorf(CodeArgumentCount, "%q takes %d parameters and %d qubits, not %d and %d", g.name, nparams, nqubits, len(g.params), len(g.operands))
	}
	if nparams == 1 {
		if ids, sign := e.angleOperand(g.params[0]); ids != nil {
			return e.angleGate(g, sym, controls, power, ids, sign)
		}
	}
	var buf [MaxOpParams]float64
	p := buf[:0]
	for _, x := range g.params {
		f, err := e.float(x)
		if err != nil {
			return err
		}
		p = append(p, f)
	}
	return e.broadcast(g, sym, controls, power, p)
}

// broadcast applies a call once for each instance when operands are registers.
// Operands are kept on a stack, because bodies call gates in turn.
func (e *elab) broadcast(g *gateCall, sym *symbol, controls []bool, power int64, p []float64) error {
	var lens [8]int
	ends, size, base := lens[:0], -1, len(e.stack)
	defer func() { e.stack = e.stack[:base] }()
	for _, x := range g.operands {
		from := len(e.stack)
		flat, single, err := e.qubitsOf(x, e.stack)
		if err != nil {
			return err
		}
		e.stack = flat
		n := len(flat) - from
		if single {
			n = 0 // stands for "the same each time"
		} else if size < 0 {
			size = n
		} else if size != n {
			return e.fault(x, CodeSizeMismatch, "registers of %d and %d qubits in one call", size, n)
		}
		if len(flat) > 64*MaxQubits {
			return e.fault(x, CodeLimitQubits, "too many operands")
		}
		ends = append(ends, n)
	}
	flat := e.stack[base:]
	if size < 0 {
		return e.apply(sym, controls, power, p, flat)
	}
	q := make([]uint16, len(ends))
	for i := range size {
		at := 0
		for k, n := range ends {
			if n == 0 {
				q[k] = flat[at]
				at++
			} else {
				q[k] = flat[at+i]
				at += n
			}
		}
		if err := e.apply(sym, controls, power, p, q); err != nil {
			return err
		}
	}
	return nil
}

// apply appends one instance: controls first in q.
func (e *elab) apply(sym *symbol, controls []bool, power int64, p []float64, q []uint16) error {
	for i, a := range q {
		for _, b := range q[:i] {
			if a == b {
				return e.errorf(CodeRepeatedQubit, "one qubit twice in a call of %q", sym.name)
			}
		}
	}
	if len(controls) == 0 && power == 1 {
		return e.base(sym, p, q)
	}
	var ops []phased
	old := e.sink
	e.sink = &ops
	err := e.base(sym, p, q[len(controls):])
	e.sink = old
	if err != nil {
		return err
	}
	if len(controls) > 0 && sym.name == "U" && !e.v2 {
		e.warn(WarnControlledU, "U under a control carries the phase e^(iθ/2) of the OpenQASM 3 specification; other tools leave it out. Use u3, cu or x")
	}
	ops, times := raise(ops, power)
	ctrl := make([]int, len(controls))
	for i := range ctrl {
		ctrl[i] = int(q[i])
	}
	return e.controlled(ops, times, controls, ctrl)
}
