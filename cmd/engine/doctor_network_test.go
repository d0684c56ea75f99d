package main

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/cli"
)

// named gives findings by name.
func named(list []finding) map[string]finding {
	out := map[string]finding{}
	for _, f := range list {
		out[f.Name] = f
	}
	return out
}

// TestDoctorAsksTheNetwork walks a provider of a real network from well to retired.
func TestDoctorAsksTheNetwork(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	dir := t.TempDir()
	n, err := devnet.Start(t.Context(), devnet.Config{Dir: dir, Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1"})
	require.NoError(t, err)
	defer n.Close()
	mine, none := &program{App: cli.New("engine"), dataDir: t.TempDir()}, &program{App: cli.New("engine"), dataDir: t.TempDir()}
	require.NoError(t, os.CopyFS(filepath.Join(mine.dataDir, "keys"), os.DirFS(filepath.Join(dir, "keys", "provider"))))
	require.NoError(t, filepath.WalkDir(filepath.Join(mine.dataDir, "keys"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = os.Chmod(path, 0o600) // as they were
		}
		return err
	}))

	list := mine.checkNetwork(t.Context(), n.Endpoint)
	require.Len(t, list, 7)
	for _, f := range list {
		require.True(t, f.OK, "%s: %s", f.Name, f.Detail)
	}
	require.Contains(t, named(list)[netStake].Fix, "a tenth more")
	require.Contains(t, named(list)[netEndpoint].Detail, "chain 1337")

	f := named(none.checkNetwork(t.Context(), n.Endpoint))
	require.True(t, f[netEndpoint].OK)
	require.Contains(t, f[netRegistered].Fix, "engine provider start")
	require.Equal(t, "not asked: see registered", f[netEligible].Detail)

	_, err = n.Service.Retire(t.Context(), aicf.Call{NowMS: time.Now().UnixMilli(), Unsigned: true}, n.Held.ProviderID)
	require.NoError(t, err)
	f = named(mine.checkNetwork(t.Context(), n.Endpoint))
	require.False(t, f[netRegistered].OK)
	require.Contains(t, f[netRegistered].Fix, "register again")
	require.False(t, f[netEligible].OK)
	require.Contains(t, f[netEligible].Detail, "retired")

	// Another provider's keys: nobody of that name is registered.
	store, err := none.keyStore()
	require.NoError(t, err)
	defer store.Close()
	_, _, err = store.Ensure(rand.Reader, uint64(time.Now().Unix()))
	require.NoError(t, err)
	f = named(none.checkNetwork(t.Context(), n.Endpoint))
	require.False(t, f[netRegistered].OK)
	require.Contains(t, f[netRegistered].Detail, "is not registered")

	require.NoError(t, n.Close())
	f = named(mine.checkNetwork(t.Context(), n.Endpoint))
	require.False(t, f[netEndpoint].OK)
	require.Equal(t, cli.NetworkService, f[netEndpoint].code)
	require.False(t, f[netEligible].OK)
	require.Equal(t, f[netEndpoint].Fix, f[netEligible].Fix)
	require.False(t, named(mine.checkNetwork(t.Context(), "ftp://x"))[netEndpoint].OK)
	for _, f := range mine.checkNetwork(t.Context(), "") {
		require.True(t, f.OK)
		require.Contains(t, f.Detail, "not asked")
	}
}

// TestSkewCheck gives the check clocks that are wrong; a Date has whole seconds.
func TestSkewCheck(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 900_000_000, time.UTC)
	for off, ok := range map[time.Duration]bool{0: true, 4 * time.Second: true, -4 * time.Second: true, 7 * time.Second: false, -7 * time.Second: false, time.Hour: false} {
		f := checkSkew(now.Add(off).Truncate(time.Second), now, now.Add(20*time.Millisecond))
		require.Equal(t, ok, f.OK, "%v: %s", off, f.Detail)
		require.Equal(t, !ok, f.Fix != "")
	}
	require.Contains(t, checkSkew(now.Add(time.Minute), now, now).Detail, "behind the service's")
	require.Contains(t, checkSkew(now.Add(-time.Minute), now, now).Detail, "ahead of the service's")
}

// TestBeatCheck: none, in time, late.
func TestBeatCheck(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	require.Contains(t, checkBeat(&aicf.Provider{}, now).Detail, "has seen none")
	require.True(t, checkBeat(&aicf.Provider{LastBeatMS: now.UnixMilli() - 30_000}, now).OK)
	late := checkBeat(&aicf.Provider{LastBeatMS: now.UnixMilli() - 100_000}, now)
	require.False(t, late.OK)
	require.Contains(t, late.Fix, "engine provider status")
}

// TestOutboxCheck says what an operator should look at.
func TestOutboxCheck(t *testing.T) {
	s := &agent.Status{Leases: map[agent.State]uint64{agent.Proved: 2}}
	require.Empty(t, checkOutbox("outbox", s).Fix)
	require.Contains(t, checkOutbox("outbox", s).Detail, "2 proofs wait")
	s.Leases[agent.Parked] = 1
	require.Contains(t, checkOutbox("outbox", s).Fix, "parked")
	s.LastError = "no answer"
	require.Contains(t, checkOutbox("outbox", s).Fix, "no answer")
}

// TestScrapeCheck: only a provider's metrics will do.
func TestScrapeCheck(t *testing.T) {
	body := "up 1\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer s.Close()
	require.ErrorContains(t, scrape(t.Context(), s.URL), "no provider")
	body += "engine_provider_running 0\n"
	require.NoError(t, scrape(t.Context(), s.URL))
	s.Close()
	require.Error(t, scrape(t.Context(), s.URL))
}
