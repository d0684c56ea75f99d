package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Limits of a sweep.
const (
	maxSweepPoints = 10_000
	maxSweepParams = 64
	maxSweepBytes  = 8 << 20
)

// sweepPoint is the result of one point.
type sweepPoint struct {
	Params map[string]float64 `json:"params"`
	simAnswer
}

// sweepAnswer is the JSON answer of a sweep.
type sweepAnswer struct {
	Points  []sweepPoint `json:"points"`
	Seconds float64      `json:"seconds"`
}

// simSweep runs the circuit once per point, each with the seed of --seed. The
// source is read once; narrow circuits run on several threads at once, and a point
// takes over memory and plan of one before.
func (e *program) simSweep(ctx context.Context, path string, f *simFlags, model *noise.Model) error {
	points, err := e.sweepPoints(f.sweep)
	if err != nil {
		return err
	}
	opt, err := f.source.options()
	if err != nil {
		return err
	}
	src, err := e.ReadInput("CIRCUIT", path, maxCircuitBytes, cli.JobInvalid)
	if err != nil {
		return err
	}
	began := time.Now()
	params, err := merged(opt.Params, points)
	if err != nil {
		return err
	}
	opt.Params = params[0]
	first, err := e.parseCircuit(src, path, opt) // warns once for all
	if err != nil {
		return err
	}
	w := &sweep{f: f, model: model, path: path, points: points, answers: make([]sweepPoint, len(points))}
	w.parse = func(i int) (*circuit.Circuit, error) {
		o := opt
		o.Params = params[i]
		c, _, err := circuit.Parse(formatOf(src), src, o)
		if err != nil {
			return nil, circuitError(err, path)
		}
		return c, nil
	}
	if err := e.runSweep(ctx, w, first.Qubits); err != nil {
		return err
	}
	out := sweepAnswer{Points: w.answers, Seconds: time.Since(began).Seconds()}
	return e.Print(out, func(w io.Writer) { out.print(w, filepath.Base(path)) })
}

// sweep is one run of all points.
type sweep struct {
	f       *simFlags
	model   *noise.Model
	path    string
	parse   func(i int) (*circuit.Circuit, error)
	points  []map[string]float64
	answers []sweepPoint
}

// runSweep runs the points of circuits of a width behind a bar.
func (e *program) runSweep(ctx context.Context, w *sweep, width int) error {
	if w.model != nil || w.f.method.Value == string(sim.Density) {
		width = alone
	}
	prog := e.Progress(ctx)
	defer prog.Close()
	bar := prog.Bar("sweep", "points", int64(len(w.points)))
	defer bar.Done()
	batch := statevector.NewBatch(w.f.options())
	defer batch.Close()
	var done atomic.Int64
	return batch.Each(ctx, len(w.points), width, func(m *statevector.Series, i int) error {
		defer func() { bar.Set(done.Add(1), int64(len(w.points))) }()
		return w.point(ctx, m, i)
	})
}

// alone is a width of which no two circuits run at once.
const alone = 1 << 10

// point runs point i in the memory of m.
func (w *sweep) point(ctx context.Context, m *statevector.Series, i int) error {
	c, err := w.parse(i)
	if err != nil {
		return err
	}
	if c.Qubits == 0 {
		return cli.Errorf(cli.JobInvalid, w.path, "the circuit has no qubits").Named("CircuitInvalid")
	}
	s, err := newSimulation(c, w.f)
	if err != nil {
		return err
	}
	s.noise, s.engine, s.series = w.model, m.Options(), m
	m.Keep(s.engine.Reuse)
	s.engine.Reuse = nil
	start := time.Now()
	if err := s.run(ctx, nil); err != nil {
		return simError(err)
	}
	s.answer.Seconds = time.Since(start).Seconds()
	w.answers[i] = sweepPoint{w.points[i], s.answer}
	return nil
}

// merged adds the fixed parameters to those of each point.
func merged(fixed map[string]float64, points []map[string]float64) ([]map[string]float64, error) {
	out := make([]map[string]float64, len(points))
	for i, p := range points {
		out[i] = maps.Clone(p)
		for name, v := range fixed {
			if _, both := p[name]; both {
				return nil, cli.Errorf(cli.Usage, "--sweep", "%.80q is given by --param too", name)
			}
			out[i][name] = v
		}
	}
	return out, nil
}

