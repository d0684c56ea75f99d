package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Run implements backends.Backend. All state vectors are run and sampled first,
// one after the other in the order of their first slots; then outcomes go out in
// slot order, with Clifford slots worked out chunk by chunk. A chunk is a 64th of
// the batch, at least 64 and at most 512 slots, so an audit window of 64 of a
// small job is one chunk.
func (*Simulator) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	if err := b.Validate(); err != nil {
		return err
	}
	words, err := seed.NewShotWords(b.Key)
	if err != nil {
		return err
	}
	p, err := newPlan(ctx, b)
	if err != nil {
		return err
	}
	r := &runner{plan: p, words: words, k: backends.ShotWords(b.Skeleton.Width), rb: guest.RowBytes(b.Skeleton.Width)}
	if err := r.states(ctx); err != nil {
		return err
	}
	return r.emit(ctx, emit)
}

// runner turns a plan into outcomes.
type runner struct {
	*plan
	words  *seed.ShotWords
	k, rb  int                  // words, row bytes of a slot
	shared []*stabilizer.Affine // per group with several slots, once it is known
}

// bookkeeping is what the batch's own tables take of MemoryBytes.
func (r *runner) bookkeeping() uint64 { return uint64(len(r.rows) + 4*len(r.of)) }

// states runs every group that needs a state vector and samples all its slots.
func (r *runner) states(ctx context.Context) error {
	memory := r.b.MemoryBytes
	if memory > 0 {
		memory = max(memory, r.bookkeeping()+1) - r.bookkeeping()
	}
	var s *statevector.State
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	for g := range r.groups {
		if r.groups[g].clifford {
			continue
		}
		if err := statevector.Admit(r.b.Skeleton.Width, statevector.Complex64, memory); err != nil {
			return fmt.Errorf("slot %d is not Clifford: %w", r.b.Rows.First+uint64(r.groups[g].first), err)
		}
		prog, err := r.program(g)
		if err != nil {
			return err
		}
		s, err = statevector.Simulate(ctx, prog, statevector.Options{Threads: r.b.Threads, MemoryBytes: memory, Reuse: s})
		if err != nil {
			return err
		}
		if err := r.sample(ctx, uint32(g), s); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) program(g int) (*statevector.Program, error) {
	s := newScratch(r.b)
	r.canonical(s, r.groups[g].first)
	u := make([]circuit.U3Angles, len(s.ids))
	for l, id := range s.ids {
		u[l] = r.table.Canon[id]
	}
	return statevector.FromSkeleton(&r.b.Skeleton, u)
}

// sampleChunk bounds the words held, and the time between looks at ctx.
const sampleChunk = 1 << 18

// sample draws the outcomes of all slots of group g from its state.
func (r *runner) sample(ctx context.Context, g uint32, s *statevector.State) error {
	n := min(r.groups[g].slots, sampleChunk)
	words, out, slots := make([]uint64, 0, n), make([]uint64, n), make([]int, 0, n)
	flush := func() {
		s.Outcomes(out[:len(words)], words)
		for k, i := range slots {
			r.xor(i, out[k:k+1])
		}
		words, slots = words[:0], slots[:0]
	}
	for i := r.groups[g].first; i < len(r.of); i++ {
		if r.of[i] != g {
			continue
		}
		words = append(words, r.words.At((r.b.Rows.First+uint64(i))*uint64(r.k)))
		if slots = append(slots, i); len(slots) == n {
			if flush(); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	flush()
	return ctx.Err()
}

// xor adds an outcome to row i.
func (r *runner) xor(i int, out []uint64) {
	row := r.rows[i*r.rb:][:r.rb]
	for k := range row {
		row[k] ^= byte(out[k/8] >> (8 * (k % 8)))
	}
}

// chunkSlots is the size of one emission.
func chunkSlots(n int) int { return min(max(n/64, 64), 512) }

func (r *runner) emit(ctx context.Context, emit backends.Emit) error {
	r.shared = make([]*stabilizer.Affine, len(r.groups))
	pool := make([]*cliffordWorker, workers(r.b.Threads))
	n := len(r.of)
	for start := 0; start < n; start += chunkSlots(n) {
		size := min(chunkSlots(n), n-start)
		if err := r.share(ctx, start, size, pool); err != nil {
			return err
		}
		err := parallel(ctx, r.b.Threads, size, func(worker, task int) error {
			return r.clifford(ctx, pool, worker, start+task)
		})
		if err != nil {
			return err
		}
		o := &guest.Outcomes{
			First: r.b.Rows.First + uint64(start), N: size, Width: r.b.Skeleton.Width,
			Rows: r.rows[start*r.rb:][: size*r.rb : size*r.rb], Present: make([]byte, (size+7)/8),
		}
		for i := range size {
			o.Present[i>>3] |= 1 << (i & 7)
		}
		if err := emit(o); err != nil {
			return err
		}
	}
	return nil
}

// cliffordWorker is the memory of one goroutine.
type cliffordWorker struct {
	compiler   stabilizer.Compiler
	scratch    *scratch
	words, out []uint64
}

func (r *runner) worker(pool []*cliffordWorker, w int) *cliffordWorker {
	if pool[w] == nil {
		pool[w] = &cliffordWorker{scratch: newScratch(r.b), words: make([]uint64, r.k), out: make([]uint64, r.k)}
	}
	return pool[w]
}

func (r *runner) compile(ctx context.Context, w *cliffordWorker, g uint32) (*stabilizer.Affine, error) {
	r.canonical(w.scratch, r.groups[g].first)
	return w.compiler.Row(ctx, &r.b.Skeleton, r.gates, w.scratch.ids)
}

// share compiles the Clifford groups with several slots that first appear in a
// chunk, so that the goroutines of clifford only read them.
func (r *runner) share(ctx context.Context, start, size int, pool []*cliffordWorker) error {
	for i := start; i < start+size; i++ {
		g := r.of[i]
		if gr := r.groups[g]; gr.first != i || !gr.clifford || gr.slots == 1 {
			continue
		}
		a, err := r.compile(ctx, r.worker(pool, 0), g)
		if err != nil {
			return err
		}
		r.shared[g] = a
	}
	return nil
}

// clifford works out slot i, unless a state vector has.
func (r *runner) clifford(ctx context.Context, pool []*cliffordWorker, worker, i int) error {
	g := r.of[i]
	if !r.groups[g].clifford {
		return nil
	}
	w, a := r.worker(pool, worker), r.shared[g]
	if a == nil {
		var err error
		if a, err = r.compile(ctx, w, g); err != nil {
			return err
		}
	}
	r.words.Fill(w.words, (r.b.Rows.First+uint64(i))*uint64(r.k))
	a.Outcome(w.words, w.out)
	r.xor(i, w.out)
	return nil
}
