package settle

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func line() *Line {
	id := func(s string) digest.Digest { return digest.Sum([]byte(s)) }
	return &Line{Claim: id("claim"), Job: id("job"), Provider: id("provider"), Nullifier: id("nullifier"), Payable: 1200, Gross: 1200, Share: 1020, Treasury: 120, Miner: 60, Policy: id("policy")}
}

// TestLeaf: what is read is what was written; each byte that changes is refused or changes it.
func TestLeaf(t *testing.T) {
	leaf, err := line().Leaf(7)
	require.NoError(t, err)
	l, err := ParseLeaf(leaf)
	require.NoError(t, err)
	require.Equal(t, &ClaimLine{7, digest.Sum([]byte("claim")), digest.Sum([]byte("job")), digest.Sum([]byte("provider")), digest.Sum([]byte("nullifier")), 1200, 1200, 1020, 120, 60, digest.Sum([]byte("policy"))}, l)
	for i := range leaf {
		bad := bytes.Clone(leaf)
		bad[i] ^= 1
		if other, err := ParseLeaf(bad); err == nil {
			require.NotEqual(t, l, other, "byte %d", i)
		} else {
			require.ErrorIs(t, err, ErrLeaf)
		}
	}
	_, err = ParseLeaf(leaf[:len(leaf)-1])
	require.ErrorIs(t, err, ErrLeaf)
	uneven := line()
	uneven.Miner++
	leaf, err = uneven.Leaf(7)
	require.NoError(t, err)
	_, err = ParseLeaf(leaf)
	require.ErrorContains(t, err, "gross 1200 is not 1020 + 120 + 61")
}

// FuzzParseLeaf: what is accepted encodes to the same bytes.
func FuzzParseLeaf(f *testing.F) {
	leaf, err := line().Leaf(7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaf)
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLeaf(b)
		if err != nil {
			return
		}
		again, err := (&Line{Claim: l.Claim, Job: l.JobID, Provider: l.ProviderID, Nullifier: l.Nullifier, Payable: l.Payable, Gross: l.Gross, Share: l.Provider, Treasury: l.Treasury, Miner: l.Miner, Policy: l.Policy}).Leaf(l.Epoch)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x, %v", b, again, err)
		}
	})
}
