package settle

import (
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// View explains a line.
func (l *Line) View() aicf.StatementLine {
	out := aicf.StatementLine{JobID: l.Job, LeaseID: l.Lease, Claim: l.Claim, Nullifier: l.Nullifier, Epoch: l.Epoch, State: l.State, Width: l.Width, Depth: l.Depth, Shots: l.Shots,
		TrapPass: l.TrapPass, TrapFail: l.TrapFail, LatencyMS: l.LatencyMS, MaxLatency: l.MaxLatencyMS, Units: l.Units, Payable: l.Payable, Gross: l.Gross,
		Subsidy: l.Subsidy, Provider: l.Share, Treasury: l.Treasury, Miner: l.Miner, PolicyHash: l.Policy, Cause: l.Cause}
	if l.Settled > 0 {
		out.Settled = l.Settled - 1
	}
	if l.SubsidyDue > 0 && l.Cause == "" && l.State != aicf.ClaimAccrued {
		out.Cause = fmt.Sprintf("a subsidy of %d waits for the fund", l.SubsidyDue)
	}
	out.Formula = fmt.Sprintf("%d × %d × %d shots = %d units, %d payable, %d gross = %d provider + %d treasury + %d miner", l.Width, l.Depth, l.Shots, l.Units, l.Payable, l.Gross, l.Share, l.Treasury, l.Miner)
	return out
}

// Statement explains a provider's pay; epoch nil: all of it.
func Statement(t *store.Tx, provider digest.Digest, number *uint64, after uint64, limit int) (*aicf.Statement, error) {
	clause, args := "WHERE provider_id = ? AND seq > ? ORDER BY seq LIMIT ?", []any{provider, after, limit + 1}
	if number != nil {
		clause, args = "WHERE provider_id = ? AND seq > ? AND epoch = ? ORDER BY seq LIMIT ?", []any{provider, after, *number, limit + 1}
	}
	lines, err := read(t, clause, args...)
	if err != nil {
		return nil, err
	}
	out := &aicf.Statement{ProviderID: provider, Epoch: number, Lines: []aicf.StatementLine{}}
	if len(lines) > limit {
		lines = lines[:limit]
		out.Next = lines[limit-1].Seq
	}
	for i := range lines {
		out.Lines = append(out.Lines, lines[i].View())
		if lines[i].State != aicf.ClaimRefused {
			out.Provider += lines[i].Share + lines[i].Subsidy
		}
	}
	b, err := ledger.Balances(t, provider)
	if err != nil {
		return nil, err
	}
	out.Accrued, out.Claimable = b[ledger.Accrued], b[ledger.Claimable]
	if err := t.Scan("SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM payout WHERE provider_id = ?", []any{provider}, &out.Paid); err != nil {
		return nil, err
	}
	if err := t.Scan("SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM slash WHERE provider_id = ? AND state = 'executed'", []any{provider}, &out.Slashed); err != nil {
		return nil, err
	}
	out.Head, out.HeadHash = t.Head()
	return out, nil
}
