package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// splitAbove is the number of qubits up to which a circuit is run as one state,
// whatever its blocks: amplitudes and expectations can be asked of one.
const splitAbove = 24

// block is a set of qubits that no gate connects with others. A qubit without
// gates is in no block: it stays 0.
type block struct {
	qubits   []int // ascending
	ops      []circuit.Op
	clifford bool
}

// independent finds the blocks of a circuit, sorted by lowest qubit, and nil where
// it is not to be split. Clifford blocks are joined into one.
func independent(t *final, qubits int) []*block {
	if t == nil || qubits <= splitAbove {
		return nil
	}
	parent := identity(qubits)
	find := func(q int) int {
		for parent[q] != q {
			parent[q] = parent[parent[q]]
			q = parent[q]
		}
		return q
	}
	used, rotated := make([]bool, qubits), make([]bool, qubits)
	for i := range t.ops {
		op := &t.ops[i]
		q := int(op.Q[0])
		used[q] = true
		if op.NQ == 2 {
			p := int(op.Q[1])
			used[p] = true
			parent[find(p)] = find(q)
		} else if op.Gate == circuit.U3 && !(circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}).IsClifford() {
			rotated[q] = true
		}
	}
	for q := range qubits {
		if rotated[q] {
			rotated[find(q)] = true
		}
	}
	const clifford = -1
	var out []*block
	by := map[int]*block{} // looked up, never walked
	for q := range qubits {
		if !used[q] {
			continue
		}
		key := find(q)
		if !rotated[key] {
			key = clifford
		}
		if by[key] == nil {
			by[key] = &block{clifford: key == clifford}
			out = append(out, by[key])
		}
		by[key].qubits = append(by[key].qubits, q)
	}
	if len(out) < 2 {
		return nil
	}
	deal(t, qubits, out)
	return out
}

// deal gives each block its operations, on its own numbers of qubits; others are
// left out.
func deal(t *final, qubits int, blocks []*block) {
	of, local := make([]*block, qubits), make([]uint16, qubits)
	for _, b := range blocks {
		for l, q := range b.qubits {
			of[q], local[q] = b, uint16(l)
		}
	}
	for _, op := range t.ops {
		b := of[op.Q[0]]
		if b == nil {
			continue
		}
		for k, q := range op.Q[:op.NQ] {
			op.Q[k] = local[q]
		}
		b.ops = append(b.ops, op)
	}
}

// blocks runs one block after the other and joins their outcomes in the rows. given
// is t before it was lowered: what state vectors take.
func (r *SimResult) blocks(ctx context.Context, c *circuit.Circuit, t, given *final, o SimOptions) error {
	all := independent(t, c.Qubits)
	total := 0
	var states []*block
	for _, b := range all {
		if !b.clifford {
			b.ops, states = nil, append(states, b)
			if err := statevector.Admit(len(b.qubits), o.Precision, o.MemoryBytes); err != nil {
				return fmt.Errorf("block of qubit %d: %w", b.qubits[0], err)
			}
		}
		total += backends.ShotWords(len(b.qubits))
	}
	deal(given, c.Qubits, states)
	stream, err := seed.NewShotWords(o.Key)
	if err != nil {
		return err
	}
	w := &joiner{writer: r.writer(c.Qubits, t, o), stream: stream, total: total, shots: o.Shots}
	var s *statevector.State
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	for i, b := range all {
		var outcomes func(out, words []uint64)
		if b.clifford {
			outcomes, err = b.affine(ctx, o)
		} else if s, err = b.state(ctx, s, o); err == nil {
			outcomes = s.Outcomes
			if n := s.Numeric(); n != o.Precision.Numeric() { // one block of that kind is enough
				r.Numeric = n
			}
		}
		if err == nil {
			err = w.add(ctx, b, outcomes)
		}
		if err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(i+1, len(all))
		}
	}
	return nil
}

func (b *block) state(ctx context.Context, reuse *statevector.State, o SimOptions) (*statevector.State, error) {
	p, err := statevector.FromOps(len(b.qubits), b.ops)
	if err != nil {
		return reuse, err
	}
	e := o.engine()
	e.Progress, e.Reuse = nil, reuse
	return statevector.Simulate(ctx, p, e)
}

func (b *block) affine(ctx context.Context, o SimOptions) (func(out, words []uint64), error) {
	var c stabilizer.Compiler
	if err := c.Use(o.Kernel); err != nil {
		return nil, err
	}
	a, err := c.Ops(ctx, len(b.qubits), b.ops)
	if err != nil {
		return nil, err
	}
	s, k := a.Sampler(o.Shots), backends.ShotWords(a.Width)
	return func(out, words []uint64) {
		for i := 0; i < len(out); i += k {
			s.Outcome(words[i:i+k], out[i:i+k])
		}
	}, nil
}

// joiner writes the outcomes of blocks into rows.
type joiner struct {
	*writer
	stream              *seed.ShotWords
	total, taken, shots int // words of a shot, those of earlier blocks; number of shots
}

// joinWords bounds the words held.
const joinWords = 1 << 16

// add writes the bits of block b of all shots.
func (w *joiner) add(ctx context.Context, b *block, outcomes func(out, words []uint64)) error {
	k := backends.ShotWords(len(b.qubits))
	chunk := max(joinWords/w.total, 1)
	words, mine, out := make([]uint64, chunk*w.total), make([]uint64, chunk*k), make([]uint64, chunk*k)
	local := map[int]int{}
	for l, q := range b.qubits {
		local[q] = l
	}
	var bits [][2]int // clbit, bit of the block
	for c, q := range w.source {
		if l, ok := local[q]; ok {
			bits = append(bits, [2]int{c, l})
		}
	}
	for first := 0; first < w.shots; first += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(chunk, w.shots-first)
		w.stream.Fill(words[:n*w.total], uint64(first)*uint64(w.total))
		for i := range n {
			copy(mine[i*k:(i+1)*k], words[i*w.total+w.taken:])
		}
		outcomes(out[:n*k], mine[:n*k])
		for i := range n {
			row := w.rows[(first+i)*w.rb:][:w.rb]
			for _, x := range bits {
				row[x[0]>>3] |= byte(out[i*k+x[1]/64]>>(x[1]%64)&1) << (x[0] & 7)
			}
		}
	}
	w.taken += k
	return nil
}
