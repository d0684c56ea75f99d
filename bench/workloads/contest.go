package workloads

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/bench/report"
	"github.com/animicaorg/engine/circuit"
)

// circuitName is what the current workload is called in every peer.
const circuitName = "work"

// contestant is one peer at one setting.
type contestant struct {
	crew    []*peers.Peer // several for a batch, each with its share
	about   peers.About
	setting string
	reps    int
	watch   stopwatch
	memory  int64
}

// label names a contestant in the answer.
func (c *contestant) label() string {
	s := fmt.Sprintf("%s %s (%s), %s", c.crew[0].Name, c.about.Version, c.about.Detail, c.setting)
	switch n := len(c.crew); {
	case n > 1:
		s += fmt.Sprintf(", %d processes", n)
	case c.crew[0].Threads > 1:
		s += fmt.Sprintf(", %d threads", c.crew[0].Threads)
		if c.crew[0].Passive {
			s += " that sleep when idle"
		}
	}
	return s
}

func (c *contestant) rival() report.Rival {
	return report.Rival{
		Peer: c.label(), SecondsMin: slices.Min(c.watch.wall), SecondsMedian: median(c.watch.wall),
		CPUSecondsMin: slices.Min(c.watch.cpu), MemoryBytes: c.memory, Rounds: len(c.watch.wall),
	}
}

// times runs all processes at once; the slowest decides, processor times add up.
func (c *contestant) times(ctx context.Context, shots, reps, warm int) (peers.Times, error) {
	type result struct {
		t   peers.Times
		err error
	}
	results := make(chan result, len(c.crew))
	for _, p := range c.crew {
		go func() {
			t, err := p.Time(ctx, circuitName, c.setting, shots, reps, warm)
			results <- result{t, err}
		}()
	}
	sum := peers.Times{Wall: make([]float64, reps), CPU: make([]float64, reps)}
	var failed error
	for range c.crew {
		r := <-results
		if r.err != nil {
			failed = r.err
			continue
		}
		for i := range reps {
			sum.Wall[i] = max(sum.Wall[i], r.t.Wall[i])
			sum.CPU[i] += r.t.CPU[i]
		}
	}
	return sum, failed
}

func (c *contestant) round(ctx context.Context, shots int) error {
	t, err := c.times(ctx, shots, c.reps, 1)
	if err == nil {
		c.watch.add(t)
	}
	return err
}

// checker compares the engine with a peer.
type checker interface {
	check(ctx context.Context, p *peers.Peer, name, setting string) error
}

