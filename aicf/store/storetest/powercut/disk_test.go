package powercut

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func after(t *testing.T, keep Keep, ops ...Op) map[string]string {
	d := NewDisk()
	for _, op := range ops {
		require.NoError(t, d.Apply(op))
	}
	dir := t.TempDir()
	require.NoError(t, d.Cut(rand.New(rand.NewPCG(1, 2)), keep, dir))
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			rel, _ := filepath.Rel(dir, path)
			out[rel] = string(b)
		}
		return err
	}))
	return out
}

func TestWhatACutLeaves(t *testing.T) {
	create := Op{Kind: Create, Path: "a"}
	hello := Op{Kind: Write, Path: "a", Data: []byte("hello")}
	file, folder := Op{Kind: Sync, Path: "a"}, Op{Kind: Sync, Path: "."}
	require.Equal(t, map[string]string{}, after(t, 0, create, hello, file), "the name was never synced")
	require.Equal(t, map[string]string{"a": ""}, after(t, 0, create, hello, folder), "the bytes were never synced")
	require.Equal(t, map[string]string{"a": "hello"}, after(t, 0, create, hello, file, folder))
	require.Equal(t, map[string]string{"a": "hello"}, after(t, 1, create, hello))
	over := Op{Kind: Write, Path: "a", Off: 2, Data: []byte("LLO, you")}
	require.Equal(t, map[string]string{"a": "hello"}, after(t, 0, create, hello, file, folder, over))
	require.Equal(t, map[string]string{"a": "heLLO, you"}, after(t, 1, create, hello, file, folder, over))
	cut := Op{Kind: Truncate, Path: "a", Off: 1}
	require.Equal(t, map[string]string{"a": "hello"}, after(t, 0, create, hello, file, folder, cut))
	require.Equal(t, map[string]string{"a": "h"}, after(t, 0, create, hello, cut, file, folder))
	move, remove := Op{Kind: Rename, Path: "a", To: "b/c"}, Op{Kind: Remove, Path: "b/c"}
	require.Equal(t, map[string]string{"a": "hello"}, after(t, 0, create, hello, file, folder, move))
	require.Equal(t, map[string]string{"b/c": "hello"}, after(t, 1, create, hello, file, folder, move))
	require.Equal(t, map[string]string{"b/c": "hello"}, after(t, 0, create, hello, file, folder, move, folder, Op{Kind: Sync, Path: "b"}))
	require.Equal(t, map[string]string{}, after(t, 1, create, hello, file, folder, move, remove))
	require.Error(t, NewDisk().Apply(hello))
}

// TestTornWrites: of a write of many sectors some are there and some are not,
// and each is whole.
func TestTornWrites(t *testing.T) {
	data := strings.Repeat("x", 100*sector)
	got := after(t, 0.5, Op{Kind: Create, Path: "a"}, Op{Kind: Sync, Path: "."}, Op{Kind: Write, Path: "a", Off: 100, Data: []byte(data)})["a"]
	kept := 0
	for at := sector; at+sector <= len(got); at += sector {
		switch got[at : at+sector] {
		case data[:sector]:
			kept++
		case strings.Repeat("\x00", sector):
		default:
			t.Fatalf("the sector at %d is torn", at)
		}
	}
	require.Greater(t, kept, 20)
	require.Less(t, kept, 80)
}

func hexed(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(`\x`)
		b.WriteByte("0123456789abcdef"[s[i]>>4])
		b.WriteByte("0123456789abcdef"[s[i]&15])
	}
	return b.String()
}

func TestParse(t *testing.T) {
	in := func(path string) string { return "<" + hexed(path) + ">" }
	trace := strings.Join([]string{
		`10 openat(AT_FDCWD` + in("/") + `, "` + hexed("/d/x") + `", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 7` + in("/d/x"),
		`10 openat(AT_FDCWD` + in("/") + `, "` + hexed("/e/y") + `", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 8` + in("/e/y"),
		`10 pwrite64(7` + in("/d/x") + `, "` + hexed("abc") + `", 3, 5) = 2`,
		`10 write(8` + in("/e/y") + `, "` + hexed("abc") + `", 3) = 3`,
		`10 fdatasync(7` + in("/d/x") + ` <unfinished ...>`,
		`11 write(1` + in("pipe:[5]") + `, "` + hexed("early") + `", 5 <unfinished ...>`,
		`10 <... fdatasync resumed>) = 0`,
		`11 <... write resumed>) = 5`,
		`11 fsync(3` + in("/d") + `) = 0`,
		`11 fsync(3` + in("/d") + `) = -1 EIO (Input/output error)`,
		`11 write(7` + in("/d/x") + `, "` + hexed("z") + `", 1) = 1`,
		`11 renameat(3` + in("/d") + `, "` + hexed("x") + `", 3` + in("/d") + `, "` + hexed("w") + `") = 0`,
		`11 +++ exited with 0 +++`, ""}, "\n")
	ops, err := Parse(strings.NewReader(trace), "/d")
	require.NoError(t, err)
	require.Equal(t, []Op{{Kind: Create, Path: "x"}, {Kind: Write, Path: "x", Off: 5, Data: []byte("ab")}, {Kind: Mark, Data: []byte("early")}, {Kind: Sync, Path: "x"}, {Kind: Sync, Path: "."},
		{Kind: Write, Path: "x", Off: 7, Data: []byte("z")}, {Kind: Rename, Path: "x", To: "w"}}, ops)
	require.Len(t, Without(ops, "x"), len(ops)-1)
	for _, bad := range []string{
		`10 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 7` + in("/d/x") + `, 0) = 0x7f`,
		`10 fallocate(7` + in("/d/x") + `, 0, 0, 4096) = 0`,
		`10 pwrite64(7` + in("/d/x") + `, "` + hexed("abc") + `"..., 3000000, 5) = 3000000`,
		`10 rubbish`,
	} {
		_, err := Parse(strings.NewReader(bad+"\n"), "/d")
		require.Error(t, err, bad)
	}
}
