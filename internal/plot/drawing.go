package plot

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/animicaorg/engine/circuit"
)

// MaxDrawnOps bounds a drawing; operations behind it are counted, not drawn.
const MaxDrawnOps = 2000

// Drawing is a circuit on a grid: one row per qubit, one column per moment.
type Drawing struct {
	wires   []string // names of the qubits
	columns []column
	left    int // operations that were not drawn
}

type column struct {
	cells map[int]cell // by qubit
	spans [][2]int     // vertical lines: first and last qubit
}

type mark uint8

const (
	markBox     mark = iota // label in a box
	markControl             // dot
	markSwap                // cross
	markBarrier             // fence
)

type cell struct {
	mark  mark
	label string
}

// Draw places the operations of a valid circuit as early as their wires allow.
func Draw(c *circuit.Circuit) *Drawing {
	d := &Drawing{wires: wireNames(c)}
	free := make([]int, c.Qubits)  // first free column of each qubit
	known := make([]int, c.Clbits) // first column behind the last write of each bit
	for i := range c.Ops {
		if i == MaxDrawnOps {
			d.left = len(c.Ops) - i
			break
		}
		op := &c.Ops[i]
		lo, hi := reach(op, c.Qubits)
		at := after(c, op, known)
		for q := lo; q <= hi; q++ {
			at = max(at, free[q])
		}
		if op.Gate == circuit.Measure {
			known[op.Clbit] = at + 1
		}
		for q := lo; q <= hi; q++ {
			free[q] = at + 1
		}
		if at == len(d.columns) {
			d.columns = append(d.columns, column{cells: map[int]cell{}})
		}
		d.columns[at].put(c, op, lo, hi)
	}
	return d
}

// after is the first column in which the bits of the condition are known.
func after(c *circuit.Circuit, op *circuit.Op, known []int) int {
	at := 0
	if op.Cond != 0 {
		for _, t := range c.Conds[op.Cond-1].Terms {
			for _, b := range t.Bits {
				at = max(at, known[b])
			}
		}
	}
	return at
}

// reach is the range of wires that an operation needs to itself.
func reach(op *circuit.Op, qubits int) (lo, hi int) {
	if op.NQ == 0 {
		return 0, qubits - 1
	}
	lo, hi = int(op.Q[0]), int(op.Q[0])
	for _, q := range op.Q[1:op.NQ] {
		lo, hi = min(lo, int(q)), max(hi, int(q))
	}
	return lo, hi
}

func (col *column) put(c *circuit.Circuit, op *circuit.Op, lo, hi int) {
	info := op.Gate.Info()
	switch {
	case op.Gate == circuit.Barrier && op.NQ == 0:
		for q := lo; q <= hi; q++ {
			col.cells[q] = cell{mark: markBarrier}
		}
		return
	case op.Gate == circuit.Barrier:
		for _, q := range op.Q[:op.NQ] {
			col.cells[int(q)] = cell{mark: markBarrier}
		}
		return
	}
	if hi > lo {
		col.spans = append(col.spans, [2]int{lo, hi})
	}
	for i, q := range op.Q[:op.NQ] {
		col.cells[int(q)] = operand(c, op, info, i)
	}
}

// operand is what stands on the wire of operand i.
func operand(c *circuit.Circuit, op *circuit.Op, info *circuit.GateInfo, i int) cell {
	base, suffix := info, condition(c, op)
	if info.Controls > 0 {
		base = info.Base.Info()
		if i < info.Controls || info.Base == circuit.Z && suffix == "" {
			return cell{mark: markControl}
		}
	}
	switch {
	case op.Gate == circuit.Measure:
		return cell{label: fmt.Sprintf("M %s%s", bitName(c, int(op.Clbit)), suffix)}
	case op.Gate == circuit.Reset:
		return cell{label: "|0>" + suffix}
	case base.Name == "swap" && suffix == "":
		return cell{mark: markSwap}
	}
	label := base.Name
	if info.Params > 0 {
		p := make([]string, info.Params)
		for k := range p {
			if p[k] = op.Params[k].PiText(); p[k] == "" {
				p[k] = fmt.Sprintf("%.4g", op.Params[k].Radians())
			}
		}
		label += "(" + strings.Join(p, ",") + ")"
	}
	if base.Qubits > 1 {
		label += fmt.Sprintf(":%d", i-info.Controls)
	}
	return cell{label: label + suffix}
}

func condition(c *circuit.Circuit, op *circuit.Op) string {
	if op.Cond == 0 {
		return ""
	}
	var terms []string
	for _, t := range c.Conds[op.Cond-1].Terms {
		rel := "="
		if t.Negate {
			rel = "!="
		}
		name := bitName(c, int(t.Bits[0]))
		if len(t.Bits) > 1 {
			name += ".." + bitName(c, int(t.Bits[len(t.Bits)-1]))
		}
		terms = append(terms, fmt.Sprintf("%s%s%d", name, rel, t.Value))
	}
	return " if " + strings.Join(terms, "&")
}

func wireNames(c *circuit.Circuit) []string {
	out := make([]string, c.Qubits)
	for i := range out {
		out[i] = element(c.QRegs, "q", i)
	}
	return out
}

func bitName(c *circuit.Circuit, i int) string { return element(c.CRegs, "c", i) }

// element names bit i of registers in declaration order.
func element(regs []circuit.Register, fallback string, i int) string {
	k := i
	for _, r := range regs {
		if k < r.Size {
			return fmt.Sprintf("%s[%d]", r.Name, k)
		}
		k -= r.Size
	}
	return fmt.Sprintf("%s[%d]", fallback, i)
}

// width of a column in characters, without its margins.
func (col *column) width() int {
	n := 1
	for _, c := range col.cells {
		n = max(n, utf8.RuneCountInString(c.label))
	}
	return n
}

// note says what is missing; empty for nothing.
func (d *Drawing) note() string {
	if d.left == 0 {
		return ""
	}
	return fmt.Sprintf("%d more operations are not drawn", d.left)
}

func (d *Drawing) wireWidth() int {
	n := 0
	for _, w := range d.wires {
		n = max(n, utf8.RuneCountInString(w))
	}
	return n
}
