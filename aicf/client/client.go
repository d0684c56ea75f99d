// Package client speaks to a job network over HTTP: one method for each call of
// aicf/network.Service that goes over the wire.
//
// It signs every call with a fresh nonce (internal/httpsig), checks the service's signature
// on answers to signed calls where the service's key is known, and gives refusals back as
// *aicf.Fault with the service's code. It does not retry: a write that failed without an
// answer may have happened, and is repeated by calling again with the same idempotency key.
package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/httpsig"
	"github.com/animicaorg/engine/keys"
)

// ErrNoAnswer is wrapped where no answer came: the call may or may not have had its effect.
var ErrNoAnswer = errors.New("no answer from the service")

// ErrForeignAnswer is wrapped where an answer is not the service's: unsigned, or signed by
// another key, or about another call.
var ErrForeignAnswer = errors.New("the answer is not the service's")

const (
	maxAnswer = 4 << 20
	timeout   = 60 * time.Second
)

// Client talks to one service. Its methods may be called by many goroutines.
type Client struct {
	// Endpoint is the service's address, such as http://127.0.0.1:8545.
	Endpoint string
	// Signer signs the calls; nil sends them unsigned, which a development service on this
	// machine takes.
	Signer keys.Signer
	// Service is the service's Ed25519 key; nil: answers are not checked. Learn it by
	// Status, or better out of band.
	Service ed25519.PublicKey
	// HTTP is the transport; nil: a client with a limit of 60 s.
	HTTP *http.Client
	// Now is the clock for signatures; nil: time.Now.
	Now func() time.Time
	// Heard, if set, is told what the service's clock showed, by the signature of an answer
	// or by a refusal for the clock's sake, and when the call was sent and answered here.
	Heard func(sent, got, service time.Time)
	// Bearer is an older client's key, used where Signer is nil.
	Bearer string
}

// New returns a client of the service at endpoint.
func New(endpoint string, signer keys.Signer) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("endpoint %.200q is no address such as http://HOST:PORT", endpoint)
	}
	return &Client{Endpoint: u.Scheme + "://" + u.Host, Signer: signer}, nil
}

// Anonymous is the same client without a signature, for reads before its key is enrolled:
// the service refuses a signature by a key that it does not know.
func (c *Client) Anonymous() *Client {
	return &Client{Endpoint: c.Endpoint, HTTP: c.HTTP, Now: c.Now}
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Key is an idempotency key for one logical write: keep it to repeat the write.
func Key() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // crypto/rand does not fail on supported systems
	}
	return hex.EncodeToString(b[:])
}

// get reads a document.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	var out T
	_, err := c.call(ctx, http.MethodGet, path, query, nil, "", &out)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// post sends a document under an idempotency key; "" makes a fresh one.
func post[T any](ctx context.Context, c *Client, path, key string, body any) (*T, error) {
	raw, ok := body.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	var out T
	if _, err := c.call(ctx, http.MethodPost, path, nil, raw, key, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// call makes one call. out stays as it is when the answer has no content.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, key string, out any) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.URL.RawQuery = query.Encode()
	if method == http.MethodGet {
		r.Body, r.ContentLength = nil, 0
	} else {
		if key == "" {
			key = Key()
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	if err := c.sign(ctx, r, body, nil); err != nil {
		return 0, err
	}
	sent := c.now()
	answer, err := c.http().Do(r)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w: %w", method, path, ErrNoAnswer, err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, c.read(r, sent, answer, out)
}

// sign signs r; sum, if not nil, is the SHA-256 of a body that is streamed.
func (c *Client) sign(ctx context.Context, r *http.Request, body []byte, sum *[32]byte) error {
	if c.Signer == nil {
		if c.Bearer != "" {
			r.Header.Set("Authorization", "Bearer "+c.Bearer)
		}
		return nil
	}
	var nonce [httpsig.NonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	signer := httpsig.Signer{KeyID: c.Signer.KeyID().String(), Sign: func(message []byte) ([]byte, error) { return c.Signer.SignMessage(ctx, message) }}
	if sum != nil {
		return httpsig.SignDigest(r, *sum, signer, c.now(), 0, nonce)
	}
	return httpsig.SignRequest(r, body, signer, c.now(), 0, nonce)
}

// read checks an answer and decodes it.
func (c *Client) read(asked *http.Request, sent time.Time, answer *http.Response, out any) error {
	where := asked.Method + " " + asked.URL.Path
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", where, ErrNoAnswer, err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("%s: the answer has more than %d bytes", where, maxAnswer)
	}
	got := c.now()
	if answer.StatusCode >= 300 {
		at, err := refusal(where, answer, raw)
		if c.Heard != nil && !at.IsZero() {
			c.Heard(sent, got, at)
		}
		return err
	}
	if c.Signer != nil && c.Service != nil {
		id := keys.KeyID(c.Service).String()
		signature, err := httpsig.VerifyResponse(answer.StatusCode, answer.Header, raw, asked.Header, func(keyID string) (ed25519.PublicKey, bool) { return c.Service, keyID == id })
		if err != nil {
			return fmt.Errorf("%s: %w: %w", where, ErrForeignAnswer, err)
		}
		if c.Heard != nil {
			c.Heard(sent, got, signature.Created)
		}
	}
	if answer.StatusCode == http.StatusNoContent || out == nil {
		return nil
	}
	if into, ok := out.(*[]byte); ok {
		*into = raw
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s: the answer is not what this version expects: %w", where, err)
	}
	return nil
}

// refusal turns a problem document into a fault. A refusal is not checked for the service's
// signature: acting on a forged one costs a retry. at is the service's clock where the
// refusal is about ours.
func refusal(where string, answer *http.Response, raw []byte) (at time.Time, err error) {
	var p struct {
		Code         aicf.Code `json:"code"`
		Detail       string    `json:"detail"`
		Field        string    `json:"field"`
		Hint         string    `json:"hint"`
		RetryAfterMS int64     `json:"retry_after_ms"`
		ServerTimeMS int64     `json:"server_time_ms"`
	}
	if err := json.Unmarshal(raw, &p); err != nil || p.Code == "" {
		return at, fmt.Errorf("%s: %w: HTTP %d of something that is not this service: %.100q", where, ErrNoAnswer, answer.StatusCode, raw)
	}
	f := &aicf.Fault{Code: p.Code, Message: p.Detail, Field: p.Field, Hint: p.Hint, RetryAfterMS: p.RetryAfterMS}
	if p.ServerTimeMS != 0 {
		at = time.UnixMilli(p.ServerTimeMS)
		f.Message += fmt.Sprintf(" (the service's clock: %s)", at.UTC().Format(time.RFC3339))
	}
	return at, fmt.Errorf("%s: %w", where, f)
}
