package circuit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnsupported is wrapped when a circuit has something that a target format
// cannot say.
var ErrUnsupported = errors.New("not expressible in the target format")

// unsupported names the format, the operation (from 0) and the feature.
func unsupported(format string, op int, what string, args ...any) error {
	return fmt.Errorf("%s: operation %d: %s: %w", format, op, fmt.Sprintf(what, args...), ErrUnsupported)
}

// Format is a target of Export.
type Format string

// The formats. QASM2, QASM3 and JSON read back to a circuit of the same hash,
// with the implied measurement written out in the first two.
const (
	FormatQASM2 Format = "openqasm2"
	FormatQASM3 Format = "openqasm3"
	FormatJSON  Format = "json"
	FormatIonQ  Format = "ionq" // QIS gates, ionq.circuit.v0
	FormatIQM   Format = "iqm"  // prx and cz, as iqm-client sends them
	FormatQIR   Format = "qir"  // base profile 2.0 as LLVM text
)

// Formats lists the targets of Export.
func Formats() []Format {
	return []Format{FormatQASM2, FormatQASM3, FormatJSON, FormatIonQ, FormatIQM, FormatQIR}
}

// Export writes the circuit in a format. A feature that the format lacks is
// refused with ErrUnsupported; nothing is dropped except barriers in IonQ and
// QIR, which have none, and the global phase.
func (c *Circuit) Export(f Format) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	switch f {
	case FormatQASM2:
		return c.qasm(true)
	case FormatQASM3:
		return c.qasm(false)
	case FormatJSON:
		return c.JSON()
	case FormatIonQ:
		return c.ionq()
	case FormatIQM:
		return c.iqm()
	case FormatQIR:
		return c.qir()
	}
	return nil, fmt.Errorf("format %q; known are %v: %w", f, Formats(), ErrUnsupported)
}

// Parse reads one of the formats that can be read: openqasm2, openqasm3 (the
// text decides which of the two it is) and json.
func Parse(f Format, src []byte, opt Options) (*Circuit, []Warning, error) {
	switch f {
	case FormatQASM2, FormatQASM3:
		return ParseQASM(src, opt)
	case FormatJSON:
		c, err := ParseJSON(src, opt.Limits)
		return c, nil, err
	}
	return nil, nil, fmt.Errorf("format %q cannot be read: %w", f, ErrUnsupported)
}

// plainName reports whether a register name can be written anywhere: a lower
// case letter, then letters, digits and underscores.
func plainName(s string) bool {
	if s == "" || len(s) > 200 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if class[s[i]]&(classLetter|classDigit) == 0 {
			return false
		}
	}
	return true
}

// bitNames lays n bits out in registers. It keeps the circuit's own if they
// cover the bits with usable names that taken does not hold, else makes one.
func bitNames(own []Register, n int, fallback string, taken map[string]bool) []Register {
	total, ok := 0, len(own) > 0
	used := map[string]bool{}
	for _, r := range own {
		total += r.Size
		ok = ok && plainName(r.Name) && !used[r.Name] && !reserved(r.Name) && !taken[r.Name]
		used[r.Name] = true
	}
	if !ok || total != n {
		for taken[fallback] {
			fallback += "_"
		}
		own = []Register{{fallback, n}}
	}
	for _, r := range own {
		taken[r.Name] = true
	}
	return own
}

// reserved words of either OpenQASM version and names of gates and functions.
func reserved(s string) bool {
	_, statement := statements[s]
	_, function := functions[s]
	_, constant := constants[s]
	other := []string{"in", "else", "case", "default", "true", "false", "sizeof", "mod", "pow", "popcount", "rotl", "rotr", "durationof", "void", "im", "dt"}
	return statement || function || constant || castTypes[s] || builtins2[s] != nil || builtins3[s] != nil || prelude[s] != "" || slices.Contains(other, s)
}

// bitRef is the register and the index there of bit k.
func bitRef(regs []Register, k int) (Register, int) {
	for _, r := range regs {
		if k < r.Size {
			return r, k
		}
		k -= r.Size
	}
	return Register{}, 0
}

func bitText(regs []Register, k int) string {
	r, i := bitRef(regs, k)
	return fmt.Sprintf("%s[%d]", r.Name, i)
}

func bitTexts(regs []Register, list []uint16) string {
	s := make([]string, len(list))
	for i, k := range list {
		s[i] = bitText(regs, int(k))
	}
	return strings.Join(s, ", ")
}

// finalMeasures checks that every measurement is the last operation on its
// qubit and that nothing else depends on time, and returns the qubit of each
// clbit.
func (c *Circuit) finalMeasures(format string) ([]int, error) {
	of, done := make([]int, c.Clbits), make([]bool, c.Qubits)
	for k := range of {
		of[k] = -1
	}
	for i, op := range c.Ops {
		switch {
		case op.Cond != 0:
			return nil, unsupported(format, i, "a condition on measured bits")
		case op.Gate == Reset:
			return nil, unsupported(format, i, "reset")
		case op.Gate == Barrier:
			continue
		}
		for _, q := range op.Q[:op.NQ] {
			if done[q] {
				return nil, unsupported(format, i, "an operation on qubit %d after its measurement", q)
			}
		}
		if op.Gate == Measure {
			if of[op.Clbit] >= 0 {
				return nil, unsupported(format, i, "a second measurement into bit %d", op.Clbit)
			}
			of[op.Clbit], done[op.Q[0]] = int(op.Q[0]), true
		}
	}
	return of, nil
}

// reduce rewrites op, step by step, until keep accepts every part; one-qubit
// gates end as rz, ry, rz.
func reduce(op Op, keep func(Gate) bool, f func(Op)) {
	info := &gateTable[op.Gate]
	switch {
	case keep(op.Gate):
		f(op)
	case info.u3 != nil:
		a := info.u3(op.Params[:info.Params])
		for _, s := range []Step{on(RZ, 0, a.Lambda), on(RY, 0, a.Theta), on(RZ, 0, a.Phi)} {
			if s.P[0].mod2Pi() != 0 { // 2π is a global sign
				f(s.place(op))
			}
		}
	case op.Gate == CZ:
		for _, s := range []Step{on(H, 1), on2(CX, 0, 1), on(H, 1)} {
			reduce(s.place(op), keep, f)
		}
	default:
		for _, s := range info.steps(op.Params[:info.Params]) {
			reduce(s.place(op), keep, f)
		}
	}
}
