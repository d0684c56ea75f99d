package circuit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Measures of an SVG drawing in pixels.
const (
	svgRow    = 40 // between wires
	svgBox    = 28 // height of a box
	svgChar   = 8  // width of a character
	svgGap    = 12 // between columns
	svgMargin = 10
)

// SVG draws the circuit as a self-contained SVG 1.1 document: no script, no
// font, no link. Equal circuits give equal bytes.
func (c *Circuit) SVG(opt DrawOptions) (string, error) {
	cols, err := c.columns(opt)
	if err != nil {
		return "", err
	}
	if opt.Width <= 0 {
		opt.Width = 1000
	}
	s := &svgDrawing{}
	qregs := bitNames(c.QRegs, c.Qubits, "q", map[string]bool{})
	head := 0
	for q := range c.Qubits {
		head = max(head, svgChar*len(bitText(qregs, q)))
	}
	left := svgMargin + head + svgGap
	for from := 0; from < len(cols) || from == 0; {
		x, to := left+svgGap, from
		for to < len(cols) && (to == from || x+columnWidth(cols[to])+svgMargin <= opt.Width) {
			x += columnWidth(cols[to]) + svgGap
			to++
		}
		for q := range c.Qubits {
			y := s.wire(q)
			fmt.Fprintf(&s.body, "<text class=\"n\" x=\"%d\" y=\"%d\">%s</text><path d=\"M%d %dH%d\"/>\n", left-svgGap/2, y+4, bitText(qregs, q), left, y, x)
		}
		s.width = max(s.width, x+svgMargin)
		x = left + svgGap
		for _, col := range cols[from:to] {
			w := columnWidth(col)
			for _, d := range col {
				s.op(d, x+w/2)
			}
			x += w + svgGap
		}
		s.top += c.Qubits*svgRow + svgRow/2
		from = max(to, from+1)
	}
	return s.document(), nil
}

func columnWidth(col []drawnOp) int {
	w := svgBox
	for _, d := range col {
		for _, x := range d.cells {
			if x.kind == cellBox {
				w = max(w, svgChar*utf8.RuneCountInString(x.label)+12)
			}
		}
	}
	return w
}

type svgDrawing struct {
	body       strings.Builder
	top, width int
}

func (s *svgDrawing) wire(q int) int { return s.top + svgMargin + svgRow/2 + q*svgRow }

func (s *svgDrawing) op(d drawnOp, x int) {
	if d.joined {
		fmt.Fprintf(&s.body, "<path d=\"M%d %dV%d\"/>\n", x, s.wire(d.min), s.wire(d.max))
	}
	for k, w := range d.wires {
		y := s.wire(w)
		switch cell := d.cells[k]; cell.kind {
		case cellDot:
			fmt.Fprintf(&s.body, "<circle class=\"d\" cx=\"%d\" cy=\"%d\" r=\"5\"/>\n", x, y)
		case cellTarget:
			fmt.Fprintf(&s.body, "<circle cx=\"%d\" cy=\"%d\" r=\"10\"/><path d=\"M%d %dh20M%d %dv20\"/>\n", x, y, x-10, y, x, y-10)
		case cellCross:
			fmt.Fprintf(&s.body, "<path d=\"M%d %dl12 12m0 -12l-12 12\"/>\n", x-6, y-6)
		case cellBarrier:
			fmt.Fprintf(&s.body, "<path class=\"b\" d=\"M%d %dv%d\"/>\n", x, y-svgRow/2, svgRow)
		default:
			w := max(svgBox, svgChar*utf8.RuneCountInString(cell.label)+10)
			fmt.Fprintf(&s.body, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
				x-w/2, y-svgBox/2, w, svgBox, x, y+4, xmlText.Replace(cell.label))
		}
	}
}

var xmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

const svgStyle = `<style>path,rect,circle{fill:none;stroke:#222;stroke-width:1.5}rect,circle{fill:#fff}.d{fill:#222}.b{stroke-dasharray:3 3;stroke:#888}text{font:13px monospace;text-anchor:middle;fill:#222}.n{text-anchor:end}</style>`

func (s *svgDrawing) document() string {
	h := s.top + svgMargin
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n%s\n<path style=\"fill:#fff;stroke:none\" d=\"M0 0H%dV%dH0z\"/>\n%s</svg>\n",
		s.width, h, s.width, h, svgStyle, s.width, h, s.body.String())
}
