package keys

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// rotatedStore is a store whose root was replaced at 2000, with a day of overlap.
func rotatedStore(t *testing.T) (*Store, RoleSigner, *Chain) {
	s, err := Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	entropy := rand.NewChaCha8([32]byte{1})
	_, err = s.InitDev(entropy, 1000)
	require.NoError(t, err)
	first, err := s.Key(Root)
	require.NoError(t, err)
	_, err = s.Rotate(ctx, first, Change{Role: Root, Alg: Ed25519, Reason: Scheduled, Overlap: 86400}, entropy, 2000)
	require.NoError(t, err)
	chain, err := s.Chain()
	require.NoError(t, err)
	return s, first, chain
}

// TestRootRotationInDocuments signs self-description, statement and bundle with the new root:
// they are the provider's by the chain alone, at both edges of the overlap to the second.
func TestRootRotationInDocuments(t *testing.T) {
	s, first, chain := rotatedStore(t)
	next, err := s.Key(Root)
	require.NoError(t, err)
	require.NotEqual(t, first.KeyID(), next.KeyID())
	held, err := s.Held()
	require.NoError(t, err)
	require.Equal(t, first.KeyID(), held.ProviderID, "the provider_id stays")
	require.Len(t, chain.Links, 3, "operational, log, and the root")

	id, err := NewIdentityUnder(ctx, chain, next, "a@b", []string{"quantum"}, 2001)
	require.NoError(t, err)
	require.Equal(t, first.KeyID(), id.ProviderID)
	raw, err := json.Marshal(id)
	require.NoError(t, err)
	back, err := ParseIdentity(raw)
	require.NoError(t, err)
	require.Equal(t, id, back)
	bare := *id
	bare.Chain = nil
	require.ErrorContains(t, bare.Verify(), "no key_chain")

	// Each root in its time, to the second.
	for _, c := range []struct {
		root RoleSigner
		at   uint64
		ok   bool
	}{{next, 1999, false}, {next, 2000, true}, {first, 2000, true}, {first, 2000 + 86399, true}, {first, 2000 + 86400, false}, {next, 1 << 40, true}} {
		_, err := NewIdentityUnder(ctx, chain, c.root, "a@b", nil, c.at)
		require.Equal(t, c.ok, err == nil, "%d: %v", c.at, err)
		if !c.ok {
			require.ErrorIs(t, err, ErrRetired)
		}
	}

	st, err := NewKeyStatementUnder(ctx, chain, next, Payout, Ed25519, testKey(t, Payout, 77).Public(), 9, 3000)
	require.NoError(t, err)
	require.Equal(t, first.KeyID(), st.ProviderID)
	require.ErrorIs(t, st.Verify(), ErrKey, "without the chain")
	old := *held.Statement
	require.NoError(t, old.VerifyUnder(chain), "what the first root said before goes on")
	require.NoError(t, old.Verify())

	b := &Bundle{Identity: id, Keys: []*KeyStatement{held.Statement, st}}
	require.NoError(t, b.Sign(ctx, next, 3001))
	raw, err = json.Marshal(b)
	require.NoError(t, err)
	_, err = ParseBundle(raw)
	require.NoError(t, err)
	require.Error(t, b.Sign(ctx, first, 3001), "the self-description names the other root")
	foreign, _, other := rotatedStore(t)
	_ = foreign
	stranger := &Chain{Root: testKey(t, Root, 99).Public()}
	require.NoError(t, id.Verify())
	swapped := *id
	swapped.Chain = stranger
	require.Error(t, swapped.Verify())
	require.True(t, chain.Extends(other), "both stores were made from one stream")
	require.True(t, chain.Extends(nil))
	require.False(t, (*Chain)(nil).Extends(chain))
	require.False(t, (&Chain{Root: chain.Root, Links: chain.Links[:2]}).Extends(chain))
	require.False(t, stranger.Extends(chain))
}

// TestRootRotationAfterALeak ends the old root at once: what it signs later is nothing.
func TestRootRotationAfterALeak(t *testing.T) {
	s, _, chain := rotatedStore(t)
	second, err := s.Key(Root)
	require.NoError(t, err)
	entropy := rand.NewChaCha8([32]byte{2})
	_, err = s.Rotate(ctx, second, Change{Role: Root, Alg: Ed25519, Reason: Compromised}, entropy, 5000)
	require.NoError(t, err)
	longer, err := s.Chain()
	require.NoError(t, err)
	require.True(t, longer.Extends(chain))
	_, err = NewIdentityUnder(ctx, longer, second, "a@b", nil, 4999)
	require.NoError(t, err)
	_, err = NewIdentityUnder(ctx, longer, second, "a@b", nil, 5000)
	require.ErrorIs(t, err, ErrRetired)

	// The operational key is rotated under the third root, and its statement is the store's.
	third, err := s.Key(Root)
	require.NoError(t, err)
	_, err = s.Rotate(ctx, third, Change{Role: Operational, Alg: Ed25519, Reason: Scheduled, Overlap: 10}, entropy, 6000)
	require.NoError(t, err)
	held, err := s.Held()
	require.NoError(t, err)
	require.Equal(t, longer.Provider(), held.ProviderID)
	require.ErrorIs(t, held.Statement.Verify(), ErrKey)
	last, err := s.Chain()
	require.NoError(t, err)
	require.NoError(t, held.Statement.VerifyUnder(last))
}

// TestRootRotationIsFinished cuts a rotation of the root off at each step.
func TestRootRotationIsFinished(t *testing.T) {
	s, first, chain := rotatedStore(t)
	want, err := s.Key(Root)
	require.NoError(t, err)
	dir := s.Dir()
	seq := "3"
	at := func(name string) string { return filepath.Join(dir, name) }
	// The chain names the new root, and neither file was moved; then only the old one was.
	require.NoError(t, os.Rename(at("root.key"), at("root.next.key")))
	require.NoError(t, os.Rename(at("root."+seq+".key"), at("root.key")))
	got, err := s.Key(Root)
	require.NoError(t, err)
	require.Equal(t, want.KeyID(), got.KeyID())
	require.NoError(t, os.Rename(at("root.key"), at("root.next.key")))
	got, err = s.Key(Root)
	require.NoError(t, err)
	require.Equal(t, want.KeyID(), got.KeyID())
	// A key that was drawn and never named is taken by the next try.
	drawn, err := s.CreateKey(Ed25519, Root, "root.next", rand.NewChaCha8([32]byte{9}))
	require.NoError(t, err)
	got, err = s.Key(Root)
	require.NoError(t, err)
	require.Equal(t, want.KeyID(), got.KeyID())
	r, err := s.Rotate(ctx, want, Change{Role: Root, Alg: Ed25519, Reason: Scheduled, Overlap: 1}, bytes.NewReader(nil), 4000)
	require.NoError(t, err)
	require.Equal(t, drawn.Public(), r.Public)
	require.EqualValues(t, len(chain.Links)+1, r.Seq)
	require.NotEqual(t, first.KeyID(), drawn.KeyID())
}
