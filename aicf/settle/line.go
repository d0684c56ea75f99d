// Package settle turns accepted results into pay: claim lines, epochs, payouts
// and the statements that explain them.
//
// It promises that a job, a claim and a nullifier are paid at most once, that
// provider, treasury and miner shares add up to what left escrow, that settling
// an epoch again changes nothing, that the fund's subsidies stay under the
// epoch's cap and the rest waits in order, and that a statement's sums are the
// ledger's.
package settle

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Line is the pay of one job.
type Line struct {
	_            struct{}        `db:"claim_line"`
	Seq          uint64          `db:"seq"`
	Claim        digest.Digest   `db:"claim"`
	JobSeq       uint64          `db:"job_seq"`
	Job          digest.Digest   `db:"job_id"`
	Lease        digest.Digest   `db:"lease_id"`
	Provider     digest.Digest   `db:"provider_id"`
	Requester    digest.Digest   `db:"requester"`
	Nullifier    digest.Digest   `db:"nullifier"`
	Epoch        uint64          `db:"epoch"`
	State        aicf.ClaimState `db:"state"`
	Settled      uint64          `db:"settled"` // epoch + 1 of the settlement that took it; 0: none
	Width        uint64          `db:"width"`
	Depth        uint64          `db:"depth"`
	Shots        uint64          `db:"shots"`
	TrapPass     uint64          `db:"trap_pass"`
	TrapFail     uint64          `db:"trap_fail"`
	LatencyMS    int64           `db:"latency_ms"`
	MaxLatencyMS int64           `db:"max_latency_ms"`
	Units        uint64          `db:"units"`
	Payable      uint64          `db:"payable"`
	Gross        aicf.Amount     `db:"gross"`
	Share        aicf.Amount     `db:"provider"`
	Treasury     aicf.Amount     `db:"treasury"`
	Miner        aicf.Amount     `db:"miner"`
	SubsidyDue   aicf.Amount     `db:"subsidy_due"` // not yet paid
	Subsidy      aicf.Amount     `db:"subsidy"`     // paid
	Policy       digest.Digest   `db:"policy"`
	Cause        string          `db:"cause"`
}

// Late reports whether the result came later than the job allows.
func (l *Line) Late() bool { return l.MaxLatencyMS > 0 && l.LatencyMS > l.MaxLatencyMS }

// Accrue moves a completed job's price out of escrow and writes its line. p is
// the policy under which the job was submitted. hold puts the line out of
// settlement until Free; empty: none.
func Accrue(t *store.Tx, term *epoch.Term, p *aicf.Policy, l *queue.LeaseRow, a queue.Accepted, hold string) (*Line, error) {
	j, err := queue.Find(t, l.JobID)
	if err != nil {
		return nil, err
	}
	gross, shares, err := queue.Price(p, j.Payable)
	if err != nil {
		return nil, err
	}
	if _, err := t.Exec("INSERT INTO nullifier (nullifier, claim, job_id, lease_id) VALUES (?, ?, ?, ?)", a.Nullifier, a.Claim, j.ID, l.ID); err != nil {
		return nil, err
	}
	n, err := t.Exec("UPDATE job SET paid = ? WHERE id = ? AND state = 'completed' AND paid = 0 AND escrow - refunded >= ?", gross, j.ID, gross)
	if err != nil {
		return nil, err
	}
	if n != 1 {
		return nil, fmt.Errorf("job %s cannot be paid %d of %d", j.ID, gross, j.Escrow)
	}
	if err := ledger.Move(t, ledger.Of(j.Requester, ledger.Escrow), ledger.Of(l.Provider, ledger.Accrued), gross, j.ID, "accrue"); err != nil {
		return nil, err
	}
	subsidy, _, err := economics.MulDiv(uint64(gross), uint64(p.Filled().Subsidy), aicf.Nano)
	if err != nil {
		return nil, err
	}
	line := &Line{Seq: t.Seq(), Claim: a.Claim, JobSeq: j.Seq, Job: j.ID, Lease: l.ID, Provider: l.Provider, Requester: j.Requester, Nullifier: a.Nullifier, Epoch: term.Epoch, State: aicf.ClaimAccrued,
		Width: j.Width, Depth: j.Depth, Shots: j.Shots, TrapPass: a.TrapPass, TrapFail: a.TrapFail, LatencyMS: l.ReceivedMS - l.AckedMS, MaxLatencyMS: j.MaxLatencyMS,
		Units: j.Units, Payable: j.Payable, Gross: gross, Share: aicf.Amount(shares.Provider), Treasury: aicf.Amount(shares.Treasury), Miner: aicf.Amount(shares.Miner),
		SubsidyDue: aicf.Amount(subsidy), Policy: j.Policy}
	if hold != "" {
		line.State, line.Cause = aicf.ClaimHeld, hold
	}
	if err := store.Insert(t, line); err != nil {
		return nil, err
	}
	t.Became("claim", line.Claim, string(line.State))
	_, err = t.Append(line.note(aicf.EvAccrued, map[string]any{"gross": gross, "provider": line.Share, "treasury": line.Treasury, "miner": line.Miner, "units": line.Payable, "epoch": line.Epoch}))
	return line, err
}

