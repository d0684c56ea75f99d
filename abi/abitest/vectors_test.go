package abitest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
)

// TestVectors: what was recorded replays, on another instance, and differs from a
// guest with a fault.
func TestVectors(t *testing.T) {
	calls, err := abitest.Record(t.Context(), toyGuest(abi.KindTraps, ""))
	require.NoError(t, err)
	v := abitest.Vectors{"toy": calls}
	require.NoError(t, v.Check().Run(t.Context(), toyGuest(abi.KindTraps, "")))
	for _, fault := range []string{"half the root", "wrong pad", "always fails", "manifest changes", "trap on " + abi.ExportGenerate} {
		require.Error(t, v.Check().Run(t.Context(), toyGuest(abi.KindTraps, fault)), fault)
	}
	require.ErrorContains(t, abitest.Vectors{"other": calls}.Check().Run(t.Context(), toyGuest(abi.KindTraps, "")), `named "toy"`)
}

// TestParseVectors: limits and unknown members.
func TestParseVectors(t *testing.T) {
	call := `{"what":"","export":"qx_describe","class":"OK"}`
	for name, c := range map[string]struct{ text, want string }{
		"no list":        {`{"x":[]}`, "0 calls"},
		"too many calls": {`{"x":[` + strings.Repeat(call+",", 1000) + call + `]}`, "1001 calls"},
		"unknown member": {`{"x":[{"why":""}]}`, "why"},
		"not JSON":       {`x`, "invalid"},
		"too long":       {strings.Repeat(" ", abitest.MaxVectorFile+1), "limit"},
	} {
		_, err := abitest.ParseVectors([]byte(c.text))
		require.ErrorContains(t, err, c.want, name)
	}
	v, err := abitest.ParseVectors([]byte(`{"x":[` + strings.Repeat(call+",", 999) + call + `]}`))
	require.NoError(t, err)
	require.Len(t, v["x"], 1000)
}

// TestReferences: an input names an output of an earlier call, or nothing runs.
func TestReferences(t *testing.T) {
	for _, ref := range []string{"=0.16", "=1.16", "=-1.16", "=0", "=x", "zz"} {
		calls := []abitest.Vector{{Export: abi.ExportDescribe, In: map[int]string{3: ref}, Class: "OK"}}
		err := abitest.Replay(t.Context(), &toy{kind: abi.KindTraps}, calls)
		require.ErrorContains(t, err, "vector 0, stream 3", ref)
	}
}

func FuzzParseVectors(f *testing.F) {
	f.Add([]byte(`{"x":[{"what":"","export":"qx_describe","args":[1],"in":{"2":"=0.16"},"class":"OK","out":{"16":"00"}}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := abitest.ParseVectors(b)
		if err != nil {
			return
		}
		for _, calls := range v {
			require.NotEmpty(t, calls)
		}
	})
}
