package devnet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/web"
)

// Report is what the jobs came to, read back from the service.
type Report struct {
	JobsPaid  int              `json:"jobs_paid"`
	Imbalance aicf.Amount      `json:"ledger_imbalance"`
	Statement *aicf.Statement  `json:"statement"`
	Payouts   []*aicf.Payout   `json:"payouts"`
	Balance   *aicf.Balance    `json:"balance"`
	Checks    []aicf.Invariant `json:"invariants"`
	Dashboard string           `json:"dashboard_url"`
	ElapsedMS int64            `json:"elapsed_ms"`
}

// Run submits jobs, has them executed and proved, settles their epoch, claims the pay, and
// holds the totals against each other. document is a job of a generated circuit; each
// submission gets a job_id of its own.
func (n *Net) Run(ctx context.Context, document []byte, jobs int) (*Report, error) {
	began := n.now()
	var earned aicf.Amount
	epochs := map[uint64]bool{}
	for i := range jobs {
		id, doc, err := renamed(document, i)
		if err != nil {
			return nil, err
		}
		if _, err := n.buyer.Submit(ctx, "submit-"+id.String(), aicf.JobSubmission{Job: doc}); err != nil {
			return nil, fmt.Errorf("job %d: %w", i+1, err)
		}
		e, err := n.Provider.Once(ctx, 10*time.Second)
		switch {
		case err != nil:
			return nil, fmt.Errorf("job %d: %w", i+1, err)
		case e == nil:
			return nil, fmt.Errorf("job %d: the provider got no work", i+1)
		case e.State != agent.Done || e.Outcome == nil || e.Outcome.Status != aicf.LeaseCompleted:
			return nil, fmt.Errorf("job %d: lease %s is %s: %s", i+1, e.Lease, e.State, e.Reason)
		}
		earned += e.Outcome.Accrued
		epochs[e.Outcome.Epoch] = true
	}
	r := &Report{Payouts: []*aicf.Payout{}, Dashboard: n.Endpoint + web.Root}
	var paid aicf.Amount
	for epoch := range epochs {
		if err := n.settle(ctx, epoch); err != nil {
			return nil, err
		}
		p, err := n.own.Claim(ctx, fmt.Sprintf("claim-%d", epoch), n.Held.ProviderID, epoch)
		if err != nil {
			return nil, fmt.Errorf("claim epoch %d: %w", epoch, err)
		}
		paid += p.Amount
		r.Payouts = append(r.Payouts, p)
	}
	if paid < earned {
		return nil, fmt.Errorf("the jobs earned %d, %d was paid", earned, paid)
	}
	if err := n.report(ctx, r); err != nil {
		return nil, err
	}
	r.ElapsedMS = n.now().Sub(began).Milliseconds()
	return r, nil
}

// settle advances rounds until an epoch is settled.
func (n *Net) settle(ctx context.Context, epoch uint64) error {
	for range 4 * epochRounds {
		e, err := n.Service.Epoch(ctx, epoch)
		if err != nil {
			return err
		}
		if e.State == aicf.EpochSettled {
			return nil
		}
		if err := n.round(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("epoch %d does not settle", epoch)
}

// round closes the open round, since its work is done, and does what is due in the next.
func (n *Net) round(ctx context.Context) error {
	st, err := n.Service.Status(ctx)
	if err != nil {
		return err
	}
	n.pass(time.Millisecond)
	if _, err := n.Service.AdvanceRound(ctx, n.nowMS(), st.Round); err != nil {
		return err
	}
	_, err = n.Service.Sweep(ctx, n.nowMS())
	return err
}

// report reads statement, balance and invariants.
func (n *Net) report(ctx context.Context, r *Report) error {
	for cursor := ""; ; {
		s, err := n.own.Statement(ctx, n.Held.ProviderID, nil, cursor)
		if err != nil {
			return err
		}
		if r.Statement == nil {
			r.Statement = s
		} else {
			r.Statement.Lines = append(r.Statement.Lines, s.Lines...)
		}
		if s.Next == 0 {
			break
		}
		cursor = fmt.Sprint(s.Next)
	}
	var lines aicf.Amount
	for _, l := range r.Statement.Lines {
		if l.State == aicf.ClaimPaid {
			r.JobsPaid++
			lines += l.Provider
		}
	}
	var err error
	if r.Balance, err = n.own.Balance(ctx, n.Held.ProviderID); err != nil {
		return err
	}
	a, err := n.own.Check(ctx)
	if err != nil {
		return err
	}
	r.Imbalance, r.Checks = a.Imbalance, a.Invariants
	switch {
	case !a.OK():
		return errors.New("the ledger breaks an invariant: omni aicf check says which")
	case r.Statement.Paid != lines:
		return fmt.Errorf("the statement's lines add up to %d, the ledger paid %d", lines, r.Statement.Paid)
	}
	return nil
}

// renamed gives a job document the id of its i-th submission in this process.
func renamed(document []byte, i int) (digest.Digest, []byte, error) {
	var id digest.Digest
	if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
		return id, nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(document, &doc); err != nil {
		return id, nil, fmt.Errorf("job %d: %w", i+1, err)
	}
	raw, err := json.Marshal(id)
	if err != nil {
		return id, nil, err
	}
	doc["job_id"] = raw
	out, err := json.Marshal(doc)
	return id, out, err
}
