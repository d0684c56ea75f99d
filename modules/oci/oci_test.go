package oci_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/oci"
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

// registry is as much of the distribution specification as a push and a pull
// need, in memory.
type registry struct {
	mu        sync.Mutex
	blobs     map[string][]byte // by digest
	manifests map[string][]byte // by tag or digest
	lie       bool              // blobs have a byte changed
}

func (g *registry) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v2/gov/modules/")
	kind, name, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256(body)
	sha := "sha256:" + hex.EncodeToString(sum[:])
	switch {
	case r.Method == http.MethodPost:
		rw.Header().Set("Location", "/v2/gov/modules/blobs/upload")
		rw.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && kind == "blobs":
		if r.URL.Query().Get("digest") != sha {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		g.blobs[sha] = body
		rw.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut && kind == "manifests":
		g.manifests[name], g.manifests[sha] = body, body
		rw.Header().Set("Docker-Content-Digest", sha)
		rw.WriteHeader(http.StatusCreated)
	default:
		b, ok := g.blobs[name]
		if kind == "manifests" {
			b, ok = g.manifests[name]
			rw.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		} else if ok && g.lie {
			b = append([]byte{b[0] ^ 1}, b[1:]...)
		}
		if !ok {
			rw.Header().Del("Content-Type")
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		sum := sha256.Sum256(b)
		if kind == "manifests" {
			rw.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
		}
		rw.Header().Set("Content-Length", fmt.Sprint(len(b)))
		if r.Method == http.MethodGet {
			_, _ = rw.Write(b) // a reader that hung up is its own matter
		}
	}
}

func TestInMemory(t *testing.T) {
	srv := httptest.NewServer(&registry{blobs: map[string][]byte{}, manifests: map[string][]byte{}})
	defer srv.Close()
	exercise(t, strings.TrimPrefix(srv.URL, "http://"))
}

func TestLyingRegistry(t *testing.T) {
	g := &registry{blobs: map[string][]byte{}, manifests: map[string][]byte{}}
	srv := httptest.NewServer(g)
	defer srv.Close()
	w := newWorld(t)
	r, err := oci.New(strings.TrimPrefix(srv.URL, "http://")+"/gov/modules:main", http.DefaultClient, true)
	require.NoError(t, err)
	require.NoError(t, r.Publish(t.Context(), w.publication(t, w.root, w.one)))
	g.mu.Lock()
	g.lie = true
	g.mu.Unlock()
	_, _, err = open(t).Pull(t.Context(), r, w.mark(), 20, nil)
	require.ErrorIs(t, err, store.ErrHash)
	g.mu.Lock()
	g.manifests["main"] = []byte(`{"schemaVersion":2,"layers":[{"mediaType":"application/x","size":1,"digest":"sha256:00"}]}`)
	g.mu.Unlock()
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
