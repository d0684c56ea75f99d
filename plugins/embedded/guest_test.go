package embedded

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// guestInstance is the smallest host of ABI qx1, for these tests only: no
// sandbox, no metering.
type guestInstance struct {
	t       testing.TB
	mod     api.Module
	in      map[uint32][]byte
	out     map[uint32][]byte
	outMax  int // bytes of all outputs of one call; 0: no limit
	failed  bool
	code    uint32
	message string
}

func instantiate(t testing.TB, name string) *guestInstance {
	m, ok := Lookup(name)
	require.True(t, ok, name)
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(1024))
	t.Cleanup(func() { require.NoError(t, r.Close(ctx)) })
	g := &guestInstance{t: t, in: map[uint32][]byte{}, out: map[uint32][]byte{}}
	b := r.NewHostModuleBuilder("qx1")
	b.NewFunctionBuilder().WithFunc(g.inLen).Export("in_len")
	b.NewFunctionBuilder().WithFunc(g.inRead).Export("in_read")
	b.NewFunctionBuilder().WithFunc(g.outWrite).Export("out_write")
	b.NewFunctionBuilder().WithFunc(g.fail).Export("fail")
	b.NewFunctionBuilder().WithFunc(func(context.Context, api.Module, uint32, uint32, uint32) {}).Export("log")
	_, err := b.Instantiate(ctx)
	require.NoError(t, err)
	g.mod, err = r.InstantiateWithConfig(ctx, m.Bytes, wazero.NewModuleConfig().WithStartFunctions())
	require.NoError(t, err)
	return g
}

func (g *guestInstance) inLen(_ context.Context, _ api.Module, s uint32) int64 {
	if b, ok := g.in[s]; ok {
		return int64(len(b))
	}
	return -1
}

func (g *guestInstance) inRead(_ context.Context, m api.Module, s uint32, off int64, ptr, n uint32) int32 {
	b, ok := g.in[s]
	if !ok {
		return -1
	}
	if off < 0 {
		return -3
	}
	b = b[min(off, int64(len(b))):]
	b = b[:min(int64(n), int64(len(b)))]
	if !m.Memory().Write(ptr, b) {
		return -2
	}
	return int32(len(b))
}

func (g *guestInstance) outWrite(_ context.Context, m api.Module, s, ptr, n uint32) int32 {
	if s < 16 || s > 31 {
		return -1
	}
	b, ok := m.Memory().Read(ptr, n)
	if !ok {
		return -2
	}
	if g.outMax > 0 && len(g.out[s])+int(n) > g.outMax {
		return -4
	}
	g.out[s] = append(g.out[s], b...)
	return int32(n)
}

func (g *guestInstance) fail(_ context.Context, m api.Module, code, ptr, n uint32) {
	b, ok := m.Memory().Read(ptr, n)
	require.True(g.t, ok)
	require.False(g.t, g.failed, "fail is called once")
	require.LessOrEqual(g.t, n, uint32(1024))
	g.failed, g.code, g.message = true, code, string(b)
}

// errGuest is a domain error of the guest.
type errGuest struct {
	code    int32
	message string
}

func (e *errGuest) Error() string { return fmt.Sprintf("guest code %d: %s", e.code, e.message) }

// call runs an export; a domain error must have a message, everything else is a
// test failure.
func (g *guestInstance) call(export string, args ...uint64) error {
	g.out, g.failed, g.message = map[uint32][]byte{}, false, ""
	res, err := g.mod.ExportedFunction(export).Call(context.Background(), args...)
	require.NoError(g.t, err, export)
	switch code := int32(res[0]); {
	case code == 0:
		require.False(g.t, g.failed, "fail was called: %s", g.message)
		return nil
	default:
		require.True(g.t, code > 0 && code <= 0x7fff && g.failed && uint32(code) == g.code && g.message != "", "code %d message %q", code, g.message)
		return &errGuest{code, g.message}
	}
}
