package meter_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

const (
	canon32 = 0x7fc00000
	canon64 = 0x7ff8000000000000
)

func f32c(bits uint32) []byte {
	return Op(0x43, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
}

func f64c(bits uint64) []byte {
	b := Op(0x44)
	for i := range 8 {
		b = append(b, byte(bits>>(8*i)))
	}
	return b
}

// TestNaN makes NaNs in every way that leaves their bits open, and looks at them
// in every way that there is.
func TestNaN(t *testing.T) {
	inf32, inf64 := f32c(math.Float32bits(float32(math.Inf(1)))), f64c(math.Float64bits(math.Inf(1)))
	odd32, odd64 := f32c(0xffa00001), f64c(0xfff4000000000001) // signalling, negative, with a payload
	quiet32, quiet64 := f32c(0x7fd23456), f64c(0x7ffabcdef0123456)
	nans32 := map[string][]byte{
		"0/0": Cat(f32c(0), f32c(0), Op(0x95)), "inf-inf": Cat(inf32, inf32, Op(0x93)), "inf*0": Cat(inf32, f32c(0), Op(0x94)), "sqrt -1": Cat(f32c(0xbf800000), Op(0x91)),
		"payloads": Cat(odd32, quiet32, Op(0x92)), "payloads, other order": Cat(quiet32, odd32, Op(0x92)), "min": Cat(odd32, f32c(0), Op(0x96)), "max": Cat(f32c(0), quiet32, Op(0x97)),
		"constant": odd32, "neg": Cat(f32c(0), f32c(0), Op(0x95, 0x8c)), "abs": Cat(odd32, Op(0x8b)), "demote": Cat(odd64, Op(0xb6)), "ceil": Cat(odd32, Op(0x8d)),
		"reinterpreted": Cat(I32(-1), Op(0xbe)), "loaded": Cat(I32(8), I32(-1), Op(0x36, 2, 0), I32(8), Op(0x2a, 2, 0)), "copysign of a NaN": Cat(quiet32, f32c(0xbf800000), Op(0x98)),
	}
	nans64 := map[string][]byte{
		"0/0": Cat(f64c(0), f64c(0), Op(0xa3)), "inf-inf": Cat(inf64, inf64, Op(0xa1)), "inf*0": Cat(inf64, f64c(0), Op(0xa2)), "sqrt -1": Cat(f64c(0xbff0000000000000), Op(0x9f)),
		"payloads": Cat(odd64, quiet64, Op(0xa0)), "payloads, other order": Cat(quiet64, odd64, Op(0xa0)), "min": Cat(odd64, f64c(0), Op(0xa4)), "max": Cat(f64c(0), quiet64, Op(0xa5)),
		"constant": odd64, "neg": Cat(f64c(0), f64c(0), Op(0xa3, 0x9a)), "abs": Cat(odd64, Op(0x99)), "promote": Cat(odd32, Op(0xbb)), "nearest": Cat(odd64, Op(0x9e)),
		"reinterpreted": Cat(I64(-1), Op(0xbf)), "loaded": Cat(I32(8), I64(-1), Op(0x37, 3, 0), I32(8), Op(0x2b, 3, 0)), "copysign of a NaN": Cat(quiet64, f64c(0xbff0000000000000), Op(0xa6)),
	}
	for name, nan := range nans32 {
		expect(t, name+" reinterpreted", "", Cat(nan, Op(0xbc, 0xad)), canon32)
		expect(t, name+" stored", "f", Cat(nan, Set(0), I32(0), Get(0), Op(0x38, 2, 0), I32(0), Op(0x28, 2, 0, 0xad)), canon32)
		expect(t, name+" as a sign", "", Cat(f32c(math.Float32bits(3)), nan, Op(0x98, 0xbc, 0xad)), uint64(math.Float32bits(3)))
	}
	for name, nan := range nans64 {
		expect(t, name+" reinterpreted", "", Cat(nan, Op(0xbd)), canon64)
		expect(t, name+" stored", "F", Cat(nan, Set(0), I32(0), Get(0), Op(0x39, 3, 0), I32(0), Op(0x29, 3, 0)), canon64)
		expect(t, name+" as a sign", "", Cat(f64c(math.Float64bits(3)), nan, Op(0xa6, 0xbd)), math.Float64bits(3))
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1.5, -7, math.Inf(-1), math.SmallestNonzeroFloat64} { // numbers pass
		expect(t, fmt.Sprint(v), "", Cat(f64c(math.Float64bits(v)), Op(0xbd)), math.Float64bits(v))
		b := math.Float32bits(float32(v))
		expect(t, fmt.Sprint(v), "", Cat(f32c(b), Op(0xbc, 0xad)), uint64(b))
	}
}

// expect runs code that leaves an i64, on the oracle and on both engines.
func expect(t *testing.T, name, locals string, code []byte, want uint64) {
	m := New()
	m.Add("f", "", "I", locals, code)
	wasm := m.Bytes()
	out := instrument(t, wasm, meter.Limits{Floats: true})
	r := newNaive(t, wasm, 0, metertest.NewWorld(nil)).call(t, "f", plenty, meter.Depth)
	require.Equal(t, []uint64{want}, r.Values, "%s, oracle: %#x", name, r.Values)
	for _, e := range metertest.Engines {
		g, err := e.Open(decode(t, wasm), out, metertest.NewWorld(nil))
		require.NoError(t, err)
		got, err := g.Call("f", plenty, meter.Depth)
		require.NoError(t, err)
		require.Equal(t, r, got, "%s, %s", name, e.Name)
		require.NoError(t, g.Close())
	}
}
