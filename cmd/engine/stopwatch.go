package main

import (
	"context"
	"sync"
	"time"

	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
)

// timings are milliseconds of wall time per stage. They are measured here and
// enter nothing that is hashed.
type timings struct {
	Plan    float64 `json:"plan"`
	Compile float64 `json:"compile"`
	Traps   float64 `json:"traps"`
	Execute float64 `json:"execute"`
	Judge   float64 `json:"judge"`
	Prove   float64 `json:"prove"`
	Total   float64 `json:"total"`
}

// stopwatch attributes the time that passes to the stage that is current.
type stopwatch struct {
	mu    sync.Mutex
	now   func() time.Time
	began time.Time
	last  time.Time
	stage engine.Stage
	spent map[engine.Stage]time.Duration
}

// stageProve is the stage after the engine's own.
const stageProve engine.Stage = "prove"

func newStopwatch(now func() time.Time) *stopwatch {
	t := now()
	return &stopwatch{now: now, began: t, last: t, stage: engine.StagePlan, spent: map[engine.Stage]time.Duration{}}
}

// enter makes a stage current.
func (s *stopwatch) enter(stage engine.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.now()
	s.spent[s.stage] += t.Sub(s.last)
	s.last, s.stage = t, stage
}

// timings closes the current stage. Time that the judge spends while shots are
// still executed counts as judge.
func (s *stopwatch) timings(judged time.Duration) timings {
	s.enter(s.stage)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	t := timings{Plan: ms(s.spent[engine.StagePlan]), Compile: ms(s.spent[engine.StageCompile]), Traps: ms(s.spent[engine.StageTraps]),
		Prove: ms(s.spent[stageProve]), Total: ms(s.last.Sub(s.began))}
	during := max(judged-s.spent[engine.StageJudge], 0)
	t.Execute = ms(max(s.spent[engine.StageExecute]-during, 0))
	t.Judge = ms(s.spent[engine.StageJudge] + during)
	return t
}

// watcher moves the stopwatch and a bar with the engine's progress.
type watcher struct {
	clock    *stopwatch
	progress *cli.Progress
	stages   map[engine.Stage]*cli.Bar
	current  engine.Stage
}

// watch draws bars, unless quiet.
func (e *program) watch(ctx context.Context, clock *stopwatch, quiet bool) *watcher {
	if quiet {
		return &watcher{clock: clock, progress: &cli.Progress{}, stages: map[engine.Stage]*cli.Bar{}, current: engine.StagePlan}
	}
	return &watcher{clock: clock, progress: e.Progress(ctx), stages: map[engine.Stage]*cli.Bar{}, current: engine.StagePlan}
}

// stage implements engine.Config.Progress.
func (w *watcher) stage(s engine.Stage, done, total uint64) {
	if w.stages == nil {
		return
	}
	if s != w.current {
		w.clock.enter(s)
		if b := w.stages[w.current]; b != nil {
			b.Done()
		}
		w.current = s
	}
	b := w.stages[s]
	if b == nil {
		b = w.progress.Bar(string(s), "", int64(total))
		w.stages[s] = b
	}
	b.Set(int64(done), int64(total))
}

// Close takes the bars away; it may be called twice.
func (w *watcher) Close() error {
	for _, b := range w.stages {
		b.Done()
	}
	w.stages = nil
	w.progress.Close()
	return nil
}
