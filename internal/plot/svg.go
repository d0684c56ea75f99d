package plot

import (
	"bytes"
	"fmt"
	"html"
)

// Limits of drawn labels, in characters.
const (
	svgLabel = 64
	pngLabel = 28
)

// layout is the geometry that SVG and PNG share, in pixels.
type layout struct {
	width, height int
	top           int // upper edge of the first row
	row           int // height of a row; a bar takes row-6 of it
	x0, x1        int // bar of value 0 ends at x0, of the largest at x1
	bottom        int // y of the axis
}

func (c *Chart) layout(width, row, head, char, labelChars int) layout {
	l := layout{width: width, row: row, top: head}
	l.x0 = 20 + labelChars*char + 8
	l.x1 = l.width - 20 - (len(decimal(c.max()))+10)*char
	if l.x1-l.x0 < 120 {
		l.x1 = l.x0 + 120
		l.width = l.x1 + 20 + (len(decimal(c.max()))+10)*char
	}
	l.bottom = l.top + row*len(c.Bars) + 4
	l.height = l.bottom + 2*row + 8
	return l
}

const svgStyle = `text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}` +
	`.t{font-size:15px;font-weight:600}.n{fill:#57606a}.b{fill:#2f6fb5}.g{stroke:#d5dae0}.bg{fill:#fff}` +
	`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#9aa4af}.b{fill:#6ea8e5}.g{stroke:#39414b}.bg{fill:#14181d}}`

// SVG draws the chart as one self-contained SVG document (SVG 1.1).
func (c *Chart) SVG() []byte {
	var w bytes.Buffer
	c.writeSVG(&w)
	return w.Bytes()
}

func (c *Chart) writeSVG(w *bytes.Buffer) {
	label := c.labelWidth(svgLabel)
	l := c.layout(800, 20, 62, 8, label)
	title := esc(c.Title)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">`+"\n", l.width, l.height, title)
	fmt.Fprintf(w, "<title>%s</title>\n<style>%s</style>\n", title, svgStyle)
	fmt.Fprintf(w, `<rect class="bg" width="%d" height="%d"/>`+"\n", l.width, l.height)
	fmt.Fprintf(w, `<text class="t" x="20" y="26">%s</text>`+"\n", title)
	fmt.Fprintf(w, `<text class="n" x="20" y="46">%s</text>`+"\n", esc(c.Note))
	c.writeAxis(w, l)
	for i, b := range c.Bars {
		y, n := l.top+i*l.row, scale(b.Value, c.max(), l.x1-l.x0)
		full := esc(b.Label)
		fmt.Fprintf(w, `<g><title>%s: %d %s</title>`, full, b.Value, esc(c.Unit))
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>`, l.x0-8, y+14, esc(shorten(b.Label, svgLabel, "…")))
		fmt.Fprintf(w, `<rect class="b" x="%d" y="%d" width="%d" height="%d"/>`, l.x0, y+3, n, l.row-6)
		fmt.Fprintf(w, `<text class="n" x="%d" y="%d">%s</text></g>`+"\n", l.x0+n+6, y+14, esc(c.valueText(b.Value)))
	}
	fmt.Fprintf(w, `<text class="n" x="%d" y="%d">%s</text>`+"\n</svg>\n", l.x0, l.height-12, esc(c.tail()))
}

func (c *Chart) writeAxis(w *bytes.Buffer, l layout) {
	for _, v := range ticks(c.max()) {
		x := l.x0
		if v > 0 {
			x += scale(v, c.max(), l.x1-l.x0)
		}
		fmt.Fprintf(w, `<line class="g" x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`, x, l.top-4, l.bottom)
		fmt.Fprintf(w, `<text class="n" x="%d" y="%d" text-anchor="middle">%d</text>`+"\n", x, l.bottom+15, v)
	}
}

// valueText is what stands behind a bar.
func (c *Chart) valueText(v uint64) string {
	if p := c.percent(v); p != "" {
		return decimal(v) + " · " + p
	}
	return decimal(v)
}

// esc makes text safe inside elements and attributes.
func esc(s string) string { return html.EscapeString(clean(s)) }
