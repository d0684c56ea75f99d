package noise

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/statevector/layer"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// climber takes paths through the stages; paths share a state until they part.
type climber struct {
	l      *layered
	faults []fault
	free   []*layer.State
	phases layer.Phases
	sums   layer.Sums
	word   func(shot, event int) uint64 // that decides a look
	leave  func(shots []drawn, s *layer.State, u *layer.Sums)
}

func (c *climber) take() *layer.State {
	if n := len(c.free); n > 0 {
		s := c.free[n-1]
		c.free = c.free[:n-1]
		return s
	}
	return layer.NewState(c.l.kernel, c.l.width)
}

func (c *climber) give(s *layer.State) { c.free = append(c.free, s) }

// walk runs sorted paths from a stage on, all with the same done faults before it,
// and gives s back. The largest party goes on with s or in its place, so that there
// are at most log2(paths)+2 states.
func (c *climber) walk(ctx context.Context, s *layer.State, from, done int, paths []path) error {
	for i := from; i < c.l.end(); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		big := c.largest(paths, i, done)
		for k := 0; k < len(paths); {
			n := c.party(paths[k:], i, done)
			if party := paths[k:][:n]; k != big && c.looks(&party[0], i, done) {
				if err := c.resolve(ctx, s, false, i, done, nil, party); err != nil {
					return err
				}
			} else if k != big {
				t, now := c.next(s, i, done, &party[0])
				if err := c.walk(ctx, t, i+1, now, party); err != nil {
					return err
				}
			}
			k += n
		}
		paths = paths[big:][:c.party(paths[big:], i, done)]
		if !c.hit(&paths[0], i, done) {
			s.Apply(c.l.stages[i].step)
			continue
		}
		if c.looks(&paths[0], i, done) {
			return c.resolve(ctx, s, true, i, done, nil, paths)
		}
		t, now := c.next(s, i, done, &paths[0])
		c.give(s)
		s, done = t, now
	}
	c.sums.Of(s)
	for k := range paths {
		c.leave(paths[k].shots, s, &c.sums)
	}
	c.give(s)
	return nil
}

// hit reports whether the next fault of a path is in stage i.
func (c *climber) hit(p *path, i, done int) bool {
	return done < len(p.faults) && c.faults[p.faults[done]].stage == i
}

// party is how many paths, from the first on, do the same in stage i.
func (c *climber) party(paths []path, i, done int) int {
	if !c.hit(&paths[0], i, done) { // nor is that of those behind it
		return len(paths)
	}
	n := 1
	for n < len(paths) && c.hit(&paths[n], i, done) && paths[n].faults[done] == paths[0].faults[done] {
		n++
	}
	return n
}

// largest returns where the largest party begins, the last one of several: without
// a fault if there is one.
func (c *climber) largest(paths []path, i, done int) int {
	big, most := 0, 0
	for k := 0; k < len(paths); {
		n := c.party(paths[k:], i, done)
		if n >= most {
			big, most = k, n
		}
		k += n
	}
	return big
}

// next returns the state of p behind stage i, and how many of its faults are done.
func (c *climber) next(s *layer.State, i, done int, p *path) (*layer.State, int) {
	t := c.take()
	if c.hit(p, i, done) {
		c.enter(t, s, &c.faults[p.faults[done]])
		done++
	} else {
		t.Copy(s, 0)
	}
	t.Apply(c.l.stages[i].step)
	return t, done
}

// enter makes t the state in front of a stage with a fault.
func (c *climber) enter(t, s *layer.State, f *fault) {
	if t.Copy(s, f.x); f.turn != nil || f.gain != nil {
		turn := f.turn
		if turn == nil {
			turn = make([]circuit.Angle, c.l.width)
		}
		t.Phase(turn, f.gain, &c.phases)
	}
}

// climbBytes is what tables and the states of so many goroutines hold, for so many
// shots, at a width.
func (l *layered) climbBytes(width, workers, shots int) uint64 {
	const extra = 5 // the last two states, one to look at, the table of phases and its factors
	return uint64(len(l.stages)+workers*(bits.Len(uint(shots))+extra)) * layer.Bytes(width)
}

// admit returns how many goroutines fit into memory.
func (l *layered) admit(shots int, o *Options) (int, error) {
	workers := o.threads()
	for ; o.MemoryBytes > 0 && l.climbBytes(l.width, workers, shots) > o.MemoryBytes; workers-- {
		if workers == 1 {
			one := func(width int) uint64 { return l.climbBytes(width, 1, shots) }
			return 0, tooLarge(fmt.Sprintf("%d qubits with noise", l.width), one(l.width), o.MemoryBytes, l.width, one)
		}
	}
	return workers, nil
}

// climb fills the rows of all shots.
func (p *program) climb(ctx context.Context, l *layered, words *seed.ShotWords, rows []byte, o Options) error {
	rb := guest.RowBytes(p.clbits)
	n := len(rows) / rb
	workers, err := l.admit(min(n, window), &o)
	if err != nil {
		return err
	}
	k, err := layer.Find(o.Kernel)
	if err != nil {
		return err
	}
	if err := l.prepare(ctx, k, workers); err != nil {
		return err
	}
	count := counter{total: n, report: o.Progress}
	pool := make([]climber, workers)
	for first := 0; first < n; first += window {
		pats, err := p.patterns(ctx, words, uint64(first), min(window, n-first), workers)
		if err != nil {
			return err
		}
		paths, faults, err := l.paths(ctx, p, pats, workers)
		if err != nil {
			return err
		}
		leave := func(shots []drawn, _ *layer.State, u *layer.Sums) {
			for _, d := range shots {
				base := uint64(first+d.shot) * p.k
				y := u.Draw(words.At(base)) ^ d.frame
				p.write(rows[(first+d.shot)*rb:][:rb], words, base, func(q int) int { return int(y >> q & 1) })
			}
			count.add(len(shots))
		}
		size := max((len(paths)+8*workers-1)/(8*workers), 1)
		err = parallel(ctx, workers, (len(paths)+size-1)/size, func(w, task int) error {
			c := &pool[w]
			c.l, c.faults, c.leave = l, faults, leave
			c.word = func(shot, event int) uint64 { return words.At(uint64(first+shot)*p.k + uint64(p.choices+event)) }
			s := c.take()
			s.Zero()
			return c.walk(ctx, s, 0, 0, paths[task*size:min((task+1)*size, len(paths))])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write puts an outcome by qubit through the readouts; base is the shot's first word.
func (p *program) write(row []byte, words *seed.ShotWords, base uint64, outcome func(q int) int) {
	for _, r := range p.final {
		bit := outcome(r.qubit)
		if r.word >= 0 {
			bit = r.reads(bit, words.At(base+uint64(p.flips+r.word)))
		}
		putBit(row, r.clbit, bit)
	}
}
