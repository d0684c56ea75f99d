package exec

import (
	"context"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// pass is a plan.Pass made ready. Its units are independent of each other.
type pass struct {
	p     *plan.Pass
	outer []uint8 // positions that number the units, which are tiles
	subs  []sub
	steps int
}

// sub is a plan.Sub made ready.
type sub struct {
	p     *plan.Sub
	local local
	outer []uint8 // positions of the tile that number its chunks
	rows  rows    // a chunk within the state
	ask   int     // pieces of the next chunk to ask for after a sweep
	steps []step
}

// splitPasses gives the subs of narrow states passes of their own: the state is
// no larger than a tile, and chunks are what threads share.
func splitPasses(pl *plan.Plan) []plan.Pass {
	if pl.Width > plan.TileMax {
		return pl.Passes
	}
	var out []plan.Pass
	for _, p := range pl.Passes {
		for i := range p.Subs {
			out = append(out, plan.Pass{Local: p.Subs[i].Local, Subs: p.Subs[i : i+1]})
		}
	}
	return out
}

// layOut prepares a pass but for the numbers of its steps. Memory of old is
// used again.
func layOut(p *plan.Pass, width int, old *pass) {
	old.p, old.steps = p, 0
	tile := union(p.Subs)
	old.outer = without(upTo(width), tile)
	for len(old.subs) < len(p.Subs) {
		old.subs = append(old.subs, sub{})
	}
	old.subs = old.subs[:len(p.Subs)]
	for i := range p.Subs {
		s := &old.subs[i]
		s.p, s.local, s.outer = &p.Subs[i], p.Subs[i].Local, without(tile, p.Subs[i].Local)
		s.rows = rowsOf(s.local, stateOffset)
		for len(s.steps) < len(s.p.Steps) {
			s.steps = append(s.steps, step{})
		}
		s.steps = s.steps[:len(s.p.Steps)]
		old.steps += len(s.steps)
	}
}

// union is the positions of the chunks, often fewer than those of the tile that
// the plan had in mind: a smaller tile leaves more of the cache to tables.
func union(subs []plan.Sub) []uint8 {
	set := uint64(0)
	for i := range subs {
		for _, p := range subs[i].Local {
			set |= 1 << p
		}
	}
	var out []uint8
	for ; set != 0; set &= set - 1 {
		out = append(out, uint8(bits.TrailingZeros64(set)))
	}
	return out
}

// stepAt finds step i of the pass.
func (p *pass) stepAt(i int) (*sub, int) {
	for j := range p.subs {
		if n := len(p.subs[j].steps); i >= n {
			i -= n
			continue
		}
		return &p.subs[j], i
	}
	return nil, 0
}

// worker is the scratch memory of one goroutine.
type worker struct {
	ctx context.Context // of the run
	builder
	chunk []float32
	f     []float32           // a table that one sweep needs
	signs kernel.Signs        // of a chunk
	part  kernel.Signs        // of a piece
	zero  []uint32            // no signs
	cross []float32           // table of the pairs that leave a chunk
	out   diagonal            // of cross
	masks map[uint32][]uint32 // block signs by set of block bits
	sampler
}

func newWorker(k kernel.Kernel) *worker {
	w := &worker{builder: builder{k: k}, masks: map[uint32][]uint32{}}
	w.chunk = floats(kernel.Block << (plan.ChunkMax - plan.Lanes))
	w.zero = make([]uint32, 1<<(plan.ChunkMax-plan.Lanes))
	return w
}

// unit runs unit u of a pass: each sub on all chunks of the tile, which stays near
// the core from the first sub on. Where from is given, the tile is that of the
// product state, else it is read. Memory of the first sub's next chunk is asked for
// on the way, also that of the next unit, where ahead says that it follows.
func (w *worker) unit(p *pass, state []float32, from *start, u int, ahead bool) {
	base := deposit(uint64(u), p.outer)
	for i := 0; i < len(p.subs) && w.ctx.Err() == nil; i++ {
		if i > 0 {
			from = nil
		}
		s := &p.subs[i]
		chunks := uint64(1) << len(s.outer)
		for c := range chunks {
			first, next := base|deposit(c, s.outer), hint{}
			if i == 0 && c+1 < chunks {
				next = s.hint(state, base|deposit(c+1, s.outer))
			} else if i+1 == len(p.subs) && c+1 == chunks && ahead {
				next = p.subs[0].hint(state, deposit(uint64(u+1), p.outer))
			}
			w.run(s, state[stateOffset(first)/4:], from, first, &next)
		}
	}
}

// hint is what remains to be asked for.
type hint struct {
	mem    []float32
	off    []uint64
	size   int // floats in a piece
	atOnce int // pieces
}

// hint of the chunk whose first amplitude has the given number.
func (s *sub) hint(state []float32, first uint64) hint {
	return hint{state[stateOffset(first)/4:], s.rows.pieces, s.rows.piece, s.ask}
}

// some asks for a few pieces. Asked for all at once they would fill the buffers
// for outstanding loads.
func (h *hint) some(k kernel.Kernel) {
	if n := min(len(h.off), h.atOnce); n > 0 {
		k.Prefetch(h.mem, h.off[:n], h.size)
		h.off = h.off[n:]
	}
}

// asking is how many pieces must be asked for after each sweep, so that all are in
// the end.
func (s *sub) asking() int {
	sweeps := 0
	for i := range s.steps {
		sweeps += 1 + len(s.steps[i].pairs)
		for j := 1; j < len(s.steps[i].rot) && s.steps[i].rot[j].N > 0; j++ {
			sweeps++
		}
	}
	return (len(s.rows.pieces) + sweeps - 1) / max(sweeps, 1)
}

// run advances the chunk whose first amplitude is mem's; bits is the number of
// that amplitude in the state.
func (w *worker) run(s *sub, mem []float32, from *start, bits uint64, next *hint) {
	r := &s.rows
	x := mem[:r.size]
	if !r.whole() {
		x = w.chunk[:r.size*len(r.off)]
	}
	switch {
	case from != nil:
		w.begin(from, x, s.local, bits)
	case !r.whole():
		w.k.Gather(x, mem, r.off)
	}
	w.sweep(s, x, bits, next)
	if !r.whole() {
		w.k.Scatter(x, mem, r.off)
	}
}

// sweep does the steps of a chunk that lies in x.
func (w *worker) sweep(s *sub, x []float32, bits uint64, next *hint) {
	for i := range s.steps {
		st := &s.steps[i]
		if len(st.phases)+len(st.patterns) > 0 {
			w.termed(st, x, bits)
		} else {
			w.k.Layer(x, st.table, w.crossing(st.cross, bits), &st.lanes, &st.rot[0])
		}
		next.some(w.k)
		for j := 1; j < len(st.rot) && st.rot[j].N > 0; j++ {
			w.k.Rotate(x, &st.rot[j])
			next.some(w.k)
		}
		for j := range st.pairs {
			w.k.Exchange(x, &st.pairs[j])
			next.some(w.k)
		}
	}
}

// crossing returns the signs of the CZs that leave the chunk, nil if none is.
func (w *worker) crossing(list []cross, bits uint64) *kernel.Signs {
	var m uint32
	for _, c := range list {
		m ^= uint32(bits>>c.out&1) << c.in
	}
	if m == 0 {
		return nil
	}
	for l := range w.signs.Lane {
		w.signs.Lane[l] = sign(uint32(l) & m)
	}
	w.signs.Block = w.zero
	if m >>= plan.Lanes; m != 0 {
		w.signs.Block = w.blockSigns(m)
	}
	return &w.signs
}

// blockSigns tabulates (-1)^|b&m| over blocks b as sign bits.
func (w *worker) blockSigns(m uint32) []uint32 {
	if t, ok := w.masks[m]; ok {
		return t
	}
	t := make([]uint32, len(w.zero))
	for b := range t {
		t[b] = sign(uint32(b) & m)
	}
	w.masks[m] = t
	return t
}

func sign(x uint32) uint32 {
	if odd(x) {
		return 1 << 31
	}
	return 0
}
