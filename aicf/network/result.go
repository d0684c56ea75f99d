package network

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
)

// maxProof bounds a proof in bytes.
const maxProof = 1 << 20

// PutBundle stores the bytes of a proof bundle by their SHA3-256: at most 64
// MiB, refused when they hash to anything else. Stored again, nothing changes.
func (s *Service) PutBundle(ctx context.Context, c aicf.Call, sha3 digest.Digest, r io.Reader) error {
	if c.Account.IsZero() && !(c.Unsigned && s.cfg.Dev) {
		return aicf.Refuse(aicf.Unauthorized, "the call is not signed")
	}
	return s.blobs.Put(ctx, sha3, r)
}

// Bundle opens stored bytes; NotFound.
func (s *Service) Bundle(ctx context.Context, sha3 digest.Digest) (io.ReadCloser, error) {
	return s.blobs.Open(ctx, sha3)
}

// Result hands in a proof. Behind the fence check the receipt time is stored
// and the lease can no longer lapse; the proof is then verified in this call.
// The same claim again gives the stored outcome; another claim under the fence
// is LeaseFenced, and evidence against the provider.
func (s *Service) Result(ctx context.Context, c aicf.Call, r aicf.ResultRequest) (*aicf.ResultOutcome, error) {
	if len(r.Proof) > maxProof {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the proof has %d bytes, at most %d", len(r.Proof), maxProof).In("/proof")
	}
	p, err := proofs.Decode(r.Proof)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/proof")
	}
	claim, err := p.Claim()
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/proof")
	}
	h, l, j, _, err := s.held(ctx, c, r.LeaseRef)
	if err != nil {
		return nil, err
	}
	if b := &p.Body.Binding; b.LeaseID != l.ID || b.JobID != l.JobID || p.Body.ProviderID != l.Provider {
		return nil, aicf.Refuse(aicf.ProofError, "the proof is about lease %s of job %s by provider %s", b.LeaseID, b.JobID, p.Body.ProviderID).In("/proof")
	}
	if !r.Bundle.IsZero() && l.Claim.IsZero() {
		f, err := s.blobs.Open(ctx, r.Bundle)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	if r.Bundle.IsZero() && l.Claim.IsZero() {
		if must, err := s.rejudged(ctx, l, j); err != nil {
			return nil, err
		} else if must {
			return nil, aicf.Refuse(aicf.PolicyMismatch, "the policy demands the bundle of this result").In("/bundle").Try("PUT /aicf/bundles/{sha3-256}, then name it")
		}
	}
	handed := queue.Handed{Held: h, Claim: claim, Proof: r.Proof, Bundle: r.Bundle}
	got, err := s.receive(ctx, c, handed)
	if err != nil {
		return nil, err
	}
	if got.Claim != claim {
		return nil, s.twoClaims(ctx, c, got, r.Proof, claim)
	}
	return s.outcome(ctx, got)
}

func (s *Service) receive(ctx context.Context, c aicf.Call, h queue.Handed) (l *queue.LeaseRow, err error) {
	err = s.db.Update(ctx, c.NowMS, func(t *store.Tx) error {
		if err := once(t, c); err != nil {
			return err
		}
		l, _, err = queue.Receive(t, h)
		return err
	})
	return l, err
}

// rejudged reports whether the policy demands the bundle of a lease's result:
// a share of them, drawn by the lease's nonce, which was secret before the ack.
func (s *Service) rejudged(ctx context.Context, l *queue.LeaseRow, j *queue.JobRow) (must bool, err error) {
	return must, s.db.View(ctx, func(t *store.Tx) error {
		p, err := s.cal.PolicyOf(t, j.Policy)
		if err != nil {
			return err
		}
		draw := digest.SumParts([]byte("qprov/v1/rejudge"), l.ID[:], l.Nonce[:])
		n := uint64(0)
		for _, b := range draw[:7] {
			n = n<<8 | uint64(b)
		}
		must = n%1_000_000 < p.Filled().RejudgePPM
		return nil
	})
}

// outcome is the stored outcome of a received result, or that of verifying it
// now.
func (s *Service) outcome(ctx context.Context, l *queue.LeaseRow) (*aicf.ResultOutcome, error) {
	if l.State == aicf.LeaseVerifying {
		if err := s.judge(ctx, l.ID); err != nil {
			return nil, err
		}
		if err := s.db.View(ctx, func(t *store.Tx) (err error) { l, err = queue.FindLease(t, l.ID); return err }); err != nil {
			return nil, err
		}
	}
	if l.State == aicf.LeaseVerifying {
		return &aicf.ResultOutcome{LeaseID: l.ID, JobID: l.JobID, Fence: l.Fence, Status: l.State, Claim: l.Claim, LatencyMS: l.ReceivedMS - l.AckedMS}, nil
	}
	out := &aicf.ResultOutcome{}
	if err := json.Unmarshal([]byte(l.Outcome), out); err != nil {
		return nil, fmt.Errorf("outcome of lease %s: %w", l.ID, err)
	}
	return out, s.sign(ctx, &out.Receipt, l.ReceivedMS)
}

// judgement is a verification that runs in this process.
type judgement struct {
	done chan struct{}
	err  error
}

// judge verifies a received result and stores the outcome. One verification of
// a lease runs at a time in this process; of two in two processes the first to
// finish counts.
func (s *Service) judge(ctx context.Context, id digest.Digest) error {
	s.mu.Lock()
	running := s.judging[id]
	if running == nil {
		running = &judgement{done: make(chan struct{})}
		s.judging[id] = running
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			s.judges <- struct{}{}
			running.err = s.verdict(context.WithoutCancel(ctx), id)
			<-s.judges
			s.mu.Lock()
			delete(s.judging, id)
			s.mu.Unlock()
			close(running.done)
		}()
	}
	s.mu.Unlock()
	select {
	case <-running.done:
		return running.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verdict verifies and concludes.
func (s *Service) verdict(ctx context.Context, id digest.Digest) error {
	var l *queue.LeaseRow
	var j *queue.JobRow
	if err := s.db.View(ctx, func(t *store.Tx) (err error) {
		if l, err = queue.FindLease(t, id); err == nil {
			j, err = queue.Find(t, l.JobID)
		}
		return err
	}); err != nil || l.State != aicf.LeaseVerifying {
		return err
	}
	v, err := s.verifier(ctx, l, j)
	if err != nil {
		return err
	}
	return s.db.Continue(ctx, func(t *store.Tx) error {
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		return s.conclude(t, term, l, j, v)
	})
}
