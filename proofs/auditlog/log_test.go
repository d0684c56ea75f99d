package auditlog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

var (
	ctx    = context.Background()
	update = flag.Bool("update", false, "rewrite golden files")
	origin = Origin(digest.Sum([]byte("provider")))
)

func logKey(t testing.TB, seed byte) *keys.Ed25519Key {
	t.Helper()
	k, err := keys.NewEd25519(keys.Log, [keys.SeedSize]byte{seed})
	require.NoError(t, err)
	return k
}

func openLog(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(dir, origin, logKey(t, 1))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// number makes a digest out of a number.
func number(tag string, n int) digest.Digest { return digest.Sum(fmt.Appendf(nil, "%s %d", tag, n)) }

// run returns the entries of one job, as an execution logs them.
func run(n int) []Draft {
	lease, at := number("lease", n), uint64(1_700_000_000_000+n)
	e := Entry{Kind: LeaseAccepted, TimeMS: at, LeaseID: lease}
	out := []Draft{{Entry: e, Body: fmt.Appendf(nil, `{"lease":%d}`, n)}}
	e.Kind, e.Job = JobBound, number("J", n)
	out = append(out, Draft{Entry: e})
	e.Kind, e.Exec = ExecBound, number("X", n)
	out = append(out, Draft{Entry: e})
	e.Kind, e.Result = Result, number("R", n)
	out = append(out, Draft{Entry: e})
	e.Kind, e.Proof = Proof, number("C", n)
	return append(out, Draft{Entry: e})
}

// naiveRoot is RFC 6962 §2.1 as written there.
func naiveRoot(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	l, r := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestAppendCheckpointProve(t *testing.T) {
	l := openLog(t, t.TempDir())
	_, err := l.Checkpoint(ctx)
	require.ErrorIs(t, err, ErrCheckpoint, "an empty log")
	watch := &Watch{Origin: origin, Public: logKey(t, 1).Public()}
	var leaves [][]byte
	for n := range 120 { // 600 entries, over two borders of tiles
		first, err := l.Append(ctx, run(n)...)
		require.NoError(t, err)
		require.EqualValues(t, 5*n, first)
		records, err := l.Lease(number("lease", n))
		require.NoError(t, err)
		require.Len(t, records, 5)
		for i, r := range records {
			require.EqualValues(t, 5*n+i, r.Index)
			leaves = append(leaves, r.Leaf)
			if i > 0 {
				require.Equal(t, r.Index, r.Entry.Previous)
			}
		}
		if n%7 != 0 && n != 119 {
			continue
		}
		signed, err := l.Checkpoint(ctx)
		require.NoError(t, err)
		again, err := l.Checkpoint(ctx)
		require.NoError(t, err)
		require.Equal(t, signed, again, "nothing new, nothing signed")
		last := Checkpoint{}
		if watch.Last != nil {
			last, err = OpenCheckpoint(watch.Last, origin, watch.Public)
			require.NoError(t, err)
		}
		proof, err := l.ProveConsistency(last.Size)
		require.NoError(t, err)
		c, err := watch.Advance(signed, proof)
		require.NoError(t, err)
		require.EqualValues(t, len(leaves), c.Size)
		require.Equal(t, tlog.Hash(naiveRoot(leaves)), c.Root)
	}
	for _, index := range []uint64{0, 1, 255, 256, 257, 511, 512, 598, 599} {
		p, err := l.Prove(index)
		require.NoError(t, err)
		text, err := p.MarshalText()
		require.NoError(t, err)
		back, err := ParseInclusion(text)
		require.NoError(t, err)
		e, c, err := back.Verify(origin, logKey(t, 1).Public())
		require.NoError(t, err)
		require.EqualValues(t, 600, c.Size)
		require.Equal(t, number("lease", int(index)/5), e.LeaseID)
		for _, change := range []func(*Inclusion){
			func(p *Inclusion) { p.Index ^= 1 },
			func(p *Inclusion) { p.Index = 600 },
			func(p *Inclusion) { p.Leaf = slices.Concat(p.Leaf, []byte{0}) },
			func(p *Inclusion) { p.Path = p.Path[1:] },
			func(p *Inclusion) { p.Path = slices.Concat(p.Path, p.Path[:1]) },
			func(p *Inclusion) { p.Path = slices.Clone(p.Path); p.Path[0][0] ^= 1 },
		} {
			bad := *back
			change(&bad)
			_, _, err := bad.Verify(origin, logKey(t, 1).Public())
			require.ErrorIs(t, err, ErrInclusion)
		}
		_, _, err = back.Verify(origin, logKey(t, 2).Public())
		require.ErrorIs(t, err, ErrInclusion, "another log's key")
	}
	_, err = l.Prove(600)
	require.ErrorIs(t, err, ErrInclusion)
	r, err := l.Verify()
	require.NoError(t, err)
	require.Equal(t, 120, r.Leases)
	require.Equal(t, 120, r.Bodies)
	require.Empty(t, r.Findings)
	require.NoDirExists(t, filepath.Join(l.Dir(), "tile/0/000.p"), "partial tiles go when the full one is there")
	require.DirExists(t, filepath.Join(l.Dir(), "tile/0/002.p"))

	reader, err := OpenReader(l.Dir(), origin, logKey(t, 1).Public())
	require.NoError(t, err)
	defer reader.Close()
	_, err = reader.Verify()
	require.NoError(t, err)
	_, err = reader.Append(ctx, run(0)...)
	require.ErrorIs(t, err, ErrLog)
}

// TestGolden pins every byte of a small log: tiles, bundles, checkpoint, pending
// record, lease index.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir)
	_, err := l.Append(ctx, run(0)...)
	require.NoError(t, err)
	_, err = l.Append(ctx, Draft{Entry: Entry{Kind: SBOM, TimeMS: 5}, Body: []byte("{}")})
	require.NoError(t, err)
	_, err = l.Checkpoint(ctx)
	require.NoError(t, err)
	p, err := l.Prove(4)
	require.NoError(t, err)
	text, err := p.MarshalText()
	require.NoError(t, err)
	_, err = l.Append(ctx, run(1)[:2]...)
	require.NoError(t, err)
	var got strings.Builder
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if name == checkpointName {
			fmt.Fprintf(&got, "%s\n%s", name, b)
		} else {
			fmt.Fprintf(&got, "%s %x\n", name, b)
		}
		return err
	}))
	fmt.Fprintf(&got, "\n%s", text)
	golden := "testdata/log.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// TestTilePaths holds the layout against the examples of C2SP tlog-tiles.
