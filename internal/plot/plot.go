// Package plot draws histograms of measured outcomes as text for terminals, as
// SVG, as one HTML page and as PNG.
//
// It promises equal bytes for equal charts: all geometry is integer arithmetic,
// nothing reads clock, locale, fonts or files, and no drawing refers to anything
// outside itself. PNG pixels are always equal; the compressed bytes are equal for
// one release of Go. It draws bars and nothing else.
package plot

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Bar is one outcome.
type Bar struct {
	Label string
	Value uint64
}

// Chart is a list of bars in drawing order.
type Chart struct {
	Title string
	Note  string // second line, may be empty
	Unit  string // of the values, such as "shots"
	Bars  []Bar
	Total uint64 // what 100 % is; 0 draws no percentages

	// OmittedBars bars with the sum OmittedValue were left out.
	OmittedBars  int
	OmittedValue uint64
}

// Histogram makes a chart of at most limit outcomes (0 means no limit). If all
// fit they stand in the order of their labels; else the largest stand first, equal
// ones in the order of their labels. bars is not changed.
func Histogram(title, unit string, bars []Bar, limit int) *Chart {
	c := &Chart{Title: title, Unit: unit, Bars: slices.Clone(bars)}
	for _, b := range bars {
		c.Total += b.Value
	}
	if limit <= 0 || len(bars) <= limit {
		slices.SortFunc(c.Bars, func(a, b Bar) int { return cmp.Compare(a.Label, b.Label) })
		return c
	}
	slices.SortFunc(c.Bars, func(a, b Bar) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Label, b.Label))
	})
	c.OmittedBars = len(bars) - limit
	for _, b := range c.Bars[limit:] {
		c.OmittedValue += b.Value
	}
	c.Bars = c.Bars[:limit]
	return c
}

// max is the largest value, at least 1.
func (c *Chart) max() uint64 {
	m := uint64(1)
	for _, b := range c.Bars {
		m = max(m, b.Value)
	}
	return m
}

// scale returns value·length/whole, rounded down, but 1 for a value that would
// vanish.
func scale(value, whole uint64, length int) int {
	if value == 0 || whole == 0 || length <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(min(value, whole), uint64(length))
	q, _ := bits.Div64(hi, lo, whole) // hi < whole because value <= whole and length < 2^63
	return max(int(q), 1)
}

// percent is value of c.Total with one decimal, rounded half up; empty without a
// total.
func (c *Chart) percent(value uint64) string {
	if c.Total == 0 || value > c.Total {
		return ""
	}
	hi, lo := bits.Mul64(value, 1000)
	lo, carry := bits.Add64(lo, c.Total/2, 0)
	if hi += carry; hi >= c.Total {
		return ""
	}
	q, _ := bits.Div64(hi, lo, c.Total)
	return fmt.Sprintf("%d.%d %%", q/10, q%10)
}

// tail describes what was left out; empty for nothing.
func (c *Chart) tail() string {
	if c.OmittedBars == 0 {
		return ""
	}
	s := fmt.Sprintf("%d more outcomes, %d %s", c.OmittedBars, c.OmittedValue, c.Unit)
	if p := c.percent(c.OmittedValue); p != "" {
		s += " (" + p + ")"
	}
	return s
}

// shorten cuts the middle out of a label of more than n characters.
func shorten(s string, n int, ellipsis string) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	keep := max(n-utf8.RuneCountInString(ellipsis), 2)
	r := []rune(s)
	head := keep - keep/2
	return string(r[:head]) + ellipsis + string(r[len(r)-keep/2:])
}

// labelWidth is the longest label in characters, at most limit.
func (c *Chart) labelWidth(limit int) int {
	n := 0
	for _, b := range c.Bars {
		n = max(n, utf8.RuneCountInString(b.Label))
	}
	return min(n, limit)
}

// ticks returns the marks of the value axis: 0 and multiples of 1, 2 or 5 times a
// power of ten up to m, at most six.
func ticks(m uint64) []uint64 {
	step := uint64(1)
	for k := 0; m/step > 5; k++ {
		if k%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	var out []uint64
	for v := uint64(0); ; v += step {
		out = append(out, v)
		if m-v < step {
			return out
		}
	}
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }
