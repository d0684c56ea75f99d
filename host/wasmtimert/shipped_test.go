package wasmtimert_test

import (
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// shippedGuest is a shipped module with calls of a small job.
type shippedGuest struct {
	name  string
	wasm  []byte
	kind  abi.Kind
	calls []guestCall
}

func shippedCalls(t *testing.T) []shippedGuest {
	var all []shippedGuest
	for _, m := range embedded.All() {
		kind, err := abi.ParseKind(m.Kind)
		require.NoError(t, err)
		g := shippedGuest{m.Name, m.Bytes, kind, nil}
		switch m.Name {
		case "layered":
			g.calls = compileCalls(t)
		default:
			mix, err := traps.MixOf(m.Name, m.Version)
			require.NoError(t, err)
			g.calls = trapCalls(t, mix)
		}
		require.NotEmpty(t, g.calls, "module %s needs a job here", m.Name)
		g.calls = append(g.calls, guestCall{"qx_describe", nil, nil})
		all = append(all, g)
	}
	return all
}

func sampleCircuit(t *testing.T) *circuit.Circuit {
	c, err := circuit.Generate("animica.quantum.trapset.v1", 4, 8, [32]byte{7})
	require.NoError(t, err)
	low, err := c.Lower()
	require.NoError(t, err)
	return low
}

func compileCalls(t *testing.T) []guestCall {
	in, err := guest.AppendCircuit(nil, sampleCircuit(t))
	require.NoError(t, err)
	return []guestCall{{"qx_compile", nil, map[int][]byte{1: in, 2: guest.AppendTarget(nil, guest.Target{})}}}
}

// trapCalls are plan, generate and judge of 64 slots, the inputs of the later ones
// made by the native definition.
func trapCalls(t *testing.T, mix traps.Mix) []guestCall {
	const shots = 64
	low := sampleCircuit(t)
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: low.Qubits}, Clbits: low.Qubits, U: make([]circuit.U3Angles, low.Qubits)}
	for q := range low.Qubits {
		l.Measure = append(l.Measure, q)
	}
	l.Layers = [][]circuit.Pair{{{A: 0, B: 1}, {A: 2, B: 3}}, {{A: 1, B: 2}}}
	if traps.NeedsMirror(mix) {
		l.Layers = append(l.Layers, l.Layers[1])
	}
	l.U = make([]circuit.U3Angles, l.Locations())
	h, policy, root := guest.Header{Shots: shots, RatioPPM: 250_000}, guest.Policy(stats.RefPolicy()), [32]byte{1, 2, 3}
	plan, err := traps.Plan(l, h, policy, mix)
	require.NoError(t, err)
	_, hidden, err := traps.Generate(l, plan, root, 0, shots)
	require.NoError(t, err)
	out := guest.Outcomes{N: shots, Width: hidden.Width, Rows: hidden.Pad, Present: make([]byte, shots/8)}
	for i := range shots {
		out.Present[i>>3] |= 1 << (i & 7)
	}
	header, circ, zero := h.Append(nil), guest.AppendLayered(nil, l), policy.Append(make([]byte, 32))
	return []guestCall{
		{"qx_plan", nil, map[int][]byte{0: header, 1: circ, 5: zero}},
		{"qx_generate", []uint64{0, shots}, map[int][]byte{0: header, 1: circ, 2: plan.Append(nil), 5: policy.Append(root[:])}},
		{"qx_judge", []uint64{shots}, map[int][]byte{2: plan.Append(nil), 3: hidden.Append(nil), 4: out.Append(nil), 5: zero}},
	}
}
