package meter_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// selects is f() -> i64, the bits of a float that select takes as its second
// operand, while the first, 0, comes from memory and is used again afterwards.
func selects(float byte, load, three, one, bits []byte) []byte {
	m := New()
	m.Add("f", "", "I", string(float), Cat(I32(0), load, Set(0),
		Get(0), three, Call(own+1), I32(0), Op(0x1b), Call(own+2), Get(0), Call(own+2), Op(0x7c)))
	m.Add("g", string(float), string(float), "", one)
	m.Add("h", string(float), "I", "", Cat(Get(0), bits))
	return m.Bytes()
}

// TestCanarySelect: wazero's compiler for amd64 forgets that a choice between two
// floats needs the register of the second (its issue 2534, in 1.12.0). Metered
// modules choose between bits and are right on both engines. A plain module is the
// canary: its f is 3, what g was called with. Where that half fails, wazero is
// mended, and selectFloat can go with the next version of the meter.
func TestCanarySelect(t *testing.T) {
	one32, one64 := uint64(math.Float32bits(1)), math.Float64bits(1)
	for want, wasm := range map[uint64][]byte{
		one32: selects('f', Op(0x2a, 2, 0), f32c(math.Float32bits(3)), f32c(uint32(one32)), Op(0xbc, 0xad)),
		one64: selects('F', Op(0x2b, 3, 0), f64c(math.Float64bits(3)), f64c(one64), Op(0xbd)),
	} {
		for _, e := range metertest.Engines {
			g := openGuest(t, e, wasm, wasm, metertest.NewWorld(nil))
			plain, err := g.Call("f", 0, 0)
			require.NoError(t, err)
			broken := e.Name == metertest.Compiler.Name && runtime.GOARCH == "amd64"
			require.Equal(t, broken, plain.Values[0] != want, "a plain module, %s", e.Name)
			g = openGuest(t, e, instrument(t, wasm, meter.Limits{Floats: true}), wasm, metertest.NewWorld(nil))
			got, err := g.Call("f", plenty, meter.Depth)
			require.NoError(t, err)
			require.Equal(t, []uint64{want}, got.Values, e.Name)
		}
	}
}

// TestSelectKeepsBits: a choice between floats moves NaNs as they are.
func TestSelectKeepsBits(t *testing.T) {
	quiet32, odd64 := f32c(0x7fd23456), f64c(0xfff4000000000001)
	for _, c := range []int64{0, 1} {
		one := uint64(math.Float32bits(1))
		expect(t, "the other of a NaN", "f", Cat(quiet32, f32c(uint32(one)), I32(1-c), I32(c), Op(0x6c), Op(0x1b, 0xbc, 0xad)), one)
		expect(t, "a NaN, made canonical where it is seen", "", Cat(odd64, odd64, I32(c), Op(0x1b, 0xbd)), canon64)
	}
}
