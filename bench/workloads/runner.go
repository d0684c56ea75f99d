package workloads

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/machine"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/bench/report"
	"github.com/animicaorg/engine/circuit"
)

// Config of a Runner.
type Config struct {
	Threads int                // 0: one per CPU
	Rounds  int                // at least 1
	Peers   *peers.Environment // nil: the engine alone
	// Engine starts this program for W8: path and first argument.
	Engine [2]string
	Dir    string // for circuit files and W8; exists
	Say    func(format string, args ...any)
}

// Runner measures workloads one after the other and keeps the peers' processes.
type Runner struct {
	cfg    Config
	limits map[int]*machine.Limits
	crews  crews
}

// New returns a Runner; Close ends its processes.
func New(cfg Config) *Runner {
	if cfg.Threads <= 0 {
		cfg.Threads = runtime.NumCPU()
	}
	if cfg.Say == nil {
		cfg.Say = func(string, ...any) {}
	}
	cfg.Rounds = max(cfg.Rounds, 1)
	return &Runner{cfg: cfg, limits: map[int]*machine.Limits{}, crews: crews{env: cfg.Peers, dir: cfg.Dir}}
}

// Close ends the peers.
func (r *Runner) Close() { r.crews.close() }

// Limits are those measured so far, by number of threads.
func (r *Runner) Limits() []*machine.Limits {
	var out []*machine.Limits
	for _, l := range r.limits {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *machine.Limits) int { return a.Threads - b.Threads })
	return out
}

func (r *Runner) limit(ctx context.Context, threads int) (*machine.Limits, error) {
	if r.limits[threads] == nil {
		r.cfg.Say("measuring the machine with %d threads", threads)
		l, err := machine.Measure(ctx, threads)
		if err != nil {
			return nil, err
		}
		r.limits[threads] = l
	}
	return r.limits[threads], nil
}

// threads that a workload gets.
func (r *Runner) threads(w *Workload) int {
	if w.threads > 0 {
		return min(w.threads, r.cfg.Threads)
	}
	return r.cfg.Threads
}

// Measure does one workload.
func (r *Runner) Measure(ctx context.Context, w *Workload) (report.Row, error) {
	row := w.row()
	r.cfg.Say("%s: %s", w.ID, w.Work)
	row.Threads, row.Rounds = r.threads(w), r.cfg.Rounds
	var err error
	switch {
	case w.job:
		err = r.measureJob(ctx, &row)
	case w.sized:
		row.Rounds = 1
		err = r.measureMemory(ctx, w, &row)
	default:
		err = r.measureCircuits(ctx, w, &row)
	}
	if err != nil {
		return row, fmt.Errorf("%s: %w", w.ID, err)
	}
	return row, r.addFloor(ctx, w, &row)
}

// addFloor fills in what follows from the counts.
func (r *Runner) addFloor(ctx context.Context, w *Workload, row *report.Row) error {
	l, err := r.limit(ctx, row.Threads)
	if err != nil {
		return err
	}
	c := w.floor(w)
	floor := c.seconds(l)
	share := floor / *row.SecondsMin
	row.FloorSeconds, row.FloorShare = &floor, &share
	row.FloorFMAs, row.FloorBytes = c.fma32+c.fma64, c.bytes
	if c.gates > 0 && !w.job {
		row.GateRate = c.gates / *row.SecondsMin
	}
	return nil
}

// repetitions of a work so that a round is long enough to be timed.
func repetitions(seconds float64) int {
	const round, most = 0.05, 200
	return int(min(max(math.Ceil(round/max(seconds, 1e-9)), 1), most))
}

// stopwatch collects the times of one contestant.
type stopwatch struct{ wall, cpu []float64 }

