package circuit

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON writes the form that ParseJSON reads, one operation a line, parameters
// as decimal radians or fractions of pi that read back to the same angle.
func (c *Circuit) JSON() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"format\": %q, \"qubits\": %d, \"clbits\": %d,\n", JSONFormat, c.Qubits, c.Clbits)
	for _, r := range []struct {
		name string
		regs []Register
	}{{"qregs", c.QRegs}, {"cregs", c.CRegs}} {
		if len(r.regs) == 0 {
			continue
		}
		fmt.Fprintf(&b, " %q: [", r.name)
		for i, g := range r.regs {
			if !utf8.ValidString(g.Name) || len(g.Name) > 255 || strings.ContainsFunc(g.Name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
				return nil, unsupported("JSON", i, "a register named %q", g.Name)
			}
			fmt.Fprintf(&b, "%s{\"name\": \"%s\", \"size\": %d}", comma(i), g.Name, g.Size)
		}
		b.WriteString("],\n")
	}
	b.WriteString(" \"ops\": [")
	for i := range c.Ops {
		c.jsonOp(&b, i)
	}
	b.WriteString("\n ]}\n")
	return b.Bytes(), nil
}

func (c *Circuit) jsonOp(b *bytes.Buffer, i int) {
	op := &c.Ops[i]
	if i > 0 {
		b.WriteByte(',')
	}
	fmt.Fprintf(b, "\n  {\"gate\": %q, \"qubits\": [", op.Gate.String())
	for k, q := range op.Q[:op.NQ] {
		b.WriteString(comma(k))
		b.WriteString(strconv.Itoa(int(q)))
	}
	b.WriteByte(']')
	for k, p := range op.Params[:gateTable[op.Gate].Params] {
		b.WriteString([]string{", \"params\": [", ", "}[min(k, 1)])
		fmt.Fprintf(b, "%q", p.PiText())
	}
	if gateTable[op.Gate].Params > 0 {
		b.WriteByte(']')
	}
	if op.Gate == Measure {
		fmt.Fprintf(b, ", \"clbit\": %d", op.Clbit)
	}
	if op.Cond != 0 {
		b.WriteString(", \"if\": [")
		for k, t := range c.Conds[op.Cond-1].Terms {
			fmt.Fprintf(b, "%s{\"bits\": [", comma(k))
			for n, bit := range t.Bits {
				fmt.Fprintf(b, "%s%d", comma(n), bit)
			}
			fmt.Fprintf(b, "], %q: %d}", map[bool]string{false: "equals", true: "differs"}[t.Negate], t.Value)
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}
