package meter_test

import (
	"fmt"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// bulk has fill, copy and grow as exports.
func bulk() []byte {
	m := New()
	m.Max = 100
	m.Add("fill", "iii", "", "", Cat(Get(0), Get(1), Get(2), Op(0xfc, 0x0b, 0)))
	m.Add("copy", "iii", "", "", Cat(Get(0), Get(1), Get(2), Op(0xfc, 0x0a, 0, 0)))
	m.Add("grow", "i", "i", "", Cat(Get(0), Op(0x40, 0)))
	m.Before[11] = Vec(Cat(Op(0), I32(0), Op(0x0b), Name("content")))
	return m.Bytes()
}

// TestBulkIsPaidFirst: a length that the budget does not cover leaves the memory
// as it was, and one outside the memory is paid before it traps.
func TestBulkIsPaidFirst(t *testing.T) {
	out := instrument(t, bulk(), meter.Limits{})
	for _, e := range metertest.Engines {
		for _, c := range []struct {
			export string
			n      uint64
			fuel   int64
		}{
			{"fill", 65_000, 3 + 80 + 8125}, {"fill", 1<<32 - 1, 3 + 80 + 1<<29}, {"copy", 65_000, 3 + 30 + 16_250}, {"copy", 1<<32 - 1, 3 + 30 + 1<<30},
		} {
			g := openGuest(t, e, out, bulk(), metertest.NewWorld(nil))
			before := string(g.Memory())
			got, err := g.Call(c.export, c.fuel-1, meter.Depth, 8, 1, c.n)
			require.NoError(t, err)
			require.Equal(t, meter.OutOfFuel, got.End)
			require.Equal(t, before, string(g.Memory()))
			got, err = g.Call(c.export, c.fuel, meter.Depth, 8, 1, c.n)
			require.NoError(t, err)
			require.Equal(t, meter.Ordinary, got.End)
			if c.n < 1<<16 {
				require.Empty(t, got.Trap)
				require.EqualValues(t, 0, got.Fuel)
				require.NotEqual(t, before, string(g.Memory()))
			} else {
				require.Equal(t, "out of bounds memory access", got.Trap)
				require.Equal(t, before, string(g.Memory()))
			}
		}
	}
}

// TestGrow: up to the cap, one above, nothing, and everything; the cap is the
// smaller of the module's and the limit's.
func TestGrow(t *testing.T) {
	for _, limit := range []uint32{0, 1, 40, 100, 4096} {
		limitPages := int64(100)
		if limit != 0 {
			limitPages = min(limitPages, int64(limit))
		}
		room := limitPages - 1
		out := instrument(t, bulk(), meter.Limits{MemoryPages: limit})
		require.EqualValues(t, limitPages, memoryMax(t, out))
		for _, e := range metertest.Engines {
			for _, n := range []int64{0, 1, room, room + 1, 65_535, 65_536, 1<<32 - 1} {
				what := fmt.Sprintf("%s, limit %d, grow %d", e.Name, limit, n)
				fits := n <= room
				fuel := int64(1 + 300)
				if fits {
					fuel += 8192 * n
				}
				g := openGuest(t, e, out, bulk(), metertest.NewWorld(nil))
				got, err := g.Call("grow", fuel-1, meter.Depth, uint64(n))
				require.NoError(t, err)
				require.Equal(t, meter.OutOfFuel, got.End, what)
				require.Len(t, g.Memory(), 1<<16, what)
				got, err = g.Call("grow", fuel, meter.Depth, uint64(n))
				require.NoError(t, err)
				require.Empty(t, got.Trap, what)
				require.EqualValues(t, 0, got.Fuel, what)
				if fits {
					require.Equal(t, []uint64{1}, got.Values, what)
					require.Len(t, g.Memory(), int(n+1)<<16, what)
				} else {
					require.Equal(t, []uint64{1<<32 - 1}, got.Values, what)
					require.Len(t, g.Memory(), 1<<16, what)
				}
			}
		}
	}
}

func memoryMax(t *testing.T, wasm []byte) uint32 {
	p := meter.OutputProfile(profile(false))
	m, err := readWith(wasm, p)
	require.NoError(t, err)
	return m.Memory.Max
}

// TestGrowthRefused: an engine that cannot back memory below the maximum does not
// look like anything that the guest did.
func TestGrowthRefused(t *testing.T) {
	out := instrument(t, bulk(), meter.Limits{})
	for _, e := range metertest.Engines {
		g, err := e.Stingy().Open(decode(t, bulk()), out, metertest.NewWorld(nil))
		require.NoError(t, err)
		got, err := g.Call("grow", plenty, meter.Depth, 60)
		require.NoError(t, err)
		require.Equal(t, "unreachable", got.Trap)
		require.Equal(t, meter.GrowthRefused, got.End)
		require.NoError(t, g.Close())
	}
}

// TestLoadFuel is the example of SPEC.md.
func TestLoadFuel(t *testing.T) {
	require.EqualValues(t, 15_000*58_135+8192*17, meter.LoadFuel(58_135, 17))
}