// add takes the repetitions of one round.
func (s *stopwatch) add(t peers.Times) {
	s.wall, s.cpu = append(s.wall, median(t.Wall)), append(s.cpu, median(t.CPU))
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// timed runs a side reps times.
func timed(ctx context.Context, s side, reps int) (peers.Times, error) {
	var t peers.Times
	s.settle()
	for range reps {
		cpu, began := processorTime(), time.Now()
		if err := s.run(ctx); err != nil {
			return t, err
		}
		t.Wall = append(t.Wall, time.Since(began).Seconds())
		t.CPU = append(t.CPU, (processorTime() - cpu).Seconds())
	}
	return t, nil
}

// measureCircuits alternates the engine and the best peers.
func (r *Runner) measureCircuits(ctx context.Context, w *Workload, row *report.Row) error {
	c, err := w.circuits()
	if err != nil {
		return err
	}
	s, err := newSide(w, c, row.Threads)
	if err != nil {
		return err
	}
	first, err := timed(ctx, s, 2)
	if err != nil {
		return err
	}
	reps := repetitions(first.Wall[1])
	finalists, losers, err := r.finalists(ctx, w, c, s, row.Threads)
	if err != nil {
		return err
	}
	defer r.crews.drop(ctx)
	seen := observe(func() time.Duration { return processorTime() + r.crews.cpu() })
	var mine stopwatch
	for range row.Rounds {
		t, err := timed(ctx, s, reps)
		if err != nil {
			return err
		}
		mine.add(t)
		for _, f := range finalists {
			if err := f.round(ctx, w.shots); err != nil {
				return err
			}
		}
	}
	row.OtherLoad = seen.otherLoad()
	mine.fill(row)
	if err := r.addMemory(ctx, w, c, finalists, row); err != nil {
		return err
	}
	compareWith(row, finalists, losers)
	return nil
}

func (s *stopwatch) fill(row *report.Row) {
	lo, mid := slices.Min(s.wall), median(s.wall)
	row.SecondsMin, row.SecondsMedian, row.CPUSecondsMin = &lo, &mid, slices.Min(s.cpu)
}

// compareWith names the fastest peer.
func compareWith(row *report.Row, finalists []*contestant, losers []report.Rival) {
	for _, f := range finalists {
		row.Rivals = append(row.Rivals, f.rival())
	}
	slices.SortStableFunc(row.Rivals, bySeconds)
	if len(row.Rivals) > 0 {
		ratio := row.Rivals[0].SecondsMin / *row.SecondsMin
		row.Peer, row.Ratio = row.Rivals[0].Peer, &ratio
	}
	slices.SortStableFunc(losers, bySeconds)
	row.Rivals = append(row.Rivals, losers...)
}

func bySeconds(a, b report.Rival) int {
	switch {
	case a.SecondsMin < b.SecondsMin:
		return -1
	case a.SecondsMin > b.SecondsMin:
		return 1
	}
	return 0
}

// measureMemory runs a workload for its memory; the time is that of one run.
func (r *Runner) measureMemory(ctx context.Context, w *Workload, row *report.Row) error {
	c, err := w.circuits()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.addMemory(ctx, w, c, nil, row); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	row.SecondsMin, row.SecondsMedian = &took, &took
	return nil
}

// addMemory measures resident memory of both sides on a fresh state.
func (r *Runner) addMemory(ctx context.Context, w *Workload, c []*circuit.Circuit, finalists []*contestant, row *report.Row) error {
	if !w.memory {
		return nil
	}
	small, err := trapset(2, 2, 1)
	if err != nil {
		return err
	}
	row.MemoryBytes, err = peakMemory(
		func() error { return newStateSide(w, []*circuit.Circuit{small}, row.Threads).run(ctx) },
		func() error {
			s := newStateSide(w, c, row.Threads)
			defer s.close()
			return s.run(ctx)
		},
	)
	if err != nil {
		return err
	}
	if own := math.Ldexp(8, c[0].Qubits); row.MemoryBytes > 0 {
		if w.precision == statevector.Complex128 {
			own *= 2
		}
		share := float64(row.MemoryBytes)/own - 1
		row.MemoryShare = &share
	}
	for _, f := range finalists {
		if f.memory, err = f.crew[0].Memory(ctx, circuitName, f.setting, w.shots); err != nil {
			return err
		}
	}
	return nil
}

// writeFile makes a file below the runner's folder.
func (r *Runner) writeFile(pattern string, b []byte) (string, error) {
	f, err := os.CreateTemp(r.cfg.Dir, pattern)
	if err != nil {
		return "", err
	}
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return "", err
	}
	return f.Name(), f.Close()
}
