package plot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *Chart {
	c := Histogram("ghz, 1000 shots", "shots", []Bar{{"111", 497}, {"000", 500}, {"001", 2}, {"010", 1}}, 0)
	c.Note = "seed 00…00"
	return c
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestGolden(t *testing.T) {
	golden(t, "sample.txt", sample().Text(Term{Columns: 60, Unicode: true}))
	golden(t, "sample_ascii.txt", sample().Text(Term{Columns: 60}))
	golden(t, "sample.svg", sample().SVG())
	golden(t, "sample.html", sample().HTML())
	pix := sha256.Sum256(sample().picture().Pix)
	golden(t, "sample.png.sha256", []byte(hex.EncodeToString(pix[:])+"\n"))
}

func TestHistogramOrder(t *testing.T) {
	in := []Bar{{"c", 1}, {"a", 2}, {"b", 5}, {"d", 2}}
	all := Histogram("", "shots", in, 4)
	require.Equal(t, []Bar{{"a", 2}, {"b", 5}, {"c", 1}, {"d", 2}}, all.Bars)
	some := Histogram("", "shots", in, 2)
	require.Equal(t, []Bar{{"b", 5}, {"a", 2}}, some.Bars)
	require.Equal(t, [3]uint64{10, 2, 3}, [3]uint64{some.Total, uint64(some.OmittedBars), some.OmittedValue})
	require.Equal(t, Bar{"c", 1}, in[0], "the input keeps its order")
	require.Equal(t, "2 more outcomes, 3 shots (30.0 %)", some.tail())
}

func TestScaleNeverVanishesAndNeverOverflows(t *testing.T) {
	require.Equal(t, 0, scale(0, 10, 100))
	require.Equal(t, 1, scale(1, math.MaxUint64, 100))
	require.Equal(t, 100, scale(math.MaxUint64, math.MaxUint64, 100))
	require.Equal(t, 50, scale(math.MaxUint64/2+1, math.MaxUint64, 100))
	require.Equal(t, 100, scale(11, 10, 100))
	require.Equal(t, 0, scale(5, 0, 100))
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		v, total uint64
		want     string
	}{{1, 3, "33.3 %"}, {2, 3, "66.7 %"}, {0, 3, "0.0 %"}, {3, 3, "100.0 %"}, {1, 0, ""}, {4, 3, ""}, {math.MaxUint64, math.MaxUint64, "100.0 %"}} {
		require.Equal(t, c.want, (&Chart{Total: c.total}).percent(c.v))
	}
}

func TestTicks(t *testing.T) {
	require.Equal(t, []uint64{0, 1}, ticks(1))
	require.Equal(t, []uint64{0, 100, 200, 300, 400, 500}, ticks(500))
	require.Equal(t, []uint64{0, 2, 4, 6}, ticks(7))
	require.Equal(t, []uint64{0, 200, 400, 600, 800, 1000}, ticks(1000))
	for _, m := range []uint64{3, 12, 99, 3686, 1e9 + 7, math.MaxUint64} {
		v := ticks(m)
		require.LessOrEqual(t, len(v), 6)
		require.GreaterOrEqual(t, len(v), 3)
		require.LessOrEqual(t, v[len(v)-1], m)
	}
}

func TestTerminalLinesFit(t *testing.T) {
	wide := strings.Repeat("01", 60)
	for _, columns := range []int{1, 40, 57, 80, 200} {
		for _, u := range []bool{false, true} {
			c := Histogram("t", "shots", []Bar{{wide, 123456}, {"1" + wide, 1}, {"2", 0}}, 0)
			for line := range strings.Lines(string(c.Text(Term{Columns: columns, Unicode: u}))) {
				require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), max(columns, 40))
			}
		}
	}
	plain := sample().Text(Term{Columns: 60, Unicode: true})
	require.NotContains(t, string(plain), "\x1b")
	colour := sample().Text(Term{Columns: 60, Unicode: true, Color: true})
	require.Equal(t, string(plain), strings.NewReplacer("\x1b[34m", "", "\x1b[0m", "").Replace(string(colour)))
}

// hostile labels must not leave their place in any format.
var hostile = []Bar{{"<script>alert(1)</script>", 3}, {`"&'`, 2}, {"\x1b[2J\x00\xff", 1}}

func TestHostileLabels(t *testing.T) {
	c := Histogram("</title><svg onload=x>", "<b>", hostile, 0)
	require.NotContains(t, string(c.Text(Term{Columns: 80})), "\x1b")
	for _, doc := range [][]byte{c.SVG(), c.HTML()} {
		s := string(doc)
		for _, bad := range []string{"<script", "onload=x>", "<b>", "\x1b", "\x00"} {
			require.NotContains(t, s, bad)
		}
		require.True(t, utf8.ValidString(s))
	}
	wellFormed(t, c.SVG())
}

func wellFormed(t *testing.T, doc []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestNothingIsLoaded(t *testing.T) {
	for _, doc := range [][]byte{sample().SVG(), sample().HTML()} {
		s := strings.ReplaceAll(string(doc), `xmlns="http://www.w3.org/2000/svg"`, "")
		for _, bad := range []string{"http:", "https:", "url(", "@import", "src=", "<link", "<script"} {
			require.NotContains(t, s, bad)
		}
	}
}

func TestPNGDecodes(t *testing.T) {
	many := make([]Bar, 64)
	for i := range many {
		many[i] = Bar{fmt.Sprintf("%0127b", i), uint64(i * i)}
	}
	for _, c := range []*Chart{sample(), Histogram("", "shots", nil, 0), Histogram(strings.Repeat("x", 500), "shots", many, 0), Histogram("é", "shots", hostile, 1)} {
		b, err := c.PNG()
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(b))
		require.NoError(t, err)
		require.Equal(t, c.picture().Bounds(), img.Bounds())
		wellFormed(t, c.SVG())
	}
}

func TestGlyphsDiffer(t *testing.T) {
	seen := map[[glyphHeight]uint8]int{}
	for i, g := range glyphs {
		for _, row := range g {
			require.Less(t, row, uint8(1<<glyphWidth))
		}
		other, dup := seen[g]
		require.False(t, dup, "%c and %c look alike", i+' ', other+' ')
		seen[g] = i
	}
	require.Len(t, glyphs, 95)
}

func FuzzChart(f *testing.F) {
	f.Add("01", uint64(3), "t", 80, true)
	f.Add("\xff<", uint64(math.MaxUint64), "\x1b", -1, false)
	f.Fuzz(func(t *testing.T, label string, v uint64, title string, columns int, unicode bool) {
		c := Histogram(title, "shots", []Bar{{label, v}, {"0", 1}}, 1)
		c.Text(Term{Columns: min(columns, 1000), Unicode: unicode})
		wellFormed(t, c.SVG())
		if _, err := c.PNG(); err != nil {
			t.Fatal(err)
		}
	})
}
