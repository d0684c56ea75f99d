package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/keys"
)

// killSizes are kills and jobs: TORTURE_SIZE=commit, =full, otherwise a few.
var killSizes = map[string][2]int{"": {4, 24}, "commit": {50, 300}, "full": {1000, 10_000}}

// killedNet is a service in this process on a folder that outlives it.
type killedNet struct {
	*network.Service
	buyer *client.Client
	at    string
}

func serveForKills(t *testing.T, dir string) *killedNet {
	ctx, now := t.Context(), func() int64 { return time.Now().UnixMilli() }
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	policy, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	key, err := keys.NewEd25519(keys.Service, [32]byte(digest.Sum([]byte("service of the kill test"))))
	require.NoError(t, err)
	n := &killedNet{}
	n.Service, err = network.New(ctx, network.Config{Store: db, ChainID: 8, Policy: policy, Service: key, Entropy: rand.Reader, Beacon: digest.Sum([]byte("beacon")), Dev: true}, now())
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n.at = "http://" + l.Addr().String()
	api := httpapi.New(httpapi.Config{Network: n.Service, Signer: key, Now: time.Now, Dev: true, Version: "1", Rate: 1e6})
	served, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	h := &http.Server{}
	go func() { done <- api.Serve(served, h, func() error { return h.Serve(l) }, 5*time.Second) }()
	ticks := make(chan struct{})
	go func() {
		defer close(ticks)
		for every := time.NewTicker(time.Second); ; {
			select {
			case <-served.Done():
				return
			case <-every.C:
				_, _ = n.Tick(served, now()) // what is due is done by the next
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ticks
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			require.NoError(t, err)
		}
		require.NoError(t, n.Close())
	})
	signer, err := keys.NewEd25519(keys.Operational, [32]byte(digest.Sum([]byte("buyer of the kill test"))))
	require.NoError(t, err)
	n.buyer, err = client.New(n.at, signer)
	require.NoError(t, err)
	_, err = n.buyer.Enrol(ctx, "")
	require.NoError(t, err)
	_, err = n.buyer.Faucet(ctx, "money", aicf.FaucetRequest{Amount: 1_000_000_000})
	require.NoError(t, err)
	return n
}

func killJob(i int) (digest.Digest, []byte) {
	id := digest.Sum(fmt.Appendf(nil, "kill test job %d", i))
	return id, fmt.Appendf(nil, `{"job_id":"%s","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,"trap_ratio":0.3,"seed":"%s"},
		"max_latency_ms":600000,"price":{"units":12}}`, id, digest.Sum(id[:]))
}

// TestProviderKill9 is promise P8: the daemon is killed by SIGKILL at random moments while it
// works; no job that the network leased to it is lost, each earns once, and every lease in its
// journal ends. TORTURE_DIR keeps the state and TORTURE_TIME ends a run, so that the full size goes on where the
// last one ended.
func TestProviderKill9(t *testing.T) {
	size, known := killSizes[os.Getenv("TORTURE_SIZE")]
	require.True(t, known, "TORTURE_SIZE is neither commit nor full")
	kills, jobs := size[0], size[1]
	dir := os.Getenv("TORTURE_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	end := time.Now().Add(24 * time.Hour)
	if d, err := time.ParseDuration(os.Getenv("TORTURE_TIME")); err == nil {
		end = time.Now().Add(d)
	}
	require.NoError(t, os.MkdirAll(dir, 0o700))
	n := serveForKills(t, dir)
	progress := filepath.Join(dir, "kills")
	done := 0
	if b, err := os.ReadFile(progress); err == nil {
		done, err = strconv.Atoi(string(b))
		require.NoError(t, err)
		t.Logf("going on after %d kills", done)
	}
	data := filepath.Join(dir, "provider")
	begin := func() *exec.Cmd {
		self, err := os.Executable()
		require.NoError(t, err)
		p := exec.Command(self)
		p.Env = append(os.Environ(), "ENGINE_TEST_PROVIDER="+data, "OMNI_ENDPOINT="+n.at, "HOME="+dir)
		p.Stderr = os.Stderr
		require.NoError(t, p.Start())
		return p
	}
	sent := done * jobs / kills
	submit := func(upto int) {
		for ; sent < upto; sent++ {
			id, doc := killJob(sent)
			_, err := n.buyer.Submit(t.Context(), "submit-"+id.String(), aicf.JobSubmission{Job: doc})
			require.NoError(t, err)
		}
	}
	for ; done < kills && time.Now().Before(end); done++ {
		submit((done + 1) * jobs / kills)
		p := begin()
		after, err := rand.Int(rand.Reader, big.NewInt(1500))
		require.NoError(t, err)
		time.Sleep(300*time.Millisecond + time.Duration(after.Int64())*time.Millisecond) // the moment of the kill is random
		require.NoError(t, p.Process.Kill())
		_ = p.Wait() // it was killed
		require.NoError(t, wholefile.Write(progress, []byte(strconv.Itoa(done+1)), 0o600))
	}
	if done < kills {
		t.Logf("%d of %d kills; the next slice goes on", done, kills)
		return
	}
	p := begin()
	defer func() { _ = p.Process.Kill(); _ = p.Wait() }()
	for i := range jobs {
		id, _ := killJob(i)
		require.Eventually(t, func() bool {
			j, err := n.Job(t.Context(), id)
			return err == nil && j.State == aicf.Completed
		}, 10*time.Minute, 20*time.Millisecond, "job %d", i)
		tl, err := n.Timeline(t.Context(), id)
		require.NoError(t, err)
		accrued := 0
		for _, e := range tl.Events {
			if e.Type == aicf.EvAccrued {
				accrued++
			}
		}
		require.Equal(t, 1, accrued, "job %d", i)
	}
	require.NoError(t, p.Process.Kill())
	_ = p.Wait() // it was killed
	j, err := agent.OpenJournal(t.Context(), filepath.Join(data, "provider"))
	require.NoError(t, err)
	defer j.Close()
	counts, err := j.Counts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counts[agent.Parked], "a proof was refused for good")
	a, err := n.Check(t.Context())
	require.NoError(t, err)
	raw, err := json.Marshal(a.Invariants)
	require.NoError(t, err)
	require.True(t, a.OK(), "%s", raw)
	page, err := n.Slashes(t.Context(), aicf.SlashFilter{})
	require.NoError(t, err)
	for _, s := range page.Items { // leases that lapsed while it was dead are counted, and nothing worse
		require.Equal(t, aicf.ReasonLease, s.Reason, "%s", s.Document)
	}
	t.Logf("%d kills, %d jobs: each completed and paid once; leases in the journal: %v", kills, jobs, counts)
}

// maybeProvider makes the test binary the daemon on a data directory.
func maybeProvider() {
	data := os.Getenv("ENGINE_TEST_PROVIDER")
	if data == "" || len(os.Args) > 1 {
		return
	}
	os.Args = []string{"engine", "provider", "start", "--data-dir", data, "--allow-weak-sandbox", "--log-level", "error", "--capacity", "2"}
	if code := run(); code != 0 {
		fmt.Fprintln(os.Stderr, errors.New("the provider ended"))
		os.Exit(code)
	}
	os.Exit(0)
}
