package abitest_test

import (
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/plugins/embedded"
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
