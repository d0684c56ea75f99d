package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/bench/machine"
)

var update = flag.Bool("update", false, "rewrite docs/performance.md and its drawings")

// reportFiles are the measurements behind the page, the main one first.
var reportFiles = []string{"all.json", "one-thread.json", "curves.json"}

// TestPage keeps docs/performance.md, its drawings and the measurements the same.
func TestPage(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	var reports []*Report
	for _, f := range reportFiles {
		r, err := Read(filepath.Join(docs, "performance", f))
		require.NoError(t, err)
		reports = append(reports, r)
	}
	for name, b := range Files(reports) {
		path := filepath.Join(docs, filepath.FromSlash(name))
		if *update {
			require.NoError(t, os.WriteFile(path, b, 0o644))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(have), string(b), "%s: run the test with -update", name)
	}
}

func number(x float64) *float64 { return &x }

func example() *Report {
	return &Report{
		Date: "2026-01-02", Machine: "2 × amd64", Engine: "engine 0", Load: 0.5,
		Limits: []*machine.Limits{{Threads: 2, Kernel: "go", FMA32: 1e9, FMA64: 5e8, KeyStream: 1e9, Memory: []machine.Level{{Bytes: 32 << 10, BytesPerSecond: 1e9}}}},
		Rows: []Row{
			{ID: "W1", Work: "a <work>", Status: Measured, Threads: 2, SecondsMin: number(0.1), SecondsMedian: number(0.2), FloorSeconds: number(0.01), FloorShare: number(0.1),
				Ratio: number(3), Target: 2.5, Peer: "q", OtherLoad: number(0.2), MemoryBytes: 8 << 20, MemoryShare: number(0.042), GateRate: 2e9, FloorBytes: 1e6,
				Rivals: []Rival{{Peer: "q", SecondsMin: 0.3, SecondsMedian: 0.4, Rounds: 5, MemoryBytes: 9 << 20}, {Peer: "slow", SecondsMin: 9, Rounds: 1}}},
			{ID: "W2/20", Status: Measured, Threads: 2, SecondsMin: number(2e-6), SecondsMedian: number(2e-6), Ratio: number(0.25), Target: 5},
			{ID: "W7", Status: Unsupported, Note: "no noise", Target: 8, Peer: "q2", Rivals: []Rival{{Peer: "q2", SecondsMin: 1, SecondsMedian: 1, Rounds: 2}}},
			{ID: "W8", Status: Measured, Threads: 2, SecondsMin: number(1.5), SecondsMedian: number(2), TargetSeconds: 0.5, PhasesMS: map[string]float64{"execute": 1000}},
		},
		Curves: []Curve{
			{ID: "width", Title: "time & width", XLabel: "qubits", Growth: Factor, From: 8, Series: []Series{{"engine", []Point{{8, 1e-3}, {10, 4e-3}}}, {"best peer", []Point{{8, 2e-3}, {10, 0}}}}},
			{ID: "shots", Title: "shots", XLabel: "samples", LogX: true, Growth: Power, From: 1, Series: []Series{{"engine", []Point{{1, 1e-3}, {1000, 4e-3}}}}},
			{ID: "none", Title: "nothing"},
		},
	}
}

func TestPageSays(t *testing.T) {
	page := string(Page([]*Report{example()}))
	for _, want := range []string{
		"## 2 threads", "Of 2 rows with a peer the engine is faster in 1 and meets its target in 1.", "In 1 rows others used more than 5 %",
		"| W1 | a <work> | 2 | 100 ms | 200 ms | q | 300 ms | 3.00 | ≥ 2.5 | 10 ms | 10 % | 20 % |",
		"| W7 |  | | unsupported: no noise | | q2 | 1 s | | ≥ 8 |", "Phases of W8 in its fastest run, in ms: plan 0.0, compile 0.0, traps 0.0, execute 1000.0",
		"W1 8.0 MiB, +4.2 % on the amplitudes (fastest peer 9.0 MiB)", "| W1 | slow | 9 s |  |", "| 2 | go | 2 | 1 | 1.0 | 1 |", "performance/width.svg",
		"| width | qubits | engine | × 2.00 each | 8 to 10 |", "| shots | samples | engine | power 0.20 | 1 to 1000 |",
	} {
		require.Contains(t, page, want)
	}
}

func TestLine(t *testing.T) {
	r := example()
	require.Equal(t, "W1\t2\t100 ms\t200 ms\t10 ms\t10 %\t2.00\t1\t3.00\t≥ 2.5\t20 %\t+4.2 %\tq", Line(&r.Rows[0]))
	require.Equal(t, "W7\t-\t-\t-\t-\t-\t-\t-\t-\t≥ 8\t-\t-\tno noise", Line(&r.Rows[2]))
	require.Contains(t, Line(&r.Rows[3]), "1.5 s\t2 s\t-\t-\t-\t-\t-\t≤ 500 ms")
}

// TestDrawings are well-formed XML and hold their points.
func TestDrawings(t *testing.T) {
	files := Files([]*Report{example()})
	require.Len(t, files, 5)
	for name, b := range files {
		if filepath.Ext(name) != ".svg" {
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(b))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
		}
		require.NotContains(t, string(b), "NaN", name)
		require.NotContains(t, string(b), "Inf", name)
	}
	width := files["performance/width.svg"]
	require.Equal(t, 3, bytes.Count(width, []byte("<circle")), "a time of 0 is no point")
	require.Contains(t, string(files["performance/ratios.svg"]), "W2/20: 0.25, target 5")
}

// TestSlopes fit exact laws.
func TestSlopes(t *testing.T) {
	s := Series{Points: []Point{{1, 7}, {2, 12}, {4, 48}, {8, 192}, {16, 0}}}
	v, ok := s.Slope(Power, 2)
	require.True(t, ok)
	require.InDelta(t, 2, v, 1e-12)
	v, ok = (&Series{Points: []Point{{0, 5}, {1, 2}, {2, -1}, {3, 1}}}).Slope(Linear, 0)
	require.True(t, ok)
	require.InDelta(t, -1.2143, v, 1e-4, "points without a time do not count")
	_, ok = s.Slope(Factor, 8)
	require.False(t, ok)
	c := example().Curves[0]
	require.Equal(t, []string{"qubits\tengine\tbest peer", "8\t1 ms\t2 ms", "10\t4 ms\t0 µs", "slope from 8\t× 2.00 each\t"}, CurveLines(&c))
	c = Curve{ID: "ratio", XLabel: "share", Growth: Linear, From: 0.1, Series: []Series{{"job", []Point{{0.1, 0.5}, {0.9, 0.42}}}}}
	require.Contains(t, string(c.SVG("")), "-100 ms each")
	page := string(Page([]*Report{example(), {Date: "d", Curves: []Curve{c}}}))
	require.Contains(t, page, "## How cost grows")
	require.Contains(t, page, "| ratio | share | job | -100 ms each | 0.1 to 0.9 |")
}

func TestReadWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	require.NoError(t, example().Write(path))
	r, err := Read(path)
	require.NoError(t, err)
	require.Equal(t, example(), r)
	_, err = Read(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = Read(path)
	require.ErrorContains(t, err, path)
}
