package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/machine"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/bench/report"
	"github.com/animicaorg/engine/bench/workloads"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
)

type benchFlags struct {
	threads, runs int
	peers, curves bool
	python        string
	peersDir      string
	report, svg   string
}

// maxBenchRuns bounds --runs.
const maxBenchRuns = 1000

func (e *program) benchVerb() *cobra.Command {
	f := &benchFlags{}
	c := &cobra.Command{
		Use: "bench [WORKLOAD...]", Short: "Measure the simulators, also against public ones",
		Long: `Run the workloads W1 to W9 (docs/performance.md says what they are) and print
their times, the limits of the machine, and how near the engine comes to them.
WORKLOAD is an id such as W1 or W2/24, a group such as W2, or all, the default.
The group memory is the peak of resident memory, less that of a run of 2 qubits;
the column memory tells how much that is above 8 bytes (complex128: 16) per
amplitude. The word curves measures time against width, depth, shots and share of
traps, with slopes; alone, its JSON answer is the list of curves.

With --peers the public simulators qsim, Qulacs, Qiskit Aer, Stim and PennyLane
Lightning do the same circuits in the same run, in turn with the engine. Each is
first compared with the engine and tried at several settings; the best one
counts. They are installed from their package index with pip into a virtual
environment, once, every archive checked by its hash. Exit 60 where that fails.

seconds_min and seconds_median are over rounds; ratio is the peer's minimum over
the engine's. other_load tells how much of the machine somebody else used: above
a few percent the figures say little, most of all about peers on several threads.`,
		Example: `  engine bench W1 W6
  engine bench all --peers --json
  engine bench W1 --threads 1 --runs 9
  engine bench memory
  engine bench curves --svg docs/performance`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return e.bench(cmd.Context(), args, f) },
	}
	p := c.Flags()
	p.IntVar(&f.threads, "threads", 0, "threads of engine and peers; 0 is one per CPU; some workloads take one")
	p.IntVar(&f.runs, "runs", 5, "`N` rounds of each workload, at least 1")
	p.BoolVar(&f.peers, "peers", false, "measure public simulators too")
	p.StringVar(&f.python, "python", "", "`PROGRAM` that makes the peers' environment (default python3)")
	p.StringVar(&f.peersDir, "peers-dir", "", "`DIR` of the peers' environment (default animica/engine-peers in the user's cache)")
	p.StringVar(&f.svg, "svg", "", "`DIR` to draw the curves in, one file each")
	p.StringVar(&f.report, "report", "", "`FILE` to write everything to as JSON, machine limits and curves included")
	return c
}

func (f *benchFlags) check(names []string) error {
	f.curves = slices.Contains(names, "curves")
	switch {
	case f.threads < 0:
		return cli.Errorf(cli.Usage, "--threads", "%d is negative", f.threads).WithHint("0 means one per CPU")
	case f.runs < 1 || f.runs > maxBenchRuns:
		return cli.Errorf(cli.Usage, "--runs", "%d is not in 1..%d", f.runs, maxBenchRuns)
	case f.svg != "" && !f.curves:
		return cli.Errorf(cli.Usage, "--svg", "has no use without curves").WithHint("engine bench curves --svg DIR")
	case f.svg != "":
		if err := os.MkdirAll(f.svg, 0o755); err != nil {
			return cli.Errorf(cli.Usage, "--svg", "%w", err).WithHint("name a folder that can be made")
		}
	}
	switch {
	case f.report != "":
		return writable(f.report)
	}
	return nil
}

// writable finds out before the measurement whether its report can be written.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return cli.Errorf(cli.Usage, "--report", "%w", err).WithHint("name a file in a folder that exists")
	}
	return f.Close()
}

func (e *program) bench(ctx context.Context, names []string, f *benchFlags) error {
	if err := f.check(names); err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"all"}
	}
	list, err := workloads.Select(names)
	if err != nil {
		return cli.Errorf(cli.Usage, "WORKLOAD", "%w", err)
	}
	dir, err := os.MkdirTemp("", "engine-bench-")
	if err != nil {
		return cli.Errorf(cli.ExecutionFailed, "", "%w", err).WithHint("set TMPDIR to a folder that can be written")
	}
	defer os.RemoveAll(dir)
	r, err := e.benchRunner(ctx, f, dir)
	if err != nil {
		return err
	}
	defer r.Close()
	out := &report.Report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine.Class(),
		Engine: fmt.Sprintf("engine %s, %s", engine.Version, statevector.Complex64.Numeric()), Load: machine.LoadAverage(),
	}
	if err := measureAll(ctx, r, list, f, out); err != nil {
		return benchError(err)
	}
	if len(list) == 0 {
		return e.Print(out.Curves, func(w io.Writer) { printBench(w, out) })
	}
	return e.Print(out.Rows, func(w io.Writer) { printBench(w, out) })
}

