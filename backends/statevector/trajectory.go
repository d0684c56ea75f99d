package statevector

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Trajectories runs circuits that measure and go on, reset, or branch on
// classical bits: one pass through the circuit per shot, gate by gate. What
// precedes the first such operation is run once.
type Trajectories struct {
	c      *circuit.Circuit
	prefix int   // operations that all shots share
	words  int   // random words of one shot
	word   []int // per operation: its word, for measure and reset
}

// NewTrajectories prepares a lowered circuit with explicit measurements.
func NewTrajectories(c *circuit.Circuit) (*Trajectories, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Qubits > maxWidth {
		return nil, fmt.Errorf("%d qubits; a state vector holds 1 to %d: %w", c.Qubits, maxWidth, backends.ErrTooLarge)
	}
	t := &Trajectories{c: c, prefix: len(c.Ops), word: make([]int, len(c.Ops))}
	for i, op := range c.Ops {
		switch op.Gate {
		case circuit.U3, circuit.CZ, circuit.Barrier:
			if op.Cond == 0 {
				continue
			}
		case circuit.Measure, circuit.Reset:
			t.word[i] = t.words
			t.words++
		default:
			return nil, fmt.Errorf("operation %d: %s is not in the lowered form: %w", i, op.Gate, backends.ErrUnsupported)
		}
		t.prefix = min(t.prefix, i)
	}
	t.words = max(t.words, 1)
	return t, nil
}

// WordsPerShot is k of decision C3: one word for each measure and reset of the
// circuit in order, whether or not its condition holds, and at least one.
func (t *Trajectories) WordsPerShot() int { return t.words }

// Sample returns rows of clbits, guest.RowBytes(Clbits) bytes each, for shots
// first, …, first+n-1. A clbit that is never written stays 0. MemoryBytes must
// hold two states; each further thread takes one more, and is not used where it
// does not fit.
func (t *Trajectories) Sample(ctx context.Context, key [16]byte, first uint64, n int, o Options) ([]byte, error) {
	half := o.MemoryBytes / 2
	if o.MemoryBytes > 0 && half == 0 {
		half = 1
	}
	if err := Admit(t.c.Qubits, o.Precision, half); err != nil {
		return nil, fmt.Errorf("the circuit measures before its end, which takes two states: %w", err)
	}
	words, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.MemoryBytes > 0 {
		o.Threads = int(min(uint64(o.Threads), o.MemoryBytes/Bytes(t.c.Qubits, o.Precision)-1))
	}
	if o.Precision == Complex128 {
		return shots[float64](ctx, t, words, first, n, o)
	}
	return shots[float32](ctx, t, words, first, n, o)
}

func shots[T float](ctx context.Context, t *Trajectories, words *seed.ShotWords, first uint64, n int, o Options) ([]byte, error) {
	base := newGates[T](ctx, t.c.Qubits)
	for i := range t.c.Ops[:t.prefix] {
		base.unitary(&t.c.Ops[i])
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rb := guest.RowBytes(t.c.Clbits)
	rows := make([]byte, n*rb)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range min(o.Threads, n) {
		wg.Go(func() {
			g, buf := newGates[T](ctx, t.c.Qubits), make([]uint64, t.words)
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				g.blocks(len(g.re), func(lo, hi int) {
					copy(g.re[lo:hi], base.re[lo:])
					copy(g.im[lo:hi], base.im[lo:])
				})
				words.Fill(buf, (first+uint64(i))*uint64(t.words))
				if !t.shot(ctx, g, buf, rows[i*rb:][:rb]) {
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil && int(done.Load()) < n {
		return nil, err
	}
	if o.Progress != nil {
		o.Progress(n, n)
	}
	return rows, nil
}

// machine is the part of gates that does not depend on the number type.
type machine interface {
	unitary(op *circuit.Op)
	measure(q int, word uint64) bool
	flip(q int)
}

// shot runs the rest of the circuit once; row holds the clbits. It reports false
// where ctx ended.
func (t *Trajectories) shot(ctx context.Context, g machine, words []uint64, row []byte) bool {
	for i := t.prefix; i < len(t.c.Ops) && ctx.Err() == nil; i++ {
		op := &t.c.Ops[i]
		if op.Cond != 0 && !holds(&t.c.Conds[op.Cond-1], row) {
			continue
		}
		switch op.Gate {
		case circuit.Measure:
			mask := byte(1) << (op.Clbit & 7)
			row[op.Clbit>>3] &^= mask
			if g.measure(int(op.Q[0]), words[t.word[i]]) {
				row[op.Clbit>>3] |= mask
			}
		case circuit.Reset:
			if g.measure(int(op.Q[0]), words[t.word[i]]) {
				g.flip(int(op.Q[0]))
			}
		default:
			g.unitary(op)
		}
	}
	return ctx.Err() == nil
}

// holds evaluates a condition on a row of clbits.
func holds(c *circuit.Cond, row []byte) bool {
	for _, term := range c.Terms {
		v := uint64(0)
		for k, b := range term.Bits {
			v |= uint64(row[b>>3]>>(b&7)&1) << k
		}
		if (v == term.Value) == term.Negate {
			return false
		}
	}
	return true
}
