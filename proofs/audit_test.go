package proofs

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

// logged is a fixture whose provider keeps a log.
type logged struct {
	*fixture
	log *auditlog.Log
}

func newLogged(t *testing.T, o fixtureOptions) *logged {
	f := newFixture(t, o)
	root, key := key(t, keys.Root, 1), key(t, keys.Log, 5)
	st, err := keys.NewKeyStatement(ctx, root, keys.Log, key.Alg(), key.Public(), 2, 1_763_000_000)
	require.NoError(t, err)
	f.bundle.AuditKey, err = json.Marshal(st)
	require.NoError(t, err)
	l, err := auditlog.Open(t.TempDir(), auditlog.Origin(root.KeyID()), key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	_, err = l.Append(ctx, auditlog.Draft{Entry: auditlog.Entry{Kind: auditlog.Policy}})
	require.NoError(t, err)
	return &logged{f, l}
}

// enter logs an entry about the proof, changed by change, and exports it.
func (f *logged) enter(t *testing.T, change func(*auditlog.Entry)) []byte {
	e, err := f.proof.LogEntry()
	require.NoError(t, err)
	e.TimeMS = f.proof.Body.Binding.FinishedUnixMS + 3
	if change != nil {
		change(&e)
	}
	index, _, err := f.log.Seal(ctx, auditlog.Draft{Entry: e})
	require.NoError(t, err)
	return f.export(t, index)
}

func (f *logged) export(t *testing.T, index uint64) []byte {
	in, err := f.log.Prove(index)
	require.NoError(t, err)
	b, err := in.MarshalText()
	require.NoError(t, err)
	return b
}

func (f *logged) check(t *testing.T, name string, in Input) Check {
	r, err := Verify(ctx, in)
	require.NoError(t, err)
	c, ok := r.Check(name)
	require.True(t, ok)
	return c
}

func TestAuditLogHoldsTheClaim(t *testing.T) {
	ev := transcript.MapValue(transcript.Member{Key: "device_id", Value: transcript.TextValue("AQ-7x")})
	f := newLogged(t, fixtureOptions{leased: true, attest: Attest{QPU: &ev}})
	require.True(t, f.check(t, "audit_log", f.input()).Skipped)
	f.bundle.Audit = f.enter(t, nil)
	got := f.check(t, "audit_log", f.input())
	require.Equal(t, Check{Name: "audit_log", OK: true, Detail: "entry 1 of 2"}, got)

	dir := t.TempDir()
	require.NoError(t, f.bundle.WriteDir(dir))
	back, err := ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, f.bundle.Audit, back.Audit)
	require.Equal(t, f.bundle.AuditKey, back.AuditKey)

	for name, change := range map[string]func(*auditlog.Entry){
		"lease":    func(e *auditlog.Entry) { e.LeaseID = digest.Sum(nil) },
		"J":        func(e *auditlog.Entry) { e.Job = digest.Sum(nil) },
		"X":        func(e *auditlog.Entry) { e.Exec = digest.Sum(nil) },
		"R":        func(e *auditlog.Entry) { e.Result = digest.Sum(nil) },
		"C":        func(e *auditlog.Entry) { e.Proof = digest.Sum(nil) },
		"evidence": func(e *auditlog.Entry) { e.Evidence = digest.Digest{} },
		"kind":     func(e *auditlog.Entry) { e.Kind = auditlog.Incident },
		"time":     func(e *auditlog.Entry) { e.TimeMS = f.proof.Body.Binding.FinishedUnixMS - skewMS - 1 },
	} {
		f.bundle.Audit = f.enter(t, change)
		require.False(t, f.check(t, "audit_log", f.input()).OK, name)
	}
	good := f.enter(t, nil)
	for i := range good {
		b := slices.Clone(good)
		b[i] ^= 1
		f.bundle.Audit = b
		require.False(t, f.check(t, "audit_log", f.input()).OK, "byte %d", i)
	}
	f.bundle.Audit = good

	// A key that the root did not name, or named for another role, or another
	// provider's log.
	stranger, op := key(t, keys.Root, 77), key(t, keys.Operational, 5)
	for name, sign := range map[string]func() (*keys.KeyStatement, error){
		"role": func() (*keys.KeyStatement, error) {
			return keys.NewKeyStatement(ctx, key(t, keys.Root, 1), keys.Operational, op.Alg(), op.Public(), 2, 1)
		},
		"provider": func() (*keys.KeyStatement, error) {
			return keys.NewKeyStatement(ctx, stranger, keys.Log, op.Alg(), op.Public(), 2, 1)
		},
		"key": func() (*keys.KeyStatement, error) {
			other := key(t, keys.Log, 6)
			return keys.NewKeyStatement(ctx, key(t, keys.Root, 1), keys.Log, other.Alg(), other.Public(), 2, 1)
		},
	} {
		st, err := sign()
		require.NoError(t, err)
		in := f.input()
		changed := *f.bundle
		changed.AuditKey, err = json.Marshal(st)
		require.NoError(t, err)
		in.Bundle = &changed
		require.False(t, f.check(t, "audit_log", in).OK, name)
	}
}

