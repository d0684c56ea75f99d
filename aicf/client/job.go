package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Submit hands in a job.
func (c *Client) Submit(ctx context.Context, key string, j aicf.JobSubmission) (*aicf.Submitted, error) {
	return post[aicf.Submitted](ctx, c, "/aicf/jobs", key, j)
}

// Cancel ends a queued job.
func (c *Client) Cancel(ctx context.Context, key string, id digest.Digest) (*aicf.Job, error) {
	return post[aicf.Job](ctx, c, "/aicf/jobs/"+id.String()+"/cancel", key, struct{}{})
}

// Jobs is one page; cursor "" starts. Of the filter, After is not used.
func (c *Client) Jobs(ctx context.Context, f aicf.JobFilter, cursor string) (*aicf.Page[aicf.Job], error) {
	q := page(cursor, f.Limit)
	for name, id := range map[string]digest.Digest{"provider": f.Provider, "requester": f.Requester} {
		if !id.IsZero() {
			q.Set(name, id.String())
		}
	}
	if f.State != "" {
		q.Set("status", string(f.State))
	}
	return get[aicf.Page[aicf.Job]](ctx, c, "/aicf/jobs", q)
}

// Job is one job with its document.
func (c *Client) Job(ctx context.Context, id digest.Digest) (*aicf.Job, error) {
	return get[aicf.Job](ctx, c, "/aicf/jobs/"+id.String(), nil)
}

// Timeline is what happened to a job.
func (c *Client) Timeline(ctx context.Context, id digest.Digest) (*aicf.Timeline, error) {
	return get[aicf.Timeline](ctx, c, "/aicf/jobs/"+id.String()+"/timeline", nil)
}

// Explain is how the pay of a job comes about.
func (c *Client) Explain(ctx context.Context, id digest.Digest) (*aicf.StatementLine, error) {
	return get[aicf.StatementLine](ctx, c, "/aicf/jobs/"+id.String()+"/explain", nil)
}

// Balance is what an account has.
func (c *Client) Balance(ctx context.Context, account digest.Digest) (*aicf.Balance, error) {
	return get[aicf.Balance](ctx, c, "/aicf/balance/"+account.String(), nil)
}

// Statement is one page of a provider's pay; epoch nil means all.
func (c *Client) Statement(ctx context.Context, provider digest.Digest, epoch *uint64, cursor string) (*aicf.Statement, error) {
	q := page(cursor, 0)
	if epoch != nil {
		q.Set("epoch", strconv.FormatUint(*epoch, 10))
	}
	return get[aicf.Statement](ctx, c, "/aicf/statement/"+provider.String(), q)
}

// Claim claims the pay of an epoch.
func (c *Client) Claim(ctx context.Context, key string, provider digest.Digest, epoch uint64) (*aicf.Payout, error) {
	return post[aicf.Payout](ctx, c, "/aicf/claims", key, aicf.ClaimRequest{ProviderID: provider, Epoch: epoch})
}

// Payouts of a provider, newest first.
func (c *Client) Payouts(ctx context.Context, provider digest.Digest, limit int) (*aicf.Page[aicf.Payout], error) {
	return get[aicf.Page[aicf.Payout]](ctx, c, "/aicf/payouts/"+provider.String(), page("", limit))
}

// Deposit credits an account, by the treasury's key.
func (c *Client) Deposit(ctx context.Context, key string, r aicf.DepositRequest) (*aicf.Balance, error) {
	return post[aicf.Balance](ctx, c, "/aicf/deposits", key, r)
}

// Faucet credits an account of a development network.
func (c *Client) Faucet(ctx context.Context, key string, r aicf.FaucetRequest) (*aicf.Balance, error) {
	return post[aicf.Balance](ctx, c, "/aicf/faucet", key, r)
}

// Epochs, newest first.
func (c *Client) Epochs(ctx context.Context, limit int) (*aicf.Page[aicf.Epoch], error) {
	return get[aicf.Page[aicf.Epoch]](ctx, c, "/aicf/epochs", page("", limit))
}

// Epoch is one epoch.
func (c *Client) Epoch(ctx context.Context, n uint64) (*aicf.Epoch, error) {
	return get[aicf.Epoch](ctx, c, "/aicf/epochs/"+strconv.FormatUint(n, 10), nil)
}

// Inclusion proves a claim under its epoch's root.
func (c *Client) Inclusion(ctx context.Context, epoch uint64, claim digest.Digest) (*aicf.InclusionProof, error) {
	return get[aicf.InclusionProof](ctx, c, "/aicf/epochs/"+strconv.FormatUint(epoch, 10)+"/proof/"+claim.String(), nil)
}

// Dispute appeals a slash or accuses a provider.
func (c *Client) Dispute(ctx context.Context, key string, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	return post[aicf.DisputeOutcome](ctx, c, "/aicf/disputes", key, d)
}

// Slashes is one page of proposals; cursor "" starts.
func (c *Client) Slashes(ctx context.Context, f aicf.SlashFilter, cursor string) (*aicf.Page[aicf.Slash], error) {
	q := page(cursor, f.Limit)
	if !f.Provider.IsZero() {
		q.Set("provider", f.Provider.String())
	}
	if f.State != "" {
		q.Set("status", string(f.State))
	}
	return get[aicf.Page[aicf.Slash]](ctx, c, "/aicf/slashes", q)
}

// Slash is one proposal with its evidence.
func (c *Client) Slash(ctx context.Context, id digest.Digest) (*aicf.Slash, error) {
	return get[aicf.Slash](ctx, c, "/aicf/slashes/"+id.String(), nil)
}

// Round is one beacon round.
func (c *Client) Round(ctx context.Context, n uint64) (*aicf.Round, error) {
	return get[aicf.Round](ctx, c, "/aicf/rounds/"+strconv.FormatUint(n, 10), nil)
}

// Status is the head of the network, with the service's key.
func (c *Client) Status(ctx context.Context) (*aicf.NetworkStatus, error) {
	return get[aicf.NetworkStatus](ctx, c, "/aicf/status", nil)
}

// Check judges the ledger's invariants now.
func (c *Client) Check(ctx context.Context) (*aicf.Audit, error) {
	return get[aicf.Audit](ctx, c, "/aicf/check", nil)
}

// PolicyDocument is the active policy as the service gives it.
func (c *Client) PolicyDocument(ctx context.Context) ([]byte, error) {
	raw, err := get[[]byte](ctx, c, "/aicf/policy", url.Values{})
	if err != nil {
		return nil, err
	}
	return *raw, nil
}
