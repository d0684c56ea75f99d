package network_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// onDevice gives a claim evidence that the tests' verifier takes for a device's.
func onDevice(c *proofs.Claim) {
	v := transcript.MapValue(transcript.Member{Key: "device", Value: transcript.TextValue("good")})
	c.Attest.QPU = &v
}

func (w *world) appeal(p *provider, slash digest.Digest, bundle []byte) *aicf.DisputeOutcome {
	w.Helper()
	sum := digest.Sum(bundle)
	require.NoError(w, w.PutBundle(ctx, w.as(p.id), sum, bytes.NewReader(bundle)))
	d, err := w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: slash, Bundle: sum})
	require.NoError(w, err)
	return d
}

// TestTheSameResultTwice: two claims that differ in their times alone are one execution; the
// device's bundle of the second one undoes the hold. Other outcomes do not.
func TestTheSameResultTwice(t *testing.T) {
	each(t, attested, func(w *world) {
		for n, same := range []bool{true, false} {
			p := w.provider([]string{"restored", "double"}[n], 6000, 1)
			w.deposit(buyer, 100)
			w.submit(n, nil)
			a := w.lease(p)
			_, first := p.prove(w, a.Lease, cheat{tweak: onDevice})
			out, err := w.hand(p, a, cheat{tweak: onDevice})
			require.NoError(w, err)
			require.Equal(w, aicf.LeaseCompleted, out.Status)
			again := cheat{finishedMS: a.Lease.IssuedMS + 101, tweak: onDevice}
			if !same {
				again.tweak = func(c *proofs.Claim) { onDevice(c); c.HistDigest = digest.Sum([]byte("another")) }
			}
			proof, second := p.prove(w, a.Lease, again)
			_, err = w.handBytes(p, a, proof, second)
			require.Equal(w, aicf.LeaseFenced, code(err))
			held := w.slashes(aicf.SlashHeld)
			require.Len(w, held, 1)
			require.Equal(w, aicf.ReasonDouble, held[0].Reason)

			d := w.appeal(p, held[0].ID, first)
			require.False(w, d.Accepted)
			require.Contains(w, d.Reason, "the second claim under the fence is")
			bare, err := proofs.ReadTar(bytes.NewReader(second))
			require.NoError(w, err)
			bare.Outcomes[len(bare.Outcomes)-1] ^= 1
			damaged, err := bare.Tar()
			require.NoError(w, err)
			require.False(w, w.appeal(p, held[0].ID, damaged).Accepted)
			d = w.appeal(p, held[0].ID, second)
			require.Equal(w, same, d.Accepted, d.Reason)
			if same {
				require.EqualValues(w, 6000, w.balance(p.id).Staked)
			} else {
				require.EqualValues(w, 4000, w.balance(p.id).Staked)
				w.rounds(9)
				require.Len(w, w.slashes(aicf.SlashExecuted), 1)
			}
		}
	})
}

// TestTheDoubleNeedsTheDevice: without the device's signature the same result twice stays a
// double result.
func TestTheDoubleNeedsTheDevice(t *testing.T) {
	each(t, attested, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		_, err := w.hand(p, a, cheat{})
		require.NoError(w, err)
		proof, second := p.prove(w, a.Lease, cheat{finishedMS: a.Lease.IssuedMS + 101})
		_, err = w.handBytes(p, a, proof, second)
		require.Equal(w, aicf.LeaseFenced, code(err))
		d := w.appeal(p, w.slashes(aicf.SlashHeld)[0].ID, second)
		require.False(w, d.Accepted)
		require.Contains(w, d.Reason, "device-signed")
	})
}

