//go:build wasmtime && cgo

package wasmbin_test

import (
	"testing"

	"github.com/bytecodealliance/wasmtime-go/v44"
	"github.com/stretchr/testify/require"
)

// TestCanaryOnWasmtime: the same module traps in both functions where active
// segments are dropped.
func TestCanaryOnWasmtime(t *testing.T) {
	engine := wasmtime.NewEngine()
	store := wasmtime.NewStore(engine)
	m, err := wasmtime.NewModule(engine, activeSegments())
	require.NoError(t, err)
	i, err := wasmtime.NewInstance(store, m, nil)
	require.NoError(t, err)
	for export, code := range map[string]wasmtime.TrapCode{"data": wasmtime.MemoryOutOfBounds, "table": wasmtime.TableOutOfBounds} {
		_, err := i.GetFunc(store, export).Call(store)
		var trap *wasmtime.Trap
		require.ErrorAs(t, err, &trap, export)
		require.Equal(t, code, *trap.Code(), export)
	}
}
