package report

import (
	"bytes"
	"fmt"
)

const barRow = 26 // pixels of one bar with its gap

// RatioSVG draws how many times faster than the fastest peer the engine is, on a
// logarithmic axis around 1, with a mark where the target lies.
func RatioSVG(rows []Row, title, note string) []byte {
	var shown []Row
	lo, hi := 0.5, 2.0
	for _, r := range rows {
		if r.Ratio != nil && *r.Ratio > 0 {
			shown = append(shown, r)
			lo, hi = min(lo, *r.Ratio), max(hi, *r.Ratio, r.Target)
		}
	}
	height := top + barRow*len(shown) + bottom
	var w bytes.Buffer
	open(&w, height, title, note)
	x := logAxis(lo, hi, 150, chartWidth-70)
	end := float64(height - bottom + 8)
	for _, v := range x.decades() {
		line(&w, "g", x.at(v), top-4, x.at(v), end)
		text(&w, "n", "middle", x.at(v), end+16, fmt.Sprintf("%g ×", v))
	}
	for i, r := range shown {
		y := float64(top + i*barRow)
		from, to, class := x.at(1), x.at(*r.Ratio), 0
		if to < from {
			from, to, class = to, from, 1
		}
		fmt.Fprintf(&w, `<g><title>%s: %.3g, target %g</title>`, r.ID, *r.Ratio, r.Target)
		text(&w, "n", "end", 140, y+15, fmt.Sprintf("%s, %d T", r.ID, r.Threads))
		fmt.Fprintf(&w, `<rect class="f%d" x="%.1f" y="%.1f" width="%.1f" height="16"/>`, class, from, y+3, max(to-from, 1))
		if r.Target > 0 {
			line(&w, "m", x.at(r.Target), y, x.at(r.Target), y+22)
		}
		text(&w, "n", "start", max(to, x.at(max(r.Target, 1)))+6, y+15, fmt.Sprintf("%.2f", *r.Ratio))
		w.WriteString("</g>\n")
	}
	text(&w, "n", "start", 150, end+36, "right of 1: the engine is faster; upright mark: target")
	w.WriteString("</svg>\n")
	return w.Bytes()
}
