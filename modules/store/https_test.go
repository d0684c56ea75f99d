package store_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

func TestHTTPS(t *testing.T) {
	w := newWorld(t)
	from := published(t, w, w.root, w.one, w.two)
	files := http.FileServer(http.Dir(from.Dir()))
	plain := httptest.NewServer(files)
	defer plain.Close()
	secure := httptest.NewTLSServer(files)
	defer secure.Close()
	var marks []trust.Mark
	for _, srv := range []*httptest.Server{plain, secure} {
		h, err := store.NewHTTPS(srv.URL, srv.Client())
		require.NoError(t, err)
		c, _, err := open(t).Pull(t.Context(), h, w.mark(), 60, nil)
		require.NoError(t, err)
		marks = append(marks, c.Mark())
		_, err = h.Blob(t.Context(), digest.Sum(w.wasm[0]), 4)
		require.ErrorIs(t, err, store.ErrLimit)
		_, err = h.Blob(t.Context(), digest.Digest{}, 4)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	require.Equal(t, marks[0], marks[1])
	h, err := store.NewHTTPS(secure.URL, http.DefaultClient)
	require.NoError(t, err)
	_, err = h.Documents(t.Context())
	require.ErrorIs(t, err, store.ErrTransport, "unknown certificate")
	for _, bad := range []string{"http://example.org/x", "ftp://localhost/", "https://", "file:///etc", "https://a:b@example.org", "http://127.0.0.1.example.org"} {
		_, err := store.NewHTTPS(bad, http.DefaultClient)
		require.ErrorIs(t, err, store.ErrTransport, bad)
	}

	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/down/"):
			http.Redirect(rw, r, "http://example.org/", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/loop/"):
			http.Redirect(rw, r, r.URL.Path, http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/long/"):
			for range 64 {
				_, _ = rw.Write(make([]byte, 64<<10)) // the reader hangs up
			}
		default:
			rw.WriteHeader(http.StatusTeapot)
		}
	}))
	defer hostile.Close()
	for path, want := range map[string]error{"/down": store.ErrTransport, "/loop": store.ErrTransport, "/long": store.ErrLimit, "/": store.ErrTransport} {
		h, err := store.NewHTTPS(hostile.URL+path, hostile.Client())
		require.NoError(t, err)
		_, err = h.Documents(t.Context())
		require.ErrorIs(t, err, want, path)
	}
}
