package host

import (
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/wazerort"
	"github.com/stretchr/testify/require"
)

// TestUnwired: a binary that does not call MaybeWorker starts nothing. The
// TestMain of this package did call it, so the mark is taken away for a moment.
func TestUnwired(t *testing.T) {
	require.True(t, wired.Swap(false))
	defer wired.Store(true)
	h, err := New(Config{})
	require.NoError(t, err)
	_, err = h.SandboxLevel(t.Context())
	require.ErrorIs(t, err, ErrUnwired)
	require.Equal(t, abi.Infra, abi.ClassOf(err))
}

func TestConfig(t *testing.T) {
	for _, l := range []Limits{{ModuleBytes: -1}, {CallTime: -1}, {OpenTime: -1}, {InputBytes: 1<<30 + 1}, {OutputBytes: 1<<30 + 1}, {ModuleBytes: 16<<20 + 1}, {Fuel: 1 << 63}} {
		_, err := New(Config{Limits: l})
		require.Error(t, err)
	}
	h, err := New(Config{Limits: Limits{InputBytes: 1 << 30, OutputBytes: 5}})
	require.NoError(t, err)
	require.Equal(t, uint64(5), h.cfg.Limits.OutputBytes)
	require.Equal(t, defaultCallTime+20*time.Second, h.callTime(1_000_000_000))
	h.cfg.Runtime = wazerort.NameInterpreter
	require.Equal(t, defaultCallTime+200*time.Second, h.callTime(1_000_000_000))
	h.cfg.Limits.CallTime = time.Second
	require.Equal(t, time.Second, h.callTime(1_000_000_000))
}
