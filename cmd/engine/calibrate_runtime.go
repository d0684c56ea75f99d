package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/job"
)

// runtimeFile keeps the last measurement in the data directory.
const runtimeFile = "runtime.json"

// The job that a capacity is derived from: the guide's, section 5.1, with its
// max_latency_ms.
const (
	guideLatencyMS = 2000
	guideSize      = "20x120x4096"
)

// runtimeSizes are measured by default: width x depth x shots.
var runtimeSizes = []string{"8x16x2048", "16x60x4096", guideSize}

// runtimeAnswer is the JSON answer of "engine calibrate --runtime".
type runtimeAnswer struct {
	Backend  string       `json:"backend"`
	Threads  int          `json:"threads"`
	Rows     []runtimeRow `json:"rows"`
	PerSec   float64      `json:"units_per_second"` // of the row with the most units
	Capacity int          `json:"capacity"`         // leases at once within the latency of the guide's job
	Latency  int64        `json:"latency_ms"`       // expected then
	Measured time.Time    `json:"measured"`
	Before   *runtimeNote `json:"before,omitempty"` // the measurement that this one replaces
	Change   float64      `json:"change,omitempty"` // units_per_second over the one before
	Written  string       `json:"written"`
}

// runtimeNote is what the file keeps.
type runtimeNote struct {
	PerSec   float64   `json:"units_per_second"`
	Capacity int       `json:"capacity"`
	Measured time.Time `json:"measured"`
}

// runtimeRow is one size; seconds are the median of the rounds, from plan to verdict.
type runtimeRow struct {
	Size   string  `json:"size"`
	Units  uint64  `json:"units"` // ceil(width × depth × shots / 8192)
	Sec    float64 `json:"seconds"`
	Min    float64 `json:"seconds_min"`
	PerSec float64 `json:"units_per_second"`
}

