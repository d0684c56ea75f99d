package client

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Ack takes an offer. The lease is parsed and its signature and seed opening verified; that
// it is by the service is for the caller to check (Lease.Public). A sealed lease can only be
// checked by the runner that opens it.
func (c *Client) Ack(ctx context.Context, key string, r aicf.AckRequest) (*aicf.Acked, error) {
	var out aicf.Acked
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if _, err := c.call(ctx, http.MethodPost, "/aicf/leases/ack", nil, raw, key, &out); err != nil {
		return nil, err
	}
	if out.Lease == nil {
		return &out, nil
	}
	if err := out.Lease.Verify(); err != nil {
		return nil, fmt.Errorf("POST /aicf/leases/ack: the lease: %w", err)
	}
	return &out, nil
}

// Renew asks for more time.
func (c *Client) Renew(ctx context.Context, key string, r aicf.RenewRequest) (*aicf.Renewed, error) {
	return post[aicf.Renewed](ctx, c, "/aicf/leases/renew", key, r)
}

// Release gives a lease or an offer back.
func (c *Client) Release(ctx context.Context, key string, r aicf.ReleaseRequest) (*aicf.Lease, error) {
	return post[aicf.Lease](ctx, c, "/aicf/leases/release", key, r)
}

// Result hands in a proof.
func (c *Client) Result(ctx context.Context, key string, r aicf.ResultRequest) (*aicf.ResultOutcome, error) {
	return post[aicf.ResultOutcome](ctx, c, "/aicf/leases/result", key, r)
}

// Lease is one lease.
func (c *Client) Lease(ctx context.Context, id digest.Digest) (*aicf.Lease, error) {
	return get[aicf.Lease](ctx, c, "/aicf/leases/"+id.String(), nil)
}

// PutBundle stores a proof bundle. The file is read twice: for its hashes, and to send it.
func (c *Client) PutBundle(ctx context.Context, key string, name digest.Digest, file io.ReadSeeker) error {
	h := sha256.New()
	size, err := io.Copy(h, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, c.Endpoint+"/aicf/bundles/"+name.String(), io.NopCloser(file))
	if err != nil {
		return err
	}
	r.ContentLength = size
	if key == "" {
		key = Key()
	}
	r.Header.Set("Content-Type", "application/x-tar")
	r.Header.Set("Idempotency-Key", key)
	sum := [32]byte(h.Sum(nil))
	if err := c.sign(ctx, r, nil, &sum); err != nil {
		return err
	}
	sent := c.now()
	answer, err := c.http().Do(r)
	if err != nil {
		return fmt.Errorf("PUT %s: %w: %w", r.URL.Path, ErrNoAnswer, err)
	}
	defer answer.Body.Close()
	return c.read(r, sent, answer, nil)
}

// Bundle writes a stored bundle to w and checks it against its name.
func (c *Client) Bundle(ctx context.Context, name digest.Digest, w io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint+"/aicf/bundles/"+name.String(), nil)
	if err != nil {
		return err
	}
	sent := c.now()
	answer, err := c.http().Do(r)
	if err != nil {
		return fmt.Errorf("GET %s: %w: %w", r.URL.Path, ErrNoAnswer, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return c.read(r, sent, answer, nil)
	}
	h := sha3.New256()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(answer.Body, maxBundle+1))
	if err != nil {
		return fmt.Errorf("GET %s: %w: %w", r.URL.Path, ErrNoAnswer, err)
	}
	if n > maxBundle {
		return fmt.Errorf("GET %s: more than %d bytes", r.URL.Path, maxBundle)
	}
	if got := digest.Digest(h.Sum(nil)); got != name {
		return fmt.Errorf("GET %s: %w: the bytes hash to %s", r.URL.Path, ErrForeignAnswer, got)
	}
	return nil
}

const maxBundle = 64 << 20
