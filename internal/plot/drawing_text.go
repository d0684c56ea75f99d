package plot

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// strokes are the characters of a text drawing.
type strokes struct{ wire, vertical, cross, control, swap, barrier string }

var (
	unicodeStrokes = strokes{"─", "│", "┼", "●", "╳", "░"}
	asciiStrokes   = strokes{"-", "|", "+", "@", "x", ":"}
)

// Text draws the circuit in blocks that fit the terminal, one after the other.
func (d *Drawing) Text(t Term) []byte {
	s := asciiStrokes
	if t.Unicode {
		s = unicodeStrokes
	}
	var w bytes.Buffer
	room := max(t.Columns, 40) - d.wireWidth() - 2
	for first := 0; first < max(len(d.columns), 1); {
		last, used := first, 0
		for last < len(d.columns) && (last == first || used+d.columns[last].width()+2 <= room) {
			used += d.columns[last].width() + 2
			last++
		}
		if first > 0 {
			fmt.Fprintln(&w)
		}
		d.block(&w, s, d.columns[first:last])
		first = max(last, first+1)
	}
	if n := d.note(); n != "" {
		fmt.Fprintln(&w, n)
	}
	return w.Bytes()
}

func (d *Drawing) block(w *bytes.Buffer, s strokes, cols []column) {
	label := d.wireWidth()
	for q, name := range d.wires {
		name = clean(name)
		line := strings.Repeat(" ", label-utf8.RuneCountInString(name)) + name + " " + s.wire
		gap := strings.Repeat(" ", label+2)
		for i := range cols {
			n := cols[i].width() + 2
			line += pad(s.at(&cols[i], q), n, s.wire)
			gap += pad(s.below(&cols[i], q), n, " ")
		}
		fmt.Fprintln(w, line)
		if gap = strings.TrimRight(gap, " "); gap != "" {
			fmt.Fprintln(w, gap)
		}
	}
}

// at is what stands on wire q.
func (s strokes) at(col *column, q int) string {
	if c, ok := col.cells[q]; ok {
		switch c.mark {
		case markControl:
			return s.control
		case markSwap:
			return s.swap
		case markBarrier:
			return s.barrier
		}
		return clean(c.label)
	}
	for _, sp := range col.spans {
		if sp[0] < q && q < sp[1] {
			return s.cross
		}
	}
	return s.wire
}

// below is what stands between wires q and q+1.
func (s strokes) below(col *column, q int) string {
	for _, sp := range col.spans {
		if sp[0] <= q && q < sp[1] {
			return s.vertical
		}
	}
	return " "
}

// pad centres text in n cells.
func pad(text string, n int, with string) string {
	room := n - utf8.RuneCountInString(text)
	return strings.Repeat(with, room/2) + text + strings.Repeat(with, room-room/2)
}
