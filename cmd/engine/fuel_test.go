package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/host/meter"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

// addedFunc is the index of the first function that a test adds to a module.
const addedFunc = Log + 1

// TestGuestsThatNeverEnd: a module that loops or recurses for ever ends the run
// with the class as the name and the exit code of its slot.
func TestGuestsThatNeverEnd(t *testing.T) {
	loop, recursion := Cat(Op(0x03, 0x40), Br(0), Op(0x0b), I32(0)), Call(addedFunc)
	describe := func(code []byte) *Module {
		m := New()
		m.Max = 4
		m.Add("qx_describe", "", "i", "", code)
		return m
	}
	dir := t.TempDir()
	for name, row := range map[string]struct {
		slot  string
		wasm  []byte
		exit  int
		class string
	}{
		"looping trap library":      {"traps", describe(loop).Traps().Bytes(), 30, "OUT_OF_FUEL"},
		"looping compiler":          {"compiler", describe(loop).Compiler().Bytes(), 12, "OUT_OF_FUEL"},
		"recursive trap library":    {"traps", describe(recursion).Traps().Bytes(), 30, "DEPTH"},
		"recursive compiler":        {"compiler", describe(recursion).Compiler().Bytes(), 12, "DEPTH"},
		"trap library that traps":   {"traps", describe(Op(0x00)).Traps().Bytes(), 30, "TRAP"},
		"operands that do not type": {"traps", describe(I64(0)).Traps().Bytes(), 52, "LOAD_REJECTED"},
	} {
		path := filepath.Join(dir, "m.wasm")
		require.NoError(t, os.WriteFile(path, row.wasm, 0o600))
		code, out, errs := runHere(t, goodJob, "run", "-", "--module", row.slot+"="+path, "--json")
		require.Equal(t, row.exit, code, "%s: %s%s", name, out, errs)
		require.Equal(t, row.class, refusedJSON(t, code, out).Name, name)
	}
}

// TestFuelInTheAnswer: a run says what its modules are after metering and what
// they cost, twice the same, and its proof carries and verifies the hashes.
func TestFuelInTheAnswer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	var first []moduleRow
	for range 2 {
		code, out, errs := runHere(t, goodJob, "run", "-", "--out", dir, "--json")
		require.Zero(t, code, errs)
		var a runAnswer
		require.NoError(t, json.Unmarshal([]byte(out), &a))
		require.Equal(t, meter.ID, a.Meter)
		require.Len(t, a.Modules, 2)
		for _, m := range a.Modules {
			require.False(t, m.Metered.IsZero())
			require.NotEqual(t, m.SHA3, m.Metered)
			require.Positive(t, m.Load)
			require.NotEmpty(t, m.Calls)
			for _, c := range m.Calls {
				require.Positive(t, c.Fuel)
			}
		}
		if first == nil {
			first = a.Modules
		}
		require.Equal(t, first, a.Modules)
		kept, err := os.ReadDir(filepath.Join(".cache", "animica", "engine", "native"))
		require.NoError(t, err)
		require.Len(t, kept, 2, "native code of both modules")
	}
	code, out, errs := runHere(t, "", "proof", "verify", filepath.Join(dir, "proof.json"), "--bundle", dir, "--require", "metered", "--json")
	require.Zero(t, code, "%s%s", out, errs)
	require.Contains(t, out, `"detail":"2 modules"`)
}
