package network

import (
	"context"
	"encoding/json"
	"runtime"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
)

// wanting is a caller of Next that waits for a pass.
type wanting struct {
	provider digest.Digest
	nowMS    int64
	done     chan struct{}
	lease    *queue.LeaseRow
	document json.RawMessage
	err      error
}

// maxPass is how many providers one pass serves.
const maxPass = 64

// Next returns the provider's open offer, the same one until it lapses, or
// matches it now. Nil means no work; Eligibility says why. Callers that come
// while a pass runs share the next one.
func (s *Service) Next(ctx context.Context, c aicf.Call, provider digest.Digest) (*aicf.Offer, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	w := &wanting{provider: provider, nowMS: c.NowMS, done: make(chan struct{})}
	s.mu.Lock()
	s.pending = append(s.pending, w)
	lead := !s.passing
	s.passing = true
	s.mu.Unlock()
	if lead {
		go s.passes(context.WithoutCancel(ctx))
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if w.err != nil || w.lease == nil {
		return nil, w.err
	}
	nonce, err := transcript.LeaseNonceHash(w.lease.Nonce)
	l := w.lease
	return &aicf.Offer{LeaseID: l.ID, ProviderID: l.Provider, JobID: l.JobID, Fence: l.Fence, TTLMS: l.TTLMS, ExpiresMS: l.ExpiresMS, Round: l.Round, NonceHash: nonce,
		Units: l.Units, Pay: l.Pay, JobSpec: w.document}, err
}

// passes serves what is pending until nothing is. It runs once at a time, beside its
// callers: the one who began it would otherwise wait as long as others come.
func (s *Service) passes(ctx context.Context) {
	for {
		s.mu.Lock()
		n := min(len(s.pending), maxPass)
		if n == 0 {
			s.passing = false
			s.mu.Unlock()
			return
		}
		batch := s.pending[:n:n]
		s.pending = s.pending[n:]
		s.mu.Unlock()
		s.pass(ctx, batch)
		for _, w := range batch {
			close(w.done)
		}
		s.gather(n)
	}
}

// yields is how often gather lets others run; it takes microseconds.
const yields = 32

// gather lets those n who were answered ask again, so that the next pass serves more.
func (s *Service) gather(n int) {
	s.mu.Lock()
	want := min(len(s.pending)+n, maxPass)
	s.mu.Unlock()
	for range yields {
		runtime.Gosched()
		s.mu.Lock()
		here := len(s.pending)
		s.mu.Unlock()
		if here >= want {
			return
		}
	}
}

func (s *Service) pass(ctx context.Context, batch []*wanting) {
	ids, now := make([]digest.Digest, len(batch)), int64(0)
	for i, w := range batch {
		ids[i], now = w.provider, max(now, w.nowMS)
	}
	err := s.db.Update(ctx, now, func(t *store.Tx) error {
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		leases, err := queue.Match(t, term, ids, s.cfg.Entropy)
		if err != nil {
			return err
		}
		var jobs []digest.Digest
		for i, w := range batch {
			if w.lease = leases[i]; w.lease != nil {
				jobs = append(jobs, w.lease.JobID)
			}
		}
		documents, err := queue.Documents(t, jobs)
		for _, w := range batch {
			if w.lease != nil {
				w.document = documents[w.lease.JobID]
			}
		}
		return err
	})
	for _, w := range batch {
		w.err = err
	}
}

// held reads the lease that a request names, and who may speak for it.
func (s *Service) held(ctx context.Context, c aicf.Call, r aicf.LeaseRef) (h queue.Held, l *queue.LeaseRow, j *queue.JobRow, doc json.RawMessage, err error) {
	err = s.db.View(ctx, func(t *store.Tx) (err error) {
		if l, err = queue.FindLease(t, r.LeaseID); err != nil {
			return err
		}
		if err := s.acts(c, l.Provider); err != nil {
			return err
		}
		if j, err = queue.Find(t, l.JobID); err != nil {
			return err
		}
		doc, err = queue.Document(t, l.JobID)
		return err
	})
	if err != nil {
		return h, nil, nil, nil, err
	}
	h = queue.Held{ID: l.ID, Provider: l.Provider, Fence: l.Fence}
	if r.Fence != nil {
		h.Fence = *r.Fence
	}
	return h, l, j, doc, nil
}

// Ack takes an offer and returns the signed lease with the opened seed. The
// same ack of a lease that still lives gives the same answer.
func (s *Service) Ack(ctx context.Context, c aicf.Call, r aicf.AckRequest) (*aicf.Acked, error) {
	h, l, j, doc, err := s.held(ctx, c, r.LeaseRef)
	if err != nil {
		return nil, err
	}
	if r.TTLMS < 0 {
		return nil, aicf.Refuse(aicf.SchemaError, "ttl_ms is %d", r.TTLMS).In("/ttl_ms")
	}
	ttl := l.TTLMS
	if r.TTLMS > 0 && l.State == aicf.LeaseOffered {
		ttl = min(ttl, r.TTLMS)
	}
	var signed *aicf.Acked
	if l.State == aicf.LeaseOffered {
		if signed, err = s.signLease(ctx, c.NowMS, l, j, doc, ttl); err != nil {
			return nil, err
		}
	}
	out, err := update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.Acked, error) {
		again, err := queue.FindLease(t, l.ID)
		if err != nil {
			return nil, err
		}
		if again.State == aicf.LeaseActive && again.Provider == h.Provider && again.Fence == h.Fence && again.ExpiresMS > t.NowMS() {
			a := &aicf.Acked{}
			err := json.Unmarshal([]byte(again.Signed), a)
			a.ExpiresMS = again.ExpiresMS
			return a, err
		}
		if signed == nil {
			return nil, queue.Ack(t, h, ttl, 0, "") // says why not
		}
		if err := queue.Ack(t, h, ttl, signed.DeadlineMS, ""); err != nil {
			return nil, err
		}
		if again, err = queue.FindLease(t, l.ID); err != nil {
			return nil, err
		}
		a := *signed
		a.ExpiresMS, a.Receipt = again.ExpiresMS, receipt(t, l.ID)
		b, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		_, err = t.Exec("UPDATE lease SET signed = ? WHERE id = ?", string(b), l.ID)
		return &a, err
	})
	if err != nil {
		return nil, err
	}
	return out, s.sign(ctx, &out.Receipt, out.IssuedMS())
}

