package rest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/driver"
)

// service answers by f and counts.
func service(t *testing.T, f http.HandlerFunc) (*Client, *atomic.Int32) {
	var n atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		f(w, r)
	}))
	t.Cleanup(web.Close)
	return &Client{Base: web.URL, Scheme: "Bearer", Secret: "s3cret", Agent: "test", Timeout: 10 * time.Second, Limit: 1 << 10,
		Refusal: func(_ int, b []byte) *driver.Error {
			return &driver.Error{Code: driver.ProgramInvalid, VendorMessage: string(b)}
		}}, &n
}

func TestSecretTravelsAndStays(t *testing.T) {
	c, _ := service(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "not good: "+r.Header.Get("Authorization"))
	})
	_, err := c.GetRaw(t.Context(), "/x")
	require.ErrorContains(t, err, "not good: Bearer [secret]")
	require.NotContains(t, err.Error(), c.Secret)
}

// TestPostLeavesOnce: whatever happens to it, and also where a redirect asks for
// more.
func TestPostLeavesOnce(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		},
	} {
		c, n := service(t, f)
		for range 3 { // the second goes over a connection that was used before
			before := n.Load()
			_, _ = c.Send(t.Context(), http.MethodPost, "/jobs", []byte("{}"))
			require.Equal(t, before+1, n.Load(), name)
		}
	}
}

func TestNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &Client{Base: "http://" + l.Addr().String(), Timeout: time.Minute}
	require.NoError(t, l.Close())
	_, err = c.Send(t.Context(), http.MethodPost, "/", []byte("{}"))
	require.ErrorIs(t, err, ErrNotSent)
	_, err = c.Send(t.Context(), "bad method", "/", nil)
	require.ErrorIs(t, err, ErrNotSent)
}

// TestGetIsTriedAgain, four times at most, and only where it may help.
func TestGetIsTriedAgain(t *testing.T) {
	left := 3
	c, n := service(t, func(w http.ResponseWriter, _ *http.Request) {
		if left--; left >= 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	var v struct{ A int }
	require.NoError(t, c.Get(t.Context(), "/", &v))
	require.Equal(t, 1, v.A)
	require.EqualValues(t, 4, n.Load())
	left = 4
	require.ErrorIs(t, c.Get(t.Context(), "/", &v), &driver.Error{Code: driver.ProgramInvalid})
	require.EqualValues(t, 8, n.Load())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Get(ctx, "/", &v), context.Canceled)
}

func TestAnswersAreBounded(t *testing.T) {
	c, n := service(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat(" ", 1025)) })
	_, err := c.Send(t.Context(), http.MethodGet, "/", nil)
	require.ErrorContains(t, err, "more than 1024 bytes")
	n.Store(0)
	var e *driver.Error
	_, err = c.GetRaw(t.Context(), "/")
	require.True(t, errors.As(err, &e) && e.Code == driver.VendorDown)
}

func TestChecks(t *testing.T) {
	for _, good := range []string{"https://api.example.org/v1", "http://127.0.0.1:80", "http://[::1]:1", "http://localhost"} {
		require.NoError(t, CheckBase(good, ""), good)
	}
	for _, bad := range []string{"", "example.org", "http://example.org", "ftp://localhost", "https://u:p@example.org", "https://example.org?x=1", "https://example.org#x"} {
		require.ErrorIs(t, CheckBase(bad, "x"), &driver.Error{Code: driver.ConfigInvalid}, bad)
	}
	for _, bad := range []string{"", "a b", "a\n", "é", strings.Repeat("x", 4097)} {
		require.Error(t, CheckSecret("k", bad))
	}
	for s, want := range map[string]bool{"a.b_c:d-9": true, "": false, "..": false, "a/b": false, strings.Repeat("x", 65): false} {
		require.Equal(t, want, Segment(s), s)
	}
	require.Error(t, Decode([]byte("1 2"), new(int)))
	require.Equal(t, "a\uFFFD", Cut("a\u00e9", 2))
}
