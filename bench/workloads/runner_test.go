package workloads

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/machine"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/bench/report"
	"github.com/animicaorg/engine/circuit"
)

// environment is a shell script that stands in for Python and starts this test
// binary as a peer.
func environment(t *testing.T, truth string) *peers.Environment {
	exe, err := os.Executable()
	require.NoError(t, err)
	python := filepath.Join(t.TempDir(), "python")
	script := fmt.Sprintf(`#!/bin/sh
case "$1 $2" in
-I*) exec '%s' peer "$3" %s;;
-c*) echo stand-in;;
*venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python";;
esac
`, exe, truth)
	require.NoError(t, os.WriteFile(python, []byte(script), 0o755))
	env, err := peers.Install(t.Context(), t.TempDir(), python, func(string) {})
	require.NoError(t, err)
	return env
}

// runner has limits, so that no test measures the machine.
func runner(t *testing.T, cfg Config) *Runner {
	cfg.Dir = t.TempDir()
	r := New(cfg)
	for n := 1; n <= 2; n++ {
		r.limits[n] = &machine.Limits{Threads: n, FMA32: 1e9, FMA64: 1e9, KeyStream: 1e9, Memory: []machine.Level{{Bytes: 1, BytesPerSecond: 1e9}}}
	}
	t.Cleanup(r.Close)
	return r
}

func smallBatch(n int) Workload { return batch("W1c-batch/4", 4, 6, n, 6) }

func smallNoise() Workload { return noisyBrickwork("W7", 5, 6, 500, 0.01, 8) }

func TestMeasure(t *testing.T) {
	var said []string
	r := runner(t, Config{Threads: 2, Rounds: 3, Peers: environment(t, "honest"), Say: func(f string, a ...any) { said = append(said, fmt.Sprintf(f, a...)) }})
	ghz := Workload{ID: "W3", Target: 20, kind: peers.State, shots: 100, floor: affineFloor,
		circuits: one(func() (*circuit.Circuit, error) { return circuit.Generate("ghz", 5, 0, [32]byte{}) })}
	for _, w := range []Workload{brickwork("W1", 6, 10, 64, 2.5).withMemory(), double(brickwork("W9", 5, 6, 64, 2)), smallBatch(5), clifford("W6/7", 7, 500, 30), ghz, smallNoise()} {
		row, err := r.Measure(t.Context(), &w)
		require.NoError(t, err, w.ID)
		require.Equal(t, report.Measured, row.Status)
		require.Positive(t, *row.SecondsMin, w.ID)
		require.GreaterOrEqual(t, *row.SecondsMedian, *row.SecondsMin, w.ID)
		require.InEpsilon(t, 1 / *row.SecondsMin, *row.Ratio, 1e-9, "the stand-in takes a second")
		require.Positive(t, *row.FloorSeconds, w.ID)
		require.InEpsilon(t, *row.FloorSeconds / *row.SecondsMin, *row.FloorShare, 1e-9)
		require.Equal(t, 3, row.Rivals[0].Rounds)
		switch w.ID {
		case "W1":
			require.Equal(t, "qsim 1 (single), a, 2 threads that sleep when idle", row.Peer)
			require.Len(t, row.Rivals, 8, "two peers, two settings, sleeping and spinning")
			require.EqualValues(t, 5, row.Rivals[0].MemoryBytes)
		case "W9":
			require.Contains(t, row.Peer, "(double)")
		case "W1c-batch/4":
			require.Contains(t, row.Peer, "2 processes")
			require.InDelta(t, 2, row.Rivals[0].CPUSecondsMin, 1e-9)
		case "W7":
			require.Equal(t, "qsim 1 (single), noise, 2 threads that sleep when idle", row.Peer)
		case "W6/7":
			require.Contains(t, row.Peer, "stim")
			require.Equal(t, 1, row.Threads)
		}
	}
	require.Contains(t, fmt.Sprint(said), "W1: agrees with qsim")
}

// TestDisagree: a peer that computes something else is never timed against.
func TestDisagree(t *testing.T) {
	r := runner(t, Config{Threads: 1, Rounds: 1, Peers: environment(t, "lie")})
	for _, w := range []Workload{brickwork("W1", 6, 10, 64, 2.5), smallBatch(2), clifford("W6/7", 7, 500, 30), smallNoise()} {
		_, err := r.Measure(t.Context(), &w)
		require.ErrorIs(t, err, ErrDisagree, w.ID)
		r.crews.drop(t.Context())
	}
}