func TestTilePaths(t *testing.T) {
	require.Equal(t, "tile/3/x001/x234/067", tilePath(tlog.Tile{H: 8, L: 3, N: 1234067, W: 256}))
	require.Equal(t, "tile/entries/x001/x234/067.p/5", bundlePath(1234067, 5))
	count := map[string]int{}
	for _, tile := range tlog.NewTiles(tileHeight, 0, 70_000) {
		count[fmt.Sprintf("%d/%d", tile.L, tile.W)]++
	}
	require.Equal(t, map[string]int{"0/256": 273, "0/112": 1, "1/256": 1, "1/17": 1, "2/1": 1}, count)
	require.Equal(t, tlog.Hash(sha256.Sum256(nil)), emptyRoot)
}

// TestManyWriters lets several handles write at once: no entry is lost, no index
// given twice.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]bool{}
	for w := range 4 {
		l := openLog(t, dir)
		wg.Go(func() {
			for i := range 30 {
				first, err := l.Append(ctx, run(100*w+i)...)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[first] {
					t.Errorf("index %d twice", first)
				}
				seen[first] = true
				mu.Unlock()
				if i%5 == w {
					if _, err := l.Checkpoint(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	l := openLog(t, dir)
	_, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	r, err := l.Verify()
	require.NoError(t, err)
	require.EqualValues(t, 600, r.Checkpoint.Size)
	require.Equal(t, 120, r.Leases)
	require.Empty(t, r.Findings)
}

func TestAppendRefuses(t *testing.T) {
	l := openLog(t, t.TempDir())
	for name, drafts := range map[string][]Draft{
		"none":         nil,
		"too many":     slices.Repeat(run(0), 13),
		"unknown kind": {{Entry: Entry{Kind: "x"}}},
		"long body":    {{Entry: Entry{Kind: Policy}, Body: make([]byte, maxBody+1)}},
	} {
		_, err := l.Append(ctx, drafts...)
		require.ErrorIs(t, err, ErrEntry, name)
	}
	dead, cancel := context.WithCancel(ctx)
	cancel()
	_, err := l.Append(dead, run(0)...)
	require.ErrorIs(t, err, context.Canceled)
	_, _, pending, err := l.Head()
	require.NoError(t, err)
	require.Zero(t, pending, "all or none")

	_, err = Open(t.TempDir(), origin, mustKey(t, keys.Operational))
	require.ErrorIs(t, err, keys.ErrRole, "another role's key")
	_, err = Open(t.TempDir(), "two words", logKey(t, 1))
	require.ErrorIs(t, err, ErrCheckpoint)
}

func mustKey(t *testing.T, role keys.Role) *keys.Ed25519Key {
	k, err := keys.NewEd25519(role, [keys.SeedSize]byte{7})
	require.NoError(t, err)
	return k
}

func TestFindings(t *testing.T) {
	l := openLog(t, t.TempDir())
	a, b, c := run(0), run(1), run(2)
	twice := a[2]
	twice.Exec = number("X", 99)
	_, err := l.Append(ctx, slices.Concat(a, []Draft{twice})...) // two X
	require.NoError(t, err)
	other := b[3]
	other.Result = number("R", 98)
	_, err = l.Append(ctx, slices.Concat(b, []Draft{other})...) // two R
	require.NoError(t, err)
	_, err = l.Append(ctx, c[4]) // a proof out of the blue
	require.NoError(t, err)
	_, err = l.Append(ctx, slices.Concat(run(3), run(3))...) // the same once more says nothing
	require.NoError(t, err)
	r, err := l.Verify()
	require.NoError(t, err)
	got := map[string][]uint64{}
	for _, f := range r.Findings {
		got[f.Kind] = f.Indexes
	}
	require.Equal(t, map[string][]uint64{TwoExecutions: {2, 5}, TwoResults: {9, 11}, Unannounced: {12}}, got)
}

func TestPrunedBodies(t *testing.T) {
	l := openLog(t, t.TempDir())
	_, err := l.Append(ctx, run(0)...)
	require.NoError(t, err)
	body := []byte(`{"lease":0}`)
	got, err := l.Body(digest.Sum(body))
	require.NoError(t, err)
	require.Equal(t, body, got)
	require.NoError(t, os.Remove(filepath.Join(l.Dir(), bodyPath(digest.Sum(body)))))
	r, err := l.Verify()
	require.NoError(t, err)
	require.Equal(t, 1, r.Pruned)
	_, err = l.Body(digest.Sum(body))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestTamper flips a byte of every file of a log, and cuts and removes each: the
// log must refuse to open, or Verify must.
func TestTamper(t *testing.T) {
	pristine := t.TempDir()
	l := openLog(t, pristine)
	for n := range 60 {
		_, err := l.Append(ctx, run(n)...)
		require.NoError(t, err)
	}
	_, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	_, err = l.Append(ctx, run(60)...)
	require.NoError(t, err)
	_, err = l.Append(ctx, run(61)...)
	require.NoError(t, err)
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(pristine), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name != lockName {
			names = append(names, name)
		}
		return err
	}))
	require.Greater(t, len(names), 60)
	_, err = l.Verify()
	require.NoError(t, err)
	for _, name := range names {
		whole, err := os.ReadFile(filepath.Join(pristine, name))
		require.NoError(t, err)
		for what, change := range map[string]func() []byte{
			"first byte":  func() []byte { b := slices.Clone(whole); b[0] ^= 1; return b },
			"middle byte": func() []byte { b := slices.Clone(whole); b[len(b)/2] ^= 0x10; return b },
			"cut":         func() []byte { return whole[:len(whole)-1] },
			"removed":     func() []byte { return nil },
		} {
			if strings.HasPrefix(name, "bodies/") && what == "removed" || name == pendingName && what == "cut" {
				continue // pruning; a crash
			}
			if name == pendingName && what == "removed" {
				continue // entries that no checkpoint covers
			}
			path := filepath.Join(pristine, name)
			if b := change(); b == nil {
				require.NoError(t, os.Remove(path))
			} else {
				require.NoError(t, os.WriteFile(path, b, 0o600))
			}
			_, err := l.Verify()
			require.True(t, errors.Is(err, ErrLog) || errors.Is(err, ErrFork), "%s, %s: %v", name, what, err)
			require.NoError(t, os.WriteFile(path, whole, 0o600))
		}
	}
}

// TestTreeBitFlips flips every byte of the tree's files.
func TestTreeBitFlips(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir)
	_, err := l.Append(ctx, run(0)[:2]...)
	require.NoError(t, err)
	_, err = l.Checkpoint(ctx)
	require.NoError(t, err)
	for _, name := range []string{"tile/0/000.p/2", "tile/entries/000.p/2", checkpointName, signedName, "lease/" + number("lease", 0).String()[:2]} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for i := range whole {
			b := slices.Clone(whole)
			b[i] ^= 1
			require.NoError(t, os.WriteFile(path, b, 0o600))
			_, err := l.Verify()
			require.True(t, errors.Is(err, ErrLog) || errors.Is(err, ErrFork), "%s byte %d: %v", name, i, err)
		}
		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
	_, err = l.Verify()
	require.NoError(t, err)
}

func BenchmarkAppend(b *testing.B) {
	l := openLog(b, b.TempDir())
	for n := 0; b.Loop(); n++ {
		var seed [8]byte
		binary.BigEndian.PutUint64(seed[:], uint64(n))
		if _, err := l.Append(ctx, Draft{Entry: Entry{Kind: Policy, Payload: digest.Sum(seed[:])}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun is what one job costs: three appends, and a checkpoint with the proof.
func BenchmarkRun(b *testing.B) {
	l := openLog(b, b.TempDir())
	for n := 0; b.Loop(); n++ {
		d := run(n)
		for _, part := range [][]Draft{d[:2], d[2:3], d[3:4]} {
			if _, err := l.Append(ctx, part...); err != nil {
				b.Fatal(err)
			}
		}
		if _, _, err := l.Seal(ctx, d[4]); err != nil {
			b.Fatal(err)
		}
	}
}
