package plan

import (
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// angleOf draws an angle, often a multiple of a quarter turn.
func angleOf(r *rand.Rand) circuit.Angle {
	if r.IntN(2) == 0 {
		return circuit.Angle(r.Uint64N(8)) << 61
	}
	return circuit.Angle(r.Uint64()) &^ 0xfff
}

// redraw gives ops other angles; half turns stay half turns if kept.
func redraw(r *rand.Rand, ops []circuit.Op, keep bool) []circuit.Op {
	out := append([]circuit.Op(nil), ops...)
	for i := range out {
		op := &out[i]
		if op.Gate != circuit.U3 {
			continue
		}
		theta := op.Params[0]
		for k := range 3 {
			op.Params[k] = angleOf(r)
		}
		for keep && (theta&(circuit.Pi-1) == 0) != (op.Params[0]&(circuit.Pi-1) == 0) {
			op.Params[0] = angleOf(r)
		}
	}
	return out
}

// TestTemplate: a template gives what FromOps gives, whatever came before, and
// takes over angles where the structure is the same.
func TestTemplate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tm Template
	for range 60 {
		width := 1 + r.IntN(5)
		var ops []circuit.Op
		for range r.IntN(40) {
			op := circuit.Op{Gate: circuit.U3, NQ: 1}
			op.Q[0] = uint16(r.IntN(width))
			if b := uint16(r.IntN(width)); r.IntN(2) == 0 && b != op.Q[0] {
				op.Gate, op.NQ, op.Q[1] = circuit.CZ, 2, b
			}
			ops = append(ops, op)
		}
		for k := range 6 {
			ops = redraw(r, ops, k%3 != 0)
			if k%3 != 0 && len(ops) > 0 {
				require.True(t, tm.Refill(width, ops))
			}
			got, err := tm.FromOps(width, ops)
			require.NoError(t, err)
			want, err := FromOps(width, ops)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}

func TestTemplateRefuses(t *testing.T) {
	var tm Template
	require.False(t, tm.Refill(2, nil), "there is no program yet")
	ops := []circuit.Op{{Gate: circuit.U3, NQ: 1}, {Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{0, 1}}}
	_, err := tm.FromOps(2, ops)
	require.NoError(t, err)
	require.True(t, tm.Refill(2, ops))
	for _, change := range []func(op *circuit.Op){
		func(op *circuit.Op) { op.Params[0] = 1 << 50 },
		func(op *circuit.Op) { op.Q[0] = 1 },
		func(op *circuit.Op) { op.Cond = 1 },
		func(op *circuit.Op) { op.NQ = 2 },
		func(op *circuit.Op) { op.Gate = circuit.H },
	} {
		other := append([]circuit.Op(nil), ops...)
		change(&other[0])
		_, err := tm.FromOps(2, ops)
		require.NoError(t, err)
		require.False(t, tm.Refill(2, other))
	}
	require.False(t, tm.Refill(3, ops))
	_, err = tm.FromOps(2, []circuit.Op{{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{7}}})
	require.ErrorIs(t, err, ErrOp)
}
