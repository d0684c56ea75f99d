package guests_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
)

var update = flag.Bool("update", false, "record vectors.json anew from the C modules")

func TestMain(m *testing.M) { hosttest.Main(m) }

func open(t *testing.T, path string) abitest.Guest {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	kind := abi.KindCompiler
	if strings.HasPrefix(filepath.Base(path), "echo") {
		kind = abi.KindTraps
	}
	return abitest.OnHost(h, b, kind)
}

func vectors(t *testing.T) abitest.Vectors {
	b, err := os.ReadFile("vectors.json")
	require.NoError(t, err)
	v, err := abitest.ParseVectors(b)
	require.NoError(t, err)
	return v
}

// TestRecord writes vectors.json when asked to.
func TestRecord(t *testing.T) {
	if !*update {
		require.Len(t, vectors(t), 2)
		return
	}
	v := abitest.Vectors{}
	for _, name := range []string{"echo", "peephole"} {
		calls, err := abitest.Record(t.Context(), open(t, filepath.Join("wasm", name+"-c.wasm")))
		require.NoError(t, err)
		v[name] = calls
	}
	b, err := json.MarshalIndent(v, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("vectors.json", append(b, '\n'), 0o644))
}

// TestModules runs the vectors on every committed module, and of the suite what
// looks at the artifact; the rest of the suite runs where docs/guests.md and
// docs/compilers.md are tested, and in scripts/test-guests.sh.
func TestModules(t *testing.T) {
	files, err := filepath.Glob("wasm/*.wasm")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	v := vectors(t)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			g := open(t, path)
			for _, c := range abitest.Checks(g.Kind)[:2] {
				require.NoError(t, c.Run(t.Context(), g), c.Name)
			}
			require.NoError(t, v.Check().Run(t.Context(), g))
		})
	}
}

// TestVectorsFind: the vectors of one module are not those of another.
func TestVectorsFind(t *testing.T) {
	v := vectors(t)
	v["echo"], v["peephole"] = v["peephole"], v["echo"]
	require.Error(t, v.Check().Run(t.Context(), open(t, "wasm/echo-c.wasm")))
	require.Error(t, v.Check().Run(t.Context(), open(t, "wasm/peephole-c.wasm")))
}
