package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// worker registers a provider that can take a lease, and returns its calls.
func (w *world) worker() (id digest.Digest, as aicf.Call) {
	root, op := key(w, keys.Root, "root"), key(w, keys.Operational, "operational")
	unix := uint64(w.now.Unix())
	statement, err := keys.NewKeyStatement(ctx, root, keys.Operational, op.Alg(), op.Public(), 1, unix)
	require.NoError(w, err)
	identity, err := keys.NewIdentity(ctx, root, "ops@example.org", []string{"quantum"}, unix)
	require.NoError(w, err)
	b := &keys.Bundle{Identity: identity, Regions: []string{"eu"}, Algorithms: []string{"ghz"}, Keys: []*keys.KeyStatement{statement}}
	require.NoError(w, b.Sign(ctx, root, unix))
	raw, err := json.Marshal(b)
	require.NoError(w, err)
	id = root.KeyID()
	as = aicf.Call{NowMS: w.now.UnixMilli(), Account: id, Key: op.KeyID()}
	_, err = w.n.Register(ctx, as, raw)
	require.NoError(w, err)
	_, err = w.n.Faucet(ctx, as, id, 10_000)
	require.NoError(w, err)
	_, err = w.n.Stake(ctx, as, id, 5000)
	require.NoError(w, err)
	_, err = w.n.Heartbeat(ctx, as, aicf.Heartbeat{ProviderID: id, Capacity: 1, TS: unix})
	require.NoError(w, err)
	return id, as
}

// streams counts what is open.
type streams struct{ open, most atomic.Int64 }

func (s *streams) Answered(httpapi.Answer) {}

func (s *streams) Streaming(change int) { s.most.Store(max(s.most.Load(), s.open.Add(int64(change)))) }

// TestSocket: events from now on by topic, pings, resume, and what is refused.
func TestSocket(t *testing.T) {
	var seen streams
	w := start(t, func(c *httpapi.Config) { unsigned(c); c.Observer = &seen })
	id, as := w.worker()
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	dial := func(query string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(limited, "ws"+strings.TrimPrefix(w.at, "http")+"/aicf/ws"+query, nil)
	}
	read := func(c *websocket.Conn) (event string, data aicf.Event) {
		_, raw, err := c.Read(limited)
		require.NoError(t, err)
		var f struct {
			Event string     `json:"event"`
			TS    float64    `json:"ts"`
			Data  aicf.Event `json:"data"`
		}
		require.NoError(t, json.Unmarshal(raw, &f))
		require.EqualValues(t, w.now.Unix(), f.TS)
		return f.Event, f.Data
	}
	c, _, err := dial("?topics=aicf.jobAssigned,aicf.epochSettled")
	require.NoError(t, err)
	defer c.CloseNow()
	require.NoError(t, c.Write(limited, websocket.MessageText, []byte("ping")))
	event, _ := read(c)
	require.Equal(t, "pong", event)

	before := w.events()
	a := w.call("aicf.submitJob", `{"job":{"job_id":"`+strings.Repeat("ab", 32)+`","kind":"quantum","spec":{"circuit_id":"ghz","width":3,"depth":3,"shots":1024,"trap_ratio":0.5,"seed":"`+strings.Repeat("cd", 32)+`"}}}`)
	require.Nil(t, a.Error)
	offer, err := w.n.Next(ctx, as, id)
	require.NoError(t, err)
	require.NotNil(t, offer)
	_, err = w.n.Ack(ctx, as, aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: offer.LeaseID}})
	require.NoError(t, err)
	event, data := read(c)
	require.Equal(t, "aicf.jobAssigned", event)
	require.Equal(t, []any{offer.JobID, id, offer.LeaseID, uint64(1)}, []any{data.JobID, data.ProviderID, data.LeaseID, data.Fence})

	late, _, err := dial("?after=" + strconv.FormatUint(before, 10))
	require.NoError(t, err)
	defer late.CloseNow()
	event, again := read(late)
	require.Equal(t, "aicf.jobAssigned", event)
	require.Equal(t, data.Seq, again.Seq)

	require.NoError(t, late.Write(limited, websocket.MessageText, []byte(strings.Repeat("x", 2000))))
	_, _, err = late.Read(limited)
	require.Error(t, err, "a long message ends the connection")
	require.NoError(t, c.CloseNow())
	require.Eventually(t, func() bool { return seen.open.Load() == 0 }, 20*time.Second, time.Millisecond, "an observed socket is a stream until it ends")
	require.EqualValues(t, 2, seen.most.Load())
	for query, code := range map[string]int{"?topics=aicf.nothing": 422, "?after=x": 422} {
		_, answer, err := dial(query)
		require.Error(t, err)
		require.Equal(t, code, answer.StatusCode, query)
	}
	r, err := http.NewRequest(http.MethodGet, w.at+"/aicf/ws", nil)
	require.NoError(t, err)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Origin": {"http://evil.example"}}
	refused, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, refused.Body.Close())
	require.Equal(t, 403, refused.StatusCode, "a page of another host")
}
