package noise

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

func cosOf(tan float64) float64 { return 1 / math.Sqrt(1+float64(tan*tan)) }

// placed is a Pauli on one qubit: 1 X, 2 Y, 3 Z.
type placed struct{ layer, site, part, choice int }

func (a placed) compare(b placed) int {
	return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.site, b.site), cmp.Compare(a.part, b.part), cmp.Compare(a.choice, b.choice))
}

// path is a pattern by layers.
type path struct {
	*pattern
	errors []placed // ascending
}

// paths sorts patterns so that equal beginnings are neighbours.
func (l *layered) paths(p *program, pats []pattern) []path {
	out := make([]path, len(pats))
	for i := range pats {
		out[i].pattern = &pats[i]
		for _, e := range pats[i].events {
			s := &p.sites[e.site()]
			a, b := s.paulis(e.choice())
			for part, c := range [2]int{a, b} {
				if c != 0 {
					out[i].errors = append(out[i].errors, placed{l.at[e.site()][part], e.site(), part, c})
				}
			}
		}
		slices.SortFunc(out[i].errors, placed.compare)
	}
	slices.SortFunc(out, func(a, b path) int { return slices.CompareFunc(a.errors, b.errors, placed.compare) })
	return out
}

// climber takes paths through the layers; paths share a state until they part.
type climber struct {
	l     *layered
	free  []*state[float32]
	cum   []float64
	leave func(shots []int, cum []float64, frame uint64)
}

func (c *climber) take() *state[float32] {
	if n := len(c.free); n > 0 {
		s := c.free[n-1]
		c.free = c.free[:n-1]
		return s
	}
	return newState[float32](c.l.width)
}

// walk runs sorted paths, whose errors before layer from are the same and dropped.
func (c *climber) walk(ctx context.Context, s *state[float32], x uint64, from int, paths []path) error {
	for i := from; i < len(c.l.layers); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		parties, big := partiesAt(paths, i)
		for k, party := range parties {
			if k == big {
				continue
			}
			t := c.take()
			t.copyFrom(s)
			y := c.l.layers[i].apply(t, x, here(party[0], i))
			if err := c.walk(ctx, t, y, i+1, drop(party, i)); err != nil {
				return err
			}
			c.free = append(c.free, t)
		}
		x = c.l.layers[i].apply(s, x, here(parties[big][0], i))
		paths = drop(parties[big], i)
	}
	s.accumulate(c.cum)
	for _, p := range paths {
		c.leave(p.shots, c.cum, x^c.l.frame)
	}
	return nil
}

// here is what a path has in layer i, its next one.
func here(p path, i int) []placed {
	n := 0
	for n < len(p.errors) && p.errors[n].layer == i {
		n++
	}
	return p.errors[:n]
}

func drop(paths []path, i int) []path {
	out := make([]path, len(paths))
	for k, p := range paths {
		out[k] = path{p.pattern, p.errors[len(here(p, i)):]}
	}
	return out
}

// partiesAt splits sorted paths by what they have in layer i; big is the largest.
func partiesAt(paths []path, i int) (parties [][]path, big int) {
	first := 0
	for k := 1; k <= len(paths); k++ {
		if k < len(paths) && slices.Equal(here(paths[k], i), here(paths[first], i)) {
			continue
		}
		if parties = append(parties, paths[first:k]); k-first > len(parties[big]) {
			big = len(parties) - 1
		}
		first = k
	}
	return parties, big
}

// apply does D and R behind the frame x and returns the frame behind them.
func (ly *layer) apply(s *state[float32], x uint64, errors []placed) uint64 {
	low := int(x & 15)
	n := len(s.re)
	for base := 0; base < n; base += 16 {
		m := min(16, n)
		re, im := s.re[base:][:m], s.im[base:][:m]
		from := base ^ int(x)&^15
		tr, ti := ly.re[from:][:m], ly.im[from:][:m]
		for k, a := range re {
			b, c, d := im[k], tr[k^low], ti[k^low]
			re[k], im[k] = float32(a*c)-float32(b*d), float32(a*d)+float32(b*c)
		}
	}
	if len(errors) > 0 {
		width := len(ly.tan)
		with, without := make([]circuit.Angle, width), make([]circuit.Angle, width)
		ly.phases(without, x, nil)
		x = ly.phases(with, x, errors)
		for q := range width {
			if a := with[q] - without[q]; a&(circuit.TwoPi-1) != 0 {
				s.phase(q, a)
			}
		}
	}
	ly.turn(s.re, x)
	ly.turn(s.im, x)
	return x
}

// phase applies diag(1, e^{ia}).
func (s *state[T]) phase(q int, a circuit.Angle) {
	si, co := a.SinCos()
	c, d := T(co), T(si)
	s.pairs(q, func(_, _, r1, i1 []T) {
		for k, x := range r1 {
			y := i1[k]
			r1[k], i1[k] = T(x*c)-T(y*d), T(x*d)+T(y*c)
		}
	})
}

// climb fills the rows of all shots.
func (p *program) climb(ctx context.Context, l *layered, words *seed.ShotWords, rows []byte, o Options) error {
	rb := guest.RowBytes(p.clbits)
	n := len(rows) / rb
	workers, tables := o.threads(), uint64(len(l.layers))<<(l.width+3)
	for one := p.treeBytes(min(n, window), o.Precision); o.MemoryBytes > 0 && tables+uint64(workers)*one > o.MemoryBytes; workers-- {
		if workers == 1 {
			return fmt.Errorf("%d qubits with noise need %d bytes, %d are allowed: %w", p.qubits, tables+one, o.MemoryBytes, backends.ErrTooLarge)
		}
	}
	for first := 0; first < n; first += window {
		pats, err := p.patterns(ctx, words, uint64(first), min(window, n-first), workers)
		if err != nil {
			return err
		}
		paths := l.paths(p, pats)
		size := max((len(paths)+8*workers-1)/(8*workers), 1)
		pool := make([]climber, workers)
		err = parallel(ctx, workers, (len(paths)+size-1)/size, func(w, task int) error {
			c := &pool[w]
			if c.l == nil {
				c.l, c.cum = l, make([]float64, 1<<l.width)
			}
			c.leave = func(shots []int, cum []float64, frame uint64) {
				for _, x := range shots {
					base := uint64(first+x) * p.k
					y := pick(cum, words.At(base)) ^ frame
					p.write(rows[(first+x)*rb:][:rb], words, base, func(q int) int { return int(y >> q & 1) })
				}
			}
			s := c.take()
			s.zero()
			err := c.walk(ctx, s, 0, 0, paths[task*size:min((task+1)*size, len(paths))])
			c.free = append(c.free, s)
			return err
		})
		if err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(min(first+window, n), n)
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
