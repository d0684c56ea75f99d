package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/wazerort"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// codeWorld is a host with a native code cache, and two modules whose qx_plan
// ends as domain error 5 and 6.
type codeWorld struct {
	dir, key string
	modules  [2]*Module
}

func answering(code int64) []byte {
	m := wasmtest.New()
	m.Add("qx_plan", "", "i", "", wasmtest.I32(code))
	return m.Traps().Bytes()
}

// open makes the world anew over the same folders.
func (w *codeWorld) open(t *testing.T) {
	t.Helper()
	c, err := OpenCodeCache(w.dir, w.key, bytes.NewReader(bytes.Repeat([]byte{7}, codeKeySize)))
	require.NoError(t, err)
	h, err := New(Config{Code: c, Runtime: wazerort.NameCompiler})
	require.NoError(t, err)
	for i := range w.modules {
		w.modules[i], err = h.Load(t.Context(), answering(int64(5+i)), abi.KindTraps)
		require.NoError(t, err)
	}
}

func newCodeWorld(t *testing.T) *codeWorld {
	w := &codeWorld{dir: filepath.Join(t.TempDir(), "cache"), key: filepath.Join(t.TempDir(), "state", "key")}
	w.open(t)
	return w
}

// entry is the file of module i.
func (w *codeWorld) entry(t *testing.T, i int) string {
	t.Helper()
	id, keep := w.modules[i].codeID()
	require.True(t, keep)
	return w.modules[i].host.cfg.Code.path(id)
}

// run opens module i and demands its answer.
func (w *codeWorld) run(t *testing.T, i int) {
	t.Helper()
	inst, err := w.modules[i].Open(t.Context())
	require.NoError(t, err)
	defer inst.Close()
	o, err := inst.Call(t.Context(), "qx_plan", nil, nil)
	require.NoError(t, err)
	require.Equal(t, abi.DomainError, o.Class)
	require.Equal(t, int32(5+i), o.Code)
	require.Equal(t, uint64(1), o.Fuel)
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info
}

// TestCodeCache: the first open compiles and keeps, the second compiles nothing.
func TestCodeCache(t *testing.T) {
	if !compiles() {
		return
	}
	w := newCodeWorld(t)
	require.Equal(t, os.FileMode(0o600), stat(t, w.key).Mode().Perm())
	require.Equal(t, os.ModeDir|0o700, stat(t, w.dir).Mode())
	w.run(t, 0)
	first := stat(t, w.entry(t, 0))
	require.Equal(t, os.FileMode(0o600), first.Mode().Perm())
	for range 2 {
		w.open(t)
		w.run(t, 0)
		require.True(t, os.SameFile(first, stat(t, w.entry(t, 0))), "a worker that had to compile would have written another file")
	}
	w.run(t, 1)
	list, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, list, 2, "two entries and nothing temporary")
}

// compiles tells whether this machine has wazero's compiler.
func compiles() bool {
	return worker.CodeID(wazerort.NameCompiler) != "" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64")
}

// TestCodeCacheAttacks changes entries as someone could who writes to the cache
// folder, and as a bug of an earlier version could who has the key. The answer is
// the module's every time, and a true entry is there again.
func TestCodeCacheAttacks(t *testing.T) {
	if !compiles() {
		return
	}
	w := newCodeWorld(t)
	w.run(t, 0)
	w.run(t, 1)
	c := w.modules[0].host.cfg.Code
	ids := [2]digest.Digest{}
	for i := range ids {
		ids[i], _ = w.modules[i].codeID()
	}
	good, other := c.load(ids[0]), c.load(ids[1])
	require.NotEmpty(t, good)
	entry := func(id digest.Digest, code []byte) []byte {
		b := append(entryHead(id, len(code)), code...)
		return append(b, c.mac(b)...)
	}
	whole := entry(ids[0], good)
	require.Equal(t, whole, read(t, w.entry(t, 0)))
	changed := func(at int) []byte { b := bytes.Clone(whole); b[at] ^= 1; return b }
	version := bytes.Index(good, []byte("WAZEVO")) + 7
	stale := bytes.Clone(good)
	stale[version] ^= 1
	attacks := map[string][]byte{
		"empty":                            {},
		"a byte of magic":                  changed(3),
		"a byte of the id":                 changed(len(entryMagic) + 5),
		"a byte of the length":             changed(len(entryMagic) + digest.Size),
		"a byte of the code":               changed(entryHeader + len(good)/2),
		"the last byte of the code":        changed(entryHeader + len(good) - 1),
		"a byte of the MAC":                changed(len(whole) - 1),
		"cut in the head":                  whole[:20],
		"cut in the code":                  whole[:len(whole)/2],
		"cut by a byte":                    whole[:len(whole)-1],
		"a byte more":                      append(bytes.Clone(whole), 0),
		"no MAC":                           whole[:len(whole)-entryMAC],
		"the other module's entry":         entry(ids[1], other),
		"a MAC of another key":             append(whole[:len(whole)-entryMAC:len(whole)-entryMAC], (&CodeCache{key: make([]byte, codeKeySize)}).mac(whole[:len(whole)-entryMAC])...),
		"true MAC, the other module":       entry(ids[0], other),
		"true MAC, another version":        entry(ids[0], stale),
		"true MAC, no code":                entry(ids[0], nil),
		"true MAC, nonsense":               entry(ids[0], []byte("nonsense")),
		"true MAC, cut code":               entry(ids[0], good[:len(good)/2]),
		"true MAC, one byte of the header": entry(ids[0], good[:entryKeyAndMagic]),
	}
	for n := range 8 { // anywhere
		at := n * (len(whole) - 1) / 7
		attacks[fmt.Sprintf("byte %d", at)] = changed(at)
	}
	for name, b := range attacks {
		require.NoError(t, os.WriteFile(w.entry(t, 0), b, 0o600))
		w.run(t, 0)
		require.NotEqual(t, b, read(t, w.entry(t, 0)), name)
		require.NotNil(t, c.load(ids[0]), name)
		w.run(t, 0)
	}
	require.NoError(t, os.Remove(w.entry(t, 0)))
	require.NoError(t, os.Symlink("/dev/zero", w.entry(t, 0)))
	w.run(t, 0)
	require.True(t, stat(t, w.entry(t, 0)).Mode().IsRegular(), "no link is followed for ever")
}

