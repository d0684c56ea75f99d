package workloads

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/bench/report"
)

// guideJob is the guide's example with a free share of traps.
const guideJob = `{
  "job_id": "6a0b1f4e2d3c5968778695a4b3c2d1e0f00112233445566778899aabbccddeef",
  "kind": "quantum",
  "spec": {"circuit_id": "animica.quantum.trapset.v1", "width": 20, "depth": 120, "shots": 4096, "trap_ratio": %s,
    "seed": "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"}
}`

// jobRunner runs "engine run" in a folder of its own.
type jobRunner struct {
	engine  [2]string
	threads int
	dir     string
	job     string
}

func (r *Runner) newJob(ratio string, threads int) (*jobRunner, error) {
	j := &jobRunner{engine: r.cfg.Engine, threads: threads, dir: filepath.Join(r.cfg.Dir, "job")}
	if j.engine[0] == "" {
		return nil, fmt.Errorf("the path of the engine is not known")
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	j.job, err = r.writeFile("job-*.json", fmt.Appendf(nil, guideJob, ratio))
	return j, err
}

// run runs the job and returns the wall time of the process and its phases.
func (j *jobRunner) run(ctx context.Context) (time.Duration, map[string]float64, error) {
	c := exec.CommandContext(ctx, j.engine[0], "run", j.job, "--json", "--plot", "none",
		"--threads", strconv.Itoa(j.threads), "--data-dir", filepath.Join(j.dir, "data"), "--out", filepath.Join(j.dir, "out"))
	c.Args[0] = j.engine[1]
	var out, words bytes.Buffer
	c.Stdout, c.Stderr = &out, &words
	began := time.Now()
	err := c.Run()
	took := time.Since(began)
	if ctx.Err() != nil {
		return 0, nil, ctx.Err()
	}
	if err != nil {
		return 0, nil, fmt.Errorf("engine run: %w: %.300s%.300s", err, strings.TrimSpace(out.String()), words.String())
	}
	var a struct {
		Status  string             `json:"status"`
		Timings map[string]float64 `json:"timings_ms"`
	}
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return 0, nil, fmt.Errorf("answer of engine run: %w", err)
	}
	if a.Status != "completed" {
		return 0, nil, fmt.Errorf("engine run: status %q", a.Status)
	}
	return took, a.Timings, nil
}

// measureJob is W8: the first run fills the caches and is not counted.
func (r *Runner) measureJob(ctx context.Context, row *report.Row) error {
	j, err := r.newJob("0.1", row.Threads)
	if err != nil {
		return err
	}
	if _, _, err := j.run(ctx); err != nil {
		return err
	}
	seen := observe(processorTime)
	var watch stopwatch
	for range row.Rounds {
		cpu := processorTime()
		took, phases, err := j.run(ctx)
		if err != nil {
			return err
		}
		if len(watch.wall) == 0 || took.Seconds() < slices.Min(watch.wall) {
			row.PhasesMS = phases
		}
		watch.wall = append(watch.wall, took.Seconds())
		watch.cpu = append(watch.cpu, (processorTime() - cpu).Seconds())
	}
	row.OtherLoad = seen.otherLoad()
	watch.fill(row)
	return nil
}
