package sim

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// cancelCase is a run that takes long enough to be cancelled.
type cancelCase struct {
	name         string
	width, depth int
	family       string
	o            SimOptions
	dynamic      bool // measures before the end
}

const (
	brickworkFamily = "animica.quantum.trapset.v1"
	cliffordFamily  = "clifford"
)

// cancelCases has every engine once; small for tests.
func cancelCases(t testing.TB, small bool) []cancelCase {
	parse := func(s string) *noise.Model {
		m, err := noise.Parse([]byte(`{"format":"noise/v1","gates":[{"gate":"any",` + s + `}],"qubits":[{"t1_ns":90000,"t2_ns":80000}]}`))
		require.NoError(t, err)
		return m
	}
	pauli, damping := parse(`"depolarizing":0.001`), parse(`"depolarizing":0.001,"duration_ns":50`)
	cases := []cancelCase{
		{"statevector", 26, 40, brickworkFamily, SimOptions{Shots: 4096}, false},
		{"statevector, 10^7 shots", 24, 4, brickworkFamily, SimOptions{Shots: 10_000_000}, false},
		{"complex128", 25, 12, brickworkFamily, SimOptions{Shots: 4096, Precision: statevector.Complex128}, false},
		{"mid-circuit", 24, 4, brickworkFamily, SimOptions{Shots: 8}, true},
		{"mid-circuit complex128", 24, 4, brickworkFamily, SimOptions{Shots: 4, Precision: statevector.Complex128}, true},
		{"noise by layers", 18, 40, brickworkFamily, SimOptions{Shots: 2000, Noise: pauli}, false},
		{"noise by frames", 24, 10, brickworkFamily, SimOptions{Shots: 64, Noise: pauli}, false},
		{"noise by trajectories", 24, 6, brickworkFamily, SimOptions{Shots: 8, Noise: damping}, false},
		{"density", 12, 8, brickworkFamily, SimOptions{Noise: damping, Method: Density}, false},
		{"stabilizer", 3000, 40, cliffordFamily, SimOptions{Shots: 10_000}, false},
		{"stabilizer with noise", 500, 20, cliffordFamily, SimOptions{Shots: 1000, Noise: pauli}, false},
	}
	if small {
		for i := range cases {
			c := &cases[i]
			c.o.Shots = min(c.o.Shots, 200)
			if c.width = min(c.width, 12); c.o.Method == Density {
				c.width = 5
			}
			switch c.name {
			case "stabilizer":
				c.width, c.o.Shots = 300, 4000
			case "noise by trajectories":
				c.dynamic = true // else it would be layers
			case "noise by frames":
				c.width, c.o.Shots = 19, 6
			}
		}
	}
	return cases
}

func (c *cancelCase) circuit(t testing.TB) *circuit.Circuit {
	family := c.family
	if family == cliffordFamily {
		family = brickworkFamily
	}
	out, err := circuit.Generate(family, c.width, c.depth, [32]byte{9})
	require.NoError(t, err)
	if c.family == cliffordFamily {
		for i := range out.Ops {
			for k := range out.Ops[i].Params {
				out.Ops[i].Params[k] &^= circuit.HalfPi - 1
			}
		}
	}
	if c.dynamic {
		measure := circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [circuit.MaxOpQubits]uint16{1}, Clbit: 1}
		out.Ops = append([]circuit.Op{out.Ops[1], measure}, out.Ops...)
	}
	return out
}

// cancelAfter runs a case, cancels it after a time and returns how long it took
// from there to return, or 0 where it was done before.
func cancelAfter(tb testing.TB, c *cancelCase, qc *circuit.Circuit, wait time.Duration) time.Duration {
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	fired := make(chan time.Time, 1)
	timer := time.AfterFunc(wait, func() {
		fired <- time.Now()
		cancel()
	})
	defer timer.Stop()
	r, err := Sim(ctx, qc, c.o)
	returned := time.Now()
	if err == nil {
		if r.State != nil {
			r.State.Close()
		}
		return 0
	}
	require.ErrorIs(tb, err, context.Canceled)
	return returned.Sub(<-fired)
}

// BenchmarkCancel prints the longest time from cancellation to return, with
// cancellations spread over the whole of a run. Wanted are 50 ms.
func BenchmarkCancel(b *testing.B) {
	const points = 24
	for _, c := range cancelCases(b, false) {
		b.Run(fmt.Sprintf("%s/%d", c.name, c.width), func(b *testing.B) {
			qc := c.circuit(b)
			longest, total := time.Duration(0), time.Duration(0)
			for b.Loop() {
				// The length of a run is found by doubling, for it may be minutes.
				for total = 10 * time.Millisecond; total < 1500*time.Millisecond; total *= 2 {
					took := cancelAfter(b, &c, qc, total)
					longest = max(longest, took)
					if took == 0 {
						break
					}
				}
				for i := range points {
					longest = max(longest, cancelAfter(b, &c, qc, total*time.Duration(2*i+1)/(2*points)))
				}
			}
			b.ReportMetric(longest.Seconds()*1e3, "ms-longest")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestCancelled: every engine returns ctx's error and leaves no goroutine, whether
// it is cancelled before it starts or on the way.
func TestCancelled(t *testing.T) {
	for _, c := range cancelCases(t, true) {
		qc := c.circuit(t)
		c.o.Threads = 2
		all := &countdown{Context: t.Context()}
		all.left.Store(1 << 40)
		r, err := Sim(all, qc, c.o)
		require.NoError(t, err, c.name)
		if r.State != nil {
			r.State.Close()
		}
		looks := 1<<40 - all.left.Load()
		require.Greater(t, looks, int64(3), c.name)
		for quarter := range int64(4) {
			ctx := &countdown{Context: t.Context()}
			ctx.left.Store(looks * quarter / 4)
			_, err := Sim(ctx, qc, c.o)
			require.ErrorIs(t, err, context.Canceled, "%s after %d quarters", c.name, quarter)
			require.True(t, alone(), "%s: goroutines are left", c.name)
		}
	}
}

// alone reports whether no goroutine that this module started is left; one may be
// on its way out at first.
func alone() bool {
	buf := make([]byte, 1<<20)
	for range 10_000 {
		stacks := buf[:runtime.Stack(buf, true)]
		if !bytes.Contains(stacks, []byte("created by github.com/animicaorg/engine/")) {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// countdown is a context that ends after it has been looked at so many times.
type countdown struct {
	context.Context
	left atomic.Int64
}

func (c *countdown) Err() error {
	if c.left.Add(-1) >= 0 {
		return nil
	}
	return context.Canceled
}
