package circuit

import (
	"strings"
	"unicode/utf8"
)

// Draw draws the circuit with characters: one line a qubit, lines between them
// for the connections, wrapped at the width.
func (c *Circuit) Draw(opt DrawOptions) (string, error) {
	cols, err := c.columns(opt)
	if err != nil {
		return "", err
	}
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := newTextDrawing(c, opt)
	for _, col := range cols {
		t.column(col)
	}
	t.flush()
	return t.out.String(), nil
}

// charset are the characters of a drawing.
type charset struct {
	wire, vertical, crossing, dot, target, cross, barrier, left, right string
}

var unicodeSet = charset{"─", "│", "┼", "●", "⊕", "×", "░", "┤", "├"}

var asciiSet = charset{"-", "|", "+", "*", "(+)", "x", ":", "[", "]"}

type textDrawing struct {
	opt    DrawOptions
	chars  charset
	out    strings.Builder
	qubits int
	labels []string
	rows   []strings.Builder // 2·qubits-1: wires and the gaps between
	width  int
	head   int
	parts  int
}

func newTextDrawing(c *Circuit, opt DrawOptions) *textDrawing {
	t := &textDrawing{opt: opt, chars: unicodeSet, qubits: c.Qubits, rows: make([]strings.Builder, 2*c.Qubits-1)}
	if opt.ASCII {
		t.chars = asciiSet
	}
	qregs := bitNames(c.QRegs, c.Qubits, "q", map[string]bool{})
	for q := range c.Qubits {
		t.labels = append(t.labels, bitText(qregs, q)+": ")
		t.head = max(t.head, len(t.labels[q]))
	}
	t.start()
	return t
}

// start begins a line of drawing with the names of the wires.
func (t *textDrawing) start() {
	t.width = t.head + 1
	for i := range t.rows {
		t.rows[i].Reset()
		if i%2 == 0 {
			t.rows[i].WriteString(strings.Repeat(" ", t.head-len(t.labels[i/2])) + t.labels[i/2] + t.chars.wire)
		} else {
			t.rows[i].WriteString(strings.Repeat(" ", t.head+1))
		}
	}
	t.parts = 0
}

func (t *textDrawing) flush() {
	if t.parts == 0 && t.out.Len() > 0 {
		return
	}
	if t.out.Len() > 0 {
		t.out.WriteByte('\n')
	}
	for i := range t.rows {
		t.out.WriteString(strings.TrimRight(t.rows[i].String(), " "))
		t.out.WriteByte('\n')
	}
	t.start()
}

// text of a cell.
func (t *textDrawing) text(x cell) string {
	switch x.kind {
	case cellDot:
		return t.chars.dot
	case cellTarget:
		return t.chars.target
	case cellCross:
		return t.chars.cross
	case cellBarrier:
		return t.chars.barrier
	}
	return t.chars.left + x.label + t.chars.right
}

func (t *textDrawing) column(ops []drawnOp) {
	rows := make([]string, len(t.rows))
	wide := 1
	for _, d := range ops {
		for i := 2 * d.min; d.joined && i <= 2*d.max; i++ {
			rows[i] = []string{t.chars.crossing, t.chars.vertical}[i%2]
		}
		for k, w := range d.wires {
			rows[2*w] = t.text(d.cells[k])
			wide = max(wide, utf8.RuneCountInString(rows[2*w]))
		}
	}
	if t.width+wide+1 > t.opt.Width && t.parts > 0 {
		t.flush()
	}
	for i, s := range rows {
		fill := t.chars.wire
		if i%2 == 1 {
			fill = " "
		}
		if s == "" {
			s = fill
		}
		n := wide - utf8.RuneCountInString(s)
		t.rows[i].WriteString(strings.Repeat(fill, n/2) + s + strings.Repeat(fill, n-n/2) + fill)
	}
	t.width += wide + 1
	t.parts++
}
