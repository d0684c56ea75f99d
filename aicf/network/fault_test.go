package network_test

import (
	"bytes"
	"context"
	"errors"
	"github.com/animicaorg/engine/keys"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

func (w *world) slashes(state aicf.SlashState) []aicf.Slash {
	w.Helper()
	page, err := w.Slashes(ctx, aicf.SlashFilter{State: state})
	require.NoError(w, err)
	return page.Items
}

func (w *world) balance(id digest.Digest) *aicf.Balance {
	w.Helper()
	b, err := w.Balance(ctx, id)
	require.NoError(w, err)
	return b
}

// TestFabricatedOutcomes: outcomes that fail their traps under a report that says
// pass are found by judging again: no pay, stake held, jailed, the job goes to
// another provider; nobody appeals, the hold is executed.
func TestFabricatedOutcomes(t *testing.T) {
	each(t, nil, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 5000, 1)
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		out, err := w.hand(p, w.lease(p), cheat{liesOfTraps: true})
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseRejected, out.Status)
		require.Equal(w, aicf.TrapMismatch, out.Failure.Code)
		require.Zero(w, out.Accrued)
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1)
		require.Equal(w, aicf.ReasonTraps, held[0].Reason)
		require.EqualValues(w, 2000, held[0].Amount)
		b := w.balance(p.id)
		require.Equal(w, []aicf.Amount{4000, 2000}, []aicf.Amount{b.Staked, b.Held})
		v, err := w.Provider(ctx, p.id)
		require.NoError(w, err)
		require.Equal(w, aicf.Jailed, v.State)

		w.wait(3000)
		w.beat(q, 1)
		w.rounds(1)
		good, err := w.hand(q, w.lease(q), cheat{})
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseCompleted, good.Status)
		w.rounds(4)
		require.Empty(w, w.slashes(aicf.SlashHeld))
		require.Len(w, w.slashes(aicf.SlashExecuted), 1)
		require.Zero(w, w.balance(p.id).Held)
		_, err = w.Claim(ctx, w.as(p.id), p.id, 0)
		require.Equal(w, aicf.NotFound, code(err))
		j, err := w.Job(ctx, id)
		require.NoError(w, err)
		require.Equal(w, q.id, j.Provider)
	})
}

// TestAnHonestFailureCostsNoStake: a result that says fail is not paid and not a
// fault.
func TestAnHonestFailureCostsNoStake(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		out, err := w.hand(p, w.lease(p), cheat{failTraps: true})
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseRejected, out.Status)
		require.Equal(w, aicf.TrapMismatch, out.Failure.Code)
		require.Empty(w, w.slashes(""))
		require.EqualValues(w, 6000, w.balance(p.id).Staked)
	})
}

func TestTwoResultsUnderOneFence(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		first, err := w.hand(p, a, cheat{})
		require.NoError(w, err)
		again, err := w.hand(p, a, cheat{})
		require.NoError(w, err)
		require.Equal(w, first, again, "the same claim again")
		require.Empty(w, w.slashes(""))
		_, err = w.hand(p, a, cheat{finishedMS: a.Lease.IssuedMS + 101})
		require.Equal(w, aicf.LeaseFenced, code(err))
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1)
		require.Equal(w, aicf.ReasonDouble, held[0].Reason)
		_, err = w.hand(p, a, cheat{finishedMS: a.Lease.IssuedMS + 101})
		require.Equal(w, aicf.LeaseFenced, code(err))
		require.Len(w, w.slashes(""), 1, "the same evidence is one proposal")
		st, err := w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		require.Equal(w, aicf.ClaimHeld, st.Lines[0].State)
		w.rounds(9)
		st, err = w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		require.Equal(w, aicf.ClaimRefused, st.Lines[0].State, "the pay went back")
		require.EqualValues(w, 100, w.balance(buyer).Available)
	})
}