// entryKeyAndMagic is wazero's key and the first byte of what follows.
const entryKeyAndMagic = 33

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// TestCodeKey: a key that others can read, or of another size, is refused; a new
// key makes all entries void.
func TestCodeKey(t *testing.T) {
	if !compiles() {
		return
	}
	w := newCodeWorld(t)
	w.run(t, 0)
	first := read(t, w.entry(t, 0))
	require.NoError(t, os.Chmod(w.key, 0o640))
	_, err := OpenCodeCache(w.dir, w.key, nil)
	require.ErrorContains(t, err, "mode 0600")
	require.NoError(t, os.Remove(w.key))
	require.NoError(t, os.WriteFile(w.key, []byte("short"), 0o600))
	_, err = OpenCodeCache(w.dir, w.key, nil)
	require.ErrorContains(t, err, "32 bytes")
	require.NoError(t, os.Remove(w.key))
	_, err = OpenCodeCache(w.dir, w.key, strings.NewReader("too little"))
	require.Error(t, err)
	c, err := OpenCodeCache(w.dir, w.key, strings.NewReader(strings.Repeat("x", codeKeySize)))
	require.NoError(t, err)
	for i := range w.modules {
		w.modules[i].host.cfg.Code = c
	}
	w.run(t, 0)
	require.NotEqual(t, first, read(t, w.entry(t, 0)))
	require.Equal(t, first[:len(first)-entryMAC], read(t, w.entry(t, 0))[:len(first)-entryMAC], "the same code, compiled again")
}

// TestCodeCacheFull: a cache that cannot be written is a warning, not a failure;
// the oldest entries make room.
func TestCodeCacheFull(t *testing.T) {
	if !compiles() {
		return
	}
	w := newCodeWorld(t)
	c := w.modules[0].host.cfg.Code
	for i := range maxEntries + 10 {
		require.NoError(t, c.store(digest.Sum(binary.LittleEndian.AppendUint64(nil, uint64(i))), []byte("code")))
	}
	list, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, list, maxEntries)
	require.NoError(t, os.RemoveAll(w.dir))
	w.run(t, 0)
	require.NoDirExists(t, w.dir)
}

// TestCodeID: everything that native code depends on is in the name of its entry.
func TestCodeID(t *testing.T) {
	require.Empty(t, worker.CodeID(wazerort.NameInterpreter))
	require.Empty(t, worker.CodeID("another"))
	w := newCodeWorld(t)
	a, _ := w.modules[0].codeID()
	b, _ := w.modules[1].codeID()
	require.NotEqual(t, a, b, "module")
	w.modules[0].profile.Limits.MemoryPages--
	c, _ := w.modules[0].codeID()
	require.NotEqual(t, a, c, "limits")
	w.modules[0].profile.Limits.MemoryPages++
	w.modules[0].sum[0] ^= 1
	d, _ := w.modules[0].codeID()
	require.NotEqual(t, a, d, "metered form")
	for _, part := range []string{"wazero/v", runtime.Version(), runtime.GOARCH, "sse41="} {
		require.Contains(t, worker.CodeID(wazerort.NameCompiler), part)
	}
}

// FuzzCodeEntry: no bytes but the ones that were kept are an entry.
func FuzzCodeEntry(f *testing.F) {
	c, id := &CodeCache{key: bytes.Repeat([]byte{7}, codeKeySize)}, digest.Sum([]byte("id"))
	whole := append(entryHead(id, 4), "code"...)
	whole = append(whole, c.mac(whole)...)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		code, ok := c.open(id, b)
		require.Equal(t, bytes.Equal(b, whole), ok)
		require.Equal(t, ok, string(code) == "code")
	})
}
