package stabilizer

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// Compiler turns circuits into affine spaces and keeps its memory from one to
// the next. The zero Compiler is ready; it serves one goroutine.
type Compiler struct {
	t tableau
	r rows
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
			c.t.u3(&gates[id], q)
		}
		if j == len(s.Layers) {
			return c.finish(ctx)
		}
		for _, p := range s.Layers[j] {
			c.t.cz(int(p.A), int(p.B))
		}
	}
}

func (c *Compiler) finish(ctx context.Context) (*Affine, error) {
	c.r.fromTableau(&c.t)
	return c.r.affine(ctx)
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

// CompileOps compiles unconditional u3, CZ and barrier operations in any order.
func CompileOps(ctx context.Context, width int, ops []circuit.Op) (*Affine, error) {
	if width < 1 || width > circuit.MaxQubits {
		return nil, fmt.Errorf("%d qubits outside 1..%d: %w", width, circuit.MaxQubits, backends.ErrTooLarge)
	}
	var c Compiler
	c.t.reset(width)
	for i, op := range ops {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if op.Cond != 0 {
			return nil, fmt.Errorf("operation %d is conditional: %w", i, backends.ErrUnsupported)
		}
		if op.Gate != circuit.Barrier && (int(op.Q[0]) >= width || int(op.Q[1]) >= width) {
			return nil, fmt.Errorf("operation %d: operands %d, %d of width %d: %w", i, op.Q[0], op.Q[1], width, backends.ErrUnsupported)
		}
		switch {
		case op.Gate == circuit.Barrier:
		case op.Gate == circuit.CZ && op.NQ == 2 && op.Q[0] != op.Q[1]:
			c.t.cz(int(op.Q[0]), int(op.Q[1]))
		case op.Gate == circuit.U3 && op.NQ == 1:
			g, ok := GateOf(circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]})
			if !ok {
				return nil, fmt.Errorf("operation %d: u3 on qubit %d is not Clifford: %w", i, op.Q[0], backends.ErrUnsupported)
			}
			c.t.u3(&g, int(op.Q[0]))
		default:
			return nil, fmt.Errorf("operation %d: gate %d on %d qubits is not u3, cz or barrier; lower the circuit first: %w", i, op.Gate, op.NQ, backends.ErrUnsupported)
		}
	}
	return c.finish(ctx)
}
