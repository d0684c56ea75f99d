package noise

import (
	"cmp"
	"context"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// placed is a Pauli on one qubit: 1 X, 2 Y, 3 Z.
type placed struct{ stage, site, part, choice int }

// fault is what all errors of a shot in one stage do, up to a global phase: the
// state is permuted by X on the qubits of x, then phases act, then the stage as if
// there had been no error. Errors that differ only in where they stand between two
// rotations, or by more than that but not in effect, are one fault.
type fault struct {
	stage int
	x     uint64
	turn  []circuit.Angle // per qubit; nil: none
}

func (f *fault) compare(g *fault) int {
	return cmp.Or(cmp.Compare(f.stage, g.stage), cmp.Compare(f.x, g.x), slices.Compare(f.turn, g.turn))
}

// fault adds up errors in stage i, all of them in it. With S = D·L for what the
// errors leave of D behind the frame x, the stage does X^x·S = S'·X^x, S'(i) =
// S(i⊕x) = D(i)·phases.
func (l *layered) fault(i int, errors []placed) (f fault, some bool) {
	st := &l.stages[i]
	f = fault{stage: i}
	with := make([]circuit.Angle, l.width)
	f.x = st.phases(with, 0, errors)
	if i == 0 || i == len(l.stages)-1 { // phases do nothing to |0…0⟩, nor to outcomes
		return f, f.x != 0
	}
	flipped := make([]circuit.Angle, l.width)
	st.phases(flipped, f.x, nil)
	turns := false
	for q, plain := range st.alpha {
		a := with[q] - plain
		if f.x>>q&1 == 1 {
			a = -a
		}
		with[q] = (a + flipped[q] - plain) & (circuit.TwoPi - 1)
		turns = turns || with[q] != 0
	}
	if turns {
		f.turn = with
	}
	return f, turns || f.x != 0
}

// faults of a pattern by stage, ascending, and the frame that errors of the last
// stage leave.
func (l *layered) faults(p *program, events []event) (out []fault, frame uint64) {
	var errors []placed
	for _, e := range events {
		s := &p.sites[e.site()]
		a, b := s.paulis(e.choice())
		for part, c := range [2]int{a, b} {
			if c != 0 {
				errors = append(errors, placed{l.at[e.site()][part], e.site(), part, c})
			}
		}
	}
	slices.SortStableFunc(errors, func(a, b placed) int { return cmp.Compare(a.stage, b.stage) })
	for len(errors) > 0 {
		n := 1
		for n < len(errors) && errors[n].stage == errors[0].stage {
			n++
		}
		f, some := l.fault(errors[0].stage, errors[:n])
		errors = errors[n:]
		switch {
		case f.stage == len(l.stages)-1:
			frame = f.x
		case some:
			out = append(out, f)
		}
	}
	return out, frame
}

// drawn is a shot at the end of a path, and the frame it has there.
type drawn struct {
	shot  int
	frame uint64
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
	found, frames := make([][]fault, len(pats)), make([]uint64, len(pats))
	const perTask = 64
	err := parallel(ctx, threads, (len(pats)+perTask-1)/perTask, func(_, task int) error {
		for i := task * perTask; i < min((task+1)*perTask, len(pats)); i++ {
			found[i], frames[i] = l.faults(p, pats[i].events)
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
			order[i].shots = append(order[i].shots, drawn{x, frames[i] ^ l.frame})
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
