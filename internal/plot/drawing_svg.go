package plot

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const drawingStyle = `text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}line{stroke:#57606a}` +
	`.x{stroke:#1b1f24;stroke-width:2}.d{fill:#1b1f24}.b{fill:#e3edf8;stroke:#2f6fb5}.f{stroke-dasharray:3 3}.bg{fill:#fff}` +
	`@media(prefers-color-scheme:dark){text,.d{fill:#e6edf3}.x{stroke:#e6edf3}.b{fill:#1d3450;stroke:#6ea8e5}.bg{fill:#14181d}}`

const (
	wirePixels = 40 // between wires
	boxPixels  = 26
	margin     = 20
)

// SVG draws the circuit in one row, however wide it gets.
func (d *Drawing) SVG() []byte {
	left := margin + d.wireWidth()*8 + 10
	width := left + margin
	for i := range d.columns {
		width += d.columns[i].pixels()
	}
	height := 2*margin + max(len(d.wires)-1, 0)*wirePixels + boxPixels + 20
	var w bytes.Buffer
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="circuit on %[3]d qubits">`+"\n", width, height, len(d.wires))
	fmt.Fprintf(&w, "<style>%s</style>\n<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", drawingStyle, width, height)
	for q, name := range d.wires {
		fmt.Fprintf(&w, `<text x="%d" y="%d" text-anchor="end">%s</text><line x1="%d" y1="%d" x2="%d" y2="%[5]d"/>`+"\n",
			left-8, wireY(q)+4, esc(name), left, wireY(q), width-margin)
	}
	x := left
	for i := range d.columns {
		n := d.columns[i].pixels()
		d.columns[i].svg(&w, x+n/2, len(d.wires))
		x += n
	}
	fmt.Fprintf(&w, `<text x="%d" y="%d">%s</text>`+"\n</svg>\n", margin, height-8, esc(d.note()))
	return w.Bytes()
}

func wireY(q int) int { return margin + boxPixels/2 + q*wirePixels }

func (col *column) pixels() int { return max(col.width()*8+22, 36) }

func (col *column) svg(w *bytes.Buffer, x, qubits int) {
	for _, s := range col.spans {
		fmt.Fprintf(w, `<line x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`, x, wireY(s[0]), wireY(s[1]))
	}
	for q := range qubits {
		c, ok := col.cells[q]
		if !ok {
			continue
		}
		y := wireY(q)
		switch c.mark {
		case markControl:
			fmt.Fprintf(w, `<circle class="d" cx="%d" cy="%d" r="4"/>`, x, y)
		case markSwap:
			fmt.Fprintf(w, `<path class="x" d="M%d %dl12 12m0-12l-12 12"/>`, x-6, y-6)
		case markBarrier:
			fmt.Fprintf(w, `<line class="f" x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`, x, y-wirePixels/2, y+wirePixels/2)
		default:
			n := max(utf8.RuneCountInString(c.label)*8+10, boxPixels)
			fmt.Fprintf(w, `<rect class="b" x="%d" y="%d" width="%d" height="%d" rx="3"/><text x="%d" y="%d" text-anchor="middle">%s</text>`,
				x-n/2, y-boxPixels/2, n, boxPixels, x, y+4, esc(c.label))
		}
	}
	fmt.Fprintln(w)
}
