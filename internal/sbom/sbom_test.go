package sbom

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// schema compiles the official JSON Schema of CycloneDX 1.6.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for name, id := range map[string]string{"bom-1.6.schema.json": "http://cyclonedx.org/schema/bom-1.6.schema.json",
		"spdx.schema.json": "http://cyclonedx.org/schema/spdx.schema.json", "jsf-0.82.schemax.json": "http://cyclonedx.org/schema/jsf-0.82.schema.json"} {
		f, err := os.Open("testdata/" + name + ".gz")
		require.NoError(t, err)
		defer f.Close()
		z, err := gzip.NewReader(f)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(z)
		require.NoError(t, err)
		require.NoError(t, c.AddResource(id, doc))
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	require.NoError(t, err)
	return s
}

func host() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"proc/sys/kernel/osrelease":     file("6.1.0-28-amd64\n"),
		"etc/os-release":                file("PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n"),
		"proc/cpuinfo":                  file("processor\t: 0\nmodel name\t: Some CPU\nmicrocode\t: 0x1000065\n\nprocessor\t: 1\nmicrocode\t: 0x2\n"),
		"sys/class/dmi/id/bios_vendor":  file("Acme\n"),
		"sys/class/dmi/id/bios_version": file("1.2\n"),
		"var/lib/dpkg/status": file("Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u9\nDescription: x\n Package: no\n\n" +
			"Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\nPackage: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9+deb12u9\n"),
	}
}

func bom(t *testing.T, root fs.FS) *BOM {
	info := &debug.BuildInfo{GoVersion: "go1.26.1", Deps: []*debug.Module{{Path: "example.com/a", Version: "v1.2.3"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/c", Version: "v9.0.0+incompatible"}}},
		Settings: []debug.BuildSetting{{Key: "GOAMD64", Value: "v1"}, {Key: "vcs.time", Value: "x"}, {Key: "-tags"}}}
	b := &BOM{}
	b.Subject, b.Components = Program("engine", "0.1.0", info)
	list, err := Host(root)
	require.NoError(t, err)
	b.Components = append(b.Components, list...)
	b.Components = append(b.Components, Component{Ref: "guest/traps", Type: File, Name: "accredit", Version: "1.0.0", Hashes: map[string]string{"SHA3-256": strings.Repeat("ab", 32)}})
	return b
}

func TestDocument(t *testing.T) {
	b := bom(t, host())
	raw, err := b.Marshal()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, schema(t).Validate(doc), "the official schema")
	got := map[string]string{}
	for _, c := range b.Components {
		got[c.Ref] = c.Version
	}
	require.Equal(t, map[string]string{"go-toolchain": "1.26.1", "build/GOAMD64": "v1", "pkg:golang/example.com/a": "v1.2.3", "pkg:golang/example.com/c": "v9.0.0+incompatible",
		"host/kernel": "6.1.0-28-amd64", "host/distribution": "12", "host/cpu": "Some CPU", "host/microcode": "0x1000065", "host/bios": "1.2",
		"pkg:deb/libc6?arch=amd64": "2.36-9+deb12u9", "pkg:deb/libc6?arch=i386": "2.36-9+deb12u9", "guest/traps": "1.0.0"}, got)
	require.Contains(t, string(raw), `"purl": "pkg:golang/example.com/c@v9.0.0+incompatible"`)

	other := bom(t, host())
	slices.Reverse(other.Components)
	again, err := other.Marshal()
	require.NoError(t, err)
	require.Equal(t, string(raw), string(again), "the same contents, the same bytes")
	back, err := Parse(raw)
	require.NoError(t, err)
	require.Equal(t, b, back)
	require.Empty(t, Diff(b, back))

	other.Components = append(other.Components, other.Components[0])
	_, err = other.Marshal()
	require.ErrorContains(t, err, "twice")
	// The validation can fail.
	broken := bytes.Replace(raw, []byte(`"type": "application"`), []byte(`"type": "thing"`), 1)
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(broken))
	require.NoError(t, err)
	require.Error(t, schema(t).Validate(doc))
}

func TestDiff(t *testing.T) {
	fsys := host()
	old := bom(t, fsys)
	fsys["proc/cpuinfo"] = &fstest.MapFile{Data: []byte("model name\t: Some CPU\nmicrocode\t: 0x1000066\n")}
	fsys["sys/class/dmi/id/product_name"] = &fstest.MapFile{Data: []byte("Box\n")}
	delete(fsys, "sys/class/dmi/id/bios_vendor")
	new := bom(t, fsys)
	new.Components[len(new.Components)-1].Hashes = map[string]string{"SHA3-256": strings.Repeat("cd", 32)}
	changes := Diff(old, new)
	b, err := json.Marshal(changes)
	require.NoError(t, err)
	ab, cd := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	require.JSONEq(t, `[{"ref":"guest/traps","before":{"name":"accredit","version":"1.0.0","hashes":{"SHA3-256":"`+ab+`"}},"after":{"name":"accredit","version":"1.0.0","hashes":{"SHA3-256":"`+cd+`"}}},
{"ref":"host/bios","before":{"name":"Acme","version":"1.2"}},{"ref":"host/machine","after":{"name":"machine","version":"Box"}},
{"ref":"host/microcode","before":{"name":"microcode","version":"0x1000065"},"after":{"name":"microcode","version":"0x1000066"}}]`, string(b))
}

func TestHostWithoutAnything(t *testing.T) {
	list, err := Host(fstest.MapFS{})
	require.NoError(t, err)
	require.Empty(t, list)
	_, deps := Program("engine", "0.1.0", nil)
	require.Empty(t, deps)
	_, err = Host(brokenFS{})
	require.ErrorContains(t, err, "no disk")
}

// brokenFS opens files that end in an error.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return brokenFile{}, nil }

type brokenFile struct{ fs.File }

func (brokenFile) Read([]byte) (int, error) { return 0, errors.New("no disk") }
func (brokenFile) Close() error             { return nil }

func TestThisHost(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	require.True(t, ok)
	b := &BOM{}
	b.Subject, b.Components = Program("test", "0", info)
	list, err := Host(os.DirFS("/"))
	require.NoError(t, err)
	b.Components = append(b.Components, list...)
	raw, err := b.Marshal()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, schema(t).Validate(doc))
	for _, bad := range []string{"", "{}", `{"bomFormat":"CycloneDX","specVersion":"1.5"}`, `[]`} {
		_, err := Parse([]byte(bad))
		require.Error(t, err, bad)
	}
}

func BenchmarkHost(b *testing.B) {
	for b.Loop() {
		list, err := Host(os.DirFS("/"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (&BOM{Subject: Component{Ref: "x"}, Components: list}).Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	raw, _ := (&BOM{Subject: Component{Ref: "x", Type: Application, Name: "x"}}).Marshal()
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := Parse(b); err == nil {
			_ = Diff(got, got)
		}
	})
}

func FuzzPackages(f *testing.F) {
	f.Add("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n")
	f.Fuzz(func(t *testing.T, s string) { _ = packages(s) })
}
