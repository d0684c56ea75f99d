package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/httpsig"
	"github.com/animicaorg/engine/keys"
)

var ctx = context.Background()

// world is a service on SQLite behind a real listener.
type world struct {
	testing.TB
	n    *network.Service
	at   string
	now  time.Time
	key  *keys.Ed25519Key // the service's
	buys *keys.Ed25519Key
}

func key(t testing.TB, role keys.Role, label string) *keys.Ed25519Key {
	k, err := keys.NewEd25519(role, [32]byte(digest.Sum([]byte(label))))
	require.NoError(t, err)
	return k
}

func start(t testing.TB, edit func(*httpapi.Config)) *world {
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	p, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	w := &world{TB: t, now: time.Unix(1_800_000_000, 0), key: key(t, keys.Service, "service"), buys: key(t, keys.Operational, "buyer")}
	w.n, err = network.New(ctx, network.Config{Store: db, ChainID: 7, Policy: p, Service: w.key, Treasury: key(t, keys.Operational, "treasury").Public(),
		Entropy: strings.NewReader(strings.Repeat("entropy", 1000)), Beacon: digest.Sum(nil), Dev: true}, w.now.UnixMilli())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.n.Close()) })
	cfg := httpapi.Config{Network: w.n, Signer: w.key, Now: func() time.Time { return w.now }, Version: "1"}
	if edit != nil {
		edit(&cfg)
	}
	s := httptest.NewServer(httpapi.New(cfg))
	t.Cleanup(s.Close)
	w.at = s.URL
	return w
}

func (w *world) client(signer keys.Signer) *client.Client {
	c, err := client.New(w.at, signer)
	require.NoError(w, err)
	c.Service, c.Now = w.key.Public(), func() time.Time { return w.now }
	return c
}

func (w *world) events() uint64 {
	st, err := w.n.Status(ctx)
	require.NoError(w, err)
	return st.Events
}

// TestSignedCalls walks a buyer and the treasury through the client, which checks every
// answer's signature.
func TestSignedCalls(t *testing.T) {
	w := start(t, nil)
	c := w.client(w.buys)
	k, err := c.Enrol(ctx, "")
	require.NoError(t, err)
	require.Equal(t, w.buys.KeyID(), k.Account)
	b, err := w.client(key(t, keys.Operational, "treasury")).Deposit(ctx, "", aicf.DepositRequest{Account: k.Account, Amount: 50, Reference: "one"})
	require.NoError(t, err)
	require.EqualValues(t, 50, b.Available)
	_, err = c.Deposit(ctx, "", aicf.DepositRequest{Account: k.Account, Amount: 50, Reference: "two"})
	require.Equal(t, aicf.Forbidden, aicf.CodeOf(err))
	_, err = c.Statement(ctx, digest.Sum([]byte("somebody else")), nil, "")
	require.Equal(t, aicf.Forbidden, aicf.CodeOf(err))
	_, err = w.client(key(t, keys.Operational, "stranger")).Cancel(ctx, "", digest.Sum(nil))
	require.Equal(t, aicf.Unauthorized, aicf.CodeOf(err))
	c.Service = key(t, keys.Service, "another service").Public()
	_, err = c.Balance(ctx, k.Account)
	require.ErrorIs(t, err, client.ErrForeignAnswer)
}

// TestForgeries changes one part of a good deposit at a time: each is refused, and nothing
// happens. The unchanged call comes last and is good once.
func TestForgeries(t *testing.T) {
	w := start(t, nil)
	_, err := w.client(w.buys).Enrol(ctx, "")
	require.NoError(t, err)
	body, err := json.Marshal(aicf.DepositRequest{Account: w.buys.KeyID(), Amount: 50, Reference: "one"})
	require.NoError(t, err)
	treasury := key(t, keys.Operational, "treasury")
	signer := httpsig.Signer{KeyID: treasury.KeyID().String(), Sign: func(m []byte) ([]byte, error) { return treasury.SignMessage(ctx, m) }}
	good := func() *http.Request {
		r, err := http.NewRequest(http.MethodPost, w.at+"/aicf/deposits", bytes.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k1")
		require.NoError(t, httpsig.SignRequest(r, body, signer, w.now, 0, [httpsig.NonceSize]byte{9}))
		return r
	}
	send := func(r *http.Request) (int, string) {
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer a.Body.Close()
		raw, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		return a.StatusCode, string(raw)
	}
	before := w.events()
	for name, c := range map[string]struct {
		change func(r *http.Request)
		status int
		code   aicf.Code
	}{
		"body": {func(r *http.Request) {
			other := bytes.Replace(body, []byte("50"), []byte("51"), 1)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(other)), int64(len(other))
		}, 401, aicf.Unauthorized},
		"query":         {func(r *http.Request) { r.URL.RawQuery = "x=1" }, 401, aicf.Unauthorized},
		"host":          {func(r *http.Request) { r.Host = "elsewhere" }, 401, aicf.Unauthorized},
		"path":          {func(r *http.Request) { r.URL.Path = "/aicf/faucet" }, 401, aicf.Unauthorized},
		"method":        {func(r *http.Request) { r.Method = http.MethodPut }, 401, aicf.Unauthorized},
		"key":           {func(r *http.Request) { swap(r, signer.KeyID, w.buys.KeyID().String()) }, 401, aicf.Unauthorized},
		"nonce":         {func(r *http.Request) { swap(r, `nonce="09`, `nonce="0a`) }, 401, aicf.Unauthorized},
		"component":     {func(r *http.Request) { swap(r, `"@query" `, "") }, 401, aicf.Unauthorized},
		"no digest":     {func(r *http.Request) { r.Header.Del("Content-Digest") }, 401, aicf.Unauthorized},
		"no signature":  {func(r *http.Request) { r.Header.Del("Signature"); r.Header.Del("Signature-Input") }, 401, aicf.Unauthorized},
		"repeated name": {func(r *http.Request) { setBody(r, []byte(`{"amount":1,"amount":2}`)) }, 422, aicf.SchemaError},
		"no JSON":       {func(r *http.Request) { setBody(r, []byte(`{`)) }, 422, aicf.SchemaError},
		"long":          {func(r *http.Request) { setBody(r, bytes.Repeat([]byte(" "), 1<<20+1)) }, 413, aicf.LimitExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.change(r)
			status, answer := send(r)
			require.Equal(t, c.status, status, answer)
			require.Contains(t, answer, `"code":"`+string(c.code)+`"`)
			require.Equal(t, before, w.events(), "nothing happened")
		})
	}
	w.now = w.now.Add(-2 * time.Minute)
	late := good()
	w.now = w.now.Add(2 * time.Minute)
	status, answer := send(late)
	require.Equal(t, 401, status, answer)
	require.Contains(t, answer, `"server_time_ms":1800000000000`)
	require.Equal(t, before, w.events())

	status, answer = send(good())
	require.Equal(t, 200, status, answer)
	require.Contains(t, answer, `"available":50`)
	after := w.events()
	require.Greater(t, after, before)
	status, answer = send(good()) // the same nonce: a replay has no second effect
	require.Equal(t, after, w.events(), answer)
	require.Contains(t, []int{200, 409}, status, answer)
}