// print lists per point its parameters and what was observed.
func (a *sweepAnswer) print(w io.Writer, name string) {
	first := &a.Points[0]
	fmt.Fprintf(w, "%s, %d points, %d qubits, %s, %s\n", name, len(a.Points), first.Width, first.Method, first.NumericVersion)
	for i := range a.Points {
		p := &a.Points[i]
		fmt.Fprintln(w)
		for _, k := range slices.Sorted(maps.Keys(p.Params)) {
			fmt.Fprintf(w, "%s = %g  ", k, p.Params[k])
		}
		fmt.Fprintln(w)
		printCounts(w, p.Counts, 8)
		(&simulation{answer: p.simAnswer}).printObserved(w)
	}
	fmt.Fprintf(w, "\nseconds      %.3g\n", a.Seconds)
}

// sweepPoints reads --sweep: one file, or ranges whose product is the grid, the
// last one running fastest.
func (e *program) sweepPoints(flags []string) ([]map[string]float64, error) {
	if len(flags) == 1 && !strings.Contains(flags[0], "=") {
		b, err := e.ReadInput("--sweep", flags[0], maxSweepBytes, cli.JobInvalid)
		if err != nil {
			return nil, err
		}
		return parsePoints(b)
	}
	points := []map[string]float64{{}}
	for _, flag := range flags {
		name, values, err := parseRange(flag)
		if err != nil {
			return nil, err
		}
		if len(points)*len(values) > maxSweepPoints {
			return nil, cli.Errorf(cli.Usage, "--sweep", "more than %d points", maxSweepPoints)
		}
		var grid []map[string]float64
		for _, p := range points {
			if _, twice := p[name]; twice {
				return nil, cli.Errorf(cli.Usage, "--sweep", "%.80q is swept twice", name)
			}
			for _, v := range values {
				q := maps.Clone(p)
				q[name] = v
				grid = append(grid, q)
			}
		}
		points = grid
	}
	return points, nil
}

// parseRange reads NAME=FROM:TO:N: N values, both ends included.
func parseRange(s string) (string, []float64, error) {
	bad := cli.Errorf(cli.Usage, "--sweep", "%.80q is no range", s).WithHint("NAME=FROM:TO:N with 1 to %d values, such as theta=0:3.14:9", maxSweepPoints)
	name, rest, ok := strings.Cut(s, "=")
	part := strings.Split(rest, ":")
	if !ok || name == "" || len(part) != 3 {
		return "", nil, bad
	}
	from, err1 := strconv.ParseFloat(part[0], 64)
	to, err2 := strconv.ParseFloat(part[1], 64)
	n, err3 := strconv.Atoi(part[2])
	if err1 != nil || err2 != nil || err3 != nil || n < 1 || n > maxSweepPoints || math.IsInf(to-from, 0) || math.IsNaN(to-from) {
		return "", nil, bad
	}
	values := []float64{from}
	for i := 1; i < n; i++ {
		values = append(values, from+float64(float64(i)*(to-from))/float64(n-1))
	}
	if n > 1 {
		values[n-1] = to
	}
	return name, values, nil
}

// parsePoints reads [{"NAME":VALUE,…},…].
func parsePoints(b []byte) ([]map[string]float64, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxSweepBytes, Depth: 2, Values: 1 + maxSweepPoints*(1+maxSweepParams)})
	var points []map[string]float64
	for _, item := range c.Items(maxSweepPoints) {
		p := map[string]float64{}
		n := item.Node()
		if n == nil || n.Kind != strictjson.Object || len(n.Members) > maxSweepParams {
			item.Fail("", "want an object of at most %d numbers", maxSweepParams)
			break
		}
		for _, m := range n.Members {
			v, err := strconv.ParseFloat(m.Value.Text, 64)
			if m.Value.Kind != strictjson.Number || err != nil {
				item.Member(m.Key).Fail("", "want a number")
				break
			}
			p[m.Key] = v
		}
		points = append(points, p)
	}
	if err := c.Err(); err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "--sweep", "%w", err).WithHint(`a list of points, such as [{"theta":0.1},{"theta":0.2}]`)
	}
	if len(points) == 0 {
		return nil, cli.Errorf(cli.JobInvalid, "--sweep", "the list has no points")
	}
	return points, nil
}
