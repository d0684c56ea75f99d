package oci_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/oci"
	"github.com/animicaorg/engine/modules/oci/ocitest"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

// exercise publishes to an empty registry and pulls from it.
func exercise(t *testing.T, addr string) {
	w := newWorld(t)
	r, err := oci.New(addr+"/gov/modules:main", http.DefaultClient, true)
	require.NoError(t, err)
	_, err = r.Documents(t.Context())
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, r.Publish(t.Context(), w.publication(t, w.root, w.one)))
	s := open(t)
	c, records, err := s.Pull(t.Context(), r, w.mark(), 20, nil)
	require.NoError(t, err)
	require.Equal(t, "1", records[0].Version)
	require.NoError(t, r.Publish(t.Context(), w.publication(t, w.two, w.root, w.one)), "the tag moves")
	c, records, err = s.Pull(t.Context(), r, c.Mark(), 60, nil)
	require.NoError(t, err)
	require.Equal(t, "2", records[0].Version)
	require.Equal(t, w.two.Digest(), c.Head())
	b, err := s.Get(digest.Sum(w.wasm[1]), trust.MaxModule)
	require.NoError(t, err)
	require.Equal(t, w.wasm[1], b)
	_, err = r.Blob(t.Context(), digest.Sum(w.wasm[1]), 5)
	require.ErrorIs(t, err, store.ErrLimit)
	_, err = r.Blob(t.Context(), digest.Digest{1}, 5)
	require.ErrorIs(t, err, store.ErrNotFound)
	// A registry that goes back is noticed by the mark.
	require.NoError(t, r.Publish(t.Context(), w.publication(t, w.root, w.one)))
	_, _, err = s.Pull(t.Context(), r, c.Mark(), 60, nil)
	require.ErrorIs(t, err, trust.ErrRollback)
}

func TestInMemory(t *testing.T) {
	srv := httptest.NewServer(ocitest.New("gov/modules"))
	defer srv.Close()
	exercise(t, strings.TrimPrefix(srv.URL, "http://"))
}

func TestLyingRegistry(t *testing.T) {
	g := ocitest.New("gov/modules")
	srv := httptest.NewServer(g)
	defer srv.Close()
	w := newWorld(t)
	r, err := oci.New(strings.TrimPrefix(srv.URL, "http://")+"/gov/modules:main", http.DefaultClient, true)
	require.NoError(t, err)
	require.NoError(t, r.Publish(t.Context(), w.publication(t, w.root, w.one)))
	g.Lie()
	_, _, err = open(t).Pull(t.Context(), r, w.mark(), 20, nil)
	require.ErrorIs(t, err, store.ErrHash)
	g.Replace("main", []byte(`{"schemaVersion":2,"layers":[{"mediaType":"application/x","size":1,"digest":"sha256:00"}]}`))
	_, err = r.Documents(t.Context())
	require.ErrorIs(t, err, store.ErrIndex)
}

func TestReferences(t *testing.T) {
	for _, bad := range []string{"", "localhost", "localhost/name", "localhost/Name:x", "localhost/name@sha256:" + strings.Repeat("0", 64)} {
		_, err := oci.New(bad, http.DefaultClient, true)
		require.Error(t, err, bad)
	}
	r, err := oci.New("127.0.0.1:1/name:tag", http.DefaultClient, true)
	require.NoError(t, err)
	_, err = r.Documents(t.Context())
	require.ErrorIs(t, err, store.ErrTransport)
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":1,"digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`{"schemaVersion":2,"layers":[{"mediaType":"a","size":-1,"digest":"sha256:"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := oci.ParseManifest(b)
		if err != nil {
			return
		}
		for _, l := range m.Layers {
			require.GreaterOrEqual(t, l.Size, int64(0))
			require.NoError(t, l.Digest.Validate())
		}
	})
}

// FuzzRegistry: whatever a registry answers, documents and blobs end with an error
// or are what was asked for.
func FuzzRegistry(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"layers":[]}`), []byte("x"), "application/vnd.oci.image.manifest.v1+json", 200)
	f.Add([]byte(`{}`), []byte{}, "text/html", 404)
	f.Add([]byte(`{"schemaVersion":2,"layers":[{"mediaType":"application/wasm","size":1,"digest":"sha256:`+strings.Repeat("0", 64)+`"}]}`), []byte("x"), "application/vnd.oci.image.manifest.v1+json", 200)
	f.Fuzz(func(t *testing.T, manifest, blob []byte, media string, status int) {
		client := &http.Client{Transport: answering(func(r *http.Request) *http.Response {
			body := blob
			if strings.Contains(r.URL.Path, "/manifests/") {
				body = manifest
			}
			h := http.Header{"Content-Type": {media}}
			return &http.Response{StatusCode: status, Status: "fuzz", Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}
		})}
		r, err := oci.New("registry.example/gov/modules:main", client, false)
		require.NoError(t, err)
		docs, err := r.Documents(t.Context())
		require.True(t, err != nil || len(docs) <= 4*store.MaxDocuments)
		d := digest.Sum(blob)
		if b, err := store.Fetch(t.Context(), r, d, 1<<20); err == nil {
			require.Equal(t, d, digest.Sum(b))
		}
	})
}

// answering is a registry that needs no network.
type answering func(*http.Request) *http.Response

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }
