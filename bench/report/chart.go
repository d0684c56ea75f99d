package report

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
)

// Geometry of drawings, in pixels.
const (
	chartWidth, chartHeight = 760, 420
	left, right             = 80, 150
	top, bottom             = 56, 56
)

const style = `text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}.t{font-size:15px;font-weight:600}.n{fill:#57606a}.g{stroke:#d5dae0}.bg{fill:#fff}` +
	`.l{fill:none;stroke-width:2}.s0{stroke:#2f6fb5}.s1{stroke:#c4622d}.s2{stroke:#7a8490;stroke-dasharray:5 4}.f0{fill:#2f6fb5}.f1{fill:#c4622d}.f2{fill:#7a8490}.m{stroke:#1b1f24;stroke-width:2}` +
	`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#9aa4af}.g{stroke:#39414b}.bg{fill:#14181d}.s0{stroke:#6ea8e5}.s1{stroke:#e8945f}.f0{fill:#6ea8e5}.f1{fill:#e8945f}.m{stroke:#e6edf3}}`

// axis maps values to pixels.
type axis struct {
	lo, hi   float64 // values at the ends
	from, to float64 // pixels at the ends
	log      bool
}

func (a axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	if hi == lo {
		return a.from
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

// decades are the powers of ten within a logarithmic axis.
func (a axis) decades() (out []float64) {
	for e := math.Ceil(math.Log10(a.lo) - 1e-9); e <= math.Log10(a.hi)+1e-9; e++ {
		out = append(out, math.Pow(10, e))
	}
	return out
}

// logAxis covers values from the power of ten below to that above.
func logAxis(lo, hi, from, to float64) axis {
	return axis{math.Pow(10, math.Floor(math.Log10(lo))), math.Pow(10, math.Ceil(math.Log10(hi))), from, to, true}
}

func open(w *bytes.Buffer, height int, title, note string) {
	t := html.EscapeString(title)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">`+"\n", chartWidth, height, t)
	fmt.Fprintf(w, "<title>%s</title>\n<style>%s</style>\n", t, style)
	fmt.Fprintf(w, `<rect class="bg" width="%d" height="%d"/>`+"\n", chartWidth, height)
	text(w, "t", "start", 20, 24, title)
	text(w, "n", "start", 20, 43, note)
}

func text(w *bytes.Buffer, class, anchor string, x, y float64, s string) {
	fmt.Fprintf(w, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, anchor, x, y, html.EscapeString(s))
}

func line(w *bytes.Buffer, class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(w, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// SVG draws a curve: time on a logarithmic axis, one self-contained document.
func (c *Curve) SVG(note string) []byte {
	var w bytes.Buffer
	open(&w, chartHeight, c.Title, note)
	if x, y, ok := c.axes(); ok {
		c.grid(&w, x, y)
		for i, s := range c.Series {
			s.draw(&w, x, y, i%3)
		}
		c.labels(&w, x, y)
	}
	w.WriteString("</svg>\n")
	return w.Bytes()
}

// axes cover all points; ok is false where there is nothing to draw.
func (c *Curve) axes() (x, y axis, ok bool) {
	xlo, xhi, ylo, yhi := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, p := range s.Points {
			if p.Seconds > 0 && (!c.LogX || p.X > 0) {
				xlo, xhi, ylo, yhi = min(xlo, p.X), max(xhi, p.X), min(ylo, p.Seconds), max(yhi, p.Seconds)
			}
		}
	}
	if math.IsInf(xlo, 1) {
		return x, y, false
	}
	x = axis{xlo, xhi, left, chartWidth - right, c.LogX}
	return x, logAxis(ylo, yhi, chartHeight-bottom, top), true
}

func (c *Curve) grid(w *bytes.Buffer, x, y axis) {
	for _, v := range y.decades() {
		line(w, "g", x.from, y.at(v), x.to, y.at(v))
		text(w, "n", "end", x.from-8, y.at(v)+4, Seconds(v))
	}
	for _, v := range c.marks(x) {
		text(w, "n", "middle", x.at(v), y.from+18, fmt.Sprintf("%g", v))
	}
	text(w, "n", "middle", (x.from+x.to)/2, y.from+38, c.XLabel)
}

// marks of the horizontal axis: decades, or the points of the first series.
func (c *Curve) marks(x axis) (out []float64) {
	if x.log {
		return x.decades()
	}
	for _, p := range c.Series[0].Points {
		out = append(out, p.X)
	}
	return out
}

// labels stand beside the last points, names and slopes, without overlap.
func (c *Curve) labels(w *bytes.Buffer, x, y axis) {
	const height = 32
	type label struct {
		s    *Series
		x, y float64
	}
	var all []label
	for i := range c.Series {
		s := &c.Series[i]
		for k := len(s.Points) - 1; k >= 0; k-- {
			if p := s.Points[k]; p.Seconds > 0 {
				all = append(all, label{s, x.at(p.X) + 10, y.at(p.Seconds)})
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range all {
		l := &all[i]
		if i > 0 {
			l.y = max(l.y, all[i-1].y+height)
		}
		text(w, "n", "start", l.x, l.y+4, l.s.Name)
		text(w, "n", "start", l.x, l.y+18, c.growth(l.s))
	}
}

func (s *Series) draw(w *bytes.Buffer, x, y axis, color int) {
	fmt.Fprintf(w, `<polyline class="l s%d" points="`, color)
	for _, p := range s.Points {
		if p.Seconds > 0 {
			fmt.Fprintf(w, "%.1f,%.1f ", x.at(p.X), y.at(p.Seconds))
		}
	}
	w.WriteString("\"/>\n")
	for _, p := range s.Points {
		if p.Seconds > 0 {
			fmt.Fprintf(w, `<circle class="f%d" cx="%.1f" cy="%.1f" r="3"><title>%g: %s</title></circle>`+"\n", color, x.at(p.X), y.at(p.Seconds), p.X, Seconds(p.Seconds))
		}
	}
}