func measureAll(ctx context.Context, r *workloads.Runner, list []workloads.Workload, f *benchFlags, out *report.Report) error {
	for i := range list {
		row, err := r.Measure(ctx, &list[i])
		if err != nil {
			return err
		}
		out.Rows, out.Limits = append(out.Rows, row), r.Limits()
		if err := f.save(out); err != nil { // at once: what is measured is kept
			return err
		}
	}
	if !f.curves {
		return nil
	}
	var err error
	if out.Curves, err = r.Curves(ctx); err != nil {
		return err
	}
	out.Limits = r.Limits()
	if err := f.save(out); err != nil {
		return err
	}
	return f.draw(out)
}

// draw writes the drawings of curves.
func (f *benchFlags) draw(out *report.Report) error {
	for i := range out.Curves {
		c := &out.Curves[i]
		if f.svg == "" {
			break
		}
		if err := os.WriteFile(filepath.Join(f.svg, c.ID+".svg"), c.SVG(out.Date+", "+out.Machine), 0o644); err != nil {
			return cli.Errorf(cli.Usage, "--svg", "%w", err)
		}
	}
	return nil
}

// save writes the report, if one is wanted.
func (f *benchFlags) save(out *report.Report) error {
	if f.report == "" {
		return nil
	}
	if err := out.Write(f.report); err != nil {
		return cli.Errorf(cli.Usage, "--report", "%w", err)
	}
	return nil
}

func (e *program) benchRunner(ctx context.Context, f *benchFlags, dir string) (*workloads.Runner, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	cfg := workloads.Config{Threads: f.threads, Rounds: f.runs, Engine: [2]string{exe, os.Args[0]}, Dir: dir, Say: e.Say}
	if f.peers {
		if cfg.Peers, err = e.installPeers(ctx, f); err != nil {
			return nil, err
		}
	}
	return workloads.New(cfg), nil
}

func (e *program) installPeers(ctx context.Context, f *benchFlags) (*peers.Environment, error) {
	dir := f.peersDir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, cli.Errorf(cli.BadConfig, "--peers-dir", "%w", err).WithHint("--peers-dir DIR")
		}
		dir = filepath.Join(cache, "animica", "engine-peers")
	}
	env, err := peers.Install(ctx, dir, f.python, func(s string) { e.Say("%s", s) })
	switch {
	case errors.Is(err, peers.ErrNoIndex):
		return nil, cli.Errorf(cli.NetworkService, "--peers", "%w", err).Named("NoPackageIndex").
			WithHint("python3 from 3.11 on with venv, and a package index that pip reaches, are needed; without --peers the engine is measured alone")
	case err != nil && ctx.Err() == nil:
		return nil, cli.Errorf(cli.BadConfig, "--peers-dir", "%w", err)
	}
	return env, err
}

func benchError(err error) error {
	var coded *cli.Error
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, workloads.ErrDisagree):
		return cli.Errorf(cli.ExecutionFailed, "", "%w", err).Named("PeersDisagree").WithHint("report this: one of the two is wrong, and no time was taken")
	}
	return cli.Errorf(cli.ExecutionFailed, "", "%w", err)
}

// printBench writes the table and the limits for people.
func printBench(w io.Writer, r *report.Report) {
	fmt.Fprintf(w, "%s\n%s, %s/%s, load %.2f\n\n", r.Machine, r.Engine, runtime.GOOS, runtime.GOARCH, r.Load)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if len(r.Rows) > 0 {
		fmt.Fprintln(t, "id\tthreads\tmin\tmedian\tfloor\tof limit\tGamp·gates/s\tMB moved\tratio\ttarget\tother load\tmemory\tpeer")
	}
	for i := range r.Rows {
		fmt.Fprintln(t, report.Line(&r.Rows[i]))
	}
	_ = t.Flush()
	for i := range r.Curves {
		fmt.Fprintf(w, "\n%s\n", r.Curves[i].Title)
		for _, s := range report.CurveLines(&r.Curves[i]) {
			fmt.Fprintln(t, s)
		}
		_ = t.Flush()
	}
	for _, l := range r.Limits {
		fmt.Fprintf(w, "\nlimits with %d threads (%s loops): float32 %.0f GFLOP/s, float64 %.0f GFLOP/s, key stream %.1f GB/s\n",
			l.Threads, l.Kernel, 2e-9*l.FMA32, 2e-9*l.FMA64, 1e-9*l.KeyStream)
		for _, m := range l.Memory {
			fmt.Fprintf(w, "  %7d KiB  %6.1f GB/s read and written in place\n", m.Bytes>>10, 1e-9*m.BytesPerSecond)
		}
	}
}
