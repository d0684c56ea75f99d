package meter_test

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/spectest.txt anew")

// specScript is what a script of the WebAssembly test suite says of its modules.
type specScript struct {
	Commands []struct {
		Type       string `json:"type"`
		Filename   string `json:"filename"`
		ModuleType string `json:"module_type"`
		Text       string `json:"text"`
	} `json:"commands"`
}

// specProfile lets everything through that validator and meter can judge alone:
// floats, any export, the test suite's own imports.
func specProfile() wasmbin.Profile {
	p := wasmbin.Compiler()
	p.Name, p.Floats, p.Exports, p.ImportModule, p.Imports = "spectest", true, nil, "spectest", nil
	for name, params := range map[string][]wasmbin.ValueType{"print": nil, "print_i32": {wasmbin.I32}, "print_i64": {wasmbin.I64}, "print_f32": {wasmbin.F32}, "print_f64": {wasmbin.F64}} {
		p.Imports = append(p.Imports, wasmbin.NamedFunc{Name: name, Type: wasmbin.FuncType{Params: params}})
	}
	return p
}

// amend gives a module the memory, its export, and the maximum of memory and table
// that the profile demands and the suite mostly lacks. What is not framed it leaves alone.
func amend(wasm []byte) []byte {
	if len(wasm) < 8 {
		return wasm
	}
	out := slices.Clone(wasm[:8])
	due := []struct {
		id      byte
		content []byte
	}{{5, Op(1, 1, 1, 4)}, {7, Vec(Cat(Name("memory"), Op(2, 0)))}} // where there is none
	for at := 8; at < len(wasm); {
		size, n := binary.Uvarint(wasm[at+1:])
		end := at + 1 + n + int(size)
		if n <= 0 || size > uint64(len(wasm)) || end > len(wasm) {
			return wasm
		}
		id, s := wasm[at], wasm[at+1+n:end]
		for len(due) > 0 && id != 0 && (id > due[0].id || id == 12) {
			out, due = append(out, Section(due[0].id, due[0].content)...), due[1:]
		}
		if len(due) > 0 && id == due[0].id {
			due = due[1:]
		}
		switch {
		case id == 5 && len(s) == 3 && s[0] == 1 && s[1] == 0 && s[2] < 16:
			out = append(out, Section(5, Op(1, 1, s[2], 16))...)
		case id == 4 && len(s) == 4 && s[0] == 1 && s[2] == 0 && s[3] < 128:
			out = append(out, Section(4, Op(1, s[1], 1, s[3], s[3]))...)
		case id == 7 && len(s) > 0 && s[0] < 63 && !strings.Contains(string(s), "\x06memory"):
			out = append(out, Section(7, Cat(Op(s[0]+1), s[1:], Name("memory"), Op(2, 0)))...)
		default:
			out = append(out, wasm[at:end]...)
		}
		at = end
	}
	for _, d := range due {
		out = append(out, Section(d.id, d.content)...)
	}
	return out
}

func judge(wasm []byte) (wasmbin.Rule, []byte) {
	p := specProfile()
	m, err := wasmbin.Read(wasm, &p)
	var out []byte
	if err == nil {
		out, err = meter.Rewrite(m, meter.Limits{Floats: true})
	}
	var rej *wasmbin.Rejected
	if errors.As(err, &rej) {
		return rej.Rule, nil
	}
	return "accept", out
}

// TestSpecSuite reads every module of the WebAssembly 2.0 test suite, as wazero
// carries it in its module, amended as above: what the suite calls malformed or invalid is refused,
// what is accepted validates on both engines once metered, and which module meets
// which rule first is frozen in testdata/spectest.txt.
func TestSpecSuite(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	require.NoError(t, err)
	dir = []byte(filepath.Join(strings.TrimSpace(string(dir)), "internal", "integration_test", "spectest", "v2", "testdata"))
	scripts, err := filepath.Glob(filepath.Join(string(dir), "*.json"))
	require.NoError(t, err)
	require.Greater(t, len(scripts), 50)
	slices.Sort(scripts)
	var table strings.Builder
	modules, accepted, bad := 0, 0, 0
	for _, path := range scripts {
		if strings.HasPrefix(filepath.Base(path), "simd") {
			continue // denied as a whole
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		var s specScript
		require.NoError(t, json.Unmarshal(b, &s))
		var rules []string
		for _, c := range s.Commands {
			if c.Filename == "" || cmp.Or(c.ModuleType, "binary") != "binary" {
				continue
			}
			wasm, err := os.ReadFile(filepath.Join(string(dir), c.Filename))
			require.NoError(t, err)
			modules++
			rule, out := judge(amend(wasm))
			rules = append(rules, string(rule))
			if c.Type == "assert_malformed" || c.Type == "assert_invalid" {
				bad++
				plain, _ := judge(wasm)
				require.NotEqual(t, wasmbin.Rule("accept"), plain, "%s is %s", c.Filename, c.Type)
				if !strings.HasPrefix(c.Text, "unknown memory") { // amended, it has one
					require.NotEqual(t, wasmbin.Rule("accept"), rule, "%s is %s: %s", c.Filename, c.Type, c.Text)
				}
			}
			if rule == "accept" {
				accepted++
				for _, e := range metertest.Engines {
					require.NoError(t, e.Validate(out), c.Filename)
				}
			}
		}
		fmt.Fprintf(&table, "%s:%s\n", strings.TrimSuffix(filepath.Base(path), ".json"), runs(rules))
	}
	require.Greater(t, accepted, 50)
	require.Greater(t, bad, 1000)
	t.Logf("%d modules, %d accepted, %d malformed or invalid ones refused", modules, accepted, bad)
	const golden = "testdata/spectest.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), table.String())
}

// runs writes equal neighbours as word*n.
func runs(words []string) string {
	var b strings.Builder
	for i := 0; i < len(words); {
		j := i
		for j < len(words) && words[j] == words[i] {
			j++
		}
		fmt.Fprintf(&b, " %s*%d", words[i], j-i)
		i = j
	}
	return b.String()
}
