//go:build faketee

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/faketee"
)

// teeNetwork is a development service whose measurement policy lists the fake environment.
func teeNetwork(t *testing.T, judge *evidence.Attester) (*network.Service, string) {
	ctx := context.Background()
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	service, err := keys.GenerateEd25519(keys.Service, rand.Reader)
	require.NoError(t, err)
	policy, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	n, err := network.New(ctx, network.Config{Store: db, ChainID: 7, Policy: policy, Service: service, Entropy: rand.Reader, Beacon: digest.Sum([]byte("beacon")), Dev: true,
		Wire: func(in *proofs.Input) { in.Attester = judge },
		Runner: func(ctx context.Context, q *attest.Carried, data []byte, nowMS int64) ([]byte, bool, error) {
			return judge.Enrolment(ctx, q, data, time.UnixMilli(nowMS), true)
		}}, time.Now().UnixMilli())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	h := httptest.NewServer(httpapi.New(httpapi.Config{Network: n, Signer: service, Now: time.Now, Dev: true, Version: "1"}))
	t.Cleanup(h.Close)
	return n, h.URL
}

// inFakeTEE starts a provider in the fake environment and waits until it works.
func inFakeTEE(t *testing.T, at, home string) *exec.Cmd {
	engine, err := exec.LookPath("engine")
	require.NoError(t, err)
	p := exec.Command(engine, "provider", "start", "--tee", "fake", "--endpoint", at, "--allow-weak-sandbox", "--json")
	p.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=")
	var said bytes.Buffer
	p.Stderr = &said
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	require.True(t, bufio.NewScanner(out).Scan(), said.String())
	return p
}

// TestFakeTEESealedLease runs a job with trap_mode tee through service and provider: refused
// while nobody is enrolled, sealed to the runner of the provider's process, proved with the
// tier that the seal gives, and judged so by a verifier without network.
func TestFakeTEESealedLease(t *testing.T) {
	ctx := context.Background()
	policy, err := attest.ParsePolicy(fmt.Appendf(nil, `{"id":"runner","version":1,"measurements":[{"kind":"tdx","measurement":"%x"}]}`, faketee.Measurement()))
	require.NoError(t, err)
	judge := &evidence.Attester{Policy: policy, Published: evidence.PublishedRoots(),
		TEE: func(attest.Kind) (*evidence.Trust, error) { return &evidence.Trust{Roots: faketee.Roots()}, nil }}
	_, at := teeNetwork(t, judge)
	buyer, err := keys.GenerateEd25519(keys.Operational, rand.Reader)
	require.NoError(t, err)
	c, err := client.New(at, buyer)
	require.NoError(t, err)
	_, err = c.Enrol(ctx, "")
	require.NoError(t, err)
	_, err = c.Faucet(ctx, "money", aicf.FaucetRequest{Amount: 100_000})
	require.NoError(t, err)
	id := digest.Sum([]byte("sealed job"))
	doc := fmt.Appendf(nil, `{"job_id":"%s","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":4,"depth":6,"shots":800,"trap_ratio":0.3,
		"trap_mode":"tee","seed":"%s"},"max_latency_ms":600000,"price":{"units":12}}`, id, digest.Sum(id[:]))
	_, err = c.Submit(ctx, "first", aicf.JobSubmission{Job: doc})
	require.Equal(t, aicf.PolicyMismatch, aicf.CodeOf(err), "nobody is enrolled: %v", err)

	home := t.TempDir()
	p := inFakeTEE(t, at, home)
	_, err = c.Submit(ctx, "second", aicf.JobSubmission{Job: doc})
	require.NoError(t, err)
	var j *aicf.Job
	require.Eventually(t, func() bool {
		j, err = c.Job(ctx, id)
		return err == nil && (j.State == aicf.Completed || j.State == aicf.Failed)
	}, 2*time.Minute, 20*time.Millisecond)
	require.Equal(t, aicf.Completed, j.State, j.Reason)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))

	var tar bytes.Buffer
	require.NoError(t, c.Bundle(ctx, j.Bundle, &tar))
	b, err := proofs.ReadTar(&tar)
	require.NoError(t, err)
	r, err := proofs.Verify(ctx, proofs.Input{Bundle: b, Attester: judge, Require: []string{"attestation", "lease_signature"}})
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.Equal(t, "tee", r.Proof.Body.Binding.TrapTier)
	require.True(t, r.Evidence[0].SealedSeed)

	// The same proof before a verifier whose policy does not list the environment.
	stranger := *judge
	stranger.Policy, err = attest.ParsePolicy([]byte(`{"id":"other","version":1,"measurements":[{"kind":"tdx","measurement":"00"}]}`))
	require.NoError(t, err)
	r, err = proofs.Verify(ctx, proofs.Input{Bundle: b, Attester: &stranger})
	require.NoError(t, err)
	require.Equal(t, "attestation", r.Failure.Check)

	// Beside the bundle that was handed in, nothing on the provider's disk has seed or nonce.
	var lease struct{ Seed, Nonce digest.Digest }
	require.NoError(t, json.Unmarshal(b.Lease, &lease))
	require.NoError(t, p.Wait())
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".tar" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen[d.Name()] = true
		for _, secret := range []digest.Digest{lease.Nonce, lease.Seed} {
			require.NotContains(t, string(raw), secret.String(), path)
			require.NotContains(t, string(raw), string(secret[:]), path)
		}
		return nil
	}))
	require.True(t, seen["journal.db"] && seen["journal.jsonl"] && seen["checkpoint"], "%v", seen)
}
