package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/cli"
)

// TestWhoMayLook: this machine by default, all or nobody by a word.
func TestWhoMayLook(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	n, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1"})
	require.NoError(t, err)
	defer n.Close()
	o := &program{App: cli.New("omni")}
	for word, want := range map[string]struct{ here, elsewhere int }{toLocal: {200, 403}, toPublic: {200, 200}, toNobody: {404, 404}} {
		f := &monitorFlags{ui: cli.Choice{Value: word}, metrics: cli.Choice{Value: word}}
		m := o.newMonitor(f)
		require.Equal(t, word == toNobody, m.metrics == nil)
		mux := http.NewServeMux()
		for pattern, h := range o.routes(m, n.Service, time.Now) {
			mux.Handle(pattern, h)
		}
		for _, path := range []string{"/ui/", "/metrics"} {
			ask := func(from, host string) int {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.RemoteAddr, r.Host = from, host
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				return w.Code
			}
			require.Equal(t, want.here, ask("127.0.0.1:5000", "127.0.0.1:8545"), "%s %s", word, path)
			require.Equal(t, want.elsewhere, ask("192.0.2.1:5000", "aicf.example.org"), "%s %s", word, path)
			require.Equal(t, want.elsewhere, ask("127.0.0.1:5000", "evil.example.org"), "%s %s: a name that leads here", word, path)
		}
	}
}
