package store_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

// swapped is a transport that delivers other bytes for some hashes.
type swapped struct {
	store.Transport
	with map[digest.Digest][]byte
}

func (s swapped) Blob(ctx context.Context, d digest.Digest, max int64) ([]byte, error) {
	if b, ok := s.with[d]; ok {
		return b, nil
	}
	return s.Transport.Blob(ctx, d, max)
}

func TestLyingTransport(t *testing.T) {
	w := newWorld(t)
	from := published(t, w, w.root, w.one)
	docs, err := from.Documents(t.Context())
	require.NoError(t, err)
	for _, d := range append(docs, digest.Sum(w.wasm[0]), digest.Sum(w.vectors)) {
		s := open(t)
		_, _, err := s.Pull(t.Context(), swapped{from, map[digest.Digest][]byte{d: []byte("lie")}}, w.mark(), 20, nil)
		require.ErrorIs(t, err, store.ErrHash)
		_, err = s.Chain(w.mark())
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	_, _, err = open(t).Pull(t.Context(), swapped{from, map[digest.Digest][]byte{digest.Sum(w.wasm[0]): make([]byte, 6)}}, w.mark(), 20, nil)
	require.ErrorIs(t, err, store.ErrLimit)
}

// TestPoisonedCopies: copies of good documents with bad signatures, offered where
// the good one comes too, do not reach the store.
func TestPoisonedCopies(t *testing.T) {
	w := newWorld(t)
	bad := func(d *trust.Signed) *trust.Signed {
		s := d.Signatures[0]
		s.Sig = append([]byte{s.Sig[0] ^ 1}, s.Sig[1:]...)
		return &trust.Signed{Frame: d.Frame, Signatures: []trust.Signature{s}}
	}
	for name, docs := range map[string][]*trust.Signed{
		"before": {w.root, bad(w.two), w.one, w.two}, "after": {w.root, w.one, w.two, bad(w.two), bad(w.one)}, "root": {w.root, w.one, w.two, bad(w.root)},
	} {
		from := listing{docs: docs, Transport: published(t, w)}
		s := open(t)
		c, _, err := s.Pull(t.Context(), from, w.mark(), 60, nil)
		require.NoError(t, err, name)
		again, err := s.Chain(c.Mark())
		require.NoError(t, err, name)
		require.Equal(t, c.Mark(), again.Mark(), name)
		_, _, err = s.Pull(t.Context(), from, c.Mark(), 60, nil)
		require.NoError(t, err, name)
		_, err = s.Accept(c.Mark(), bad(w.one), bad(w.root))
		require.NoError(t, err, name)
		_, err = s.Chain(c.Mark())
		require.NoError(t, err, name)
	}
	for name, docs := range map[string][]*trust.Signed{"set": {w.root, w.one, bad(w.two)}, "root": {bad(w.root), w.one, w.two}} {
		_, _, err := open(t).Pull(t.Context(), listing{docs: docs, Transport: published(t, w)}, w.mark(), 60, nil)
		require.ErrorIs(t, err, trust.ErrSignature, name)
	}
}

// listing is a transport with documents of its own.
type listing struct {
	store.Transport
	docs []*trust.Signed
}

func (l listing) raw() map[digest.Digest][]byte {
	out := map[digest.Digest][]byte{}
	for _, d := range l.docs {
		if b, err := json.Marshal(d); err == nil {
			out[digest.Sum(b)] = b
		}
	}
	return out
}

func (l listing) Documents(context.Context) ([]digest.Digest, error) {
	var out []digest.Digest
	for _, d := range l.docs {
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		out = append(out, digest.Sum(b))
	}
	return out, nil
}

func (l listing) Blob(ctx context.Context, d digest.Digest, max int64) ([]byte, error) {
	if b, ok := l.raw()[d]; ok {
		return b, nil
	}
	return l.Transport.Blob(ctx, d, max)
}