// finalists tries every peer at every setting once and returns those that can
// be the fastest, checked against the engine, and the times of the others.
func (r *Runner) finalists(ctx context.Context, w *Workload, c []*circuit.Circuit, s side, threads int) ([]*contestant, []report.Rival, error) {
	if r.cfg.Peers == nil || w.kind == "" || w.alone {
		return nil, nil, nil
	}
	files, err := r.circuitFiles(w, c, threads)
	if err != nil {
		return nil, nil, err
	}
	t := &trial{runner: r, w: w, threads: threads, files: files}
	for _, name := range peers.Names() {
		if err := t.try(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	return t.choose(ctx, s)
}

// trial is the first contact of a workload with all peers.
type trial struct {
	runner  *Runner
	w       *Workload
	threads int
	files   []string
	best    float64
	tried   []*contestant
}

// finalMargin: a contestant within this factor of the best trial may be the
// fastest.
const finalMargin = 1.25

// maxFinalists bounds how many take part in the rounds.
const maxFinalists = 2

func (t *trial) choose(ctx context.Context, s side) ([]*contestant, []report.Rival, error) {
	slices.SortStableFunc(t.tried, func(a, b *contestant) int { return bySeconds(a.rival(), b.rival()) })
	var finalists []*contestant
	var losers []report.Rival
	for _, c := range t.tried {
		seconds := slices.Min(c.watch.wall)
		if len(finalists) == maxFinalists || seconds > finalMargin*t.best {
			losers = append(losers, c.rival())
			continue
		}
		if s, ok := s.(checker); ok {
			if err := s.check(ctx, c.crew[0], circuitName, c.setting); err != nil {
				return nil, nil, err
			}
			t.runner.cfg.Say("%s: agrees with %s", t.w.ID, c.label())
		}
		c.reps, c.watch = repetitions(seconds), stopwatch{}
		finalists = append(finalists, c)
	}
	return finalists, losers, nil
}

// try times a peer at all its settings with threads that sleep when idle, then
// those that came near the best of them with threads that spin.
func (t *trial) try(ctx context.Context, name string) error {
	settings, err := t.passes(ctx, name, true, nil)
	if err != nil || t.threads == 1 || len(t.files) > 1 || len(settings) == 0 {
		return err
	}
	_, err = t.passes(ctx, name, false, settings)
	return err
}

// spinMargin: a setting within this factor of the peer's best is tried again
// with threads that spin.
const spinMargin = 1.5

// passes times the given settings, all of the peer's for nil, and returns those
// within spinMargin of the best of them.
func (t *trial) passes(ctx context.Context, name string, passive bool, settings []string) ([]string, error) {
	crew, about, err := t.runner.crews.start(ctx, t, name, passive)
	if err != nil || len(about.Settings) == 0 {
		return nil, err
	}
	if settings == nil {
		settings = about.Settings
	}
	best, timed := 0.0, map[string]float64{}
	for _, setting := range settings {
		c := &contestant{crew: crew, about: about, setting: setting}
		slow, err := t.once(ctx, c)
		if err != nil {
			return nil, err
		}
		if len(c.watch.wall) > 0 {
			timed[setting] = c.watch.wall[0]
			if best == 0 || timed[setting] < best {
				best = timed[setting]
			}
		}
		if slow {
			break
		}
	}
	return slices.DeleteFunc(slices.Clone(settings), func(s string) bool {
		return timed[s] == 0 || timed[s] > spinMargin*best || timed[s] > 3*t.best
	}), nil
}

// once times one trial. slow tells that further settings of the peer are not
// worth the time.
func (t *trial) once(ctx context.Context, c *contestant) (slow bool, err error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if t.best > 0 {
		limited, cancel = context.WithTimeout(ctx, time.Duration((10*t.best+20)*float64(time.Second)))
	}
	defer cancel()
	warm := 1
	if t.best > 1 {
		warm = 0
	}
	times, err := c.times(limited, t.w.shots, 1, warm)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		t.runner.cfg.Say("%s: %s gave up: more than ten times the best", t.w.ID, c.label())
		return true, t.replace(ctx, c.crew)
	case errors.Is(err, peers.ErrPeer):
		return false, fmt.Errorf("%s: %w", c.label(), err)
	case err != nil:
		return false, err
	}
	c.watch.add(times)
	t.tried = append(t.tried, c)
	t.runner.cfg.Say("%s: %s: %.4g ms", t.w.ID, c.label(), 1e3*times.Wall[0])
	if t.best == 0 || times.Wall[0] < t.best {
		t.best = times.Wall[0]
	}
	return times.Wall[0] > 3*t.best, nil
}

// replace starts another crew for contestants whose processes were ended.
func (t *trial) replace(ctx context.Context, gone []*peers.Peer) error {
	t.runner.crews.forget(gone)
	for _, c := range t.tried {
		if c.crew[0] != gone[0] {
			continue
		}
		var err error
		if c.crew, _, err = t.runner.crews.start(ctx, t, gone[0].Name, gone[0].Passive); err != nil {
			return err
		}
	}
	return nil
}

// precisionName is the word for it in requests.
func (w *Workload) precisionName() string {
	if w.precision == statevector.Complex128 {
		return "double"
	}
	return "single"
}
