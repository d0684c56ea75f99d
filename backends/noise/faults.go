package noise

import (
	"cmp"
	"context"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// placed is an error on one qubit: 1 X, 2 Y, 3 Z, or one of damping.
type placed struct{ stage, site, part, choice int }

// Choices of damping.
const (
	fall = 4 // from 1 to 0
	look = 5 // event: whether the qubit falls is decided at the state
)

// fault is what all errors of a shot in one stage do, up to a global phase: the
// state is permuted by X on the qubits of x, then phases and factors act, then the
// stage as if there had been no error. Errors that differ only in where they stand
// between two rotations, or by more than that but not in effect, are one fault.
type fault struct {
	stage int
	open  []placed // errors with a look among them, whose effect is not known yet
	x     uint64
	turn  []circuit.Angle // per qubit; nil: none
	gain  [][2]float64    // per qubit; nil: none
}

func (f *fault) compare(g *fault) int {
	return cmp.Or(cmp.Compare(f.stage, g.stage), slices.CompareFunc(f.open, g.open, placed.compare), cmp.Compare(f.x, g.x), slices.Compare(f.turn, g.turn),
		slices.CompareFunc(f.gain, g.gain, func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) }))
}

func (a placed) compare(b placed) int {
	return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.part, b.part), cmp.Compare(a.choice, b.choice))
}

// fault adds up errors in stage i, all of them in it. With S = D·L for what the
// errors leave of D behind the frame x, the stage does X^x·S = S'·X^x, S'(i) =
// S(i⊕x) = D(i)·phases·factors.
func (l *layered) fault(i int, errors []placed) (f fault, some bool) {
	st := &l.stages[i]
	with := l.effectOf(st.ops, 0, errors)
	f = fault{stage: i, x: with.x}
	if i == len(l.stages)-1 && !l.damped {
		return f, f.x != 0
	}
	flipped := l.effectOf(st.ops, f.x, nil)
	turns, gains := false, false
	for q, plain := range st.alpha {
		a := with.alpha[q] - plain
		if f.x>>q&1 == 1 {
			a = -a
		}
		with.alpha[q] = (a + flipped.alpha[q] - plain) & (circuit.TwoPi - 1)
		turns = turns || with.alpha[q] != 0
		if l.damped {
			g, d, swap := with.gain[q], st.gain[q], f.x>>q&1
			with.gain[q] = [2]float64{g[swap] / d[0], g[1^swap] / d[1]}
			gains = gains || with.gain[q] != [2]float64{1, 1}
		}
	}
	if turns && i > 0 { // phases do nothing to |0…0⟩
		f.turn = with.alpha
	}
	if gains {
		f.gain = with.gain
	}
	return f, f.turn != nil || f.gain != nil || f.x != 0
}

// faults of a pattern by stage, ascending, with the numbers of the events that are
// looks of each, and the frame that errors of a last stage without damping leave.
func (l *layered) faults(p *program, events []event) (out []fault, looks [][]int, frame uint64) {
	type numbered struct {
		placed
		event int
	}
	var errors []numbered
	for k, e := range events {
		s := &p.sites[e.site()]
		a, b := s.paulis(e.choice())
		if s.kind == damp {
			a, b = look, 0
		}
		for part, c := range [2]int{a, b} {
			if c != 0 {
				errors = append(errors, numbered{placed{l.at[e.site()][part], e.site(), part, c}, k})
			}
		}
	}
	slices.SortStableFunc(errors, func(a, b numbered) int { return cmp.Compare(a.stage, b.stage) })
	for len(errors) > 0 {
		var here []placed
		var seen []int
		stage := errors[0].stage
		for ; len(errors) > 0 && errors[0].stage == stage; errors = errors[1:] {
			if here = append(here, errors[0].placed); errors[0].choice == look {
				seen = append(seen, errors[0].event)
			}
		}
		f, some := fault{stage: stage, open: here}, true
		if seen == nil {
			f, some = l.fault(stage, here)
		}
		switch {
		case stage == len(l.stages)-1 && !l.damped:
			frame = f.x
		case some:
			out, looks = append(out, f), append(looks, seen)
		}
	}
	return out, looks, frame
}

// drawn is a shot at the end of a path, and the frame it has there.
type drawn struct {
	shot  int
	frame uint64
	looks [][]int // per fault: the numbers of its events that are looks
}

// path is the shots that have the same faults.
type path struct {
	faults []int // numbers into the list of all faults, ascending
	shots  []drawn
}

// compare puts paths with an equal beginning together, and behind all that have
// more faults after it the one that has none.
func (a *path) compare(b *path) int {
	for i, f := range a.faults {
		if i == len(b.faults) {
			return -1
		}
		if f != b.faults[i] {
			return cmp.Compare(f, b.faults[i])
		}
	}
	return cmp.Compare(len(b.faults), len(a.faults))
}

// paths sorts patterns by what their errors do, and lists all faults, ascending.
func (l *layered) paths(ctx context.Context, p *program, pats []pattern, threads int) ([]path, []fault, error) {
	found, looks, frames := make([][]fault, len(pats)), make([][][]int, len(pats)), make([]uint64, len(pats))
	const perTask = 64
	err := parallel(ctx, threads, (len(pats)+perTask-1)/perTask, func(_, task int) error {
		for i := task * perTask; i < min((task+1)*perTask, len(pats)); i++ {
			found[i], looks[i], frames[i] = l.faults(p, pats[i].events)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	numbers, all := number(found)
	order := make([]path, len(pats))
	for i := range pats {
		order[i] = path{faults: numbers[i]}
		for _, x := range pats[i].shots {
			order[i].shots = append(order[i].shots, drawn{x, frames[i] ^ l.frame, looks[i]})
		}
	}
	slices.SortStableFunc(order, func(a, b path) int { return a.compare(&b) })
	out := order[:0]
	for _, x := range order {
		if k := len(out) - 1; k >= 0 && slices.Equal(out[k].faults, x.faults) {
			out[k].shots = append(out[k].shots, x.shots...)
			continue
		}
		out = append(out, x)
	}
	return out, all, nil
}

// number lists the faults that occur, ascending, and puts numbers in their place.
func number(found [][]fault) (numbers [][]int, all []fault) {
	type place struct {
		f       *fault
		pattern int
		at      int
	}
	var places []place
	numbers = make([][]int, len(found))
	for i := range found {
		numbers[i] = make([]int, len(found[i]))
		for k := range found[i] {
			places = append(places, place{&found[i][k], i, k})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return a.f.compare(b.f) })
	for _, x := range places {
		if k := len(all) - 1; k < 0 || all[k].compare(x.f) != 0 {
			all = append(all, *x.f)
		}
		numbers[x.pattern][x.at] = len(all) - 1
	}
	return numbers, all
}
