package report

import (
	"bytes"
	"fmt"
	"math"
)

// Growth is how a curve's cost is summed up in one number.
type Growth string

// Growths. Each is the slope of a line by least squares: of log2(time) against x,
// of log(time) against log(x), of time against x.
const (
	Factor Growth = "factor" // what one more of x multiplies the time by
	Power  Growth = "power"  // the time grows as x to this power
	Linear Growth = "linear" // seconds for one more of x
)

// Slope sums up the points of s from x = from on; ok is false for fewer than two.
func (s *Series) Slope(g Growth, from float64) (slope float64, ok bool) {
	var n, sx, sy, sxx, sxy float64
	for _, p := range s.Points {
		if p.X < from || p.Seconds <= 0 || g == Power && p.X <= 0 {
			continue
		}
		x, y := p.X, p.Seconds
		switch g {
		case Factor:
			y = math.Log2(y)
		case Power:
			x, y = math.Log(x), math.Log(y)
		}
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	d := n*sxx - sx*sx
	if n < 2 || d <= 0 {
		return 0, false
	}
	if slope = (n*sxy - sx*sy) / d; g == Factor {
		slope = math.Exp2(slope)
	}
	return slope, true
}

// growth is a slope in words, or "".
func (c *Curve) growth(s *Series) string {
	v, ok := s.Slope(c.Growth, c.From)
	switch {
	case !ok:
		return ""
	case c.Growth == Factor:
		return fmt.Sprintf("× %.2f each", v)
	case c.Growth == Power:
		return fmt.Sprintf("power %.2f", v)
	case c.Growth == Linear && v < 0:
		return "-" + Seconds(-v) + " each"
	case c.Growth == Linear:
		return Seconds(v) + " each"
	}
	return ""
}

// range of x that a slope is taken over, in words.
func (c *Curve) span() string {
	last := c.From
	for _, s := range c.Series {
		for _, p := range s.Points {
			last = max(last, p.X)
		}
	}
	return fmt.Sprintf("%g to %g", c.From, last)
}

// slopes lists the slope of each series.
func slopes(w *bytes.Buffer, curves []Curve) {
	fmt.Fprintf(w, "\n| curve | x | series | slope | over |\n|---|---|---|---|---|\n")
	for i := range curves {
		c := &curves[i]
		for k := range c.Series {
			if g := c.growth(&c.Series[k]); g != "" {
				fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", c.ID, c.XLabel, c.Series[k].Name, g, c.span())
			}
		}
	}
	fmt.Fprintln(w, "\nSlopes are fitted by least squares: *× each* is what one more of x multiplies the time by, *power* the exponent in x, a time what one more of x costs.")
}

// CurveLines is a curve for a terminal, columns separated by tabs: a line per
// point, then one with the slopes.
func CurveLines(c *Curve) (lines []string) {
	head, xs := c.XLabel, []float64{}
	for _, s := range c.Series {
		head += "\t" + s.Name
		for _, p := range s.Points {
			if len(xs) == 0 || p.X > xs[len(xs)-1] {
				xs = append(xs, p.X)
			}
		}
	}
	lines = append(lines, head)
	for _, x := range xs {
		row := fmt.Sprintf("%g", x)
		for _, s := range c.Series {
			cell := "-"
			for _, p := range s.Points {
				if p.X == x {
					cell = Seconds(p.Seconds)
				}
			}
			row += "\t" + cell
		}
		lines = append(lines, row)
	}
	last := "slope from " + fmt.Sprintf("%g", c.From)
	for k := range c.Series {
		last += "\t" + c.growth(&c.Series[k])
	}
	return append(lines, last)
}
