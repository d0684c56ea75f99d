package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Register sends a provider bundle.
func (c *Client) Register(ctx context.Context, key string, bundle []byte) (*aicf.Registration, error) {
	return post[aicf.Registration](ctx, c, "/aicf/register", key, bundle)
}

// Retire ends a provider's work; a zero id is the signer's account.
func (c *Client) Retire(ctx context.Context, key string, provider digest.Digest) (*aicf.Provider, error) {
	return post[aicf.Provider](ctx, c, "/aicf/retire", key, aicf.RetireRequest{ProviderID: provider})
}

// Enrol makes an account of the signer's own key.
func (c *Client) Enrol(ctx context.Context, key string) (*aicf.KeyInfo, error) {
	return post[aicf.KeyInfo](ctx, c, "/aicf/keys", key, aicf.KeyRequest{Alg: c.Signer.Alg(), Public: c.Signer.Public()})
}

// RunnerNonce asks for the nonce that the quote of a runner's enrolment must bind.
func (c *Client) RunnerNonce(ctx context.Context, key string, provider digest.Digest) (*aicf.RunnerNonce, error) {
	return post[aicf.RunnerNonce](ctx, c, "/aicf/runners/nonce", key, aicf.RunnerNonceRequest{ProviderID: provider})
}

// EnrolRunner sends a runner's key with its quote (enroll.Request as JSON).
func (c *Client) EnrolRunner(ctx context.Context, key string, request []byte) (*aicf.Runner, error) {
	return post[aicf.Runner](ctx, c, "/aicf/runners", key, request)
}

// Stake moves available balance into stake.
func (c *Client) Stake(ctx context.Context, key string, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	return post[aicf.StakeChange](ctx, c, "/aicf/stake", key, aicf.StakeRequest{ProviderID: provider, Amount: amount})
}

// Unstake begins to move stake back.
func (c *Client) Unstake(ctx context.Context, key string, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	return post[aicf.StakeChange](ctx, c, "/aicf/unstake", key, aicf.StakeRequest{ProviderID: provider, Amount: amount})
}

// Heartbeat says that a provider lives.
func (c *Client) Heartbeat(ctx context.Context, key string, h aicf.Heartbeat) (*aicf.HeartbeatAnswer, error) {
	return post[aicf.HeartbeatAnswer](ctx, c, "/aicf/heartbeat", key, h)
}

// Providers lists the registry; cursor "" starts.
func (c *Client) Providers(ctx context.Context, cursor string, limit int) (*aicf.Page[aicf.Provider], error) {
	return get[aicf.Page[aicf.Provider]](ctx, c, "/aicf/providers", page(cursor, limit))
}

// Provider is one provider.
func (c *Client) Provider(ctx context.Context, id digest.Digest) (*aicf.Provider, error) {
	return get[aicf.Provider](ctx, c, "/aicf/providers/"+id.String(), nil)
}

// Eligibility says why a provider gets no work.
func (c *Client) Eligibility(ctx context.Context, id digest.Digest) (*aicf.Eligibility, error) {
	return get[aicf.Eligibility](ctx, c, "/aicf/providers/"+id.String()+"/eligibility", nil)
}

func page(cursor string, limit int) url.Values {
	q := url.Values{}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

// Next waits at most wait (and the service at most 25 s) for an offer; nil: no work now.
func (c *Client) Next(ctx context.Context, provider digest.Digest, wait time.Duration) (*aicf.Offer, error) {
	q := url.Values{"provider_id": {provider.String()}, "wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
	var out aicf.Offer
	status, err := c.call(ctx, http.MethodGet, "/aicf/leases/next", q, nil, "", &out)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	return &out, nil
}
