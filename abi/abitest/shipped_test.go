package abitest_test

import (
	"bytes"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// alike are the trap families whose code differs from that of hidden_angle in the
// gates they draw only; package plugins/embedded compares every one of them with
// its native definition byte for byte. mirror refuses the suite's circuits, which
// do not read the same from both ends.
var alike = map[string]bool{"cst": true, "iqp": true, "mirror": true, "trap_h": true, "trap_xz": true}

// TestShipped runs the suite on the modules that ship, in the sandbox.
func TestShipped(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	for _, m := range embedded.All() {
		if alike[m.Name] {
			continue
		}
		kind, err := abi.ParseKind(m.Kind)
		require.NoError(t, err)
		t.Run(m.Name, func(t *testing.T) { abitest.Run(t, abitest.OnHost(h, m.Bytes, kind)) })
	}
}

// TestAuditStaysInItsBudget scores the widest and deepest circuits that xeb_small
// takes, with as few different gates as there can be, so that the inputs, which
// give the budget, are small.
func TestAuditStaysInItsBudget(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	m, _ := embedded.Lookup("xeb_small")
	loaded, err := h.Load(t.Context(), m.Bytes, abi.KindTraps)
	require.NoError(t, err)
	mix, err := traps.MixOf(m.Name, m.Version)
	require.NoError(t, err)
	for _, w := range []int{6, 9, traps.MaxXEBWidth} {
		depth := min(traps.MaxXEBWork>>w, traps.MaxLocations)/w - 1
		l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: w, Layers: make([][]circuit.Pair, depth)}, Clbits: w}
		for j := range depth {
			for q := j % 2; q+1 < w; q += 2 {
				l.Layers[j] = append(l.Layers[j], circuit.Pair{A: uint16(q), B: uint16(q + 1)})
			}
		}
		for range l.Locations() {
			l.U = append(l.U, circuit.U3Angles{Theta: circuit.HalfPi / 2})
		}
		for q := range w {
			l.Measure = append(l.Measure, q)
		}
		policy := guest.Policy(stats.ExactPolicy())
		p, err := traps.Plan(l, guest.Header{Shots: 300, RatioPPM: 10_000}, policy, mix)
		require.NoError(t, err)
		_, hidden, err := traps.Generate(l, p, [32]byte{1}, 0, 300)
		require.NoError(t, err)
		o := &guest.Outcomes{N: 300, Width: w, Rows: hidden.Pad, Present: bytes.Repeat([]byte{0xff}, 38)}
		o.Present[37] = 0x0f
		in := map[int][]byte{abi.StreamCircuit: guest.AppendLayered(nil, l), abi.StreamPlan: p.Append(nil), abi.StreamHidden: hidden.Append(nil), abi.StreamOutcomes: o.Append(nil)}
		i, err := loaded.Open(t.Context())
		require.NoError(t, err)
		out, err := i.Call(t.Context(), abi.ExportAudit, []uint64{300}, in)
		require.NoError(t, err)
		require.Equal(t, abi.OK, out.Class, out.Message)
		t.Logf("%d x %d: %d units of %d", w, depth, out.Fuel, out.Budget)
		require.Less(t, out.Fuel, out.Budget/8)
		require.NoError(t, i.Close())
	}
}

// BenchmarkOpen starts a worker and compiles a shipped module in it, cold.
func BenchmarkOpen(b *testing.B) {
	h, err := host.New(host.Config{})
	require.NoError(b, err)
	for _, m := range embedded.All() {
		b.Run(m.Name, func(b *testing.B) {
			kind, err := abi.ParseKind(m.Kind)
			require.NoError(b, err)
			for b.Loop() {
				loaded, err := h.Load(b.Context(), m.Bytes, kind)
				require.NoError(b, err)
				i, err := loaded.Open(b.Context())
				require.NoError(b, err)
				require.NoError(b, i.Close())
			}
		})
	}
}
