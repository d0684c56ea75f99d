package plan

import "math/bits"

// windows returns the sets of size qubits that contain the lanes and a run of
// consecutive others of from.
func (s *scheduler) windows(from uint64, size int) []uint64 {
	var others []int
	for m := from &^ s.lanes; m != 0; m &= m - 1 {
		others = append(others, bits.TrailingZeros64(m))
	}
	k := size - Lanes
	if len(others) <= k {
		return []uint64{from}
	}
	var out []uint64
	for i := 0; i+k <= len(others); i++ {
		w := s.lanes
		for _, q := range others[i : i+k] {
			w |= 1 << q
		}
		out = append(out, w)
	}
	return s.wide(out, others, k)
}

// run advances local for as long as that improves gain per cost, and calls
// each before a step.
func (s *scheduler) run(local uint64, t trial, each func(rot uint64)) trial {
	for {
		rot := s.ready(local)
		if rot == 0 {
			return t
		}
		u := trial{t.gain + bits.OnesCount64(rot), t.cost + s.t.step(s.split(rot))}
		if !u.better(t) {
			return t
		}
		each(rot)
		s.advance(rot)
		t = u
	}
}

// clone copies the state for a trial.
func (s *scheduler) clone() *scheduler {
	c := *s
	c.next = append([]int32(nil), s.next...)
	return &c
}

// bestChunk picks the chunk of tile with the best gain per cost.
func (s *scheduler) bestChunk(tile uint64) (uint64, trial) {
	best, bt := uint64(0), trial{0, 1}
	for _, w := range s.windows(tile, ChunkMax) {
		t := s.clone().run(w, trial{0, s.t.chunk}, func(uint64) {})
		if t.better(bt) {
			best, bt = w, t
		}
	}
	return best, bt
}

// tile advances tile for as long as that improves gain per cost.
func (s *scheduler) tile(tile uint64, each func(chunk uint64)) trial {
	t := trial{0, s.t.tile}
	for {
		w, ct := s.bestChunk(tile)
		u := trial{t.gain + ct.gain, t.cost + ct.cost}
		if ct.gain == 0 || !u.better(t) {
			return t
		}
		each(w)
		s.run(w, trial{0, s.t.chunk}, func(uint64) {})
		t = u
	}
}

// pass picks the tile with the best gain per cost and writes its schedule down.
func (s *scheduler) pass(pl *Plan) Pass {
	best, bt := uint64(0), trial{0, 1}
	for _, w := range s.windows(1<<pl.Width-1, TileMax) {
		if t := s.clone().tile(w, func(uint64) {}); t.better(bt) {
			best, bt = w, t
		}
	}
	p := Pass{Local: pl.positions(best)}
	s.clone().tile(best, func(chunk uint64) {
		p.Subs = append(p.Subs, s.sub(pl, chunk))
	})
	s.cost += passCostOf(&p, pl.Width)
	return p
}

// sub writes down one run of a chunk.
func (s *scheduler) sub(pl *Plan, chunk uint64) Sub {
	sub := Sub{Local: pl.positions(chunk)}
	s.run(chunk, trial{0, s.t.chunk}, func(rot uint64) {
		sub.Steps = append(sub.Steps, s.step(chunk, rot))
		s.cost += estimate.step(s.split(rot))
	})
	return sub
}

// step writes down one step: every CZ of a rotating qubit that is not done yet.
func (s *scheduler) step(chunk, rot uint64) Step {
	st := Step{Terms: s.terms(chunk, rot)}
	for m := rot; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		st.Rots = append(st.Rots, At{uint8(q), s.next[q]})
		if e := s.pairAt(q); e != nil && int(e.A) == q {
			st.Pairs = append(st.Pairs, s.p.Rots[q][s.next[q]].Pair-1)
		}
		for _, l := range s.p.ends(q, s.next[q]) {
			switch {
			case s.next[l.x] > l.kx: // done by the other side
			case rot>>l.x&1 == 1 && int(l.x) < q: // both rotate: listed once
			case chunk>>l.x&1 == 1:
				st.CZs = append(st.CZs, l.id)
			default:
				st.Cross = append(st.Cross, Cross{uint8(q), l.x})
			}
		}
	}
	return st
}

// positions lists the positions of a set of qubits, ascending.
func (p *Plan) positions(set uint64) []uint8 {
	var out []uint8
	for m := p.Index(set); m != 0; m &= m - 1 {
		out = append(out, uint8(bits.TrailingZeros64(m)))
	}
	return out
}
