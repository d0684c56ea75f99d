package stabilizer

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
	"github.com/animicaorg/engine/circuit"
)

// Compiler turns circuits into affine spaces and keeps its memory from one to
// the next. The zero Compiler is ready; it serves one goroutine.
type Compiler struct {
	t    tableau
	m, p matrix
	x, z []uint64 // generators, row by row
}

// Row compiles one slot of a batch: gates[row[l]] is the gate at location l of
// the skeleton, which has been validated. len(row) is s.Locations(). The only
// error is ctx's, within a few milliseconds of its end.
func (c *Compiler) Row(ctx context.Context, s *circuit.Skeleton, gates []Gate, row []uint32) (*Affine, error) {
	c.t.reset(s.Width)
	for j := 0; ; j++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for q, id := range row[j*s.Width:][:s.Width] {
			if g := gates[id]; g != 0 {
				c.t.ops = append(c.t.ops, kernel.Single(int(g), q))
			}
		}
		if j == len(s.Layers) {
			return c.finish(ctx)
		}
		for _, p := range s.Layers[j] {
			c.t.ops = append(c.t.ops, kernel.Pair(int(p.A), int(p.B)))
		}
		if len(c.t.ops) >= pending {
			c.t.run()
		}
	}
}

// Compile compiles a layered circuit. Its measurement map is not looked at.
// ErrUnsupported names the first gate that is not Clifford.
func Compile(ctx context.Context, l *circuit.Layered) (*Affine, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	gates, row := make([]Gate, len(l.U)), make([]uint32, len(l.U))
	for i, u := range l.U {
		ok := false
		if gates[i], ok = GateOf(u); !ok {
			return nil, fmt.Errorf("u3 on qubit %d before layer %d is not Clifford: %w", i%l.Width, i/l.Width, backends.ErrUnsupported)
		}
		row[i] = uint32(i)
	}
	return new(Compiler).Row(ctx, &l.Skeleton, gates, row)
}

// Begin starts a circuit of width qubits, 1 to circuit.MaxQubits, whose gates are
// given to Add and whose outcomes Finish finds.
func (c *Compiler) Begin(width int) error {
	if width < 1 || width > circuit.MaxQubits {
		return fmt.Errorf("%d qubits outside 1..%d: %w", width, circuit.MaxQubits, backends.ErrTooLarge)
	}
	c.t.reset(width)
	return nil
}

// Add appends an unconditional u3, cz or barrier. It reports false, and appends
// nothing, for any other operation and for a u3 that is not Clifford.
func (c *Compiler) Add(op *circuit.Op) bool {
	if op.Cond != 0 {
		return false
	}
	p, q := int(op.Q[0]), int(op.Q[1])
	switch {
	case op.Gate == circuit.Barrier:
		return true
	case p >= c.t.n || q >= c.t.n:
		return false
	case op.Gate == circuit.CZ && op.NQ == 2 && p != q:
		c.t.ops = append(c.t.ops, kernel.Pair(p, q))
	case op.Gate == circuit.U3 && op.NQ == 1:
		g, ok := GateOf(circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]})
		if !ok {
			return false
		}
		if g == 0 {
			return true
		}
		c.t.ops = append(c.t.ops, kernel.Single(int(g), p))
	default:
		return false
	}
	if len(c.t.ops) >= pending {
		c.t.run()
	}
	return true
}

// Finish returns the outcomes of the circuit begun last. The only error is ctx's.
func (c *Compiler) Finish(ctx context.Context) (*Affine, error) { return c.finish(ctx) }

// CompileOps compiles unconditional u3, CZ and barrier operations in any order.
func CompileOps(ctx context.Context, width int, ops []circuit.Op) (*Affine, error) {
	return new(Compiler).Ops(ctx, width, ops)
}

// Ops is CompileOps in the memory of c.
func (c *Compiler) Ops(ctx context.Context, width int, ops []circuit.Op) (*Affine, error) {
	if err := c.Begin(width); err != nil {
		return nil, err
	}
	for i := range ops {
		if i%pending == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !c.Add(&ops[i]) {
			return nil, refusal(i, width, &ops[i])
		}
	}
	return c.Finish(ctx)
}

// refusal says what is wrong with an operation that Add does not take.
func refusal(i, width int, op *circuit.Op) error {
	switch {
	case op.Cond != 0:
		return fmt.Errorf("operation %d is conditional: %w", i, backends.ErrUnsupported)
	case int(op.Q[0]) >= width || int(op.Q[1]) >= width:
		return fmt.Errorf("operation %d: operands %d, %d of width %d: %w", i, op.Q[0], op.Q[1], width, backends.ErrUnsupported)
	case op.Gate == circuit.U3 && op.NQ == 1:
		return fmt.Errorf("operation %d: u3 on qubit %d is not Clifford: %w", i, op.Q[0], backends.ErrUnsupported)
	}
	return fmt.Errorf("operation %d: gate %d on %d qubits is not u3, cz or barrier; lower the circuit first: %w", i, op.Gate, op.NQ, backends.ErrUnsupported)
}