// RefundAll gives a completed job's escrow back: nothing was earned.
func RefundAll(t *store.Tx, job digest.Digest, because string) error {
	j, err := queue.Find(t, job)
	if err != nil {
		return err
	}
	left := j.Escrow - j.Paid - j.Refunded
	if left == 0 {
		return nil
	}
	if _, err := t.Exec("UPDATE job SET refunded = refunded + ?, reason = ? WHERE id = ?", left, because, job); err != nil {
		return err
	}
	if err := ledger.Move(t, ledger.Of(j.Requester, ledger.Escrow), ledger.Of(j.Requester, ledger.Available), left, job, "refund"); err != nil {
		return err
	}
	_, err = t.Append(store.Note{Type: aicf.EvRefunded, Job: job, JobSeq: j.Seq, Provider: j.Provider, LeaseID: j.LeaseID, Fence: j.Attempt, Info: map[string]any{"reason": because, "refunded": left}})
	return err
}

func (l *Line) note(kind string, info any) store.Note {
	return store.Note{Type: kind, Provider: l.Provider, Job: l.Job, JobSeq: l.JobSeq, LeaseID: l.Lease, Info: info}
}

// ofJob selects the line of a job.
const ofJob = "job_seq = (SELECT seq FROM job WHERE id = ?)"

// OfJob is the line of a job; ErrNone.
func OfJob(t *store.Tx, job digest.Digest) (*Line, error) {
	rows, err := read(t, "WHERE "+ofJob, job)
	if err == nil && len(rows) == 0 {
		err = store.ErrNone
	}
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// read gives lines as they count: one that a settlement has taken has accrued until its
// epoch is settled.
func read(t *store.Tx, clause string, args ...any) ([]Line, error) {
	rows, err := store.Select[Line](t, clause, args...)
	if err != nil {
		return nil, err
	}
	newest, known := uint64(0), false // the newest settled epoch, + 1
	for i := range rows {
		l := &rows[i]
		if l.State != aicf.ClaimClaimable {
			continue
		}
		if !known {
			n, ok, err := settled(t)
			if err != nil {
				return nil, err
			}
			if known = true; ok {
				newest = n + 1
			}
		}
		if l.Settled > newest {
			l.State, l.Settled = aicf.ClaimAccrued, 0
		}
	}
	return rows, nil
}

// Hold takes the accrued line of a job out of settlement. A job without one, or
// with one that a settlement has taken, changes nothing.
func Hold(t *store.Tx, job digest.Digest, cause string) error {
	return move(t, job, aicf.ClaimAccrued, aicf.ClaimHeld, cause, aicf.EvPayHeld)
}

// Free undoes Hold.
func Free(t *store.Tx, job digest.Digest) error {
	return move(t, job, aicf.ClaimHeld, aicf.ClaimAccrued, "", aicf.EvPayReleased)
}

func move(t *store.Tx, job digest.Digest, from, to aicf.ClaimState, cause, event string) error {
	l, err := OfJob(t, job)
	if errors.Is(err, store.ErrNone) {
		return nil
	} else if err != nil {
		return err
	}
	n, err := t.Exec("UPDATE claim_line SET state = ?, cause = ? WHERE "+ofJob+" AND state = ?", to, cause, job, from)
	if err != nil || n != 1 {
		return err
	}
	t.Became("claim", l.Claim, string(to))
	_, err = t.Append(l.note(event, map[string]any{"cause": cause}))
	return err
}

// Refuse gives the pay of an unsettled line back to the buyer. One that a settlement
// has taken changes nothing.
func Refuse(t *store.Tx, job digest.Digest, cause string) error {
	l, err := OfJob(t, job)
	if errors.Is(err, store.ErrNone) {
		return nil
	} else if err != nil {
		return err
	}
	n, err := t.Exec("UPDATE claim_line SET state = 'refused', cause = ?, subsidy_due = 0 WHERE "+ofJob+" AND state IN ('accrued', 'held')", cause, job)
	if err != nil || n != 1 {
		return err
	}
	if _, err := t.Exec("UPDATE job SET paid = paid - ?, refunded = refunded + ?, reason = ? WHERE id = ?", l.Gross, l.Gross, cause, job); err != nil {
		return err
	}
	if err := ledger.Move(t, ledger.Of(l.Provider, ledger.Accrued), ledger.Of(l.Requester, ledger.Available), l.Gross, job, "pay_refused"); err != nil {
		return err
	}
	t.Became("claim", l.Claim, string(aicf.ClaimRefused))
	_, err = t.Append(l.note(aicf.EvPayRefused, map[string]any{"cause": cause, "refunded": l.Gross}))
	return err
}
