package tlogwitness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/tlogwitness"
)

var (
	ctx    = context.Background()
	origin = auditlog.Origin(digest.Sum([]byte("provider")))
)

func logKey(t testing.TB) *keys.Ed25519Key {
	k, err := keys.NewEd25519(keys.Log, [32]byte{1})
	require.NoError(t, err)
	return k
}

func openLog(t testing.TB) *auditlog.Log {
	l, err := auditlog.Open(t.TempDir(), origin, logKey(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// grow appends entries and signs them.
func grow(t testing.TB, l *auditlog.Log, label string, n int) []byte {
	var drafts []auditlog.Draft
	for i := range n {
		drafts = append(drafts, auditlog.Draft{Entry: auditlog.Entry{Kind: auditlog.SBOM, TimeMS: 1, Payload: digest.Sum(fmt.Appendf(nil, "%s %d", label, i))}})
	}
	for part := range slices.Chunk(drafts, 50) {
		_, err := l.Append(ctx, part...)
		require.NoError(t, err)
	}
	signed, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	return signed
}

// world is a witness with its clock.
type world struct {
	*tlogwitness.Server
	dir string
	url string
	now int64
}

func newWorld(t testing.TB, alg string) *world {
	k, err := keys.NewKey(alg, keys.Witness, bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	w, err := auditlog.NewWitness("witness.example/1", alg, k.Public())
	require.NoError(t, err)
	out := &world{dir: t.TempDir(), now: 1_800_000_000}
	out.Server = &tlogwitness.Server{Witness: w, Key: k, Logs: map[string][]byte{origin: logKey(t).Public()}, Memory: tlogwitness.Folder(out.dir), Now: func() time.Time { return time.Unix(out.now, 0) }}
	h := httptest.NewServer(out.Server)
	t.Cleanup(h.Close)
	out.url = h.URL + "/some/prefix"
	return out
}

func (w *world) client() *tlogwitness.Client {
	return &tlogwitness.Client{Witness: w.Witness, URL: w.url}
}

// TestCosign takes a log through growth, repetition and a witness that knows more than the
// client, with both suites.
func TestCosign(t *testing.T) {
	for _, alg := range []string{keys.Ed25519, keys.MLDSA44} {
		t.Run(alg, func(t *testing.T) {
			w, l := newWorld(t, alg), openLog(t)
			c := w.client()
			_, err := c.Cosign(ctx, l)
			require.ErrorIs(t, err, auditlog.ErrCheckpoint, "an empty log")
			grow(t, l, "a", 3)
			at, err := c.Cosign(ctx, l)
			require.NoError(t, err)
			require.EqualValues(t, w.now, at)
			w.now += 60
			again, err := c.Cosign(ctx, l)
			require.NoError(t, err)
			require.Equal(t, at, again, "it has the line, and asks nobody")
			grow(t, l, "b", 300)
			at, err = c.Cosign(ctx, l)
			require.NoError(t, err)
			require.EqualValues(t, w.now, at)
			grow(t, l, "c", 5)
			_, err = w.client().Cosign(ctx, l) // begins at 0, and is told 303
			require.NoError(t, err)
			_, signed, _, err := l.Head()
			require.NoError(t, err)
			_, ok, err := w.Witness.Time(signed)
			require.NoError(t, err)
			require.True(t, ok)
			r, err := l.Verify()
			require.NoError(t, err)
			require.EqualValues(t, 308, r.Checkpoint.Size)

			// What lies in the log's checkpoint is what a verifier counts.
			_, counts, err := auditlog.WitnessedTime(signed, []*auditlog.Witness{w.Witness}, 1)
			require.NoError(t, err)
			require.True(t, counts)
		})
	}
}

func (w *world) post(t testing.TB, body []byte) (status int, kind, text string) {
	a, err := http.Post(w.url+tlogwitness.Path, "text/plain", bytes.NewReader(body))
	require.NoError(t, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return a.StatusCode, a.Header.Get("Content-Type"), string(b)
}

func request(t testing.TB, l *auditlog.Log, old, from uint64, signed []byte) []byte {
	proof, err := l.ProveConsistency(from)
	require.NoError(t, err)
	b, err := (&tlogwitness.Request{Old: old, Proof: proof, Checkpoint: signed}).MarshalText()
	require.NoError(t, err)
	return b
}

// TestAnswers holds the server to the status codes of the protocol.
func TestAnswers(t *testing.T) {
	w, l, fork := newWorld(t, keys.Ed25519), openLog(t), openLog(t)
	three := grow(t, l, "a", 3)
	ask := func(body []byte, status int, says string) {
		t.Helper()
		got, _, text := w.post(t, body)
		require.Equal(t, status, got, text)
		require.Contains(t, text, says)
	}
	ask([]byte("old 0\n"), http.StatusBadRequest, "old N")
	ask([]byte("old 00\n\n"+string(three)), http.StatusBadRequest, "old size")
	ask([]byte("old 0\nAAAA\n\n"+string(three)), http.StatusBadRequest, "no hash")
	ask(request(t, l, 4, 0, three), http.StatusBadRequest, "the checkpoint is of 3")
	ask(bytes.Replace(request(t, l, 0, 0, three), []byte("\n\nanimica"), []byte("\n\nelsewhere"), 1), http.StatusNotFound, "not watched")
	ask(bytes.Replace(request(t, l, 0, 0, three), []byte("\n3\n"), []byte("\n2\n"), 1), http.StatusForbidden, "refused")
	ask(bytes.Repeat([]byte("x"), 100<<10), http.StatusBadRequest, "more than")
	ask(request(t, l, 0, 0, three), http.StatusOK, "— witness.example/1 ")
	status, kind, text := w.post(t, request(t, l, 0, 0, three))
	require.Equal(t, []any{http.StatusConflict, "text/x.tlog.size", "3\n"}, []any{status, kind, text})
	ask(request(t, l, 3, 0, three), http.StatusOK, "— witness.example/1 ") // the same again

	five := grow(t, l, "b", 2)
	ask(request(t, l, 3, 0, five), http.StatusUnprocessableEntity, "no proof")
	ask(request(t, l, 3, 2, five), http.StatusUnprocessableEntity, "no proof")
	ask(request(t, l, 3, 3, five), http.StatusOK, "— ")

	// A fork of equal size, and one that is longer.
	grow(t, fork, "other", 5)
	_, forked, _, err := fork.Head()
	require.NoError(t, err)
	status, kind, text = w.post(t, request(t, fork, 5, 0, forked))
	require.Equal(t, http.StatusConflict, status, text)
	require.NotEqual(t, "text/x.tlog.size", kind)
	files, err := filepath.Glob(filepath.Join(w.dir, "*.evidence.json"))
	require.NoError(t, err)
	require.Len(t, files, 1, "two roots for one size are kept")
	kept, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(kept), `"kind": "fork"`)
	longer := grow(t, fork, "more", 3)
	ask(request(t, fork, 5, 5, longer), http.StatusUnprocessableEntity, "no proof")

	// The honest log still gets its line; lines of others below a checkpoint are no matter.
	six := grow(t, l, "c", 1)
	ask(append(request(t, l, 5, 5, six), "— witness.example/1 AAAAAAAAAAAAAAAAAAAA\n"...), http.StatusOK, "— ")
	a, err := http.Get(w.url + tlogwitness.Path)
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, a.StatusCode)
	a, err = http.Post(w.url, "", nil)
	require.NoError(t, err)
	require.NoError(t, a.Body.Close())
	require.Equal(t, http.StatusNotFound, a.StatusCode)
}

// TestRestartedWitnessRemembers begins a second server on the same folder, and one whose
// disk fails: it signs nothing.
func TestRestartedWitnessRemembers(t *testing.T) {
	w, l := newWorld(t, keys.Ed25519), openLog(t)
	three := grow(t, l, "a", 3)
	status, _, _ := w.post(t, request(t, l, 0, 0, three))
	require.Equal(t, http.StatusOK, status)
	next := newWorld(t, keys.Ed25519)
	next.Memory = tlogwitness.Folder(w.dir)
	status, _, text := next.post(t, request(t, l, 0, 0, three))
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, "3\n", text)

	full := newWorld(t, keys.Ed25519)
	full.Memory = brokenMemory{}
	status, _, text = full.post(t, request(t, l, 0, 0, three))
	require.Equal(t, http.StatusInternalServerError, status)
	require.NotContains(t, text, "— ")
	_, err := full.client().Cosign(ctx, l)
	require.ErrorContains(t, err, "500")
}

type brokenMemory struct{}

func (brokenMemory) Last(string) ([]byte, error)                { return nil, nil }
func (brokenMemory) Keep(string, []byte) error                  { return errors.New("no space") }
func (brokenMemory) Note(string, *auditlog.Contradiction) error { return errors.New("no space") }

// TestRace submits checkpoints of one log at once: what is signed never shrinks.
func TestRace(t *testing.T) {
	w, l := newWorld(t, keys.Ed25519), openLog(t)
	var bodies [][]byte
	for n := range 8 {
		signed := grow(t, l, fmt.Sprint(n), 1)
		proof, err := l.ProveConsistency(0)
		require.NoError(t, err)
		b, err := (&tlogwitness.Request{Proof: proof, Checkpoint: signed}).MarshalText()
		require.NoError(t, err)
		bodies = append(bodies, b)
	}
	signed := make(chan int, len(bodies))
	var all sync.WaitGroup
	for _, b := range bodies {
		all.Go(func() {
			status, _, _ := w.post(t, b)
			signed <- status
		})
	}
	all.Wait()
	close(signed)
	ok := 0
	for s := range signed {
		if s == http.StatusOK {
			ok++
		} else {
			require.Equal(t, http.StatusConflict, s)
		}
	}
	require.Equal(t, 1, ok, "all came with old 0; one was first")
}

// TestForeignAnswers gives the client answers of witnesses that are none.
func TestForeignAnswers(t *testing.T) {
	w, l := newWorld(t, keys.Ed25519), openLog(t)
	grow(t, l, "a", 3)
	for name, answer := range map[string]http.HandlerFunc{
		"no line": func(w http.ResponseWriter, _ *http.Request) {},
		"a forged line": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "— witness.example/1 "+strings.Repeat("A", 104))
		},
		"same size": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintln(w, 0)
		},
		"larger than the log": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintln(w, 9)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 70<<10)) },
		"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
	} {
		h := httptest.NewServer(answer)
		_, err := (&tlogwitness.Client{Witness: w.Witness, URL: h.URL}).Cosign(ctx, l)
		require.Error(t, err, name)
		h.Close()
	}
	_, signed, _, err := l.Head()
	require.NoError(t, err)
	require.NotContains(t, string(signed), "witness.example", "nothing of it is in the log")
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("old 3\n" + strings.Repeat("A", 43) + "=\n\nlog\n4\nAAAA\n\n— log AAAA\n"))
	f.Add([]byte("old 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := tlogwitness.ParseRequest(b)
		if err != nil {
			return
		}
		if again, err := r.MarshalText(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted another spelling: %q", b)
		}
	})
}
