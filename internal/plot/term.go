package plot

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Term says what the terminal can show.
type Term struct {
	Columns int  // width in cells; values below 40 count as 40
	Unicode bool // block characters in eighths of a cell instead of '#'
	Color   bool // ANSI colour
}

var eighths = [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// Text draws the chart for a terminal: one line per bar.
func (c *Chart) Text(t Term) []byte {
	var w bytes.Buffer
	columns := max(t.Columns, 40)
	fmt.Fprintln(&w, clean(c.Title))
	if c.Note != "" {
		fmt.Fprintln(&w, clean(c.Note))
	}
	ellipsis := "..."
	if t.Unicode {
		ellipsis = "…"
	}
	label := c.labelWidth(max(8, columns/2-8))
	value := len(decimal(c.max()))
	cells := max(columns-label-value-13, 4) // two gaps, a rule, "100.0 %"
	for _, b := range c.Bars {
		bar, used := t.bar(b.Value, c.max(), cells)
		text := clean(shorten(b.Label, label, ellipsis))
		line := fmt.Sprintf("%s%s %s%s%s %*d", strings.Repeat(" ", label-utf8.RuneCountInString(text)), text, t.rule(), bar, strings.Repeat(" ", cells-used), value, b.Value)
		if p := c.percent(b.Value); p != "" {
			line += fmt.Sprintf(" %7s", p)
		}
		fmt.Fprintln(&w, line)
	}
	if s := c.tail(); s != "" {
		fmt.Fprintf(&w, "%*s %s %s\n", label, "", t.rule(), s)
	}
	return w.Bytes()
}

func (t Term) rule() string {
	if t.Unicode {
		return "│"
	}
	return "|"
}

// bar returns the bar and the number of cells it takes.
func (t Term) bar(value, whole uint64, cells int) (string, int) {
	s, used := "", 0
	if t.Unicode {
		n := scale(value, whole, 8*cells)
		s, used = strings.Repeat("█", n/8)+eighths[n%8], (n+7)/8
	} else {
		used = scale(value, whole, cells)
		s = strings.Repeat("#", used)
	}
	if t.Color && s != "" {
		s = "\x1b[34m" + s + "\x1b[0m"
	}
	return s, used
}

// clean replaces control characters, which a label or title may smuggle to a
// terminal or a page.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}