// TestALateWindowIsCountedAgain: the time in which the network closed no round is taken away,
// time in which it did is not.
func TestALateWindowIsCountedAgain(t *testing.T) {
	for name, stood := range map[string]bool{"the network stood still": true, "the provider was slow": false} {
		t.Run(name, func(t *testing.T) {
			each(t, attested, func(w *world) {
				p := w.provider("one", 6000, 1)
				w.deposit(buyer, 100)
				var before, last []byte
				for n := range 10 {
					_, err := w.Submit(ctx, w.as(buyer), aicf.JobSubmission{Job: jobDocument(n, 10_000)})
					require.NoError(w, err)
					a := w.lease(p)
					var proof []byte
					before = last
					proof, last = p.prove(w, a.Lease, cheat{tweak: onDevice})
					switch {
					case n < 9:
					case stood:
						w.wait(40_000)
					default:
						for range 8 {
							w.wait(5000)
							w.rounds(1)
						}
					}
					out, err := w.handBytes(p, a, proof, last)
					require.NoError(w, err)
					require.Equal(w, n == 9, out.Late)
				}
				held := w.slashes(aicf.SlashHeld)
				require.Len(w, held, 1)
				require.Equal(w, aicf.ReasonLatency, held[0].Reason)
				d := w.appeal(p, held[0].ID, before)
				require.False(w, d.Accepted)
				require.Contains(w, d.Reason, "none of the window's 1 late jobs")
				d = w.appeal(p, held[0].ID, last)
				require.Equal(w, stood, d.Accepted, d.Reason)
			})
		})
	}
}

// accuse signs the audit of a bundle and the accusation that rests on it.
func accuse(w *world, accuser *provider, tar []byte, round uint64, value []byte, leaves uint64, bend func(*transcript.AuditFrame)) aicf.Dispute {
	w.Helper()
	b, err := proofs.ReadTar(bytes.NewReader(tar))
	require.NoError(w, err)
	p, err := proofs.Decode(b.Proof)
	require.NoError(w, err)
	claim, err := p.Claim()
	require.NoError(w, err)
	in, err := statement.AuditInput(b, p, round, digest.Digest(value), leaves)
	require.NoError(w, err)
	r, err := traps.RunAudit(*in)
	require.NoError(w, err)
	frame := r.Frame(in)
	if bend != nil {
		bend(&frame)
	}
	raw, err := transcript.Encode(frame)
	require.NoError(w, err)
	held := &keys.Held{ProviderID: accuser.id, Operational: accuser.op, Statement: accuser.statement}
	audit, err := statement.Sign(ctx, statement.TypeAudit, raw, "words", held, false, uint64(w.now/1000))
	require.NoError(w, err)
	fraud, err := transcript.Encode(transcript.FraudFrame{Result: p.Body.Binding.Digests.R, Claim: claim, ProviderID: p.Body.ProviderID, Reason: transcript.FraudAudit, Evidence: digest.Sum(raw)})
	require.NoError(w, err)
	doc, err := statement.Sign(ctx, statement.TypeFraud, fraud, "words", held, false, uint64(w.now/1000))
	require.NoError(w, err)
	return aicf.Dispute{Fraud: doc, Audit: audit}
}

