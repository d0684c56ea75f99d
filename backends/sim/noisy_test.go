package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/circuit"
)

func snapshot(t testing.TB, rules string) *noise.Model {
	m, err := noise.Parse([]byte(`{"format":"noise/v1","gates":[` + rules + `]}`))
	require.NoError(t, err)
	return m
}

func TestNoiseMethods(t *testing.T) {
	pauli, damping := snapshot(t, `{"gate":"any","depolarizing":0.1}`), snapshot(t, `{"gate":"any","amplitude_damping":0.1}`)
	bell, rotated := "qreg q[2]; h q[0]; cx q[0],q[1];", "qreg q[2]; h q[0]; t q[0]; cx q[0],q[1];"
	for _, c := range []struct {
		src     string
		model   *noise.Model
		ask     Method
		want    Method
		numeric string
	}{
		{bell, pauli, Auto, Stabilizer, "noise/1+numeric/1"},
		{bell, pauli, StateVector, StateVector, "noise/1"},
		{rotated, pauli, "", StateVector, "noise/1"},
		{bell, damping, Auto, StateVector, "noise/1"},
		{bell, damping, Density, Density, "noise/1-density"},
		{rotated, nil, Density, Density, "noise/1-density"},
	} {
		r, err := Sim(t.Context(), parse(t, c.src), SimOptions{Shots: 100, Noise: c.model, Method: c.ask})
		require.NoError(t, err)
		require.Equal(t, c.want, r.Method)
		require.Equal(t, c.numeric, r.Numeric)
		require.NotEmpty(t, r.Reason)
		require.Len(t, r.Rows, 100)
		require.Nil(t, r.State)
		require.Equal(t, c.want == Density, r.Probabilities != nil)
	}
	for _, m := range []Method{Stabilizer, "magic"} {
		_, err := Sim(t.Context(), parse(t, bell), SimOptions{Shots: 1, Noise: damping, Method: m})
		require.ErrorIs(t, err, backends.ErrUnsupported)
	}
	_, err := Sim(t.Context(), &circuit.Circuit{}, SimOptions{Noise: pauli})
	require.ErrorIs(t, err, circuit.ErrInvalid)
}

// TestReuse: the memory of an earlier state changes no row.
func TestReuse(t *testing.T) {
	a, b := parse(t, "qreg q[5]; h q; t q; h q; cx q[0],q[4];"), parse(t, "qreg q[3]; h q; t q; h q;")
	want, err := Sim(t.Context(), b, SimOptions{Shots: 50})
	require.NoError(t, err)
	first, err := Sim(t.Context(), a, SimOptions{Shots: 1})
	require.NoError(t, err)
	got, err := Sim(t.Context(), b, SimOptions{Shots: 50, Reuse: first.State})
	require.NoError(t, err)
	require.Equal(t, want.Rows, got.Rows)
}
