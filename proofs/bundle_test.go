package proofs

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

func TestBundleRoundTrips(t *testing.T) {
	f := newFixture(t, fixtureOptions{leased: true})
	dir := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, f.bundle.WriteDir(dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600), "other files are ignored")
	require.NoError(t, f.bundle.WriteDir(dir), "written again")
	got, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, f.bundle, got)

	a, err := f.bundle.Tar()
	require.NoError(t, err)
	b, err := got.Tar()
	require.NoError(t, err)
	require.Equal(t, a, b, "equal bundles are equal bytes")
	name := filepath.Join(t.TempDir(), "bundle.tar")
	require.NoError(t, os.WriteFile(name, a, 0o600))
	fromTar, err := Load(name)
	require.NoError(t, err)
	require.Equal(t, f.bundle, fromTar)
	in := f.input()
	in.Bundle = fromTar
	require.True(t, verify(t, in).Valid)

	small := &Bundle{Proof: []byte("{}")}
	require.NoError(t, small.WriteDir(filepath.Join(t.TempDir(), "x")))
	_, err = (&Bundle{}).Tar()
	require.ErrorIs(t, err, ErrBundle)
	_, err = Load(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReadDirRefusals(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"no manifest":     func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, manifestName))) },
		"file missing":    func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "report.bin"))) },
		"file changed":    func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, "report.bin"), "x") },
		"manifest syntax": func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, manifestName), "x") },
		"file is a link": func(t *testing.T, dir string) {
			p := filepath.Join(dir, "report.bin")
			require.NoError(t, os.Rename(p, p+".x"))
			require.NoError(t, os.Symlink("report.bin.x", p))
		},
		"folder is a link": func(t *testing.T, dir string) {
			p := filepath.Join(dir, "modules")
			require.NoError(t, os.Rename(p, p+".x"))
			require.NoError(t, os.Symlink("modules.x", p))
		},
		"file is a folder": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "report.bin")))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "report.bin"), 0o755))
		},
	} {
		dir := t.TempDir()
		require.NoError(t, f.bundle.WriteDir(dir))
		spoil(t, dir)
		_, err := ReadDir(dir)
		require.ErrorIs(t, err, ErrBundle, name)
	}
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, append(b, text...), 0o600))
}

func TestManifestRefusals(t *testing.T) {
	m, err := manifest([]file{{"proof.json", []byte("{}")}})
	require.NoError(t, err)
	entry := func(name string) string { return strings.Replace(string(m), "proof.json", name, 1) }
	for name, doc := range map[string]string{
		"path up":        entry("../proof.json"),
		"absolute":       entry("/etc/passwd"),
		"unknown":        entry("evil.sh"),
		"module path":    entry("modules/../../x.wasm"),
		"module name":    entry("modules/" + strings.Repeat("A", 64) + ".wasm"),
		"format":         strings.Replace(string(m), BundleFormat, "qprov-bundle/2", 1),
		"too large":      strings.Replace(string(m), `"size": 2`, `"size": 99999999999`, 1),
		"listed twice":   strings.Replace(string(m), `"files": [`, `"files": [{"name":"proof.json","size":2,"sha3_256":"`+digest.Sum(nil).String()+`"},`, 1),
		"unknown member": strings.Replace(string(m), `"format"`, `"x":1,"format"`, 1),
		"too many":       `{"format":"` + BundleFormat + `","files":[` + strings.Repeat(`1,`, maxFiles) + `1]}`,
		"too long":       string(m) + strings.Repeat(" ", maxManifest),
	} {
		require.NotEqual(t, string(m), doc, name)
		_, err := parseManifest([]byte(doc))
		require.ErrorIs(t, err, ErrBundle, name)
	}
	require.ErrorIs(t, checkEntries([]manifestEntry{{Size: MaxDir}, {Size: 1}}, MaxDir), ErrBundle)
	require.ErrorIs(t, checkTotal([]file{{"a", make([]byte, 11)}}, 10), ErrBundle)
}

type entry struct {
	h    tar.Header
	data string
}

func tarOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		e.h.Size = int64(len(e.data))
		require.NoError(t, w.WriteHeader(&e.h))
		_, err := w.Write([]byte(e.data))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestReadTarRefusals(t *testing.T) {
	m, err := manifest([]file{{"proof.json", []byte("{}")}})
	require.NoError(t, err)
	first := entry{tar.Header{Name: manifestName, Mode: 0o644}, string(m)}
	proof := entry{tar.Header{Name: "proof.json", Mode: 0o644}, "{}"}
	_, err = ReadTar(bytes.NewReader(tarOf(t, first, proof)))
	require.NoError(t, err)
	for name, raw := range map[string][]byte{
		"empty":         {},
		"not a tar":     bytes.Repeat([]byte("x"), 2048),
		"no manifest":   tarOf(t, proof),
		"missing file":  tarOf(t, first),
		"repeated":      tarOf(t, first, proof, proof),
		"not listed":    tarOf(t, first, proof, entry{tar.Header{Name: "report.bin"}, "x"}),
		"path up":       tarOf(t, first, proof, entry{tar.Header{Name: "../x"}, "x"}),
		"other size":    tarOf(t, first, entry{proof.h, "{} "}),
		"link":          tarOf(t, first, entry{tar.Header{Name: "proof.json", Typeflag: tar.TypeSymlink, Linkname: "x"}, ""}),
		"folder":        tarOf(t, entry{tar.Header{Name: manifestName, Typeflag: tar.TypeDir}, ""}),
		"extended head": tarOf(t, first, entry{tar.Header{Name: "proof.json", PAXRecords: map[string]string{"ANIMICA.x": "y"}, Format: tar.FormatPAX}, "{}"}),
		"cut":           tarOf(t, first, proof)[:1500],
		"big manifest":  tarOf(t, entry{first.h, strings.Repeat(" ", maxManifest+1)}),
	} {
		_, err := ReadTar(bytes.NewReader(raw))
		require.ErrorIs(t, err, ErrBundle, name)
	}
	b, err := ReadTar(bytes.NewReader(tarOf(t, first, entry{proof.h, "[]"})))
	require.NoError(t, err, "changed bytes are for Verify to name")
	require.Equal(t, []string{"proof.json"}, b.Damaged)
}