// TestAnAccusationByTargetAudit: the tests' providers pass their traps and make their targets
// up, which no trap sees. An audit by a later beacon of the network holds; every other is
// refused and moves nothing. A device's signature does not answer it.
func TestAnAccusationByTargetAudit(t *testing.T) {
	each(t, func(c *network.Config) {
		attested(c)
		c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Network.ReporterShare = aicf.Nano / 10 })
	}, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		proof, tar := p.prove(w, a.Lease, cheat{tweak: onDevice})
		out, err := w.handBytes(p, a, proof, tar)
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseCompleted, out.Status)
		st, err := w.Status(ctx)
		require.NoError(w, err)
		w.wait(1)
		w.rounds(1)
		open, err := w.Round(ctx, st.Round+1)
		require.NoError(w, err)
		w.wait(1)
		w.rounds(1)
		early, err := w.Round(ctx, st.Round)
		require.NoError(w, err)
		late, err := w.Round(ctx, st.Round+1)
		require.NoError(w, err)
		require.Zero(w, open.ClosedMS)

		accuser := newProvider(w, "accuser", uint64(w.now/1000))
		right := accuse(w, accuser, tar, late.Number, late.Value, 0, nil)
		part := accuse(w, accuser, tar, late.Number, late.Value, 3, nil)
		for name, c := range map[string]struct {
			d    aicf.Dispute
			want aicf.Code
			says string
		}{
			"no audit":          {aicf.Dispute{Fraud: right.Fraud}, aicf.SchemaError, "missing"},
			"no accusation":     {aicf.Dispute{Audit: right.Audit}, aicf.SchemaError, "want slash_id"},
			"an appeal's audit": {aicf.Dispute{SlashID: digest.Sum(nil), Audit: right.Audit}, aicf.SchemaError, "belongs to an accusation"},
			"another audit":     {aicf.Dispute{Fraud: right.Fraud, Audit: part.Audit}, aicf.ProofError, "the accusation names"},
			"another score":     {accuse(w, accuser, tar, late.Number, late.Value, 0, func(f *transcript.AuditFrame) { f.Score /= 2 }), aicf.ProofError, "gives another audit"},
			"too early":         {accuse(w, accuser, tar, early.Number, early.Value, 0, nil), aicf.ProofError, "the beacon must be later"},
			"own beacon":        {accuse(w, accuser, tar, late.Number, bytes.Repeat([]byte{1}, 32), 0, nil), aicf.ProofError, "the value of round"},
			"open round":        {accuse(w, accuser, tar, late.Number+1, late.Value, 0, nil), aicf.ProofError, "still open"},
			"no such round":     {accuse(w, accuser, tar, 1000, late.Value, 0, nil), aicf.ProofError, "has not begun"},
			"too large":         {aicf.Dispute{Fraud: right.Fraud, Audit: bytes.Repeat([]byte{' '}, statement.MaxBytes+1)}, aicf.LimitExceeded, "at most"},
			"fraud too large":   {aicf.Dispute{Fraud: bytes.Repeat([]byte{' '}, statement.MaxBytes+1)}, aicf.LimitExceeded, "at most"},
		} {
			_, err := w.Dispute(ctx, w.as(accuser.id), c.d)
			require.Equal(w, c.want, code(err), "%s: %v", name, err)
			require.ErrorContains(w, err, c.says, name)
		}
		require.Empty(w, w.slashes(""))

		d, err := w.Dispute(ctx, w.as(accuser.id), right)
		require.NoError(w, err)
		require.True(w, d.Accepted)
		require.Equal(w, aicf.ReasonFraud, d.Slash.Reason)
		require.Contains(w, string(d.Slash.Document), `"audit":`)
		other := newProvider(w, "another accuser", uint64(w.now/1000))
		again, err := w.Dispute(ctx, w.as(other.id), accuse(w, other, tar, late.Number, late.Value, 0, nil))
		require.NoError(w, err)
		require.Equal(w, d.Slash.ID, again.Slash.ID, "one claim is accused once")
		refused := w.appeal(p, d.Slash.ID, tar)
		require.False(w, refused.Accepted)
		require.Contains(w, refused.Reason, "still holds")
		w.rounds(9)
		require.Len(w, w.slashes(aicf.SlashExecuted), 1)
		require.EqualValues(w, 200, w.balance(accuser.id).Available)
		require.EqualValues(w, 100, w.balance(buyer).Available)
	})
}

// TestAnAuditOfTooFewLeaves: what was scored is not enough to tell, and nothing is held.
func TestAnAuditOfTooFewLeaves(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		proof, tar := p.prove(w, a.Lease, cheat{})
		_, err := w.handBytes(p, a, proof, tar)
		require.NoError(w, err)
		st, err := w.Status(ctx)
		require.NoError(w, err)
		for range 2 {
			w.wait(1)
			w.rounds(1)
		}
		r, err := w.Round(ctx, st.Round+1)
		require.NoError(w, err)
		accuser := newProvider(w, "accuser", uint64(w.now/1000))
		_, err = w.Dispute(ctx, w.as(accuser.id), accuse(w, accuser, tar, r.Number, r.Value, 1, nil))
		require.Equal(w, aicf.ProofError, code(err))
		require.Empty(w, w.slashes(""))
	})
}
