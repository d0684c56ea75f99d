package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const module = "github.com/animicaorg/engine"

func policy(t *testing.T) *Policy {
	t.Helper()
	f, err := os.Open("layers.txt")
	require.NoError(t, err)
	defer f.Close()
	p, err := ParsePolicy(f)
	require.NoError(t, err)
	return p
}

// TestModule applies the policy to the module itself.
func TestModule(t *testing.T) {
	root := os.DirFS("../..")
	folders, err := scan(root)
	require.NoError(t, err)
	require.Greater(t, len(folders), 10, "the module root was not found")
	found, err := Check(root, module, policy(t))
	require.NoError(t, err)
	require.Empty(t, found, strings.Join(found, "\n"))
}

// goFile is a file with a package comment and the imports given.
func goFile(imports ...string) string {
	s := "// Package x is a synthetic package.\npackage x\n"
	for _, im := range imports {
		if !strings.Contains(im, ".") && !strings.HasPrefix(im, "std:") {
			im = module + "/" + im
		}
		s += "import _ \"" + strings.TrimPrefix(im, "std:") + "\"\n"
	}
	return s
}

// good is a tree that satisfies every rule.
func good() map[string]string {
	return map[string]string{
		"digest/a.go":                               goFile("std:crypto/sha3"),
		"circuit/a.go":                              goFile("digest", "internal/strict"),
		"traps/a.go":                                goFile("circuit", "proofs/transcript"),
		"proofs/transcript/a.go":                    goFile("digest"),
		"proofs/a.go":                               goFile("traps"),
		"proofs/lineage/a.go":                       goFile("proofs"),
		"host/a.go":                                 goFile("host/wasmbin", "host/worker", "golang.org/x/sys/unix"),
		"host/clock.go":                             "package x\nimport \"time\"\nvar now = time.Now\n",
		"host/meter/internal/calibrate/main.go":     "// Package x is x.\npackage x\nimport \"time\"\nvar now, since = time.Now, time.Since\n",
		"host/meter/internal/corpus/main.go":        "// Package x is x.\npackage x\nimport (\n\"math/rand/v2\"\n\"time\"\n)\nvar now, since, r = time.Now, time.Since, rand.New\n",
		"host/meter/internal/metertest/generate.go": goFile("std:math/rand/v2"),
		"host/wasmbin/a.go":                         goFile("std:fmt"),
		"host/worker/a.go":                          goFile("abi"),
		"abi/a.go":                                  goFile("circuit"),
		"backends/a.go":                             goFile("proofs/transcript"),
		"backends/statevector/a.go":                 goFile("backends", "backends/statevector/internal/k"),
		"backends/statevector/internal/k/a.go":      goFile("backends/statevector/internal/l"),
		"backends/statevector/internal/l/a.go":      goFile("circuit"),
		"engine/a.go":                               goFile("backends", "host"),
		"engine/a_test.go":                          goFile("traps", "cmd/engine"),
		"aicf/a.go":                                 goFile("proofs"),
		"aicf/queue/a.go":                           goFile("aicf"),
		"cmd/engine/a.go":                           goFile("engine", "aicf/queue", "proofs/lineage", "internal/cli", "github.com/spf13/cobra"),
		"internal/strict/a.go":                      goFile("digest"),
		"internal/cli/a.go":                         goFile("circuit", "github.com/spf13/cobra"),
		"engine/testdata/wrong.go":                  goFile("cmd/engine"),
		"_tools/wrong.go":                           goFile("cmd/engine"),
	}
}