func swap(r *http.Request, old, new string) {
	r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), old, new, 1))
}

func setBody(r *http.Request, b []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

// TestUnsigned: a development service takes unsigned calls that are meant for this machine,
// another takes none; a bearer key submits and reads, nothing else.
func TestUnsigned(t *testing.T) {
	account := digest.Sum([]byte("older client"))
	const token = "0123456789abcdef"
	post := func(w *world, path string, header map[string]string) int {
		r, err := http.NewRequest(http.MethodPost, w.at+path, strings.NewReader(`{"account":"`+account.String()+`","amount":5}`))
		require.NoError(t, err)
		for name, value := range header {
			if name == "Host" {
				r.Host = value
			}
			r.Header.Set(name, value)
		}
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		return a.StatusCode
	}
	dev := start(t, func(c *httpapi.Config) { c.Dev = true })
	require.Equal(t, 200, post(dev, "/aicf/faucet", nil))
	require.Equal(t, 401, post(dev, "/aicf/faucet", map[string]string{"Host": "evil.example"}), "a name that was rebound to loopback")
	require.Equal(t, 401, post(dev, "/aicf/faucet", map[string]string{"Origin": "http://evil.example"}))
	require.Equal(t, 401, post(dev, "/aicf/faucet", map[string]string{"Authorization": "Bearer wrong"}))

	w := start(t, func(c *httpapi.Config) {
		c.APIKeys = map[digest.Digest]digest.Digest{digest.Sum([]byte(token)): account}
	})
	require.Equal(t, 401, post(w, "/aicf/faucet", nil))
	require.Equal(t, 200, post(w, "/aicf/faucet", map[string]string{"Authorization": "Bearer " + token}))
	require.Equal(t, 403, post(w, "/aicf/claims", map[string]string{"Authorization": "Bearer " + token}))
}

// TestBursts: calls above the rate and above the number that may run are refused with a time.
func TestBursts(t *testing.T) {
	w := start(t, func(c *httpapi.Config) { c.Rate = 2 })
	var last *http.Response
	for range 6 {
		a, err := http.Get(w.at + "/healthz")
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		last = a
	}
	require.Equal(t, 429, last.StatusCode)
	require.Equal(t, "1", last.Header.Get("Retry-After"))
	require.Equal(t, "application/problem+json", last.Header.Get("Content-Type"))
}

// TestEventsResume reads the log over server-sent events from behind an id.
func TestEventsResume(t *testing.T) {
	w := start(t, nil)
	_, err := w.client(w.buys).Enrol(ctx, "")
	require.NoError(t, err)
	treasury := w.client(key(t, keys.Operational, "treasury"))
	for _, reference := range []string{"a", "b"} {
		_, err = treasury.Deposit(ctx, "", aicf.DepositRequest{Account: w.buys.KeyID(), Amount: 1, Reference: reference})
		require.NoError(t, err)
	}
	total := w.events()
	stream, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(stream, http.MethodGet, w.at+"/aicf/events?types=deposited", nil)
	require.NoError(t, err)
	a, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	require.Equal(t, "text/event-stream", a.Header.Get("Content-Type"))
	buf := make([]byte, 0, 4096)
	for strings.Count(string(buf), "event: deposited") < 2 {
		part := make([]byte, 512)
		n, err := a.Body.Read(part)
		require.NoError(t, err)
		buf = append(buf, part[:n]...)
	}
	require.NotContains(t, string(buf), "event: round")
	require.LessOrEqual(t, strings.Count(string(buf), "\nid: ")+1, int(total))
}
