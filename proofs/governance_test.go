package proofs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/modules/trust/trusttest"
)

// governedFixture is a job of chain 1337, round 42, whose modules stand in the set
// that edit leaves, and the chain: epoch 1 from height 10 to 1000, and what more
// adds.
func governedFixture(t *testing.T, edit func(s *trust.Set), more func(c *trust.Chain, one trust.Set, d *trust.Signed)) (*fixture, *trust.Chain) {
	t.Helper()
	f := newFixture(t, fixtureOptions{leased: true})
	r := trusttest.Root(t, 1, digest.Digest{}, 1, 2, 1, 2, 3)
	r.ChainID = 1337
	root := trusttest.Sign(t, r, 1, 2)
	s := trust.Set{ChainID: 1337, Epoch: 1, Root: root.Digest(), Activation: 10, Expiry: 1000}
	for _, m := range f.proof.Body.Binding.Modules {
		rec := trusttest.Record(m.Slot, m.Name, m.Version, []byte("other"), []byte("vectors"))
		rec.SHA3, rec.Size, rec.Activation, rec.Expiry = m.SHA3, m.Size, 10, 1000
		if !m.MeteredSHA3.IsZero() {
			rec.Meter, rec.MeteredSHA3 = "meter-1", m.MeteredSHA3
		}
		s.Records = append(s.Records, rec)
	}
	edit(&s)
	s.Sort()
	one := trusttest.Sign(t, s, 2, 3)
	c, err := trust.NewChain(root.Digest(), root)
	require.NoError(t, err)
	require.NoError(t, c.AddSet(one))
	if more != nil {
		more(c, s, one)
	}
	f.proof.Body.Binding.GovernanceSet = one.Digest()
	require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))
	require.NoError(t, f.bundle.SetProof(f.proof))
	return f, c
}

