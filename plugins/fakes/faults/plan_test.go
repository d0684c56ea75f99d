package faults

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlan(t *testing.T) {
	list, err := Parse("429*2,post:500,lost-reply")
	require.NoError(t, err)
	require.Equal(t, []Fault{{Kind: "429", N: 2}, {Kind: "500", Post: true, N: 1}, {Kind: "lost-reply", Post: true, N: 1}}, list)
	for _, bad := range []string{"418", "429*0", "429*x", ",", "post:"} {
		_, err := Parse(bad)
		require.Error(t, err, bad)
	}
	var p Plan
	require.Empty(t, p.take(true), "nothing is planned")
	p.Set(list)
	for _, want := range []string{"429", "429", ""} {
		require.Equal(t, want, p.take(false))
	}
	for _, want := range []string{"500", LostReply, ""} {
		require.Equal(t, want, p.take(true))
	}
}

// TestMeet: what a caller over the network sees of each fault.
func TestMeet(t *testing.T) {
	var p Plan
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, left, done := p.Meet(w, r, true, 0, func(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) })
		if left == LostReply {
			panic(http.ErrAbortHandler)
		}
		if !done {
			_, _ = io.WriteString(w, "0123456789"+left)
		}
	}))
	defer web.Close()
	p.Set([]Fault{{"429", true, 1}, {"503", true, 1}, {"slow", true, 1}, {"stale-auth", true, 1}, {"cut", true, 1}, {"lost-reply", true, 1}})
	for _, want := range []string{"slow down\n", "planned\n", "0123456789slow", "0123456789stale-auth"} {
		resp, err := http.Get(web.URL)
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, string(b))
	}
	resp, err := http.Get(web.URL)
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "01234", string(b))
	_, err = http.Get(web.URL)
	require.ErrorIs(t, err, io.EOF)
}