func TestLateWindow(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		for n := range 10 {
			_, err := w.Submit(ctx, w.as(buyer), aicf.JobSubmission{Job: jobDocument(n, 500)})
			require.NoError(w, err)
			a := w.lease(p)
			if n != 4 {
				w.wait(501)
			}
			out, err := w.hand(p, a, cheat{})
			require.NoError(w, err)
			require.Equal(w, n != 4, out.Late)
		}
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1)
		require.Equal(w, aicf.ReasonLatency, held[0].Reason)
		w.rounds(9)
		require.Len(w, w.slashes(aicf.SlashExecuted), 1)
		st, err := w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		for n, l := range st.Lines {
			require.Equal(w, n == 4, l.State == aicf.ClaimClaimable, "only the job in time is paid")
		}
	})
}

// attested gives proofs of a marked device the level that counter-evidence
// needs.
func attested(c *network.Config) {
	c.Wire = func(in *proofs.Input) { in.Attester = fakeAttester{} }
}

// TestAppealReturnsEverything: a bundle damaged on its way is a fault; the whole
// bundle under the device's signature reverses it exactly.
func TestAppealReturnsEverything(t *testing.T) {
	each(t, attested, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		device := func(c *proofs.Claim) {
			v := transcript.MapValue(transcript.Member{Key: "device", Value: transcript.TextValue("good")})
			c.Attest.QPU = &v
		}
		proof, tar := p.prove(w, a.Lease, cheat{tweak: device})
		b, err := proofs.ReadTar(bytes.NewReader(tar))
		require.NoError(w, err)
		b.Outcomes[len(b.Outcomes)-1] ^= 1
		damaged, err := b.Tar()
		require.NoError(w, err)
		out, err := w.handBytes(p, a, proof, damaged)
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseRejected, out.Status)
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1, out.Failure)

		appeal := func(bundle []byte) *aicf.DisputeOutcome {
			sum := digest.Sum(bundle)
			require.NoError(w, w.PutBundle(ctx, w.as(p.id), sum, bytes.NewReader(bundle)))
			d, err := w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: held[0].ID, Bundle: sum})
			require.NoError(w, err)
			return d
		}
		require.False(w, appeal(damaged).Accepted)
		_, foreign := p.prove(w, a.Lease, cheat{finishedMS: a.Lease.IssuedMS + 5})
		require.False(w, appeal(foreign).Accepted, "another claim")
		require.EqualValues(w, 4000, w.balance(p.id).Staked)
		d := appeal(tar)
		require.True(w, d.Accepted, d.Reason)
		require.Equal(w, aicf.SlashReversed, d.Slash.State)
		require.EqualValues(w, 6000, w.balance(p.id).Staked)
		v, err := w.Provider(ctx, p.id)
		require.NoError(w, err)
		require.Equal(w, aicf.Active, v.State)
		_, err = w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: held[0].ID, Bundle: digest.Sum(tar)})
		require.Equal(w, aicf.Conflict, code(err), "reversed once")
	})
}

// TestAppealNeedsTheDevice: the same bundle without evidence is no counter-evidence.
func TestAppealNeedsTheDevice(t *testing.T) {
	each(t, attested, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		proof, tar := p.prove(w, a.Lease, cheat{})
		b, err := proofs.ReadTar(bytes.NewReader(tar))
		require.NoError(w, err)
		b.Outcomes[len(b.Outcomes)-1] ^= 1
		damaged, err := b.Tar()
		require.NoError(w, err)
		_, err = w.handBytes(p, a, proof, damaged)
		require.NoError(w, err)
		require.NoError(w, w.PutBundle(ctx, w.as(p.id), digest.Sum(tar), bytes.NewReader(tar)))
		d, err := w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: w.slashes("")[0].ID, Bundle: digest.Sum(tar)})
		require.NoError(w, err)
		require.False(w, d.Accepted)
		w.rounds(9)
		_, err = w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: w.slashes("")[0].ID, Bundle: digest.Sum(tar)})
		require.Equal(w, aicf.Conflict, code(err), "the window is over")
	})
}

