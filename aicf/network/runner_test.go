package network_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

// quoted stands for the verifier of quotes (proofs/attest/evidence tests that): the evidence
// is a word and the data that it binds.
func quoted(_ context.Context, q *attest.Carried, data []byte, _ int64) ([]byte, bool, error) {
	word, bound, _ := bytes.Cut(q.Raw, []byte("|"))
	if !bytes.Equal(bound, data) {
		return nil, false, errors.New("report data differs")
	}
	if string(word) != "runner" && string(word) != "dev" {
		return nil, false, errors.New("measurement is not listed")
	}
	return []byte(word), string(word) == "dev", nil
}

func withRunners(cfg *network.Config) { cfg.Runner = quoted }

// asksToEnrol is a runner's request, signed for by nobody: the quote is all.
func asksToEnrol(t testing.TB, p, nonce digest.Digest, until int64, word string) (*enroll.RunnerKey, *enroll.Request) {
	k, err := enroll.NewRunnerKey()
	require.NoError(t, err)
	in := &enroll.Request{Enrolment: enroll.Enrolment{Nonce: nonce, ProviderID: p, Public: k.Public(), Expires: time.Unix(until/1000, 0)}}
	id, err := in.Enrolment.ID()
	require.NoError(t, err)
	in.Quote = attest.Carried{Kind: attest.TDX, Evidence: attest.Evidence{Raw: append([]byte(word+"|"), id[:]...)}}
	return k, in
}

func (w *world) enrol(p *provider, word string) (*enroll.RunnerKey, *enroll.Request, error) {
	w.Helper()
	n, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
	require.NoError(w, err)
	k, in := asksToEnrol(w, p.id, n.Nonce, w.now+3_600_000, word)
	_, err = w.EnrolRunner(ctx, w.as(p.id), requestJSON(w, in))
	return k, in, err
}

func requestJSON(t testing.TB, in *enroll.Request) []byte {
	b, err := json.Marshal(in)
	require.NoError(t, err)
	return b
}

// inTEE is job n with trap_mode tee.
func inTEE(n int) func(*aicf.JobSubmission) {
	return func(s *aicf.JobSubmission) {
		s.Job = json.RawMessage(bytes.Replace(jobDocument(n, 0), []byte(`"trap_ratio":0.5`), []byte(`"trap_ratio":0.5,"trap_mode":"tee"`), 1))
	}
}

func TestEnrolmentRefusals(t *testing.T) {
	each(t, withRunners, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 5000, 1)
		_, in, err := w.enrol(p, "runner")
		require.NoError(w, err)

		_, err = w.EnrolRunner(ctx, w.as(p.id), requestJSON(w, in))
		require.Equal(w, aicf.ReplayDetected, code(err), "the same enrolment again")

		n, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		send := func(c aicf.Call, nonce digest.Digest, until int64, word string, change func(*enroll.Request)) aicf.Code {
			_, in := asksToEnrol(w, p.id, nonce, until, word)
			if change != nil {
				change(in)
			}
			_, err := w.EnrolRunner(ctx, c, requestJSON(w, in))
			return code(err)
		}
		hour := w.now + 3_600_000
		require.Equal(w, aicf.ReplayDetected, send(w.as(p.id), digest.Sum([]byte("own")), hour, "runner", nil), "a nonce of the provider's own")
		require.Equal(w, aicf.Forbidden, send(w.as(q.id), n.Nonce, hour, "runner", nil), "another provider's call")
		require.Equal(w, aicf.AttestationError, send(w.as(p.id), n.Nonce, hour, "other", nil), "another measurement")
		require.Equal(w, aicf.AttestationError, send(w.as(p.id), n.Nonce, hour, "runner", func(in *enroll.Request) { in.Enrolment.Public[0] ^= 1 }), "a quote over another key")
		require.Equal(w, aicf.SchemaError, send(w.as(p.id), n.Nonce, w.now-1000, "runner", nil), "it has ended")
		require.Equal(w, aicf.SchemaError, send(w.as(p.id), n.Nonce, w.now+enroll.MaxLife.Milliseconds()+1000, "runner", nil), "too long a life")
		_, err = w.EnrolRunner(ctx, w.as(p.id), []byte(`{"enrolment":{},"quote":{}}`))
		require.Equal(w, aicf.SchemaError, code(err))
		require.Empty(w, send(w.as(p.id), n.Nonce, hour, "runner", nil), "refusals spent no nonce")

		old, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		newer, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		require.Equal(w, aicf.ReplayDetected, send(w.as(p.id), old.Nonce, hour, "runner", nil), "a newer nonce was given")
		w.wait(newer.ExpiresMS - w.now)
		require.Equal(w, aicf.ReplayDetected, send(w.as(p.id), newer.Nonce, hour, "runner", nil), "the nonce is over")
		_, err = w.RunnerNonce(ctx, w.as(p.id), digest.Sum([]byte("nobody")))
		require.Equal(w, aicf.Forbidden, code(err))
	})
}

