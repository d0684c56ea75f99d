package wasmtimert_test

import (
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wazerort"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// runtimes are compared with the first; a build with the tag wasmtime adds that.
var runtimes = []string{wazerort.NameCompiler, wazerort.NameInterpreter}

// guestCall is one call and what it is to end as with enough fuel.
type guestCall struct {
	export string
	args   []uint64
	in     map[int][]byte
}

// observed is all that a caller sees of a call that came to an outcome.
type observed struct {
	class  abi.Class
	code   int32
	text   string // of a domain error: the guest's own words
	out    map[int][]byte
	fuel   uint64
	depth  int32
	pages  uint32
	memory digest.Digest
}

// observe makes the calls on a fresh instance, the last one with a limit of fuel
// where limit is not 0, and returns what is seen of each.
func observe(t *testing.T, runtime string, wasm []byte, kind abi.Kind, limit uint64, calls []guestCall) []observed {
	t.Helper()
	h, err := host.New(host.Config{Runtime: runtime, HashMemory: true, Limits: host.Limits{Fuel: limit}})
	require.NoError(t, err)
	m, err := h.Load(t.Context(), wasm, kind)
	require.NoError(t, err)
	i, err := m.Open(t.Context())
	require.NoError(t, err)
	defer i.Close()
	var all []observed
	for _, c := range calls {
		o, err := i.Call(t.Context(), c.export, c.args, c.in)
		require.NoError(t, err, "%s %s", runtime, c.export)
		seen := observed{o.Class, o.Code, o.Message, o.Out, o.Fuel, o.Depth, o.MemoryPages, o.MemoryHash}
		if o.Class != abi.DomainError {
			seen.text = ""
		}
		all = append(all, seen)
	}
	return all
}

// agree demands the same of every runtime: with enough fuel, with exactly the
// fuel that the call used, and with one unit less, which is OUT_OF_FUEL.
func agree(t *testing.T, wasm []byte, kind abi.Kind, limit uint64, c guestCall) observed {
	t.Helper()
	want := observe(t, runtimes[0], wasm, kind, limit, []guestCall{c})
	for _, r := range runtimes[1:] {
		require.Equal(t, want, observe(t, r, wasm, kind, limit, []guestCall{c}), r)
	}
	first := want[0]
	if first.class == abi.OutOfFuel {
		require.Equal(t, limit, first.fuel)
		return first
	}
	var short []observed
	for _, r := range runtimes {
		if first.class != abi.Trap { // a trap's fuel is that of the last call or return before it
			exact := observe(t, r, wasm, kind, first.fuel, []guestCall{c})
			require.Equal(t, want, exact, "%s with exactly %d fuel", r, first.fuel)
		}
		if first.fuel < 2 {
			continue // a limit of 0 means none
		}
		less := observe(t, r, wasm, kind, first.fuel-1, []guestCall{c})
		require.Equal(t, first.fuel-1, less[0].fuel, r)
		if first.class == abi.OK || first.class == abi.DomainError {
			require.Equal(t, abi.OutOfFuel, less[0].class, r)
		}
		if short == nil {
			short = less
		}
		require.Equal(t, short, less, "%s with one unit less", r)
	}
	return first
}

// TestSamplesAgree runs guests that loop, recurse, grow, lie and trap.
func TestSamplesAgree(t *testing.T) {
	for name, s := range samples() {
		t.Run(name, func(t *testing.T) {
			c := guestCall{"qx_generate", []uint64{1 << 40, s.n}, map[int][]byte{1: []byte("hello")}}
			got := agree(t, s.wasm, abi.KindTraps, 2_000_000, c)
			require.Equal(t, s.class, got.class)
			if s.class == abi.Depth {
				require.Negative(t, got.depth)
			}
		})
	}
}

// TestShippedAgree runs small jobs of every shipped module.
func TestShippedAgree(t *testing.T) {
	for _, s := range shippedCalls(t) {
		for _, c := range s.calls {
			t.Run(s.name+" "+c.export, func(t *testing.T) {
				got := agree(t, s.wasm, s.kind, 0, c)
				require.Equal(t, abi.OK, got.class)
				require.Less(t, got.fuel, host.Budget(c.export, c.args, c.in)/8, "the budget is eight times what is used")
			})
		}
	}
}

// TestDepthAgrees: the deepest recursion that fits returns, one call more is
// DEPTH, and no engine's own stack ends before, whatever the frame.
func TestDepthAgrees(t *testing.T) {
	frame := func(slots int) int { return 8 + (slots+3)/4 } // host/meter/SPEC.md section 5
	for _, c := range []struct{ live, operands int }{{0, 0}, {20, 3}, {250, 0}, {0, 250}, {250, 250}} {
		outer := frame(2 + 1) // qx_generate: two parameters, one operand
		fits := (meter.Depth-outer)/frame(1+c.live+c.operands+2) - 1
		wasm := countdown(c.live, c.operands)
		for _, n := range []int{0, fits, fits + 1, 5000} {
			got := agree(t, wasm, abi.KindTraps, 0, guestCall{"qx_generate", []uint64{0, uint64(n)}, map[int][]byte{1: []byte("hello")}})
			require.Equal(t, n > fits, got.class == abi.Depth, "%+v, %d calls: %v", c, n, got.class)
		}
	}
}