func TestMeasureAlone(t *testing.T) {
	r := runner(t, Config{Threads: 1, Rounds: 2})
	w := brickwork("W1", 6, 10, 64, 2.5)
	row, err := r.Measure(t.Context(), &w)
	require.NoError(t, err)
	require.Nil(t, row.Ratio)
	require.Empty(t, row.Peer)
	require.Positive(t, row.GateRate)
	require.Len(t, r.Limits(), 2)
	c, err := r.curve(t.Context(), report.Curve{ID: "width"}, []int{3, 4}, func(n int) Workload { return brickwork("width", n, 4, 8, 0) })
	require.NoError(t, err)
	require.Len(t, c.Series, 2, "engine and floor")
	require.EqualValues(t, 4, c.Series[0].Points[1].X)
}

// job is a shell script that stands in for the engine.
func job(t *testing.T, script string) [2]string {
	path := filepath.Join(t.TempDir(), "engine")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return [2]string{path, "engine"}
}

func TestJob(t *testing.T) {
	for _, w := range table() {
		if !w.job {
			continue
		}
		r := runner(t, Config{Threads: 1, Rounds: 2, Engine: job(t, `test "$1" = run && test -s "$2" && echo '{"status":"completed","timings_ms":{"execute":12}}'`)})
		row, err := r.Measure(t.Context(), &w)
		require.NoError(t, err)
		require.Equal(t, map[string]float64{"execute": 12}, row.PhasesMS)
		require.Positive(t, *row.SecondsMin)
		c, err := r.ratioCurve(t.Context())
		require.NoError(t, err)
		require.Len(t, c.Series[0].Points, len(curveRatios))
		require.Equal(t, report.Point{X: 0.9, Seconds: 0.012}, c.Series[1].Points[4])
		for script, want := range map[string]string{"exit 3": "exit status 3", "echo {": "answer", `echo '{"status":"failed"}'`: `"failed"`} {
			_, err := runner(t, Config{Threads: 1, Engine: job(t, script)}).Measure(t.Context(), &w)
			require.ErrorContains(t, err, want)
		}
		_, err = runner(t, Config{Threads: 1}).Measure(t.Context(), &w)
		require.ErrorContains(t, err, "path of the engine")
	}
}

func TestStatistics(t *testing.T) {
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
	require.Equal(t, 1, repetitions(10))
	require.Equal(t, 5, repetitions(0.01))
	require.Equal(t, 200, repetitions(0))
	require.Equal(t, 2, dimension([][]byte{{1, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 0}}))
	require.NoError(t, compare("p", "s", 2, []uint64{0}, []float64{0.25}, []float64{0.2501}))
	require.ErrorIs(t, compare("p", "s", 2, []uint64{0}, []float64{0.25}, []float64{0.26}), ErrDisagree)
}

// TestContains on the two outcomes of a GHZ state.
func TestContains(t *testing.T) {
	c, err := circuit.Generate("ghz", 9, 0, [32]byte{})
	require.NoError(t, err)
	a, err := (&affineSide{circuit: c}).space(t.Context())
	require.NoError(t, err)
	require.True(t, contains(a, []byte{0, 0}))
	require.True(t, contains(a, []byte{255, 1}))
	require.False(t, contains(a, []byte{255, 0}))
	require.False(t, contains(a, []byte{1, 0}))
}

// TestBatchRuns every circuit of a batch whatever the number of threads.
func TestBatchRuns(t *testing.T) {
	w := smallBatch(5)
	c, err := w.circuits()
	require.NoError(t, err)
	a, b := newStateSide(&w, c, 2), newStateSide(&w, c, 1)
	require.NoError(t, a.run(t.Context()))
	require.NoError(t, b.run(t.Context()))
	require.Equal(t, b.rows, a.rows)
	require.Len(t, a.rows, 5)
	require.NotEqual(t, a.rows[0], a.rows[1])
	require.Equal(t, statevector.Complex64, w.precision)
}
