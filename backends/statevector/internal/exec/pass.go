package exec

import (
	"context"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// pass is a plan.Pass made ready. Its units are independent of each other.
type pass struct {
	p     *plan.Pass
	outer []uint8 // positions that number the units
	rows  rows    // a tile within the state
	tiled bool    // tiles are copied, then subs run inside the copy
	subs  []sub
	steps int
}

// sub is a plan.Sub made ready.
type sub struct {
	p     *plan.Sub
	local local
	outer []uint8 // positions of the tile that number its chunks
	at    []uint8 // where outer lies within the tile
	rows  rows    // a chunk within the tile, or within the state
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
	old.p, old.tiled, old.steps = p, len(p.Subs) > 1, 0
	tile := p.Local
	if !old.tiled {
		tile = p.Subs[0].Local
	}
	old.outer, old.rows = without(upTo(width), tile), rowsOf(tile, stateOffset)
	for len(old.subs) < len(p.Subs) {
		old.subs = append(old.subs, sub{})
	}
	old.subs = old.subs[:len(p.Subs)]
	for i := range p.Subs {
		s := &old.subs[i]
		s.p, s.local, s.outer = &p.Subs[i], p.Subs[i].Local, without(tile, p.Subs[i].Local)
		s.at = make([]uint8, len(s.outer))
		for j, pos := range s.outer {
			s.at[j] = uint8(local(tile).index(int(pos)))
		}
		within := make([]uint8, len(s.local))
		for j, pos := range s.local {
			within[j] = uint8(local(tile).index(int(pos)))
		}
		s.rows = rowsOf(within, tileOffset)
		for len(s.steps) < len(s.p.Steps) {
			s.steps = append(s.steps, step{})
		}
		s.steps = s.steps[:len(s.p.Steps)]
		old.steps += len(s.steps)
	}
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
	tile  []float32
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

// unit runs unit u of a pass. Memory of the next unit is asked for on the way,
// where ahead says that it follows.
func (w *worker) unit(p *pass, state []float32, u int, ahead bool) {
	base := deposit(uint64(u), p.outer)
	mem := state[stateOffset(base)/4:]
	if !p.tiled {
		next := hint{}
		if ahead && !p.rows.whole() {
			next = hint{mem: state[stateOffset(deposit(uint64(u+1), p.outer))/4:], rows: p.rows}
		}
		w.run(&p.subs[0], &p.rows, mem, base, &next)
		return
	}
	if w.tile == nil {
		w.tile = floats(kernel.Block << (plan.TileMax - plan.Lanes))
	}
	w.k.Gather(w.tile, mem, p.rows.off)
	for i := 0; i < len(p.subs) && w.ctx.Err() == nil; i++ {
		s := &p.subs[i]
		for c := range uint64(1) << len(s.outer) {
			w.run(s, &s.rows, w.tile[tileOffset(deposit(c, s.at))/4:], base|deposit(c, s.outer), &hint{})
		}
	}
	w.k.Scatter(w.tile, mem, p.rows.off)
}

// hint is what remains to be asked for.
type hint struct {
	mem  []float32
	rows rows
}

// some asks for a few rows. Asked for all at once they would fill the buffers
// for outstanding loads.
func (h *hint) some(k kernel.Kernel) {
	const atOnce = 16
	if n := min(len(h.rows.off), atOnce); n > 0 {
		k.Prefetch(h.mem, h.rows.off[:n], h.rows.size)
		h.rows.off = h.rows.off[n:]
	}
}

// run advances the chunk whose first amplitude is mem's; bits is the number of
// that amplitude in the state.
func (w *worker) run(s *sub, r *rows, mem []float32, bits uint64, next *hint) {
	if r.whole() {
		w.sweep(s, mem[:r.size], bits, next)
		return
	}
	x := w.chunk[:r.size*len(r.off)]
	w.k.Gather(x, mem, r.off)
	w.sweep(s, x, bits, next)
	w.k.Scatter(x, mem, r.off)
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