func check(t *testing.T, edit map[string]string) []string {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range good() {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range edit {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	found, err := Check(tree, module, policy(t))
	require.NoError(t, err)
	return found
}

// TestEachRule breaks one rule after the other in a tree that is otherwise good.
func TestEachRule(t *testing.T) {
	require.Empty(t, check(t, nil))
	for name, row := range map[string]struct {
		edit map[string]string
		want string
	}{
		"upward":                     {map[string]string{"circuit/b.go": goFile("traps")}, "circuit/b.go: imports traps, which is above it"},
		"to the right":               {map[string]string{"digest/b.go": goFile("circuit")}, "digest/b.go: imports circuit, which is not left of it in row 0"},
		"within a wildcard":          {map[string]string{"cmd/omni/a.go": goFile("cmd/engine")}, "cmd/omni/a.go: imports cmd/engine, which is not left of it in row 6"},
		"third party in row 0":       {map[string]string{"digest/b.go": goFile("golang.org/x/crypto/sha3")}, "row 0 imports the standard library only"},
		"engine to traps":            {map[string]string{"engine/b.go": goFile("traps")}, "engine/b.go: imports traps, which engine may not"},
		"host to traps":              {map[string]string{"host/b.go": goFile("traps")}, "host/b.go: imports traps, which host may not"},
		"below host to traps":        {map[string]string{"host/wazerort/b.go": goFile("traps")}, "host/wazerort/b.go: imports traps, which host may not"},
		"agent to traps":             {map[string]string{"agent/b.go": goFile("traps")}, "agent/b.go: imports traps, which agent may not"},
		"network to executing half":  {map[string]string{"aicf/b.go": goFile("backends")}, "aicf/b.go: imports backends of the other half"},
		"network to host":            {map[string]string{"aicf/queue/b.go": goFile("host")}, "aicf/queue/b.go: imports host of the other half"},
		"executing to network half":  {map[string]string{"engine/b.go": goFile("aicf")}, "engine/b.go: imports aicf of the other half"},
		"plugin to network half":     {map[string]string{"plugins/vendors/v/a.go": goFile("aicf")}, "imports aicf of the other half"},
		"fake to driver":             {map[string]string{"plugins/fakes/v/a.go": goFile("plugins/vendors/v"), "plugins/vendors/v/a.go": goFile()}, "of the other half"},
		"lineage":                    {map[string]string{"agent/b.go": goFile("proofs/lineage")}, "agent/b.go: imports proofs/lineage, which only cmd may"},
		"internal above row 0":       {map[string]string{"internal/cli/b.go": goFile("abi")}, "imports abi of row 1; a package of internal imports only row 0"},
		"internal to internal":       {map[string]string{"internal/cli/b.go": goFile("internal/strict")}, "a package of internal imports only row 0"},
		"inner package of another":   {map[string]string{"backends/stabilizer/a.go": goFile("backends/statevector/internal/k"), "backends/statevector/b.go": goFile("backends/stabilizer")}, "backends/statevector/b.go: imports backends/stabilizer, which is not left"},
		"inner package reaching up":  {map[string]string{"backends/statevector/internal/k/b.go": goFile("engine")}, "imports engine, which is above it"},
		"no place":                   {map[string]string{"toolbox/a.go": goFile()}, "toolbox: the folder has no place in layers.txt"},
		"no place, only tests":       {map[string]string{"toolbox/a_test.go": goFile()}, "toolbox: the folder has no place in layers.txt"},
		"import without a place":     {map[string]string{"engine/b.go": goFile("gone")}, "engine/b.go: imports gone, which has no place"},
		"no package comment":         {map[string]string{"abi/abitest/a.go": "package x\n"}, "abi/abitest: no package comment"},
		"comment in a test only":     {map[string]string{"abi/abitest/a.go": "package x\n", "abi/abitest/a_test.go": goFile()}, "abi/abitest: no package comment"},
		"clock":                      {map[string]string{"traps/b.go": "package x\nimport \"time\"\nvar a = time.Now()\n"}, "traps/b.go: uses time.Now; take it as a parameter"},
		"clock under another name":   {map[string]string{"traps/b.go": "package x\nimport t \"time\"\nvar a = t.Since\n"}, "traps/b.go: uses time.Since"},
		"clock by dot":               {map[string]string{"traps/b.go": "package x\nimport . \"time\"\nvar a = Now()\n"}, "traps/b.go: uses time"},
		"random":                     {map[string]string{"host/b.go": goFile("std:math/rand")}, "host/b.go: uses math/rand"},
		"random v2":                  {map[string]string{"digest/b.go": goFile("std:math/rand/v2")}, "digest/b.go: uses math/rand/v2"},
		"environment":                {map[string]string{"host/b.go": "package x\nimport \"os\"\nvar a = os.Getenv(\"A\")\n"}, "host/b.go: uses os.Getenv"},
		"environment, looked up":     {map[string]string{"host/b.go": "package x\nimport \"os\"\nvar a, _ = os.LookupEnv(\"A\")\n"}, "host/b.go: uses os.LookupEnv"},
		"another use in that file":   {map[string]string{"host/clock.go": "package x\nimport \"time\"\nvar now, s = time.Now, time.Since\n"}, "host/clock.go: uses time.Since"},
		"exception no longer needed": {map[string]string{"host/clock.go": "package x\n"}, `the exception "host/clock.go time.Now" is not needed`},
		"build tags hide nothing":    {map[string]string{"engine/b.go": "//go:build never\n\n" + goFile("traps")}, "engine/b.go: imports traps"},
	} {
		found := check(t, row.edit)
		require.Len(t, found, 1, "%s: %v", name, found)
		require.Contains(t, found[0], row.want, name)
	}
	for _, word := range []string{"util", "common", "helpers", "core", "types", "manager", "misc"} {
		found := check(t, map[string]string{"examples/" + word + "/a.go": goFile()})
		require.Len(t, found, 1)
		require.Contains(t, found[0], "not \""+word+"\"")
	}
	// Clocks are free above row 2, and in tests.
	require.Empty(t, check(t, map[string]string{"engine/b.go": "package x\nimport \"time\"\nvar a = time.Now()\n", "traps/b_test.go": "package x\nimport \"time\"\nvar a = time.Now()\n"}))
}

func TestCheckErrors(t *testing.T) {
	tree := fstest.MapFS{"digest/a.go": &fstest.MapFile{Data: []byte("package")}}
	_, err := Check(tree, module, policy(t))
	require.Error(t, err)
	for _, text := range []string{"rows 0 a", "row a b", "row 0", "row 0 a a", "row 0 a\nrow 1 a", "std x", "pure x", "everywhere internal", "everywhere internal x", "forbid a b", "forbid -> b", "apart a |", "only a ->", "except a b"} {
		_, err := ParsePolicy(strings.NewReader(text))
		require.Error(t, err, text)
	}
}
