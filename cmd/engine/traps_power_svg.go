package main

import (
	"bytes"
	"fmt"
)

// Geometry of the two panels, in pixels.
const (
	panelWidth, panelHeight = 360, 220
	panelLeft, panelTop     = 52, 48
	panelGap                = 76
)

// panels draws detection against the fraction of invented slots, and the honest
// pass rate against noise, side by side.
func (a *powerAnswer) panels() []byte {
	var w bytes.Buffer
	width, height := 2*panelWidth+panelGap+panelLeft+24, panelTop+panelHeight+70
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#222">`+"\n", width, height, width, height)
	fmt.Fprintf(&w, `<rect width="100%%" height="100%%" fill="#fff"/><text x="%d" y="20" font-size="14">%s@1: %d qubits, depth %d, %d shots, ratio %g, policy %s</text>`+"\n",
		panelLeft, a.Family, a.Width, a.Depth, a.Shots, a.TrapRatio, a.Policy)
	left := panel{x: panelLeft, title: "found out, by fraction of invented slots", top: 1, unit: "%"}
	for _, p := range a.Curve {
		left.add(0, p.Fraction, p.FoundOut)
		left.marks = append(left.marks, tick{p.Fraction, fmt.Sprintf("%.0f", 100*p.Fraction)})
	}
	left.marks = everyOther(left.marks)
	left.draw(&w)
	right := panel{x: panelLeft + panelWidth + panelGap, title: "an honest trap passes, by multiple of the policy's noise", top: 10, unit: "x"}
	for _, p := range a.Noise {
		x := float64(p.Multiple)
		right.marks = append(right.marks, tick{x, fmt.Sprint(p.Multiple)})
		if a.NA > 0 {
			right.add(0, x, p.PassRateA)
		}
		if a.NB > 0 {
			right.add(1, x, p.PassRateB)
		}
	}
	right.draw(&w)
	y := panelTop + panelHeight + 52
	if a.NA > 0 {
		fmt.Fprintf(&w, `<text x="%d" y="%d" fill="#1f5fa8">kind A: the whole register matches</text>`+"\n", right.x, y)
	}
	if a.NB > 0 {
		fmt.Fprintf(&w, `<text x="%d" y="%d" fill="#b3541e">kind B: one parity</text>`+"\n", right.x+220, y)
	}
	w.WriteString("</svg>\n")
	return w.Bytes()
}

type tick struct {
	at   float64
	text string
}

func everyOther(t []tick) (out []tick) {
	for i, x := range t {
		if i == 0 || i > 2 && i != 5 { // 2 % and 5 % would run into 1 %, 20 % into 25 %
			out = append(out, x)
		}
	}
	return out
}

// panel is one diagram: x from 0 to top, y from 0 to 1.
type panel struct {
	x      int
	title  string
	top    float64
	unit   string
	marks  []tick
	series [2][][2]float64
}

func (p *panel) add(series int, x, y float64) {
	p.series[series] = append(p.series[series], [2]float64{x, y})
}

func (p *panel) draw(w *bytes.Buffer) {
	at := func(x, y float64) (float64, float64) {
		return float64(p.x) + x/p.top*panelWidth, panelTop + (1-y)*panelHeight
	}
	fmt.Fprintf(w, `<text x="%d" y="%d">%s</text>`+"\n", p.x, panelTop-10, p.title)
	for _, y := range []float64{0, .25, .5, .75, 1} {
		x0, py := at(0, y)
		fmt.Fprintf(w, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`+"\n", x0, py, x0+panelWidth, py, x0-6, py+4, y)
	}
	for _, m := range p.marks {
		px, py := at(m.at, 0)
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="middle">%s%s</text>`+"\n", px, py+18, m.text, p.unit)
	}
	for i, s := range p.series {
		if len(s) == 0 {
			continue
		}
		color := [2]string{"#1f5fa8", "#b3541e"}[i]
		fmt.Fprintf(w, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, color)
		for _, q := range s {
			x, y := at(q[0], q[1])
			fmt.Fprintf(w, "%.1f,%.1f ", x, y)
		}
		w.WriteString(`"/>` + "\n")
	}
}