// TestGovernanceSet: with the chain of sets at hand a proof that is signed again
// over another set, or whose set does not let its modules run, is refused, each by
// its own name.
func TestGovernanceSet(t *testing.T) {
	none := func(*trust.Set) {}
	traps := func(edit func(r *trust.Record)) func(*trust.Set) {
		return func(s *trust.Set) {
			for i := range s.Records {
				if s.Records[i].Kind == "traps" {
					edit(&s.Records[i])
				}
			}
		}
	}
	next := func(activation uint64, edit func(*trust.Set)) func(*trust.Chain, trust.Set, *trust.Signed) {
		return func(c *trust.Chain, one trust.Set, d *trust.Signed) {
			two := trusttest.Next(one, d, edit)
			two.Activation = activation
			require.NoError(t, c.AddSet(trusttest.Sign(t, two, 1, 2)))
		}
	}
	hard := traps(func(r *trust.Record) { r.Status = trust.RevokedHard })
	for _, row := range []struct {
		what   string
		edit   func(*trust.Set)
		more   func(*trust.Chain, trust.Set, *trust.Signed)
		proof  func(b *Binding)
		height uint64
		name   string // empty: valid
	}{
		{what: "in force", edit: none},
		{what: "revoked later", edit: none, more: next(43, traps(func(r *trust.Record) { r.Status = trust.Revoked })), height: 500},
		{what: "revoked hard later, which the verifier has not seen", edit: none, more: next(43, hard), height: 42},
		{what: "revoked hard", edit: none, more: next(43, hard), height: 43, name: "Revoked"},
		{what: "deprecated", edit: traps(func(r *trust.Record) { r.Status = trust.Deprecated })},
		{what: "a newer set than the round's", edit: func(s *trust.Set) { s.Activation = 100 }},
		{what: "another set", edit: none, proof: func(b *Binding) { b.GovernanceSet[3] ^= 1 }, name: "UnknownSet"},
		{what: "an older set", edit: none, more: next(42, none), name: "Superseded"},
		{what: "expired", edit: func(s *trust.Set) { s.Expiry = 42 }, name: "Expired"},
		{what: "record expired", edit: traps(func(r *trust.Record) { r.Expiry = 42 }), name: "Expired"},
		{what: "candidate", edit: traps(func(r *trust.Record) { r.Status = trust.Candidate }), name: "NotActive"},
		{what: "revoked", edit: traps(func(r *trust.Record) { r.Status = trust.Revoked }), name: "Revoked"},
		{what: "not listed", edit: traps(func(r *trust.Record) { r.SHA3[0] ^= 1 }), name: "NotListed"},
		{what: "of another kind", edit: traps(func(r *trust.Record) { r.Kind = "compiler" }), name: "NotListed"},
		{what: "of another version", edit: traps(func(r *trust.Record) { r.Version = "1.0.1" }), name: "Bytes"},
		{what: "of another size", edit: traps(func(r *trust.Record) { r.Size++ }), name: "Bytes"},
		{what: "metered to something else", edit: none, proof: func(b *Binding) { b.Modules[1].MeteredSHA3[0] ^= 1 }, name: "Bytes"},
	} {
		f, c := governedFixture(t, row.edit, row.more)
		in := f.input()
		in.Sets, in.Require = &Sets{c, row.height}, []string{"governance_set"}
		if row.proof != nil {
			p := f.clone(t)
			row.proof(&p.Body.Binding)
			var err error
			in.Proof, err = p.MarshalCBOR()
			require.NoError(t, err)
			require.False(t, verify(t, in).Valid, "%s, as it is", row.what)
			require.Equal(t, "signatures", verify(t, in).Failure.Check)
			in.Proof, in.Bundle = f.resigned(t, p), nil
		}
		r := verify(t, in)
		got, ok := r.Check("governance_set")
		require.True(t, ok)
		if row.name == "" {
			require.True(t, r.Valid, "%s: %+v", row.what, r.Failure)
			require.Equal(t, "epoch 1 of chain 1337, 2 modules", got.Detail)
			continue
		}
		require.False(t, got.OK, row.what)
		require.Equal(t, []string{"governance_set"}, failed(r), row.what)
		require.Equal(t, row.name, r.Failure.Name, row.what)
		require.Equal(t, ExitProof, r.Failure.Exit)
	}
}

// TestGovernanceSetSkipped: without a chain, or without a set, the step is listed
// as skipped, and refused where it is required.
func TestGovernanceSetSkipped(t *testing.T) {
	f, c := governedFixture(t, func(*trust.Set) {}, nil)
	free := newFixture(t, fixtureOptions{leased: true})
	for _, in := range []Input{{Bundle: f.bundle, TrapPolicies: f.policies}, {Bundle: free.bundle, TrapPolicies: free.policies, Sets: &Sets{Chain: c}}} {
		got, _ := verify(t, in).Check("governance_set")
		require.True(t, got.OK && got.Skipped, got.Detail)
		in.Require = []string{"governance_set"}
		r := verify(t, in)
		require.Equal(t, []string{"governance_set"}, failed(r))
		require.Equal(t, "GovernanceMismatch", r.Failure.Name)
	}
}

// TestGovernanceOfAnotherChain: a set of another network is no set of this job.
func TestGovernanceOfAnotherChain(t *testing.T) {
	f, _ := governedFixture(t, func(*trust.Set) {}, nil)
	root := trusttest.Sign(t, trusttest.Root(t, 1, digest.Digest{}, 1, 2, 1, 2, 3), 1, 2)
	c, err := trust.NewChain(root.Digest(), root)
	require.NoError(t, err)
	one := trusttest.Sign(t, trusttest.First(root), 1, 2)
	require.NoError(t, c.AddSet(one))
	p := f.clone(t)
	p.Body.Binding.GovernanceSet = one.Digest()
	r := verify(t, Input{Proof: f.resigned(t, p), Sets: &Sets{Chain: c}})
	require.Equal(t, []string{"governance_set"}, failed(r))
	require.Equal(t, "Fork", r.Failure.Name)
}
