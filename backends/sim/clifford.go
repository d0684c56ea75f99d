package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/circuit"
)

// allClifford is the reason for the stabilizer engine.
const allClifford = "all gates are Clifford"

// compilers keep their memory from one circuit to the next.
var compilers = sync.Pool{New: func() any { return new(stabilizer.Compiler) }}

// clifford runs c, which is valid, on the stabilizer engine. The result is nil
// where that engine cannot: choose says why.
func clifford(ctx context.Context, c *circuit.Circuit, o SimOptions) (*SimResult, error) {
	compiler := compilers.Get().(*stabilizer.Compiler)
	defer compilers.Put(compiler)
	unfit := compiler.Use(o.Kernel) // whether that matters depends on the circuit
	source, reason, err := prepare(ctx, compiler, c)
	if err != nil || source == nil {
		return nil, err
	}
	if unfit != nil {
		return nil, unfit
	}
	a, err := compiler.Finish(ctx)
	if err != nil {
		return nil, err
	}
	r := &SimResult{
		Method: Stabilizer, Reason: reason, Numeric: fmt.Sprintf("numeric/%d", stabilizer.NumericVersion),
		Kernel: a.Kernel(), Clbits: len(source), Shots: o.Shots,
	}
	if o.Method == Stabilizer {
		r.Reason = byCaller
	}
	return r, r.shots(ctx, a, source, o)
}

// prepare gives c to the compiler, ready for Finish. The source of each clbit is
// nil where the stabilizer engine cannot run c.
func prepare(ctx context.Context, compiler *stabilizer.Compiler, c *circuit.Circuit) ([]int, string, error) {
	source, dynamic, err := gather(ctx, compiler, c)
	if !dynamic || err != nil {
		return source, allClifford, err
	}
	source, width, err := deferred(ctx, compiler, c)
	return source, deferredReason(c, width), err
}

// gather gives the gates of c to the compiler. The source of each clbit is nil
// where a gate is not Clifford, or where, as dynamic says, measurements are not
// all last.
func gather(ctx context.Context, compiler *stabilizer.Compiler, c *circuit.Circuit) (source []int, dynamic bool, err error) {
	if err := compiler.Begin(c.Qubits); err != nil {
		return nil, false, err
	}
	source, steps := make([]int, c.Clbits), lowering{}
	for b := range source {
		source[b] = -1
	}
	measured, used := make([]bool, c.Qubits), make([]bool, c.Qubits)
	some := false
	for i := range c.Ops {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		op := &c.Ops[i]
		q := op.Q[0]
		switch {
		case op.Cond != 0:
			return nil, true, nil
		case op.Gate == circuit.Barrier:
		case op.Gate == circuit.Measure:
			measured[q], some = true, true
			source[op.Clbit] = int(q)
		case op.Gate == circuit.Reset:
			if used[q] || measured[q] {
				return nil, true, nil
			}
		default:
			for _, q := range op.Q[:op.NQ] {
				if used[q] = true; measured[q] {
					return nil, true, nil
				}
			}
			if !compiler.Add(op) && !steps.add(compiler, op) {
				return nil, false, nil
			}
		}
	}
	if !some {
		source = slices.Grow(source[:0], max(c.Clbits, c.Qubits))
		for q := range max(c.Clbits, c.Qubits) {
			if q >= c.Qubits {
				q = -1
			}
			source = append(source, q)
		}
	}
	return source, false, nil
}

// lowering remembers the steps of gates with their parameters.
type lowering map[loweringKey][]circuit.Op

type loweringKey struct {
	gate   circuit.Gate
	qubits uint8
	params [circuit.MaxOpParams]circuit.Angle
}

// add appends a gate other than u3 and cz step by step. Where it returns false
// some steps may have been appended.
func (l lowering) add(compiler *stabilizer.Compiler, op *circuit.Op) bool {
	if op.Gate == circuit.U3 {
		return false
	}
	steps := l.of(*op)
	for _, s := range steps {
		if !compiler.Add(&s) {
			return false
		}
	}
	return len(steps) > 0
}

// of lowers a gate.
func (l lowering) of(op circuit.Op) []circuit.Op {
	key := loweringKey{op.Gate, op.NQ, op.Params}
	steps, ok := l[key]
	if !ok {
		steps = lowered(op)
		l[key] = steps
	}
	var placed []circuit.Op
	for _, s := range steps {
		for k := range s.NQ {
			s.Q[k] = op.Q[s.Q[k]]
		}
		placed = append(placed, s)
	}
	return placed
}

// lowered is a gate on its own qubits 0, 1, … as u3 and cz, nil where it has no
// such form.
func lowered(op circuit.Op) []circuit.Op {
	n := int(op.NQ)
	for k := range n {
		op.Q[k] = uint16(k)
	}
	c := circuit.Circuit{Qubits: n, Ops: []circuit.Op{op}, QRegs: []circuit.Register{{Name: "q", Size: n}}}
	low, err := c.Lower()
	if err != nil {
		return nil
	}
	return low.Ops
}

// shotsPerTask is how many shots a goroutine draws before it takes more.
const shotsPerTask = 1 << 14

// shots draws all rows.
func (r *SimResult) shots(ctx context.Context, a *stabilizer.Affine, source []int, o SimOptions) error {
	if slices.Equal(source, identity(a.Width)) {
		source = nil
	}
	s, err := a.Shots(o.Key, source)
	if err != nil {
		return err
	}
	rb := guest.RowBytes(r.Clbits)
	if size := o.Shots * rb; cap(o.ReuseRows) >= size {
		r.Rows = o.ReuseRows[:size] // every byte is written
	} else {
		r.Rows = make([]byte, size)
	}
	draws := make([]stabilizer.Draw, workers(o.Threads))
	err = parallel(ctx, o.Threads, (o.Shots+shotsPerTask-1)/shotsPerTask, func(w, task int) error {
		first, last := task*shotsPerTask, min((task+1)*shotsPerTask, o.Shots)
		s.Rows(r.Rows[first*rb:last*rb:last*rb], uint64(first), &draws[w])
		return nil
	})
	if err == nil && o.Progress != nil {
		o.Progress(1, 1)
	}
	return err
}

func identity(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
