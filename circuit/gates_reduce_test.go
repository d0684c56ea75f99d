package circuit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReduce: each gate is a u3 or has steps, but for CZ, which is neither.
func TestReduce(t *testing.T) {
	for _, g := range Gates() {
		p := make([]Angle, g.Info().Params)
		_, _, one := g.AsU3(p)
		steps, _, many := g.Steps(p)
		require.Equal(t, g.Info().Qubits == 1, one, g.String())
		require.Equal(t, g.Info().Qubits > 1 && g != CZ, many, g.String())
		require.Equal(t, many, len(steps) > 0)
		_, _, ok := g.AsU3(make([]Angle, 9))
		require.False(t, ok)
		_, _, ok = g.Steps(make([]Angle, 9))
		require.False(t, ok)
	}
	_, _, ok := Gate(250).AsU3(nil)
	require.False(t, ok)
	_, _, ok = Gate(250).Steps(nil)
	require.False(t, ok)
	cx := gateOp(CX, nil, 4, 2)
	require.Equal(t, []Op{gateOp(U3, []Angle{HalfPi, 0, Pi}, 2), gateOp(CZ, nil, 4, 2), gateOp(U3, []Angle{HalfPi, 0, Pi}, 2)}, cx.Lower())
	steps, _, _ := CX.Steps(nil)
	require.Equal(t, gateOp(H, nil, 2), steps[0].On(&cx))
	require.Equal(t, multiControlledPhase(Pi, []int{0, 1, 2, 3}), ControlledPhase(Pi, []int{0, 1, 2, 3}))
}
