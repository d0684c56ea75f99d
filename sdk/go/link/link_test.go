package link_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/sdk/go/link"
)

// uleb writes a number in five bytes, as the Go linker writes sizes.
func uleb(n int) []byte {
	return []byte{byte(n) | 0x80, byte(n>>7) | 0x80, byte(n>>14) | 0x80, byte(n>>21) | 0x80, byte(n >> 28)}
}

func section(id byte, content ...byte) []byte {
	return append(append([]byte{id}, uleb(len(content))...), content...)
}

// reactor is a module in the Go linker's style: one WASI import of type
// (i32 i32) -> i32, one of qx1, a table and a memory without maximum, and a
// qx_describe that calls the WASI function through a signed call target.
func reactor(wasi string) []byte {
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	var b []byte
	b = append(b, "\x00asm\x01\x00\x00\x00"...)
	b = append(b, section(0, append(name("go:buildid"), 1, 2, 3)...)...)
	b = append(b, section(1, 4, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7f, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7e)...)
	imports := Cat([]byte{2}, name("wasi_snapshot_preview1"), name(wasi), []byte{0, 0}, name("qx1"), name("in_len"), []byte{0, 3})
	b = append(b, section(2, imports...)...)
	b = append(b, section(3, 3, 1, 2, 1)...)
	b = append(b, section(4, 1, 0x70, 0, 2)...)
	b = append(b, section(5, 1, 0, 1)...)
	exports := Cat([]byte{4}, name("memory"), []byte{2, 0}, name("_initialize"), []byte{0, 3}, name("qx_describe"), []byte{0, 2}, name("qx_abi_1"), []byte{0, 4})
	b = append(b, section(7, exports...)...)
	b = append(b, section(9, 1, 0, 0x41, 0, 0x0b, 2, 0, 3)...)
	describe := []byte{0, 0x41, 8, 0x41, 16, 0x10, 0x80, 0x00, 0x0b} // call 0 in two bytes
	start := []byte{0, 0x0b}
	marker := []byte{0, 0x41, 1, 0x0b}
	b = append(b, section(10, Cat([]byte{3, byte(len(describe))}, describe, []byte{byte(len(start))}, start, []byte{byte(len(marker))}, marker)...)...)
	return b
}

// TestLink: whatever a reactor imports of WASI, the guest imports qx1 alone, its
// exports run the initialisation first, and it fits the loader.
func TestLink(t *testing.T) {
	for _, wasi := range []string{"args_get", "args_sizes_get", "environ_sizes_get", "random_get", "fd_close"} {
		out, err := link.Link(reactor(wasi), 4)
		require.NoError(t, err, wasi)
		again, err := link.Link(reactor(wasi), 4)
		require.NoError(t, err)
		require.Equal(t, out, again)
		p := wasmbin.Compiler()
		p.Exports = nil
		p.Optional = []string{"qx_describe", "qx_abi_1"}
		m, err := wasmbin.Read(out, &p)
		require.NoError(t, err, wasi)
		require.Len(t, m.Imports, 2, "in_len and log")
		require.Equal(t, wasmbin.Memory{Min: 1, Max: 4}, m.Memory)
		_, start := m.Export("_initialize")
		require.False(t, start)
		require.Len(t, m.Funcs, 3+1+2, "its own, a shim, two wrappers")
		require.False(t, bytes.Contains(out, []byte("go:buildid")))
	}
}

// TestRefusals: what is no reactor has no guest.
func TestRefusals(t *testing.T) {
	good := reactor("args_get")
	for name, c := range map[string]struct {
		b     []byte
		pages uint32
		want  string
	}{
		"nothing":                {nil, 4, "no WebAssembly module"},
		"no pages":               {good, 0, "pages"},
		"too many pages":         {good, link.MaxPages + 1, "pages"},
		"memory starts larger":   {bytes.Replace(good, section(5, 1, 0, 1), section(5, 1, 0, 9), 1), 4, "9 pages"},
		"too long":               {make([]byte, link.MaxReactor+1), 4, "bytes"},
		"another host":           {bytes.Replace(good, []byte("wasi_snapshot_preview1"), []byte("wasi_snapshot_previewX"), 1), 4, "want functions of"},
		"a program":              {bytes.Replace(good, []byte("_initialize"), []byte("_initialise"), 1), 4, "c-shared"},
		"odd type of a clock":    {reactor("clock_time_get"), 4, "parameters"},
		"odd type of fd_write":   {reactor("fd_write"), 4, "parameters"},
		"odd type of poll":       {reactor("poll_oneoff"), 4, "parameters"},
		"cut":                    {good[:len(good)-3], 4, "truncated"},
		"a reserved opcode":      {bytes.Replace(good, []byte{0, 0x41, 1, 0x0b}, []byte{0, 0xd0, 1, 0x0b}, 1), 4, "opcode"},
		"a bulk opcode it lacks": {bytes.Replace(good, []byte{0, 0x41, 1, 0x0b}, []byte{0, 0xfc, 12, 0x0b}, 1), 4, "opcode"},
	} {
		_, err := link.Link(c.b, c.pages)
		require.ErrorContains(t, err, c.want, name)
	}
}

// FuzzLink: no input makes the linker panic, and what it accepts imports qx1 alone.
func FuzzLink(f *testing.F) {
	f.Add(reactor("args_get"))
	f.Add(reactor("random_get")[:90])
	files, _ := filepath.Glob("../../../examples/guests/wasm/*.wasm")
	for _, path := range files {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := link.Link(b, 8)
		if err == nil && strings.Contains(string(out), "wasi_snapshot_preview1\x08args_get") {
			t.Fatal("a guest imports WASI")
		}
	})
}
