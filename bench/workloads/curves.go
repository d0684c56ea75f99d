package workloads

import (
	"context"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/bench/report"
)

// Sizes of the cost curves. Circuits are those of W1.
var (
	curveWidths = []int{8, 10, 12, 14, 16, 18, 20, 22, 24, 26}
	curveDepths = []int{40, 80, 120, 160, 240}
	curveShots  = []int{1, 100, 10_000, 100_000, 1_000_000}
	curveRatios = []string{"0.1", "0.3", "0.5", "0.7", "0.9"}
)

// curvePeerWidth is the widest state that peers take part in: beyond, minutes go
// by for one point.
const curvePeerWidth = 22

// Curves measures time against width, depth, shots and share of traps.
func (r *Runner) Curves(ctx context.Context) ([]report.Curve, error) {
	var out []report.Curve
	for _, f := range []func(context.Context) (report.Curve, error){r.widthCurve, r.depthCurve, r.shotsCurve, r.ratioCurve} {
		c, err := f(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (r *Runner) widthCurve(ctx context.Context) (report.Curve, error) {
	return r.curve(ctx, report.Curve{ID: "width", Title: "Time against width: depth 60, 4096 samples", XLabel: "qubits", Growth: report.Factor, From: 16}, curveWidths,
		func(n int) Workload {
			w := brickwork("width", n, 60, 4096, 0)
			if n > curvePeerWidth {
				w.alone = true
			}
			return w
		})
}

func (r *Runner) depthCurve(ctx context.Context) (report.Curve, error) {
	return r.curve(ctx, report.Curve{ID: "depth", Title: "Time against depth: 20 qubits, 4096 samples", XLabel: "layers", Growth: report.Power, From: 40}, curveDepths,
		func(d int) Workload { return brickwork("depth", 20, d, 4096, 0) })
}

func (r *Runner) shotsCurve(ctx context.Context) (report.Curve, error) {
	return r.curve(ctx, report.Curve{ID: "shots", Title: "Time against samples: 20 qubits, depth 40", XLabel: "samples", LogX: true, Growth: report.Linear, From: 10_000}, curveShots,
		func(s int) Workload { return brickwork("shots", 20, 40, s, 0) })
}

// curve measures a family of workloads: the engine, the best peer of each point,
// and the floor.
func (r *Runner) curve(ctx context.Context, c report.Curve, sizes []int, at func(int) Workload) (report.Curve, error) {
	series := map[string]*report.Series{}
	names := []string{"engine", "best peer", "floor"}
	for _, n := range names {
		series[n] = &report.Series{Name: n}
	}
	for _, x := range sizes {
		w := at(x)
		row, err := r.Measure(ctx, &w)
		if err != nil {
			return c, err
		}
		add := func(name string, seconds float64) {
			series[name].Points = append(series[name].Points, report.Point{X: float64(x), Seconds: seconds})
		}
		add("engine", *row.SecondsMin)
		add("floor", *row.FloorSeconds)
		if len(row.Rivals) > 0 {
			add("best peer", row.Rivals[0].SecondsMin)
		}
	}
	for _, n := range names {
		if len(series[n].Points) > 0 {
			c.Series = append(c.Series, *series[n])
		}
	}
	return c, nil
}

// ratioCurve is the whole job with another share of traps: traps are Clifford
// circuits, so the state vector is made once whatever the share.
func (r *Runner) ratioCurve(ctx context.Context) (report.Curve, error) {
	c := report.Curve{ID: "ratio", Title: "engine run against the share of traps: 20 x 120, 4096 slots", XLabel: "share of traps", Growth: report.Linear, From: 0.1}
	total, execute := report.Series{Name: "whole job"}, report.Series{Name: "execute"}
	for _, ratio := range curveRatios {
		j, err := r.newJob(ratio, r.cfg.Threads)
		if err != nil {
			return c, err
		}
		r.cfg.Say("ratio: %s", ratio)
		best, phases := 0.0, map[string]float64(nil)
		for i := range r.cfg.Rounds + 1 {
			took, p, err := j.run(ctx)
			if err != nil {
				return c, fmt.Errorf("trap ratio %s: %w", ratio, err)
			}
			if s := took.Seconds(); i > 0 && (best == 0 || s < best) { // the first fills caches
				best, phases = s, p
			}
		}
		var x float64
		if _, err := fmt.Fscan(strings.NewReader(ratio), &x); err != nil {
			return c, err
		}
		total.Points = append(total.Points, report.Point{X: x, Seconds: best})
		execute.Points = append(execute.Points, report.Point{X: x, Seconds: phases["execute"] / 1e3})
	}
	c.Series = []report.Series{total, execute}
	return c, nil
}
