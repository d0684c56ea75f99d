package meter_test

import (
	"math"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// frameWeight is SPEC.md section 5, once more.
func frameWeight(slots int) int64 { return 8 + int64((slots+3)/4) }

// countdown calls itself n times; the deepest call asks the host for something.
// live i64 locals and some operands wait under every call.
func countdown(live, operands int) []byte {
	m := New()
	code := Cat()
	for i := range live {
		code = Cat(code, Get(0), Op(0xac), I64(int64(i)), Op(0x7e), Set(1+i))
	}
	for range operands {
		code = Cat(code, Get(0))
	}
	code = Cat(code, Get(0), Op(0x04, 0x7f), Get(0), I32(1), Op(0x6b), Call(own), Op(0x05), I32(1), Call(InLen), Op(0xa7, 0x0b))
	for i := range live {
		code = Cat(code, Get(1+i), Op(0xa7, 0x6a))
	}
	code = Cat(code, repeatOp(0x6a, operands))
	m.Add("f", "i", "i", strings.Repeat("I", live), code)
	return m.Bytes()
}

func repeatOp(op byte, n int) []byte { return []byte(strings.Repeat(string(rune(op)), n)) }

// TestDepthExact: the deepest recursion that fits the budget returns, one call
// more is DEPTH, on both engines, and no engine's own stack ends it first.
func TestDepthExact(t *testing.T) {
	for _, c := range []struct{ live, operands int }{{0, 0}, {1, 0}, {20, 3}, {100, 100}, {250, 0}, {0, 250}, {250, 250}} {
		wasm := countdown(c.live, c.operands)
		// Slots: the parameter, the locals, and at most the waiting operands with two
		// on top of them, in the multiplication, the comparison or the subtraction.
		height := c.operands + 2
		if c.operands == 0 && c.live == 0 {
			height = 2
		}
		weight := frameWeight(1 + c.live + height)
		fits := meter.Depth/weight - 1 // calls beneath the first
		require.Less(t, fits, int64(1024))
		out := instrument(t, wasm, meter.Limits{})
		for _, e := range metertest.Engines {
			for _, n := range []int64{0, fits, fits + 1, 5000} {
				g := openGuest(t, e, out, wasm, metertest.NewWorld(nil))
				got, err := g.Call("f", plenty, meter.Depth, uint64(n))
				require.NoError(t, err)
				want := newNaive(t, wasm, 0, metertest.NewWorld(nil)).call(t, "f", plenty, meter.Depth, uint64(n))
				require.Equal(t, want, got, "%s, %+v, %d calls", e.Name, c, n)
				if n <= fits {
					require.Empty(t, got.Trap)
					require.EqualValues(t, meter.Depth, g.Depth())
					require.Equal(t, "in_len[1]", got.Log, "the host is reached at the deepest call")
				} else {
					require.Equal(t, meter.TooDeep, got.End)
					require.Empty(t, got.Log)
				}
			}
		}
	}
}

// TestDepthLeaf: a function that calls nothing pays for its frame too.
func TestDepthLeaf(t *testing.T) {
	m := New()
	m.Add("f", "ii", "i", "", Cat(Get(0), Get(1), Op(0x6a)))
	wasm := m.Bytes()
	weight := int32(frameWeight(4))
	out := instrument(t, wasm, meter.Limits{})
	for _, e := range metertest.Engines {
		g := openGuest(t, e, out, wasm, metertest.NewWorld(nil))
		got, err := g.Call("f", plenty, weight, 2, 3)
		require.NoError(t, err)
		require.Equal(t, []uint64{5}, got.Values)
		got, err = g.Call("f", plenty, weight-1, 2, 3)
		require.NoError(t, err)
		require.Equal(t, meter.TooDeep, got.End)
		require.Equal(t, int64(plenty), got.Fuel, "depth comes before fuel")
	}
}

// TestDepthExample is the factorial of SPEC.md, and the recursion of the smallest
// function that there is, which needs the most frames.
func TestDepthExample(t *testing.T) {
	m := New()
	m.Add("f", "I", "I", "", Cat(Get(0), Op(0x50, 0x04, 0x7e), I64(1), Op(0x05), Get(0), Get(0), I64(1), Op(0x7d), Call(own), Op(0x7e, 0x0b)))
	m.Add("endless", "", "", "", Call(own+1))
	out := instrument(t, m.Bytes(), meter.Limits{})
	for _, e := range metertest.Engines {
		g := openGuest(t, e, out, m.Bytes(), metertest.NewWorld(nil))
		got, err := g.Call("f", 98, 4*9, 3)
		require.NoError(t, err)
		require.Equal(t, []uint64{6}, got.Values)
		require.EqualValues(t, 0, got.Fuel)
		got, err = g.Call("f", 98, 4*9-1, 3)
		require.NoError(t, err)
		require.Equal(t, meter.TooDeep, got.End)
		got, err = g.Call("endless", 1<<20, meter.Depth)
		require.NoError(t, err)
		require.Equal(t, meter.TooDeep, got.End)
		require.EqualValues(t, 1<<20-1024*20, got.Fuel, "1024 frames")
	}
}

// TestEnds: the two globals tell all ends apart, and a host that sets none of
// them gets OUT_OF_FUEL or DEPTH.
func TestEnds(t *testing.T) {
	require.Equal(t, meter.Ordinary, meter.EndOf(0, 0))
	require.Equal(t, meter.OutOfFuel, meter.EndOf(-1, 0))
	require.Equal(t, meter.OutOfFuel, meter.EndOf(-1, -1))
	require.Equal(t, meter.GrowthRefused, meter.EndOf(math.MinInt64, 5))
	require.Equal(t, meter.TooDeep, meter.EndOf(3, -1))
	require.EqualValues(t, 10, meter.Used(10, -1))
	require.EqualValues(t, 3, meter.Used(10, 7))

	m := New()
	m.Add("f", "", "", "", Op(0x00))
	out := instrument(t, m.Bytes(), meter.Limits{})
	for _, e := range metertest.Engines {
		g := openGuest(t, e, out, m.Bytes(), metertest.NewWorld(nil))
		for want, budget := range map[meter.End]struct {
			fuel  int64
			depth int32
		}{meter.Ordinary: {0, 8}, meter.TooDeep: {0, 0}} {
			got, err := g.Call("f", budget.fuel, budget.depth)
			require.NoError(t, err)
			require.Equal(t, "unreachable", got.Trap)
			require.Equal(t, want, got.End)
		}
	}
}