func TestRunnersNeedAPolicyAndNoDev(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		_, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
		require.Equal(w, aicf.PolicyMismatch, code(err))
		_, in := asksToEnrol(w, p.id, digest.Digest{}, w.now+1000, "runner")
		_, err = w.EnrolRunner(ctx, w.as(p.id), requestJSON(w, in))
		require.Equal(w, aicf.PolicyMismatch, code(err))
	})
	each(t, func(cfg *network.Config) { cfg.Runner, cfg.Dev, cfg.Beacon = quoted, false, digest.Digest{} }, func(w *world) {
		p := w.provider("one", 6000, 1)
		_, _, err := w.enrol(p, "dev")
		require.Equal(w, aicf.AttestationError, code(err))
		require.ErrorContains(w, err, "development evidence")
		_, _, err = w.enrol(p, "runner")
		require.NoError(w, err)
	})
}

// TestSealedLease follows a job with trap_mode tee: refused while no runner is enrolled,
// offered to the enrolled provider only, acked without a readable lease, opened by the
// enrolled key alone, and refused as a result that shows no sealed seed.
func TestSealedLease(t *testing.T) {
	each(t, withRunners, func(w *world) {
		p, q := w.provider("one", 6000, 2), w.provider("two", 5000, 2)
		w.deposit(buyer, 100)
		s := aicf.JobSubmission{}
		inTEE(1)(&s)
		_, err := w.Submit(ctx, w.as(buyer), s)
		require.Equal(w, aicf.PolicyMismatch, code(err), "nobody could run it")
		require.ErrorContains(w, err, "enrolled runner key")
		s.Job = bytes.Replace(s.Job, []byte(`"tee"`), []byte(`"verifier"`), 1)
		_, err = w.Submit(ctx, w.as(buyer), s)
		require.Equal(w, aicf.SchemaError, code(err))

		k, _, err := w.enrol(p, "runner")
		require.NoError(w, err)
		id := w.submit(1, inTEE(1))
		o, err := w.Next(ctx, w.as(q.id), q.id)
		require.NoError(w, err)
		require.Nil(w, o, "two has no runner")
		why, err := w.Eligibility(ctx, q.id, w.now)
		require.NoError(w, err)
		require.Equal(w, "job_runner", why.Reasons[0].Filter)

		a := w.lease(p)
		require.Nil(w, a.Lease)
		require.Equal(w, w.now/1000*1000, a.IssuedMS())
		again, err := w.Ack(ctx, w.as(p.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: a.Receipt.Subject}})
		require.NoError(w, err)
		require.Equal(w, a.Sealed, again.Sealed, "the same ack, the same sealing")

		thief, err := enroll.NewRunnerKey()
		require.NoError(w, err)
		_, err = thief.Open(&a.Sealed.Statement.Enrolment, a.Sealed.Blob)
		require.ErrorContains(w, err, "not for this key")
		raw, err := k.Open(&a.Sealed.Statement.Enrolment, a.Sealed.Blob)
		require.NoError(w, err)
		l, err := job.ParseLease(raw)
		require.NoError(w, err)
		require.NoError(w, l.Verify())
		require.Equal(w, id, l.JobID)

		// Nothing that the service answered or logged, or keeps of its answer, has the
		// seed or the nonce.
		var stored string
		require.NoError(w, w.cfg.Store.View(ctx, func(t *store.Tx) error {
			return t.Scan("SELECT signed FROM lease WHERE id = ?", []any{l.LeaseID}, &stored)
		}))
		events, err := w.Events(ctx, 0, 1000)
		require.NoError(w, err)
		all := stored + string(requestAny(w, a)) + string(requestAny(w, events))
		require.NotContains(w, all, l.Seed.String())
		require.NotContains(w, all, l.Nonce.String())

		open := &aicf.Acked{Lease: l}
		out, err := w.handOpened(p, open, cheat{})
		require.NoError(w, err)
		require.NotNil(w, out.Failure, "the proof says trap_tier process of a job with trap_mode tee")
	})
}

func requestAny(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// handOpened hands in a result of a lease that was opened.
func (w *world) handOpened(p *provider, a *aicf.Acked, c cheat) (*aicf.ResultOutcome, error) {
	w.Helper()
	c.tweak = func(cl *proofs.Claim) { cl.TrapTier = job.TrapModeProcess }
	return w.hand(p, a, c)
}

// TestSealedLeaseNeedsALivingRunner lets the runner's enrolment, or the policy that took it,
// end between offer and ack.
func TestSealedLeaseNeedsALivingRunner(t *testing.T) {
	refuse := false
	each(t, func(cfg *network.Config) {
		refuse = false
		cfg.Runner = func(ctx context.Context, q *attest.Carried, data []byte, now int64) ([]byte, bool, error) {
			if refuse {
				return nil, false, fmt.Errorf("the policy lists it no more")
			}
			return quoted(ctx, q, data, now)
		}
	}, func(w *world) {
		p := w.provider("one", 6000, 2)
		w.deposit(buyer, 100)
		n, err := w.RunnerNonce(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		_, in := asksToEnrol(w, p.id, n.Nonce, w.now+3000, "runner")
		_, err = w.EnrolRunner(ctx, w.as(p.id), requestJSON(w, in))
		require.NoError(w, err)
		w.submit(1, inTEE(1))
		o, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		require.NotNil(w, o)
		ack := func() error {
			_, err := w.Ack(ctx, w.as(p.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}})
			return err
		}
		refuse = true
		require.ErrorContains(w, ack(), "no more")
		refuse = false
		w.wait(3000)
		require.Equal(w, aicf.AttestationError, code(ack()), "at its last second the enrolment is over")
		_, _, err = w.enrol(p, "runner")
		require.NoError(w, err)
		require.NoError(w, ack())
	})
}