func TestUnbondingStakeIsStillSlashed(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		c, err := w.Unstake(ctx, w.as(p.id), p.id, 5500)
		require.NoError(w, err)
		require.Equal(w, aicf.Registered, c.State)
		_, err = w.hand(p, a, cheat{liesOfTraps: true})
		require.NoError(w, err)
		b := w.balance(p.id)
		require.Equal(w, []aicf.Amount{0, 4000, 2000}, []aicf.Amount{b.Staked, b.Unbonding, b.Held})
		w.rounds(4)
		b = w.balance(p.id)
		require.Equal(w, []aicf.Amount{4000, 0}, []aicf.Amount{b.Available, b.Unbonding}, "what was not slashed is released")
	})
}

// TestAnAccusationOfNothing: the service holds a fraud document against the bundle that it
// has; an accusation of an honest claim, of a claim that it never saw, and bytes that are no
// document are refused, and nothing moves.
func TestAnAccusationOfNothing(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		out, err := w.hand(p, w.lease(p), cheat{})
		require.NoError(w, err)
		accuser := newProvider(w, "accuser", uint64(w.now/1000))
		document := func(f transcript.FraudFrame) []byte {
			raw, err := transcript.Encode(f)
			require.NoError(w, err)
			doc, err := statement.Sign(ctx, statement.TypeFraud, raw, "words", &keys.Held{ProviderID: accuser.id, Operational: accuser.op, Statement: accuser.statement}, false, uint64(w.now/1000))
			require.NoError(w, err)
			return doc
		}
		l, err := w.Lease(ctx, out.LeaseID)
		require.NoError(w, err)
		honest := transcript.FraudFrame{Result: digest.Sum([]byte("R")), Claim: out.Claim, ProviderID: l.ProviderID, Reason: transcript.FraudRejudge, Evidence: digest.Sum(nil)}
		unknown := honest
		unknown.Claim = digest.Sum([]byte("never handed in"))
		for name, c := range map[string]struct {
			doc  []byte
			want aicf.Code
		}{
			"honest claim":  {document(honest), aicf.ProofError},
			"unknown claim": {document(unknown), aicf.NotFound},
			"no document":   {[]byte(`{}`), aicf.ProofError},
		} {
			_, err := w.Dispute(ctx, w.as(accuser.id), aicf.Dispute{Fraud: c.doc})
			require.Equal(w, c.want, code(err), "%s: %v", name, err)
		}
		require.Empty(w, w.slashes(aicf.SlashHeld))
	})
}

// TestAnAccusationThatHolds: a fraud document against a paid claim holds stake;
// executed, it is burned, rewarded and kept in the policy's shares.
func TestAnAccusationThatHolds(t *testing.T) {
	var claim digest.Digest
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Network.BurnShare, p.Network.ReporterShare = 3*aicf.Nano/10, aicf.Nano/10 })
		c.Fraud = func(_ context.Context, doc, _ []byte) (*network.Fraud, error) {
			if string(doc) != `{"audit":"fails"}` {
				return nil, errors.New("the audit passes")
			}
			return &network.Fraud{Claim: claim, Why: "the target audit fails"}, nil
		}
	}, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		out, err := w.hand(p, w.lease(p), cheat{})
		require.NoError(w, err)
		claim = out.Claim
		reporter := digest.Sum([]byte("reporter"))
		_, err = w.Dispute(ctx, w.as(reporter), aicf.Dispute{Fraud: []byte(`{"audit":"passes"}`)})
		require.Equal(w, aicf.ProofError, code(err))
		_, err = w.Dispute(ctx, w.as(reporter), aicf.Dispute{})
		require.Equal(w, aicf.SchemaError, code(err))
		d, err := w.Dispute(ctx, w.as(reporter), aicf.Dispute{Fraud: []byte(`{"audit":"fails"}`)})
		require.NoError(w, err)
		require.True(w, d.Accepted)
		require.EqualValues(w, 2000, d.Slash.Amount)
		again, err := w.Dispute(ctx, w.as(reporter), aicf.Dispute{Fraud: []byte(`{"audit":"fails"}`)})
		require.NoError(w, err)
		require.Equal(w, d.Slash.ID, again.Slash.ID)
		w.rounds(9)
		require.Len(w, w.slashes(aicf.SlashExecuted), 1)
		require.EqualValues(w, 200, w.balance(reporter).Available)
		require.EqualValues(w, 100, w.balance(buyer).Available, "the pay went back to the buyer")
	})
}
