package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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

// TestPartialDownload: a server that hangs up in the middle, or delivers less than
// it announced, leaves nothing of the set in the store.
func TestPartialDownload(t *testing.T) {
	w := newWorld(t)
	from := published(t, w, w.root, w.one)
	files := http.FileServer(http.Dir(from.Dir()))
	wasm := "/blobs/sha3/" + digest.Sum(w.wasm[0]).String()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != wasm {
			files.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Length", "5")
		_, _ = rw.Write(w.wasm[0][:2]) // and hang up
	}))
	defer srv.Close()
	h, err := store.NewHTTPS(srv.URL, srv.Client())
	require.NoError(t, err)
	s := open(t)
	_, _, err = s.Pull(t.Context(), h, w.mark(), 20, nil)
	require.ErrorIs(t, err, store.ErrTransport)
	_, err = s.Get(digest.Sum(w.wasm[0]), 100)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Chain(w.mark())
	require.ErrorIs(t, err, store.ErrNotFound)
}

// TestDiskFull: where the store cannot be written, nothing is taken for stored,
// and what was there stays.
func TestDiskFull(t *testing.T) {
	w := newWorld(t)
	s := published(t, w, w.root, w.one)
	before, err := s.Chain(w.mark())
	require.NoError(t, err)
	dir := filepath.Join(s.Dir(), "blobs", "sha3")
	require.NoError(t, os.Rename(dir, dir+".away"))
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // no file can be made below it
	_, _, err = s.Pull(t.Context(), published(t, w, w.root, w.one, w.two), before.Mark(), 60, nil)
	require.Error(t, err)
	_, err = s.Put([]byte("more"))
	require.Error(t, err)
	require.NoError(t, os.Remove(dir))
	require.NoError(t, os.Rename(dir+".away", dir))
	after, err := s.Chain(w.mark())
	require.NoError(t, err)
	require.Equal(t, before.Mark(), after.Mark())
}

// FuzzTransport: whatever a server answers, a pull ends with an error or with the
// chain that the documents make, and the store holds nothing else.
func FuzzTransport(f *testing.F) {
	w := newWorld(f)
	doc, err := json.Marshal(w.one)
	require.NoError(f, err)
	f.Add([]byte(`{"format":"animica-index/1","documents":["`+digest.Sum(doc).String()+`"]}`), doc, 200, "")
	f.Add([]byte("{}"), []byte("x"), 404, "")
	f.Add([]byte{0}, []byte{}, 302, "/elsewhere")
	f.Fuzz(func(t *testing.T, index, blob []byte, status int, location string) {
		srv := answering(func(r *http.Request) *http.Response {
			body := blob
			if strings.HasSuffix(r.URL.Path, "/index.json") {
				body = index
			}
			h := http.Header{}
			if location != "" {
				h.Set("Location", location)
			}
			return &http.Response{StatusCode: status, Status: "fuzz", Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1, Request: r}
		})
		h, err := store.NewHTTPS("https://mirror.example/x", &http.Client{Transport: srv})
		require.NoError(t, err)
		s := open(t)
		if _, _, err := s.Pull(t.Context(), h, w.mark(), 20, nil); err == nil {
			t.Fatal("a set without its root and modules was accepted")
		}
		docs, err := s.Documents(t.Context())
		require.NoError(t, err)
		require.Empty(t, docs)
	})
}

// answering is a server that needs no network.
type answering func(*http.Request) *http.Response

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }
