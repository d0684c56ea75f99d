package job

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

var ctx = context.Background()

func signedLease(t *testing.T) *Lease {
	t.Helper()
	j, err := Parse([]byte(guideJob))
	require.NoError(t, err)
	service, err := keys.NewEd25519(keys.Service, [32]byte{9})
	require.NoError(t, err)
	l := &Lease{Job: j, Nonce: digest.Sum([]byte("nonce")), Beacon: []byte("beacon")}
	l.LeaseFrame = transcript.LeaseFrame{ChainID: 7, Round: 42, JobID: j.JobID, ProviderID: digest.Sum([]byte("p")), Fence: 3,
		PolicyHash: digest.Sum([]byte("policy")), IssuedMS: 1000, TTLMS: 2000, DeadlineMS: 9000}
	l.JobHash, err = transcript.Sum(j.SpecFrame(digest.Sum([]byte("circuit")), 20, 120))
	require.NoError(t, err)
	l.LeaseID, err = transcript.LeaseID(l.ChainID, l.JobID, l.ProviderID, l.Fence)
	require.NoError(t, err)
	l.Seed, err = transcript.LeaseSeed(j.Spec.Seed, l.Beacon, l.LeaseID, l.Nonce)
	require.NoError(t, err)
	require.NoError(t, l.Sign(ctx, service, 5))
	return l
}

func TestLeaseRoundTrip(t *testing.T) {
	l := signedLease(t)
	raw, err := json.Marshal(l)
	require.NoError(t, err)
	j, got, err := ParseAny(raw)
	require.NoError(t, err)
	require.Equal(t, l, got)
	require.Same(t, j, got.Job)
	require.True(t, got.Signed())
	require.True(t, l.Equal(got))
	require.NoError(t, got.Verify())
	require.NoError(t, got.CheckJob(digest.Sum([]byte("circuit")), 20, 120))
	require.ErrorContains(t, got.CheckJob(digest.Sum([]byte("other")), 20, 120), "job_hash")
	require.EqualValues(t, 20, got.Params(20, 120).Width)
}

// TestEveryMemberOfALeaseIsBound changes each member and wants the document or
// its signature refused.
func TestEveryMemberOfALeaseIsBound(t *testing.T) {
	raw, err := json.Marshal(signedLease(t))
	require.NoError(t, err)
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&doc))
	refused := func(name string) {
		b, err := json.Marshal(doc)
		require.NoError(t, err)
		l, err := ParseLease(b)
		if err == nil {
			err = l.Verify()
		}
		require.Error(t, err, name)
	}
	for k, v := range doc {
		if k == "job_spec" {
			continue // bound by job_hash once the circuit is known
		}
		switch v := v.(type) {
		case string:
			for i := range v {
				doc[k] = v[:i] + string(rune(v[i]^1)) + v[i+1:]
				refused(k)
			}
		case json.Number:
			doc[k] = json.Number(v.String() + "1")
			refused(k)
			doc[k] = v.String()
			refused(k)
		}
		delete(doc, k)
		refused("without " + k)
		doc[k] = v
	}
	b, err := json.Marshal(doc)
	require.NoError(t, err)
	l, err := ParseLease(b)
	require.NoError(t, err)
	require.NoError(t, l.Verify())
}

func TestUnsignedLeaseAndBareJob(t *testing.T) {
	doc := `{"lease_id":"` + id64 + `","ttl_ms":2000,"job_spec":` + guideJob + `}`
	j, l, err := ParseAny([]byte(doc))
	require.NoError(t, err)
	require.False(t, l.Signed())
	require.Equal(t, j.Spec.Seed, l.Seed)
	require.Equal(t, id64, l.LeaseID.String())
	raw, err := json.Marshal(l)
	require.NoError(t, err)
	again, err := ParseLease(raw)
	require.NoError(t, err)
	require.Equal(t, l, again)
	require.ErrorIs(t, l.Verify(), keys.ErrSignature)
	for _, bad := range []string{strings.Replace(doc, `"ttl_ms":2000`, `"ttl_ms":0`, 1), strings.Replace(doc, `"ttl_ms":2000,`, ``, 1), strings.Replace(doc, `"ttl_ms"`, `"fence":1,"ttl_ms"`, 1),
		strings.Replace(doc, `"ttl_ms"`, `"x":1,"ttl_ms"`, 1), strings.Replace(doc, "0.1", "2", 1)} {
		_, _, err := ParseAny([]byte(bad))
		require.Error(t, err, bad)
	}

	j, l, err = ParseAny([]byte(guideJob))
	require.NoError(t, err)
	require.Nil(t, l)
	local, err := Local(j, digest.Sum(nil))
	require.NoError(t, err)
	want, err := transcript.LocalLeaseID(j.JobID)
	require.NoError(t, err)
	require.Equal(t, transcript.LeaseFrame{LeaseID: want, JobID: j.JobID, Seed: j.Spec.Seed, PolicyHash: digest.Sum(nil)}, local.LeaseFrame)
	require.False(t, local.Signed())
}
