package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// signedLease is a lease of the good job for a provider, as a service writes it.
func signedLease(t *testing.T, provider digest.Digest) []byte {
	t.Helper()
	j, err := job.Parse([]byte(goodJob))
	require.NoError(t, err)
	c, err := circuit.Generate(j.Spec.CircuitID, int(j.Spec.Width), 0, j.Spec.Seed)
	require.NoError(t, err)
	h, err := c.Hash()
	require.NoError(t, err)
	policy, err := job.NamedTrapPolicy(job.ExactPolicy)
	require.NoError(t, err)
	l := &job.Lease{Job: j, Nonce: digest.Sum([]byte("nonce")), Beacon: []byte("beacon value")}
	l.LeaseFrame = transcript.LeaseFrame{ChainID: 7, Round: 12, JobID: j.JobID, ProviderID: provider, Fence: 1, IssuedMS: 1, TTLMS: 1 << 40, DeadlineMS: 1 << 42}
	l.JobHash, err = transcript.Sum(j.SpecFrame(h, uint64(c.Width()), uint64(c.Depth())))
	require.NoError(t, err)
	l.LeaseID, err = transcript.LeaseID(l.ChainID, l.JobID, provider, l.Fence)
	require.NoError(t, err)
	l.Seed, err = transcript.LeaseSeed(j.Spec.Seed, l.Beacon, l.LeaseID, l.Nonce)
	require.NoError(t, err)
	l.PolicyHash, err = policy.Hash()
	require.NoError(t, err)
	service, err := keys.GenerateEd25519(keys.Service, rand.Reader)
	require.NoError(t, err)
	require.NoError(t, l.Sign(context.Background(), service, 1))
	b, err := json.Marshal(l)
	require.NoError(t, err)
	return b
}

func TestSignedLease(t *testing.T) {
	dir := t.TempDir()
	data, out := filepath.Join(dir, "data"), filepath.Join(dir, "out")
	store, err := keys.Open(filepath.Join(data, "keys"))
	require.NoError(t, err)
	held, err := store.InitDev(rand.Reader, 1)
	require.NoError(t, err)
	require.NoError(t, store.Close())

	code, stdout, stderr := runHere(t, string(signedLease(t, held.ProviderID)), "run", "-", "--data-dir", data, "--out", out, "--json")
	require.Zero(t, code, stdout+stderr)
	code, stdout, _ = runHere(t, "", "proof", "verify", filepath.Join(out, "proof.json"), "--bundle", out, "--require", "lease_signature", "--json")
	require.Zero(t, code, stdout)
	require.Contains(t, stdout, `{"name":"lease_signature","ok":true`)

	// Another provider's lease is refused before anything is logged.
	before, err := os.ReadFile(filepath.Join(data, "journal.jsonl"))
	require.NoError(t, err)
	code, stdout, _ = runHere(t, string(signedLease(t, digest.Sum([]byte("another")))), "run", "-", "--data-dir", data, "--out", out, "--json")
	require.Equal(t, 10, code, stdout)
	require.Contains(t, refusedJSON(t, code, stdout).Field, "lease.provider_id")
	after, err := os.ReadFile(filepath.Join(data, "journal.jsonl"))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}
