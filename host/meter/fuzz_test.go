package meter_test

import (
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/stretchr/testify/require"
)

// FuzzInstrument: any bytes. What is accepted is valid for the engine, before and
// after, and passes the validator again; what is refused for its types is invalid
// for the engine.
func FuzzInstrument(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(metertest.Generate(seed).Bytes)
	}
	for _, s := range samples() {
		f.Add(s.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		lim := meter.Limits{Floats: true}
		out, err := meter.Instrument(b, lim)
		switch ruleOf(t, err) {
		case meter.RuleTyping:
			require.Error(t, metertest.Interpreter.Validate(b))
		case "":
			require.NoError(t, metertest.Interpreter.Validate(b))
			require.NoError(t, metertest.Interpreter.Validate(out))
			require.Equal(t, out, instrument(t, b, lim))
		}
	})
}

// FuzzRun: random modules at random budgets, on the oracle, the engines and the
// original.
func FuzzRun(f *testing.F) {
	f.Add(uint64(1), uint32(0), uint16(0))
	f.Add(uint64(2), uint32(100), uint16(50))
	f.Add(uint64(3), uint32(1<<20), uint16(meter.Depth))
	f.Fuzz(func(t *testing.T, seed uint64, fuel uint32, depth uint16) {
		compareAll(t, seed, int64(fuel%(1<<21)), int32(depth)%(meter.Depth+1))
	})
}
