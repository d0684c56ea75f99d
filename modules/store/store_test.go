package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

func TestPutGet(t *testing.T) {
	s := open(t)
	d, err := s.Put([]byte("bytes"))
	require.NoError(t, err)
	require.Equal(t, digest.Sum([]byte("bytes")), d)
	b, err := s.Get(d, 5)
	require.NoError(t, err)
	require.Equal(t, "bytes", string(b))
	_, err = s.Get(d, 4)
	require.ErrorIs(t, err, store.ErrLimit)
	_, err = s.Get(digest.Digest{1}, 5)
	require.ErrorIs(t, err, store.ErrNotFound)

	path := filepath.Join(s.Dir(), "blobs", "sha3", d.String())
	require.NoError(t, os.WriteFile(path, []byte("other"), 0o600))
	_, err = s.Get(d, 5)
	require.ErrorIs(t, err, store.ErrHash)
	_, err = s.Put([]byte("bytes"))
	require.NoError(t, err, "putting again repairs")
	b, err = s.Get(d, 5)
	require.NoError(t, err)
	require.Equal(t, "bytes", string(b))
	left, err := filepath.Glob(filepath.Join(s.Dir(), "blobs", "sha3", ".new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestSwapOnDisk: the file is replaced after it was hashed; what was hashed is
// what is admitted.
func TestSwapOnDisk(t *testing.T) {
	w := newWorld(t)
	s := published(t, w, w.root, w.one)
	c, err := s.Chain(w.mark())
	require.NoError(t, err)
	d := digest.Sum(w.wasm[0])
	b, err := s.Get(d, trust.MaxModule)
	require.NoError(t, err)
	a, err := c.Admit(b, 20, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "blobs", "sha3", d.String()), w.wasm[1], 0o600))
	require.Equal(t, w.wasm[0], a.Bytes())
	_, err = s.Get(d, trust.MaxModule)
	require.ErrorIs(t, err, store.ErrHash)
}

func TestPull(t *testing.T) {
	w := newWorld(t)
	from := published(t, w, w.two, w.one, w.root)
	s := open(t)
	c, records, err := s.Pull(t.Context(), from, w.mark(), 60, nil)
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, "2", records[0].Version)
	m := c.Mark()
	require.Equal(t, w.two.Digest(), m.Head)
	b, err := s.Get(records[0].SHA3, trust.MaxModule)
	require.NoError(t, err)
	require.Equal(t, w.wasm[1], b)
	_, err = s.Get(digest.Sum(w.wasm[0]), trust.MaxModule)
	require.ErrorIs(t, err, store.ErrNotFound, "of epoch 1 only")

	// Another node, step by step: equal.
	other := open(t)
	c1, _, err := other.Pull(t.Context(), published(t, w, w.root, w.one), w.mark(), 20, nil)
	require.NoError(t, err)
	c2, _, err := other.Pull(t.Context(), from, c1.Mark(), 60, nil)
	require.NoError(t, err)
	require.Equal(t, m, c2.Mark())
	again, err := other.Chain(m)
	require.NoError(t, err)
	require.Equal(t, m, again.Mark())

	for name, x := range map[string]struct {
		from   store.Transport
		mark   trust.Mark
		height uint64
		want   error
	}{
		"older":       {published(t, w, w.root, w.one), m, 60, trust.ErrRollback},
		"expired":     {from, m, 200, trust.ErrExpired},
		"early":       {from, m, 9, trust.ErrNotActive},
		"no root":     {published(t, w, w.one), m, 60, store.ErrNotFound},
		"gap":         {published(t, w, w.root, w.two), w.mark(), 60, trust.ErrGap},
		"empty":       {open(t), m, 60, store.ErrNotFound},
		"another pin": {from, trust.Mark{Pin: digest.Digest{1}}, 60, store.ErrNotFound},
	} {
		fresh := open(t)
		_, _, err := fresh.Pull(t.Context(), x.from, x.mark, x.height, nil)
		require.ErrorIs(t, err, x.want, name)
		docs, err := fresh.Load()
		require.NoError(t, err)
		require.Empty(t, docs, "%s: nothing is kept", name)
	}
	_, records, err = s.Pull(t.Context(), from, m, 60, &trust.Policy{Remove: []digest.Digest{digest.Sum(w.wasm[1])}})
	require.NoError(t, err)
	require.Empty(t, records)
}

func TestPublication(t *testing.T) {
	w := newWorld(t)
	from := published(t, w, w.root, w.one, w.two)
	p, err := from.Publication()
	require.NoError(t, err)
	require.Equal(t, w.publication(t, w.root, w.one, w.two), p)
	require.NoError(t, from.Add(w.one, w.root), "again")
	docs, err := from.Load()
	require.NoError(t, err)
	require.Len(t, docs, 3)
}

func TestAccept(t *testing.T) {
	w := newWorld(t)
	s := open(t)
	_, err := s.Accept(w.mark(), w.one)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Accept(w.mark(), w.root, w.two)
	require.ErrorIs(t, err, trust.ErrGap)
	docs, err := s.Load()
	require.NoError(t, err)
	require.Empty(t, docs)
	c, err := s.Accept(w.mark(), w.two, w.root, w.one)
	require.NoError(t, err)
	require.Equal(t, uint64(2), c.Epoch())
}

func TestIndexLimits(t *testing.T) {
	line := `"` + strings.Repeat("0", 64) + `"`
	list := func(n int) []byte {
		return []byte(`{"format":"animica-index/1","documents":[` + strings.TrimSuffix(strings.Repeat(line+",", n), ",") + `]}`)
	}
	got, err := store.ParseIndex(list(store.MaxDocuments))
	require.NoError(t, err)
	require.Len(t, got, store.MaxDocuments)
	for _, bad := range [][]byte{list(store.MaxDocuments + 1), nil, []byte("{}"), []byte(`{"format":"animica-index/2","documents":[]}`), []byte(`{"format":"animica-index/1","documents":["x"]}`), make([]byte, 2<<20)} {
		_, err := store.ParseIndex(bad)
		require.ErrorIs(t, err, store.ErrIndex)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"format":"animica-index/1","documents":["` + strings.Repeat("0", 64) + `"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := store.ParseIndex(b)
		if err != nil {
			require.ErrorIs(t, err, store.ErrIndex)
			return
		}
		require.LessOrEqual(t, len(got), store.MaxDocuments)
	})
}
