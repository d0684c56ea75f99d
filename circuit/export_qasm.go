package circuit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// qasmWriter writes one OpenQASM text.
type qasmWriter struct {
	bytes.Buffer
	c            *Circuit
	v2           bool
	qregs, cregs []Register
}

func (w *qasmWriter) format() string {
	if w.v2 {
		return string(FormatQASM2)
	}
	return string(FormatQASM3)
}

func (c *Circuit) qasm(v2 bool) ([]byte, error) {
	w := &qasmWriter{c: c.Explicit(), v2: v2}
	if err := w.checkConds(); err != nil {
		return nil, err
	}
	own := c.CRegs
	if len(c.Conds) > 0 {
		own = w.condRegisters()
	}
	taken := map[string]bool{}
	w.cregs = bitNames(own, w.c.Clbits, "c", taken)
	w.qregs = bitNames(c.QRegs, w.c.Qubits, "q", taken)
	w.head()
	for i := range w.c.Ops {
		if err := w.op(i); err != nil {
			return nil, err
		}
	}
	return w.Bytes(), nil
}

// checkConds refuses conditions that a reader would simplify.
func (w *qasmWriter) checkConds() error {
	for i, op := range w.c.Ops {
		if op.Cond == 0 {
			continue
		}
		terms := w.c.Conds[op.Cond-1].Terms
		if t, ok := conjoin(nil, terms); !ok || len(t) != len(terms) {
			return unsupported(w.format(), i, "a condition that contradicts or repeats itself")
		}
		if w.v2 && (len(terms) > 1 || terms[0].Negate && len(terms[0].Bits) > 1) {
			return unsupported(w.format(), i, "a condition other than register == value")
		}
	}
	return nil
}

// condRegisters lays the clbits out for conditions. OpenQASM 2 compares whole
// registers, so each condition's bits become one, where that is possible;
// OpenQASM 3 indexes a single register.
func (w *qasmWriter) condRegisters() []Register {
	if !w.v2 {
		if len(w.c.CRegs) == 1 {
			return w.c.CRegs
		}
		return nil
	}
	cut := make([]bool, w.c.Clbits+1)
	for _, op := range w.c.Ops {
		if op.Cond != 0 {
			b := slices.Sorted(slices.Values(w.c.Conds[op.Cond-1].Terms[0].Bits))
			cut[b[0]], cut[int(b[len(b)-1])+1] = true, true
		}
	}
	var regs []Register
	for from := 0; from < w.c.Clbits; {
		to := from + 1
		for to < w.c.Clbits && !cut[to] {
			to++
		}
		regs = append(regs, Register{fmt.Sprintf("c%d", len(regs)), to - from})
		from = to
	}
	return regs
}

func (w *qasmWriter) head() {
	if w.v2 {
		w.WriteString("OPENQASM 2.0;\ninclude \"qelib1.inc\";\n")
	} else {
		w.WriteString("OPENQASM 3.0;\ninclude \"stdgates.inc\";\n")
	}
	var used [numGates]bool
	for _, op := range w.c.Ops {
		used[op.Gate] = true
	}
	for g := range numGates {
		if used[g] && w.name(g) == "" {
			w.WriteString(gateTable[g].qasm + "\n")
		}
	}
	for _, r := range w.qregs {
		fmt.Fprintf(w, map[bool]string{true: "qreg %[1]s[%[2]d];\n", false: "qubit[%[2]d] %[1]s;\n"}[w.v2], r.Name, r.Size)
	}
	for _, r := range w.cregs {
		fmt.Fprintf(w, map[bool]string{true: "creg %[1]s[%[2]d];\n", false: "bit[%[2]d] %[1]s;\n"}[w.v2], r.Name, r.Size)
	}
}

// name of a gate in the include file of the version, "" if it has none.
func (w *qasmWriter) name(g Gate) string {
	if w.v2 {
		return gateTable[g].QASM2
	}
	return gateTable[g].QASM3
}

func (w *qasmWriter) op(i int) error {
	op := &w.c.Ops[i]
	if op.Cond != 0 {
		s, err := w.cond(i, w.c.Conds[op.Cond-1].Terms)
		if err != nil {
			return err
		}
		w.WriteString("if (" + s + ") ")
	}
	qubits := bitTexts(w.qregs, op.Q[:op.NQ])
	switch {
	case op.Gate == Measure && w.v2:
		fmt.Fprintf(w, "measure %s -> %s;\n", qubits, bitText(w.cregs, int(op.Clbit)))
	case op.Gate == Measure:
		fmt.Fprintf(w, "%s = measure %s;\n", bitText(w.cregs, int(op.Clbit)), qubits)
	case op.Gate == Barrier && op.NQ == 0:
		var names []string
		for _, r := range w.qregs {
			names = append(names, r.Name)
		}
		fmt.Fprintf(w, "barrier %s;\n", strings.Join(names, ", "))
	default:
		name := w.name(op.Gate)
		if name == "" {
			name = gateTable[op.Gate].Name
		}
		var p []string
		for _, a := range op.Params[:gateTable[op.Gate].Params] {
			p = append(p, a.PiText())
		}
		if len(p) > 0 {
			name += "(" + strings.Join(p, ", ") + ")"
		}
		fmt.Fprintf(w, "%s %s;\n", name, qubits)
	}
	return nil
}

// cond writes a condition so that reading it gives the same terms.
func (w *qasmWriter) cond(i int, terms []CondTerm) (string, error) {
	var out []string
	for _, t := range terms {
		t = t.normal()
		reg, first := bitRef(w.cregs, int(t.Bits[0]))
		whole := len(t.Bits) == reg.Size && first == 0
		var index []string
		for k, b := range t.Bits {
			r, n := bitRef(w.cregs, int(b))
			if r.Name != reg.Name {
				return "", unsupported(w.format(), i, "a condition across registers")
			}
			whole = whole && n == k
			index = append(index, fmt.Sprint(n))
		}
		if w.v2 && !whole {
			return "", unsupported(w.format(), i, "a condition on bits that overlap those of another, or lie apart")
		}
		ref := reg.Name
		switch {
		case whole:
		case len(index) == 1:
			ref += "[" + index[0] + "]"
		default:
			ref += "[{" + strings.Join(index, ", ") + "}]"
		}
		out = append(out, fmt.Sprintf("%s %s %d", ref, map[bool]string{false: "==", true: "!="}[t.Negate], t.Value))
	}
	return strings.Join(out, " && "), nil
}