// runRuntime measures how long jobs of the guide's circuit take here.
func (e *program) runRuntime(ctx context.Context, f *calibrateFlags, sizes []string) error {
	a := &runtimeAnswer{Backend: f.backend, Threads: f.threads, Measured: time.Now().UTC().Truncate(time.Second)}
	if a.Threads == 0 {
		a.Threads = runtime.GOMAXPROCS(0)
	}
	jobs := make([]*job.Spec, len(sizes))
	for i, size := range sizes {
		spec, err := runtimeSpec(size)
		if err != nil {
			return err
		}
		jobs[i] = spec
	}
	dir, err := e.data()
	if err != nil {
		return err
	}
	s, err := e.openSession(ctx, &runFlags{backend: f.backend, dryRun: true, threads: f.threads}, newStopwatch(time.Now), 0)
	if err != nil {
		return err
	}
	defer s.Close()
	for i, spec := range jobs {
		row := runtimeRow{Size: sizes[i]}
		if row.Units, err = economics.Units(spec.Width, spec.Depth, spec.Shots, economics.UnitsDivisor); err != nil {
			return cli.Errorf(cli.Usage, "--size", "%s: %w", sizes[i], err)
		}
		var took []time.Duration
		for r := range f.rounds {
			d, err := s.timeJob(ctx, spec, uint64(r)<<8|uint64(i))
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		slices.Sort(took)
		row.Sec, row.Min = took[len(took)/2].Seconds(), took[0].Seconds()
		row.PerSec = float64(row.Units) / row.Sec
		a.Rows = append(a.Rows, row)
	}
	largest := slices.MaxFunc(a.Rows, func(x, y runtimeRow) int { return int(x.Units) - int(y.Units) })
	a.PerSec = largest.PerSec
	a.Capacity, a.Latency = capacityFor(a.PerSec)
	if err := a.keep(filepath.Join(dir, runtimeFile)); err != nil {
		return err
	}
	return e.Print(a, a.words)
}

// capacityFor is how many of the guide's jobs may run at once so that each still ends within
// its latency: leases share the machine, so k of them take k times as long. A fifth of the
// time is left for the way to the network and back. At least one.
func capacityFor(unitsPerSecond float64) (capacity int, latencyMS int64) {
	alone := 1200 / unitsPerSecond * 1000
	capacity = max(1, int(guideLatencyMS*0.8/alone))
	return capacity, int64(alone * float64(capacity))
}

// runtimeSpec reads WxDxSHOTS.
func runtimeSpec(size string) (*job.Spec, error) {
	part := strings.Split(size, "x")
	var n [3]uint64
	bad := len(part) != 3
	for i := range n {
		if !bad {
			var err error
			n[i], err = strconv.ParseUint(part[i], 10, 31)
			bad = err != nil || n[i] == 0
		}
	}
	if bad || n[0] > maxCalibrateWidth || n[1] > 4000 || n[2] > 1_000_000 {
		return nil, cli.Errorf(cli.Usage, "--size", "%.40q is no size of a job", size).WithHint("width x depth x shots, at most %dx4000x1000000, such as %s", maxCalibrateWidth, guideSize)
	}
	return &job.Spec{CircuitID: "animica.quantum.trapset.v1", Width: n[0], Depth: n[1], Shots: n[2], TrapRatioPPM: 100_000, TrapMode: job.TrapModeProcess}, nil
}

// timeJob runs a job from plan to verdict.
func (s *session) timeJob(ctx context.Context, spec *job.Spec, number uint64) (time.Duration, error) {
	one := *spec
	id := digest.SumParts([]byte("engine calibrate --runtime"), strconv.AppendUint(nil, number, 10))
	one.Seed = id
	c, err := circuit.Generate(one.CircuitID, int(one.Width), int(one.Depth), one.Seed)
	if err != nil {
		return 0, cli.Errorf(cli.Usage, "--size", "%w", err)
	}
	policy, err := job.NamedTrapPolicy(job.ExactPolicy)
	if err != nil {
		return 0, cli.Errorf(cli.Internal, "", "%w", err)
	}
	h, err := policy.Hash()
	if err != nil {
		return 0, cli.Errorf(cli.Internal, "", "%w", err)
	}
	lease, err := job.Local(&job.Job{JobID: id, Kind: job.KindQuantum, Spec: one}, h)
	if err != nil {
		return 0, cli.Errorf(cli.Internal, "", "%w", err)
	}
	began := time.Now()
	plan, err := s.engine.Plan(ctx, engine.Task{Lease: lease, Circuit: c, Policy: policy})
	if err != nil {
		return 0, runError(err)
	}
	if _, err := s.engine.Run(ctx, plan); err != nil {
		return 0, runError(err)
	}
	return time.Since(began), nil
}

// keep compares with the file and replaces it.
func (a *runtimeAnswer) keep(path string) error {
	if b, err := os.ReadFile(path); err == nil {
		var old runtimeNote
		if json.Unmarshal(b, &old) == nil && old.PerSec > 0 { // a file that is damaged is replaced
			a.Before, a.Change = &old, a.PerSec/old.PerSec
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	b, err := json.MarshalIndent(runtimeNote{a.PerSec, a.Capacity, a.Measured}, "", "  ")
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	if err := wholefile.Write(path, append(b, '\n'), 0o600); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	a.Written = path
	return nil
}

func (a *runtimeAnswer) words(w io.Writer) {
	fmt.Fprintf(w, "backend    %s, %d threads\n\n%-14s %8s %10s %10s %14s\n", a.Backend, a.Threads, "size", "units", "seconds", "best", "units/second")
	for _, r := range a.Rows {
		fmt.Fprintf(w, "%-14s %8d %10.3f %10.3f %14.0f\n", r.Size, r.Units, r.Sec, r.Min, r.PerSec)
	}
	fmt.Fprintf(w, "\n%.0f units a second; engine provider start --capacity %d: jobs like the guide's then take about %d of their %d ms\n", a.PerSec, a.Capacity, a.Latency, guideLatencyMS)
	if a.Before != nil {
		fmt.Fprintf(w, "before     %.0f units a second on %s: %+.0f %%\n", a.Before.PerSec, a.Before.Measured.Format(time.DateOnly), 100*(a.Change-1))
	}
	fmt.Fprintf(w, "wrote      %s\n", a.Written)
}
