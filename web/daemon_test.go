package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/web"
)

// TestTheDaemonsPage shows a provider before its first heartbeat, at work, and draining, and
// says so when the journal fails.
func TestTheDaemonsPage(t *testing.T) {
	var d *web.Daemon
	var failure error
	now := time.UnixMilli(1_800_000_000_000)
	s := httptest.NewServer(web.NewDaemon(func(context.Context) (*web.Daemon, error) { return d, failure }, func() time.Time { return now }))
	defer s.Close()
	page := func(want int) (node, string) {
		r, err := http.Get(s.URL)
		require.NoError(t, err)
		defer r.Body.Close()
		raw, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, want, r.StatusCode, string(raw))
		p := parse(t, string(raw))
		if want == http.StatusOK {
			secure(t, "daemon", r, p)
			accessible(t, "daemon", p)
		}
		return p, p.text()
	}
	d = &web.Daemon{ProviderID: digest.Sum(nil).String(), Endpoint: "http://127.0.0.1:1", Capacity: 2, LastError: "no answer <b>"}
	p, text := page(200)
	require.Equal(t, "Not connected", p.all("h1")[0].text())
	require.Contains(t, text, "no answer <b>")
	require.Contains(t, text, "It was not asked yet.")
	require.Contains(t, text, "Nothing runs.")
	every, _ := p.all("body")[0].get("data-every")
	require.Equal(t, "2000", every)

	lease := web.DaemonLease{Job: digest.Sum(nil), Lease: digest.Sum([]byte("l")), Fence: 3, State: "running", ForMS: 1500, UpdatedMS: now.UnixMilli(), Reason: `<script>alert(1)</script>`, Accrued: 1020}
	d = &web.Daemon{Capacity: 2, Heartbeat: &aicf.HeartbeatAnswer{Outcome: "counted"}, Running: []web.DaemonLease{lease}, Latest: []web.DaemonLease{lease}, States: []web.DaemonCount{{State: "done", N: 12}},
		Provider: &aicf.Provider{State: aicf.Active, Staked: 6000}, Balance: &aicf.Balance{Claimable: 85}, StakeMin: 5000, Because: "capacity", AskedMS: now.UnixMilli()}
	p, text = page(200)
	require.Equal(t, "Working", p.all("h1")[0].text())
	require.Equal(t, "1", p.byID(t, "running").value(t))
	require.Contains(t, text, "gets no work: capacity")
	require.Contains(t, text, lease.Reason)
	require.Contains(t, text, "1.5 s")

	d.Draining = true
	p, _ = page(200)
	require.Equal(t, "Draining", p.all("h1")[0].text())
	failure = errors.New("disk full")
	_, text = page(500)
	require.Contains(t, text, "the journal does not answer: disk full")
	r, err := http.Get(s.URL + "/ui/static/site.css")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, 200, r.StatusCode)
}
