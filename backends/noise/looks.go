package noise

import (
	"context"

	"github.com/animicaorg/engine/backends/statevector/layer"
	"github.com/animicaorg/engine/circuit"
)

// looks reports whether the fault of p in stage i waits for looks at the state.
func (c *climber) looks(p *path, i, done int) bool {
	return c.hit(p, i, done) && c.faults[p.faults[done]].open != nil
}

// outcome is what the looks of a fault said so far.
type outcome struct {
	falls []placed
	looks int     // how many
	norm  float64 // norm squared after the last fall, 0: none
}

// resolve decides the looks of paths that have the same fault in stage i, one after
// the other: each shot falls with the chance that its qubit is 1. Parties that differ
// go their own ways from there. s is given back where it is owned, before the last
// and largest party goes on.
func (c *climber) resolve(ctx context.Context, s *layer.State, owned bool, i, done int, so *outcome, paths []path) error {
	if so == nil {
		so = &outcome{}
	}
	open := c.faults[paths[0].faults[done]].open
	at, seen := 0, 0
	for ; at < len(open); at++ {
		if open[at].choice != look {
			continue
		}
		if seen == so.looks {
			break
		}
		seen++
	}
	if at == len(open) {
		return c.resolved(ctx, s, owned, i, done, so, paths)
	}
	p := c.chances(s, i, known(open, so), &open[at])
	stay, drop := c.split(paths, done, so.looks, p)
	a := &outcome{so.falls, so.looks + 1, so.norm}
	fallen := open[at]
	fallen.choice = fall
	b := &outcome{append(so.falls[:len(so.falls):len(so.falls)], fallen), so.looks + 1, p[1]}
	if shots(stay) < shots(drop) {
		stay, drop, a, b = drop, stay, b, a
	}
	if len(drop) > 0 {
		if err := c.resolve(ctx, s, false, i, done, b, drop); err != nil {
			return err
		}
	}
	return c.resolve(ctx, s, owned, i, done, a, stay)
}

// resolved goes on with a fault whose looks are all decided.
func (c *climber) resolved(ctx context.Context, s *layer.State, owned bool, i, done int, so *outcome, paths []path) error {
	f, _ := c.l.fault(i, known(c.faults[paths[0].faults[done]].open, so))
	if so.norm > 0 {
		scale := scaleFor[float64](so.norm)
		f.gain[0] = [2]float64{f.gain[0][0] * scale, f.gain[0][1] * scale}
	}
	t := c.take()
	c.enter(t, s, &f)
	t.Apply(c.l.stages[i].step)
	if owned {
		c.give(s)
	}
	return c.walk(ctx, t, i+1, done+1, paths)
}

// known is the errors of a fault whose effect is known: Paulis and falls.
func known(open []placed, so *outcome) (out []placed) {
	for _, e := range open {
		if e.choice != look {
			out = append(out, e)
		}
	}
	return append(out, so.falls...)
}

// chances are the weights of 0 and 1 of the qubit that a look is at.
func (c *climber) chances(s *layer.State, i int, errors []placed, at *placed) [2]float64 {
	ops := c.l.stages[i].ops
	n := 0
	for ops[n].site != at.site || ops[n].part != at.part {
		n++
	}
	e := c.l.effectOf(ops[:n], 0, errors)
	t := c.take()
	defer c.give(t)
	t.Copy(s, 0)
	t.Phase(make([]circuit.Angle, c.l.width), e.gain, &c.phases)
	w := t.Weights(ops[n].a)
	one := ops[n].one ^ e.x>>ops[n].a&1
	return [2]float64{w[1^one], w[one]}
}

// split parts shots by what look number n of their fault says.
func (c *climber) split(paths []path, done, n int, p [2]float64) (stay, drop []path) {
	for k := range paths {
		var a, b []drawn
		for _, d := range paths[k].shots {
			if p[0] == 0 || float64(unit(c.word(d.shot, d.looks[done][n]))*(p[0]+p[1])) < p[1] {
				b = append(b, d)
			} else {
				a = append(a, d)
			}
		}
		if len(a) > 0 {
			stay = append(stay, path{paths[k].faults, a})
		}
		if len(b) > 0 {
			drop = append(drop, path{paths[k].faults, b})
		}
	}
	return stay, drop
}

func shots(paths []path) (n int) {
	for k := range paths {
		n += len(paths[k].shots)
	}
	return n
}
