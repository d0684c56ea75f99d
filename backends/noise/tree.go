package noise

import (
	"context"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// tree runs shots gate by gate. Shots that have had the same errors and outcomes
// share a state; where they part, the largest party goes on with it and each other
// one with a copy, so that at most log2(shots)+1 states exist.
type tree[T float] struct {
	ctx    context.Context
	p      *program
	words  *seed.ShotWords
	u      []matrix[T] // per step
	cum    []float64
	all    []*state[T]
	free   []*state[T] // those not in use
	keys   []int
	shots  uint64 // number of the first shot
	events [][]event
	next   []int // per shot: its next event
	rows   []byte
}

func newTree[T float](ctx context.Context, p *program, words *seed.ShotWords) *tree[T] {
	t := &tree[T]{ctx: ctx, p: p, words: words, u: make([]matrix[T], len(p.steps)), cum: make([]float64, leaves(p.qubits))}
	for i, s := range p.steps {
		if s.op != nil && s.op.Gate == circuit.U3 {
			t.u[i] = matrixOf[T](s.op)
		}
	}
	return t
}

// treeBytes is what a tree over so many shots holds.
func treeBytes(width, shots int, prec statevector.Precision) uint64 {
	states := uint64(2)
	for n := shots; n > 1; n /= 2 {
		states++
	}
	size := uint64(8)
	if prec == statevector.Complex128 {
		size = 16
	}
	return states*size<<width + 8*uint64(leaves(width))
}

// run fills the rows of shots first, first+1, ….
func (t *tree[T]) run(first uint64, rows []byte) error {
	rb := guest.RowBytes(t.p.clbits)
	n := len(rows) / rb
	t.shots, t.rows, t.events, t.next = first, rows, make([][]event, n), make([]int, n)
	all := make([]int, n)
	for i := range all {
		all[i], t.events[i] = i, t.p.draw(t.words, first+uint64(i), nil)
	}
	t.keys = make([]int, n)
	s, err := t.take()
	if err != nil {
		return err
	}
	s.zero()
	err = t.walk(s, 0, all)
	t.free = append(t.free, s)
	return err
}

func (t *tree[T]) take() (*state[T], error) {
	if n := len(t.free); n > 0 {
		s := t.free[n-1]
		t.free = t.free[:n-1]
		return s, nil
	}
	s, err := newState[T](t.ctx, t.p.qubits)
	if err == nil {
		t.all = append(t.all, s)
	}
	return s, err
}

// close frees all states.
func (t *tree[T]) close() {
	for _, s := range t.all {
		s.free()
	}
}

func (t *tree[T]) row(shot int) []byte {
	rb := guest.RowBytes(t.p.clbits)
	return t.rows[shot*rb:][:rb]
}

// word is word w of a shot.
func (t *tree[T]) word(shot, w int) uint64 {
	return t.words.At((t.shots+uint64(shot))*t.p.k + uint64(w))
}

// walk takes shots, which share s, from a step to the end.
func (t *tree[T]) walk(s *state[T], from int, shots []int) error {
	for i := from; i < len(t.p.steps); i++ {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		apply := t.decide(s, i, shots)
		var err error
		shots, err = t.part(shots, func(party []int, key int) error {
			c, err := t.take()
			if err != nil {
				return err
			}
			c.copyFrom(s)
			apply(c, key)
			err = t.walk(c, i+1, party)
			t.free = append(t.free, c)
			return err
		})
		if err != nil {
			return err
		}
		apply(s, t.keys[shots[0]])
	}
	t.finish(s, shots)
	return nil
}

// part calls other for each party of equal keys but the largest (of several the
// one with the smallest key), which it returns.
func (t *tree[T]) part(shots []int, other func(party []int, key int) error) ([]int, error) {
	size := [17]int{}
	for _, x := range shots {
		size[t.keys[x]]++
	}
	big := 0
	for k, n := range size {
		if n > size[big] {
			big = k
		}
	}
	if size[big] == len(shots) {
		return shots, nil
	}
	parties := [17][]int{}
	for _, x := range shots {
		parties[t.keys[x]] = append(parties[t.keys[x]], x)
	}
	for k, party := range parties {
		if k != big && len(party) > 0 {
			if err := other(party, k); err != nil {
				return nil, err
			}
		}
	}
	return parties[big], nil
}

// decide sets the key of each shot: which of a few things step i does to it. The
// function it returns does that to a state. Key 0 of a conditional step is nothing.
func (t *tree[T]) decide(s *state[T], i int, shots []int) func(s *state[T], key int) {
	st := &t.p.steps[i]
	switch {
	case st.op == nil:
		return t.noise(s, st, shots)
	case st.op.Gate == circuit.Measure || st.op.Gate == circuit.Reset:
		return t.measure(s, st, shots)
	}
	for _, x := range shots {
		t.keys[x] = 0
		if t.p.holds(st.cond, t.row(x)) {
			t.keys[x] = 1
		}
	}
	return func(s *state[T], key int) {
		switch {
		case key == 0:
		case st.op.Gate == circuit.U3:
			s.u3(int(st.op.Q[0]), t.u[i])
		default:
			s.cz(int(st.op.Q[0]), int(st.op.Q[1]))
		}
	}
}

// noise: keys are 0 nothing, 1.. the choice of a Pauli; of damping 1 stay, 2 fall.
func (t *tree[T]) noise(s *state[T], st *step, shots []int) func(*state[T], int) {
	site := &t.p.sites[st.site]
	var p [2]float64
	looked := false
	for _, x := range shots {
		t.keys[x] = 0
		e, at := t.events[x], t.next[x]
		hit := at < len(e) && e[at].site() == st.site
		if hit {
			t.next[x]++
		}
		if !t.p.holds(st.cond, t.row(x)) {
			continue
		}
		switch {
		case site.kind != damp && hit:
			t.keys[x] = e[at].choice()
		case site.kind == damp:
			t.keys[x] = 1
			if !hit {
				break
			}
			if !looked {
				p, looked = s.weights(site.q[0]), true
			}
			if p[0] == 0 || unit(t.word(x, t.p.choices+at))*(p[0]+p[1]) < p[1] {
				t.keys[x] = 2
			}
		}
	}
	return func(s *state[T], key int) {
		switch {
		case key == 0:
		case site.kind != damp:
			a, b := site.paulis(key)
			for k, c := range [2]int{a, b} {
				if c != 0 {
					s.pauli(site.q[k], c)
				}
			}
		case key == 1:
			s.keep(site.q[0], site.keep, site.p)
		default:
			s.project(site.q[0], 1, 0, p[1])
		}
	}
}

// measure: keys are 0 nothing, 1 and 2 the outcomes 0 and 1.
func (t *tree[T]) measure(s *state[T], st *step, shots []int) func(*state[T], int) {
	q, reset := int(st.op.Q[0]), st.op.Gate == circuit.Reset
	p := s.weights(q)
	for _, x := range shots {
		t.keys[x] = 0
		if !t.p.holds(st.cond, t.row(x)) {
			continue
		}
		bit := 0
		if p[1] > 0 && float64(unit(t.word(x, t.p.mid+st.word))*(p[0]+p[1])) >= p[0] {
			bit = 1
		}
		t.keys[x] = 1 + bit
		if r := t.p.measures[st.op]; r != nil {
			t.read(x, r, bit)
		}
	}
	return func(s *state[T], key int) {
		if key == 0 {
			return
		}
		at := key - 1
		if reset {
			at = 0
		}
		s.project(q, key-1, at, p[key-1])
	}
}

// read writes what a readout of shot x says.
func (t *tree[T]) read(x int, r *readout, bit int) {
	if r.word >= 0 {
		bit = r.reads(bit, t.word(x, t.p.flips+r.word))
	}
	putBit(t.row(x), r.clbit, bit)
}

// finish samples the final state once per shot.
func (t *tree[T]) finish(s *state[T], shots []int) {
	if len(t.p.final) == 0 {
		return
	}
	s.accumulate(t.cum)
	for _, x := range shots {
		y := s.draw(t.cum, t.word(x, 0))
		for _, r := range t.p.final {
			t.read(x, r, int(y>>r.qubit&1))
		}
	}
}
