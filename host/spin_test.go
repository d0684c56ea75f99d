package host_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/animicaorg/engine/host"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// TestCollectorRuns: guests that spin without a call, of any kind, do not hold up
// the garbage collector of the process that supervises them, as they would inside
// it.
func TestCollectorRuns(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	loop := Cat(Op(0x03, 0x40), Br(0), Op(0x0b), I32(0))
	// The inputs only buy fuel: at least a minute of it.
	ended := make(chan error, 2)
	for range cap(ended) {
		inst, err := loadWith(t, host.Config{}, plan(loop)).Open(ctx)
		require.NoError(t, err)
		defer inst.Close()
		go func() {
			_, err := inst.Call(ctx, "qx_plan", nil, map[int][]byte{1: make([]byte, 16<<20)})
			ended <- err
		}()
	}
	for range 10 {
		runtime.GC() // returns when the world was stopped and started
	}
	select {
	case err := <-ended:
		t.Fatalf("a guest came to an end meanwhile: %v", err)
	default:
	}
	cancel()
	for range cap(ended) {
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}
