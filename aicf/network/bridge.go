package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// readOnce is the key under which the ids of results that were taken are kept.
var readOnce = digest.Sum([]byte("qprov/v1/result-taken"))

// TakeResult gives a final job to its requester once: NoResultYet before the
// end, Conflict when it was taken. The same idempotency key gives it again.
func (s *Service) TakeResult(ctx context.Context, c aicf.Call, id digest.Digest) (*aicf.Job, error) {
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.Job, error) {
		j, err := queue.Find(t, id)
		if err != nil {
			return nil, err
		}
		if err := s.acts(c, j.Requester); err != nil {
			return nil, err
		}
		if !j.State.Final() {
			return nil, aicf.Refuse(aicf.NoResultYet, "job %s is %s", id, j.State).After(1000)
		}
		n, err := t.Exec("INSERT INTO nonce (key_id, nonce, until_ms) VALUES (?, ?, ?) ON CONFLICT (key_id, nonce) DO NOTHING", readOnce, id[:], int64(math.MaxInt64))
		if err == nil && n == 0 {
			err = aicf.Refuse(aicf.Conflict, "the result of job %s was read", id).Try("GET /aicf/jobs/%s shows the job as often as wanted", id)
		}
		if err != nil {
			return nil, err
		}
		v := j.View()
		return &v, nil
	})
}

// Handed is a result that came in, as the network keeps it.
type Handed struct {
	Lease   aicf.Lease
	Proof   json.RawMessage
	Bundle  digest.Digest
	Outcome *aicf.ResultOutcome // nil: its verdict is not there yet. The receipt in it is unsigned
}

// HandedIn lists the results of a job, oldest first: at most one for each attempt.
func (s *Service) HandedIn(ctx context.Context, job digest.Digest) (out []Handed, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out = []Handed{}
		j, err := queue.Find(t, job)
		if err != nil {
			return err
		}
		events, err := store.JobEvents(t, j.Seq)
		if err != nil {
			return err
		}
		for i := range events {
			if events[i].Type != aicf.EvReceived {
				continue
			}
			l, err := queue.FindLease(t, events[i].LeaseID)
			if err != nil {
				return err
			}
			h := Handed{Lease: *l.View(), Proof: json.RawMessage(l.Proof), Bundle: l.Bundle}
			if l.Outcome != "" {
				if err := json.Unmarshal([]byte(l.Outcome), &h.Outcome); err != nil {
					return fmt.Errorf("outcome of lease %s: %w", l.ID, err)
				}
			}
			out = append(out, h)
		}
		return nil
	})
}

// Bounds of ClaimUpto.
const (
	maxClaimEpochs = 100    // that one call pays
	maxClaimLook   = 10_000 // epochs that it looks back for what is not claimed
)

// Claimed is what ClaimUpto paid: the payouts, oldest epoch first, and the lines of the jobs
// in them. A payout may hold more than its lines: subsidies of earlier epochs.
type Claimed struct {
	ProviderID digest.Digest        `json:"provider_id"`
	Payouts    []*aicf.Payout       `json:"payouts"`
	Lines      []aicf.StatementLine `json:"lines"`
}

// ClaimUpto claims what settled epochs up to one (nil: all) earned the provider and was not
// claimed, oldest first, at most 100 epochs. Nothing left is no error: nothing is paid.
func (s *Service) ClaimUpto(ctx context.Context, c aicf.Call, provider digest.Digest, upto *uint64) (*Claimed, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	out, err := update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*Claimed, error) {
		due, err := unclaimed(t, provider)
		if err != nil {
			return nil, err
		}
		out := &Claimed{ProviderID: provider, Payouts: []*aicf.Payout{}, Lines: []aicf.StatementLine{}}
		for _, n := range due {
			if upto != nil && n > *upto || len(out.Payouts) == maxClaimEpochs {
				break
			}
			p, err := settle.Claim(t, term, provider, n, s.cfg.Payer == nil)
			if err != nil {
				return nil, err
			}
			out.Payouts = append(out.Payouts, p)
			lines, err := store.Select[settle.Line](t, "WHERE settled = ? AND provider_id = ? ORDER BY seq", n+1, provider)
			if err != nil {
				return nil, err
			}
			for i := range lines {
				out.Lines = append(out.Lines, lines[i].View())
			}
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range out.Payouts {
		if err := s.sign(ctx, &p.Receipt, p.CreatedMS); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unclaimed lists the settled epochs whose share the provider has not claimed, oldest first.
// It goes back from the newest until it has found all that is claimable.
func unclaimed(t *store.Tx, provider digest.Digest) (due []uint64, err error) {
	b, err := balance(t, provider)
	if err != nil {
		return nil, err
	}
	left := b.Claimable
	for n, looked := int64(b.LastSettlementEpoch), 0; left > 0 && n >= 0 && looked < maxClaimLook; n, looked = n-1, looked+1 {
		var share aicf.Amount
		switch err := t.Scan("SELECT amount FROM epoch_share WHERE epoch = ? AND provider_id = ?", []any{n, provider}, &share); {
		case errors.Is(err, store.ErrNone):
			continue
		case err != nil:
			return nil, err
		}
		var paid aicf.Amount
		switch err := t.Scan("SELECT amount FROM payout WHERE provider_id = ? AND epoch = ?", []any{provider, n}, &paid); {
		case err == nil || share == 0:
			continue
		case !errors.Is(err, store.ErrNone):
			return nil, err
		}
		due, left = append(due, uint64(n)), left-share
	}
	slices.Reverse(due)
	return due, nil
}