// signLease writes the lease document of an offer, issued now.
func (s *Service) signLease(ctx context.Context, nowMS int64, l *queue.LeaseRow, j *queue.JobRow, doc json.RawMessage, ttl int64) (*aicf.Acked, error) {
	parsed, err := job.Parse(doc)
	if err != nil {
		return nil, err
	}
	var rules aicf.Network
	if err := s.view(ctx, func(_ *store.Tx, term *epoch.Term) error { rules = term.Rules; return nil }); err != nil {
		return nil, err
	}
	deadline := nowMS + ttl*int64(rules.MaxRenewals+1)
	lease := &job.Lease{Job: parsed, Nonce: l.Nonce, Beacon: l.Beacon, LeaseFrame: transcript.LeaseFrame{ChainID: s.cfg.ChainID, Round: l.Round, LeaseID: l.ID, JobID: l.JobID, JobHash: j.JobHash,
		ProviderID: l.Provider, Fence: l.Fence, PolicyHash: j.TrapPolicy, IssuedMS: uint64(nowMS), TTLMS: uint64(ttl), DeadlineMS: uint64(deadline)}}
	if lease.Seed, err = transcript.LeaseSeed(parsed.Spec.Seed, l.Beacon, l.ID, l.Nonce); err != nil {
		return nil, err
	}
	if err := lease.Sign(ctx, s.cfg.Service, uint64(nowMS/1000)); err != nil {
		return nil, err
	}
	if j.Sealed() {
		sealed, err := s.seal(ctx, nowMS, lease)
		return &aicf.Acked{Sealed: sealed, DeadlineMS: deadline}, err
	}
	return &aicf.Acked{Lease: lease, DeadlineMS: deadline}, nil
}

// Renew moves the end of a live lease, at most to its deadline.
func (s *Service) Renew(ctx context.Context, c aicf.Call, r aicf.RenewRequest) (*aicf.Renewed, error) {
	h, _, _, _, err := s.held(ctx, c, r.LeaseRef)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Renewed, error) {
		l, err := queue.Renew(t, term, h, r.TTLMS)
		if err != nil {
			return nil, err
		}
		return &aicf.Renewed{LeaseID: l.ID, Fence: l.Fence, ExpiresMS: l.ExpiresMS, Renewals: l.Renewals}, nil
	})
}

// maxReason bounds the reason of a release in bytes.
const maxReason = 200

// Release gives an offer or a live lease back; the job is queued again.
func (s *Service) Release(ctx context.Context, c aicf.Call, r aicf.ReleaseRequest) (*aicf.Lease, error) {
	if len(r.Reason) > maxReason {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the reason has %d bytes, at most %d", len(r.Reason), maxReason).In("/reason")
	}
	if err := transcript.CheckText(r.Reason); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/reason")
	}
	h, _, _, _, err := s.held(ctx, c, r.LeaseRef)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Lease, error) {
		l, acked, err := queue.Release(t, term, h, r.Reason)
		if err != nil {
			return nil, err
		}
		if acked {
			if err := s.lost(t, term, l); err != nil {
				return nil, err
			}
		}
		return l.View(), nil
	})
}
