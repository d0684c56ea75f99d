package exec

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// ErrPlan: the plan does not fit the program.
var ErrPlan = errors.New("plan and program do not belong together")

// Options of a run. None of them changes a result.
type Options struct {
	Kernel  kernel.Kernel // nil: kernel.Best()
	Threads int           // goroutines; 0 means one per CPU
	// Progress is called from the calling goroutine after each pass.
	Progress func(done, total int)
	// Reuse gives up an earlier state, whose memory the new one takes over where
	// it fits. The old state must not be used again.
	Reuse *State
}

// Run executes a plan that fits p: one that plan.New made for p, or for another
// program of the same structure, which saves planning. It returns ctx's error within
// the time that one tile takes, some milliseconds.
func Run(ctx context.Context, p *plan.Program, pl *plan.Plan, o Options) (*State, error) {
	if !pl.Fits(p) {
		return nil, fmt.Errorf("plan of width %d for a program of width %d: %w", pl.Width, p.Width, ErrPlan)
	}
	s, err := newState(p, pl, &o)
	if err != nil {
		return nil, err
	}
	for _, w := range s.workers {
		w.ctx = ctx
	}
	r := &runner{ctx: ctx, s: s, team: newTeam(s.crew())}
	r.walk(o.Progress)
	r.team.dismiss()
	if err := ctx.Err(); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

// runner walks through passes. While one pass runs, the tables of the next are
// made, so that threads meet once per pass.
type runner struct {
	ctx    context.Context
	s      *State
	team   *team
	passes []plan.Pass // not scripted

	scales  []float64      // per step, empty where the program is not Mixed
	repeats *repeats       // nil where the program is not Mixed
	blocks  []coefficients // per exchange of the program
	laid    int            // steps of the passes made ready so far
	first   [2]int         // number of the first step of the passes made ready
}

// walk does all passes, then the weights.
func (r *runner) walk(progress func(done, total int)) {
	s := r.s
	advance, n := r.follow, 0
	if s.prog.Mixed {
		r.scales = scales(s.prog, s.plan)
		r.repeats = findRepeats(s.prog, s.plan, r.scales)
		r.blocks = blockCoefficients(s.prog)
	}
	if !s.prog.Mixed && scripted(s.plan, s.kernel) {
		r.open()
		n = len(s.script.passes)
	} else {
		r.passes = splitPasses(s.plan)
		r.begin()
		advance, n = r.advance, len(r.passes)
	}
	for i := range n {
		if advance(i); r.ctx.Err() != nil {
			return
		}
		if progress != nil {
			progress(i+1, n)
		}
	}
	r.weigh()
}

// open fills a narrow state and makes all factors.
func (r *runner) open() {
	s := r.s
	s.script.layOut(s.prog, s.plan, s.kernel)
	s.start.set(s.prog, s.plan)
	groups, chunks := len(s.script.groups), s.chunks()
	r.each(groups+chunks, func(w *worker, u int) {
		if u < groups {
			w.fillGroup(&s.script, s.prog, u)
			return
		}
		w.fill(&s.start, s.x, u-groups)
	})
}

// follow runs pass i of the script.
func (r *runner) follow(i int) {
	s := r.s
	r.each(1<<len(s.script.passes[i].outer), func(w *worker, u int) { w.chunkOf(&s.script, s.x, i, u) })
}

// ready is the pass whose tables are complete; i alternates between two.
func (s *State) ready(i int) *pass { return &s.prepared[i&1] }

// begin prepares the first pass, which makes the product state on its way, or fills
// the state where there is no pass.
func (r *runner) begin() {
	s := r.s
	s.start.set(s.prog, s.plan)
	if len(r.passes) == 0 {
		r.each(s.chunks(), func(w *worker, u int) { w.fill(&s.start, s.x, u) })
		return
	}
	s.start.above(s.plan.Width)
	r.each(r.layOut(0), func(w *worker, u int) { r.prepare(w, 0, u) })
}

// advance runs pass i and prepares the next one.
func (r *runner) advance(i int) {
	p := r.s.ready(i)
	var from *start
	if i == 0 {
		from = &r.s.start
	}
	for j := range p.subs {
		p.subs[j].ask = p.subs[j].asking()
	}
	steps := r.layOut(i + 1)
	units := 1 << len(p.outer)
	// A batch is short enough for threads to finish together.
	batch := 1
	for batch < maxBatch && 16*batch*len(r.s.workers) <= units {
		batch *= 2
	}
	r.each(steps+units/batch, func(w *worker, u int) {
		if u < steps {
			r.prepare(w, i+1, u)
			return
		}
		first := (u - steps) * batch
		for k := range batch {
			if k > 0 && r.ctx.Err() != nil {
				return
			}
			w.unit(p, r.s.x, from, first+k, k+1 < batch)
		}
	})
}

// maxBatch is the largest number of units that a worker takes at once.
const maxBatch = 32

func (r *runner) layOut(i int) (steps int) {
	if i >= len(r.passes) {
		return 0
	}
	p := r.s.ready(i)
	r.first[i&1] = r.laid
	layOut(&r.passes[i], r.s.plan.Width, p)
	r.laid += p.steps
	return p.steps
}

func (r *runner) prepare(w *worker, i, u int) {
	sub, k := r.s.ready(i).stepAt(u)
	dst, st := &sub.steps[k], &sub.p.Steps[k]
	if r.repeats == nil {
		w.build(dst, r.s.prog, r.s.plan, sub.local, st, 0)
		return
	}
	n := r.first[i&1] + u
	r.repeats.take(dst, n, func(dst *step) { w.build(dst, r.s.prog, r.s.plan, sub.local, st, r.scales[n]) })
	dst.exchanges(r.s.prog, r.s.plan, sub.local, st, r.blocks)
}

// weigh fills the running sums of weights.
func (r *runner) weigh() {
	s := r.s
	const group = 1 << plan.ChunkMax / leafSize // leaves a unit
	r.each((len(s.leaves.cum)+group-1)/group, func(w *worker, u int) { s.weigh(w, u*group, min((u+1)*group, len(s.leaves.cum))) })
	s.leaves.accumulate()
}

// each runs f for units on all workers; once ctx is done it leaves units out.
func (r *runner) each(n int, f func(w *worker, u int)) {
	r.team.each(n, func(w *worker, u int) {
		if r.ctx.Err() == nil {
			f(w, u)
		}
	})
}

func threads(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}
