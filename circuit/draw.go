package circuit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrTooLarge is wrapped when a drawing would exceed MaxDrawCells.
var ErrTooLarge = errors.New("too large to draw")

// MaxDrawCells bounds qubits times columns of a drawing.
const MaxDrawCells = 1 << 20

// DrawOptions of Draw and SVG. The zero value is useful.
type DrawOptions struct {
	// Width is where lines wrap: characters for Draw (0: 100), pixels for SVG
	// (0: 1000). One column is always drawn, however wide.
	Width int
	ASCII bool // Draw without box characters and Greek letters
}

// cell kinds: what a gate shows on one wire.
type cellKind uint8

const (
	cellBox cellKind = iota
	cellDot
	cellTarget
	cellCross
	cellBarrier
)

type cell struct {
	kind  cellKind
	label string
}

// drawnOp is an operation placed in a column.
type drawnOp struct {
	wires    []int // the wires that show cells, in the order of cells
	cells    []cell
	min, max int  // the wires that it spans
	joined   bool // a line connects min to max
}

// columns places each operation in the first column in which the wires it
// spans are free, behind the measurements that its condition reads.
func (c *Circuit) columns(opt DrawOptions) ([][]drawnOp, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	cregs := bitNames(c.CRegs, max(c.Clbits, 1), "c", map[string]bool{})
	next, bits := make([]int, c.Qubits), make([]int, c.Clbits)
	var cols [][]drawnOp
	for i := range c.Ops {
		d := c.drawOp(&c.Ops[i], cregs, opt)
		at := 0
		for w := d.min; w <= d.max; w++ {
			at = max(at, next[w])
		}
		touched := c.clbitsOf(&c.Ops[i])
		for _, b := range touched {
			at = max(at, bits[b])
		}
		if at == len(cols) {
			cols = append(cols, nil)
			if len(cols)*c.Qubits > MaxDrawCells {
				return nil, fmt.Errorf("%d qubits and more than %d columns: %w", c.Qubits, MaxDrawCells/c.Qubits, ErrTooLarge)
			}
		}
		cols[at] = append(cols[at], d)
		for w := d.min; w <= d.max; w++ {
			next[w] = at + 1
		}
		for _, b := range touched {
			bits[b] = at + 1
		}
	}
	return cols, nil
}

// clbitsOf lists the clbits that an operation reads or writes.
func (c *Circuit) clbitsOf(op *Op) (list []uint32) {
	if op.Gate == Measure {
		list = append(list, op.Clbit)
	}
	if op.Cond != 0 {
		for _, t := range c.Conds[op.Cond-1].Terms {
			list = append(list, t.Bits...)
		}
	}
	return list
}

func (c *Circuit) drawOp(op *Op, cregs []Register, opt DrawOptions) drawnOp {
	var d drawnOp
	if op.Gate == Barrier && op.NQ == 0 {
		for q := range c.Qubits {
			d.wires = append(d.wires, q)
		}
	}
	for _, q := range op.Q[:op.NQ] {
		d.wires = append(d.wires, int(q))
	}
	d.min, d.max, d.joined = d.wires[0], d.wires[0], op.Gate != Barrier && op.NQ > 1
	for k, w := range d.wires {
		d.min, d.max = min(d.min, w), max(d.max, w)
		d.cells = append(d.cells, c.cellOf(op, k, cregs, opt))
	}
	return d
}

// cellOf is what operand k of op shows.
func (c *Circuit) cellOf(op *Op, k int, cregs []Register, opt DrawOptions) cell {
	info := &gateTable[op.Gate]
	controls, base := info.Controls, op.Gate
	if controls > 0 {
		base = info.Base
	}
	if op.Gate == CU {
		controls = 1
	}
	switch {
	case op.Gate == Barrier:
		return cell{kind: cellBarrier}
	case k < controls:
		return cell{kind: cellDot}
	}
	last := k == int(op.NQ)-1
	cond := ""
	if op.Cond != 0 && last {
		cond = c.condText(op, cregs, opt)
	}
	out := cell{kind: cellBox}
	switch {
	case base == Z && controls > 0:
		out.kind = cellDot
	case base == X && controls > 0:
		out.kind = cellTarget
	case base == Swap:
		out.kind = cellCross
	case op.Gate == Measure:
		out.label = arrow("M", opt) + bitText(cregs, int(op.Clbit))
	case op.Gate == Reset:
		out.label = "|0>"
	default:
		out.label = gateLabel(base, op, opt)
		if op.NQ > uint8(controls)+1 { // operands that differ
			out.label += "." + strconv.Itoa(k-controls)
		}
	}
	if cond != "" {
		if out.kind != cellBox {
			out = cell{kind: cellBox, label: map[cellKind]string{cellDot: "Z", cellTarget: "X", cellCross: "SWAP"}[out.kind]}
		}
		out.label += " if " + cond
	}
	return out
}

func arrow(s string, opt DrawOptions) string {
	if opt.ASCII {
		return s + ">"
	}
	return s + "→"
}

func gateLabel(base Gate, op *Op, opt DrawOptions) string {
	names := map[Gate]string{Sdg: "S†", Tdg: "T†", SX: "√X", SXdg: "√X†", ISwapDg: "ISWAP†"}
	name, ok := names[base]
	if !ok || opt.ASCII {
		name = strings.ToUpper(base.String())
	}
	n := gateTable[op.Gate].Params
	if n == 0 {
		return name
	}
	p := make([]string, n)
	for i := range p {
		p[i] = shortAngle(op.Params[i], opt)
	}
	return name + "(" + strings.Join(p, ",") + ")"
}

// shortAngle is a fraction of π or four significant digits.
func shortAngle(a Angle, opt DrawOptions) string {
	s := a.PiText()
	switch {
	case !strings.Contains(s, "pi"):
		return strconv.FormatFloat(a.Radians(), 'g', 4, 64)
	case opt.ASCII:
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "*", ""), "pi", "π")
}

func (c *Circuit) condText(op *Op, cregs []Register, opt DrawOptions) string {
	var out []string
	for _, t := range c.Conds[op.Cond-1].Terms {
		t = t.normal()
		reg, first := bitRef(cregs, int(t.Bits[0]))
		s := reg.Name
		if len(t.Bits) != reg.Size || first != 0 || int(t.Bits[len(t.Bits)-1])-int(t.Bits[0]) != reg.Size-1 {
			var list []string
			for _, b := range t.Bits {
				list = append(list, bitText(cregs, int(b)))
			}
			s = strings.Join(list, ",")
		}
		sign := "="
		if t.Negate {
			sign = "≠"
			if opt.ASCII {
				sign = "!="
			}
		}
		out = append(out, s+sign+strconv.FormatUint(t.Value, 10))
	}
	return strings.Join(out, "&")
}