// TestWitnessedTimeGoverns moves the witness's clock over the edges of the
// skew of one minute.
func TestWitnessedTimeGoverns(t *testing.T) {
	f := newLogged(t, fixtureOptions{leased: true})
	f.enter(t, nil)
	_, signed, _, err := f.log.Head()
	require.NoError(t, err)
	wk := key(t, keys.Witness, 40)
	w, err := auditlog.NewWitness("w.example", keys.Ed25519, wk.Public())
	require.NoError(t, err)
	finished := f.proof.Body.Binding.FinishedUnixMS // 1 763 830 001 720
	for _, row := range []struct {
		unix uint64
		ok   bool
	}{{finished/1000 - 60, false}, {finished/1000 - 59, true}, {finished / 1000, true}, {finished/1000 + 90*24*3600, true}} {
		with, err := auditlog.Cosign(ctx, signed, w.Name(), wk, row.unix)
		require.NoError(t, err)
		require.NoError(t, f.log.AddCosignatures(with))
		f.bundle.Audit = f.export(t, 1)
		in := f.input()
		require.Contains(t, f.check(t, "freshness", in).Detail, "provider-asserted", "nobody named a witness")
		in.Policy.Witnesses, in.Policy.WitnessQuorum = []*auditlog.Witness{w}, 1
		got := f.check(t, "freshness", in)
		require.Equal(t, row.ok, got.OK, "%d: %s", row.unix, got.Detail)
		in.Policy.WitnessQuorum = 2
		require.Contains(t, f.check(t, "audit_log", in).Detail, "not witnessed by enough")
		require.Contains(t, f.check(t, "freshness", in).Detail, "provider-asserted")
		in.Policy.WitnessQuorum, in.ReceiptMS = 1, finished+1
		require.NotContains(t, f.check(t, "freshness", in).Detail, "witnesses", "the service's receipt comes first")
	}
}

func TestPolicyWitnesses(t *testing.T) {
	w, err := auditlog.NewWitness("w.example", keys.Ed25519, key(t, keys.Witness, 40).Public())
	require.NoError(t, err)
	doc := func(s string) string { return `{"witnesses":["` + w.String() + `"]` + s + `}` }
	p, err := ParsePolicy([]byte(doc("")))
	require.NoError(t, err)
	require.Equal(t, 1, p.WitnessQuorum)
	require.Equal(t, []*auditlog.Witness{w}, p.Witnesses)
	for _, bad := range []string{doc(`,"witness_quorum":2`), doc(`,"witness_quorum":0`), `{"witness_quorum":1}`, `{"witnesses":["x"]}`, `{"witnesses":[]` + `,"witness_quorum":2}`} {
		_, err := ParsePolicy([]byte(bad))
		require.Error(t, err, bad)
	}
}