func TestCounts(t *testing.T) {
	h, err := transcript.HistOfCounts(9, [][]byte{{5, 1}, {0, 0}}, []uint64{3, 4})
	require.NoError(t, err)
	b, err := CountsJSON(h)
	require.NoError(t, err)
	require.Contains(t, string(b), `"100000101": 3`)
	got, err := ParseCounts(b)
	require.NoError(t, err)
	require.Equal(t, h, got)
	empty, err := CountsJSON(&transcript.Hist{Width: 3})
	require.NoError(t, err)
	_, err = ParseCounts(empty)
	require.NoError(t, err, "a job of traps only")
	for name, doc := range map[string]string{
		"sum":      strings.Replace(string(b), `"shots": 7`, `"shots": 8`, 1),
		"digit":    strings.Replace(string(b), `"100000101"`, `"100000102"`, 1),
		"length":   strings.Replace(string(b), `"100000101"`, `"00100000101"`, 1),
		"zero":     strings.Replace(string(b), `: 3`, `: 0`, 1),
		"repeated": strings.Replace(string(b), `"100000101"`, `"000000000"`, 1),
		"width":    strings.Replace(string(b), `"width": 9`, `"width": 4097`, 1),
		"list":     `{"width":9,"shots":7,"counts":[]}`,
	} {
		require.NotEqual(t, string(b), doc, name)
		_, err := ParseCounts([]byte(doc))
		require.ErrorIs(t, err, ErrBundle, name)
	}
	_, err = CountsJSON(&transcript.Hist{Width: 3, Bins: make([]transcript.Bin, MaxCounts+1)})
	require.ErrorIs(t, err, ErrBundle)
}

func TestBundleFilesThatDisagree(t *testing.T) {
	base := newFixture(t, fixtureOptions{})
	leased := newFixture(t, fixtureOptions{leased: true})
	for _, c := range []struct {
		name, fails string
		change      func(b *Bundle)
	}{
		{"another proof.cbor", "bundle", func(b *Bundle) { b.ProofCBOR = leased.bundle.ProofCBOR }},
		{"broken proof.cbor", "bundle", func(b *Bundle) { b.ProofCBOR = []byte("x") }},
		{"signed lease beside none", "bundle", func(b *Bundle) { b.Lease = leased.bundle.Lease }},
		{"another job", "bundle", func(b *Bundle) { b.Lease = bytes.Replace(b.Lease, []byte(`"shots":512`), []byte(`"shots":513`), 1) }},
		{"another policy", "bundle", func(b *Bundle) { b.Policy = []byte("{}") }},
		{"foreign module", "bundle", func(b *Bundle) { b.Modules = map[digest.Digest][]byte{digest.Sum([]byte("z")): []byte("z")} }},
		{"journal short", "journal", func(b *Bundle) { b.Journal = b.Journal[:bytes.IndexByte(b.Journal, '\n')] }},
		{"journal order", "journal", func(b *Bundle) {
			l := bytes.SplitAfter(b.Journal, []byte("\n"))
			b.Journal = bytes.Join([][]byte{l[1], l[0], l[2]}, nil)
		}},
		{"journal of another job", "journal", func(b *Bundle) { b.Journal = leased.bundle.Journal }},
		{"another circuit", "circuit_hash", func(b *Bundle) { b.Circuit = []byte("x") }},
		{"another compiled circuit", "compiled_circuit", func(b *Bundle) { b.Compiled = b.Compiled[:8] }},
		{"other outcomes", "outcomes_root", func(b *Bundle) { b.Outcomes = leased.bundle.Outcomes }},
		{"another report", "trap_report", func(b *Bundle) { b.Report = b.Report[:8] }},
		{"other counts", "counts", func(b *Bundle) { b.Counts = leased.bundle.Counts }},
	} {
		b := *base.bundle
		c.change(&b)
		in := base.input()
		in.Bundle = &b
		r := verify(t, in)
		require.Equal(t, []string{c.fails}, failed(r), c.name)
	}
}

func FuzzReadTar(f *testing.F) {
	small := &Bundle{Proof: []byte("{}"), Report: []byte("r"), Modules: map[digest.Digest][]byte{digest.Sum([]byte("m")): []byte("m")}}
	raw, err := small.Tar()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ReadTar(bytes.NewReader(raw))
		if err != nil {
			return
		}
		again, err := b.Tar()
		for d, module := range b.Modules { // read for verification to name it, but not written
			if digest.Sum(module) != d {
				if err == nil {
					t.Fatalf("module %s was written with other bytes", d)
				}
				return
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ReadTar(bytes.NewReader(again)); err != nil || len(c.Modules) != len(b.Modules) || !bytes.Equal(c.Proof, b.Proof) {
			t.Fatalf("changed by writing: %v", err)
		}
	})
}

func FuzzParseCounts(f *testing.F) {
	f.Add([]byte(`{"width":3,"shots":2,"counts":{"101":1,"000":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseCounts(b)
		if err != nil {
			return
		}
		again, err := CountsJSON(h)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := ParseCounts(again); err != nil || len(g.Bins) != len(h.Bins) {
			t.Fatalf("changed by writing: %v", err)
		}
	})
}