// TestRevokedKeyAtTheGoverningTime: the same proof by a key that was revoked
// counts when a log had it a second before, and not from that second on,
// whatever time the signer wrote.
func TestRevokedKeyAtTheGoverningTime(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	root, next := key(t, keys.Root, 1), key(t, keys.Operational, 60)
	finished := f.proof.Body.Binding.FinishedUnixMS / 1000
	revoked := finished + 3600
	chain := &keys.Chain{Root: root.Public()}
	_, err := chain.Extend(ctx, root, f.op, keys.Operational, keys.Scheduled, 0, f.proof.Body.Binding.KeyStatement.ValidFrom)
	require.NoError(t, err)
	_, err = chain.Extend(ctx, root, next, keys.Operational, keys.Compromised, 0, revoked)
	require.NoError(t, err)
	doc, err := json.Marshal(map[string]any{"key_chains": []*keys.Chain{chain}})
	require.NoError(t, err)
	policy, err := ParsePolicy(doc)
	require.NoError(t, err)
	for at, ok := range map[uint64]bool{revoked - 1: true, revoked: false, revoked + 1: false} {
		in := f.input()
		in.Policy, in.ReceiptMS = *policy, 1000*at
		r, err := Verify(ctx, in)
		require.NoError(t, err)
		require.Equal(t, ok, r.Valid, "%d: %+v", at, r.Failure)
		if !ok {
			require.Equal(t, "freshness", r.Failure.Check)
		}
	}
	other := &keys.Chain{Root: key(t, keys.Root, 61).Public()}
	in := f.input()
	in.Policy.Chains = []*keys.Chain{other}
	require.True(t, verify(t, in).Valid, "a chain of another provider says nothing")
	in.Policy.Chains = []*keys.Chain{{Root: root.Public()}}
	require.False(t, verify(t, in).Valid, "a chain that does not know the key")
	_, err = ParsePolicy([]byte(`{"key_chains":[{"root":"x","statements":[]}]}`))
	require.Error(t, err)
}

// TestProofUnderALaterRoot: the operational key of a proof was vouched for by the second
// root. Only a verifier with the chain knows whose it is, and at the edges of the first
// root's time a statement of it counts or not.
func TestProofUnderALaterRoot(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	first, second := key(t, keys.Root, 1), key(t, keys.Root, 70)
	finished := f.proof.Body.Binding.FinishedUnixMS / 1000
	from := f.proof.Body.Binding.KeyStatement.ValidFrom
	chain := &keys.Chain{Root: first.Public()}
	_, err := chain.Extend(ctx, first, f.op, keys.Operational, keys.Scheduled, 0, from)
	require.NoError(t, err)
	_, err = chain.Extend(ctx, first, second, keys.Root, keys.Scheduled, 3600, from+10)
	require.NoError(t, err)
	doc, err := json.Marshal(map[string]any{"key_chains": []*keys.Chain{chain}})
	require.NoError(t, err)
	policy, err := ParsePolicy(doc)
	require.NoError(t, err)
	for _, c := range []struct {
		root keys.Signer
		at   uint64
		ok   bool
	}{{second, from + 9, false}, {second, from + 10, true}, {first, from + 10 + 3599, true}, {first, from + 10 + 3600, false}} {
		st, err := keys.NewKeyStatementUnder(ctx, chain, c.root, keys.Operational, f.op.Alg(), f.op.Public(), 2, c.at)
		require.Equal(t, c.ok, err == nil, "%d", c.at)
		if !c.ok {
			continue
		}
		f.proof.Body.Binding.KeyStatement = *st
		require.NoError(t, f.proof.Sign(ctx, f.op, max(finished, c.at)))
		raw, err := f.proof.MarshalJSON()
		require.NoError(t, err)
		in := Input{Proof: raw, Policy: *policy, ReceiptMS: 1000 * max(finished, c.at)}
		r, err := Verify(ctx, in)
		require.NoError(t, err)
		got, _ := r.Check("keys")
		require.True(t, got.OK, "%+v", r.Failure)
		require.Nil(t, r.Failure)
		in.Policy = Policy{}
		r, err = Verify(ctx, in)
		require.NoError(t, err)
		if c.root == keys.Signer(second) {
			require.Equal(t, "keys", r.Failure.Check)
			require.Contains(t, r.Failure.Message, "no key_chain")
		}
	}
}
