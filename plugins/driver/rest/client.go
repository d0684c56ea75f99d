package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
)

const (
	// MaxAnswer bounds the bytes of one answer, decompressed, where Client says
	// nothing else.
	MaxAnswer = 32 << 20
	// reads is how often a GET is tried.
	reads = 4
	// maxSecret bounds a secret.
	maxSecret = 4096
)

// Client talks to one service with one secret. Its methods may be called from
// several goroutines.
type Client struct {
	Base    string        // without a slash at the end; see CheckBase
	Scheme  string        // what precedes the secret in Authorization: "Bearer"
	Secret  string        // see CheckSecret
	Agent   string        // User-Agent
	Timeout time.Duration // of one request
	// Refusal reads the body of an answer that is no success: code, vendor code,
	// message, field. The client adds the status, the wait and the retry flag, and
	// takes the secret out of the texts.
	Refusal func(status int, body []byte) *driver.Error
	// Limit bounds the bytes of one answer; 0: MaxAnswer.
	Limit int64
}

// httpClient follows no redirect: a 307 would repeat a POST, and the secret would
// travel to another host.
var httpClient = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 16, IdleConnTimeout: 5 * time.Second, ForceAttemptHTTP2: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ErrNotSent marks a request of which no byte left this machine.
var ErrNotSent = errors.New("not sent")

// Answer is a response that arrived whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send makes one request, once. An error says that no whole answer arrived; the
// status of one that was cut short is in the answer all the same.
func (c *Client) Send(ctx context.Context, method, path string, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, errors.Join(ErrNotSent, err)
	}
	r.GetBody = nil // what was sent once is not sent again
	if body == nil {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", c.Scheme+" "+c.Secret)
	r.Header.Set("User-Agent", c.Agent)
	resp, err := httpClient.Do(r)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			err = errors.Join(ErrNotSent, err)
		}
		return Answer{}, err
	}
	defer resp.Body.Close()
	limit := c.Limit
	if limit == 0 {
		limit = MaxAnswer
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(a.Body)) > limit {
		err = fmt.Errorf("an answer of more than %d bytes", limit)
	}
	return a, err
}

// Get reads one JSON value into v.
func (c *Client) Get(ctx context.Context, path string, v any) error {
	raw, err := c.GetRaw(ctx, path)
	if err != nil {
		return err
	}
	if err := Decode(raw, v); err != nil {
		return BadAnswer(err)
	}
	return nil
}

// GetRaw reads the body of a 200, trying again what may succeed later.
func (c *Client) GetRaw(ctx context.Context, path string) ([]byte, error) {
	a, err := c.Read(ctx, path)
	return a.Body, err
}

// Read is GetRaw with the header.
func (c *Client) Read(ctx context.Context, path string) (Answer, error) {
	var last *driver.Error
	for try := range reads {
		if try > 0 {
			if err := Pause(ctx, min(5*time.Second, max(last.RetryAfter, 20*time.Millisecond<<try))); err != nil {
				return Answer{}, last
			}
		}
		a, err := c.Send(ctx, http.MethodGet, path, nil)
		if ctx.Err() != nil {
			return Answer{}, ctx.Err()
		}
		switch {
		case err != nil:
			last = &driver.Error{Code: driver.VendorDown, Retryable: true, HTTPStatus: a.Status, VendorMessage: c.Scrub(err.Error())}
		case a.Status == http.StatusOK:
			return a, nil
		default:
			last = c.Refused(a)
		}
		if !last.Retryable {
			return Answer{}, last
		}
	}
	return Answer{}, last
}

// Refused turns an answer that is no success into an error of the contract.
func (c *Client) Refused(a Answer) *driver.Error {
	e := c.Refusal(a.Status, a.Body)
	if e == nil {
		e = &driver.Error{Code: driver.VendorDown}
	}
	e.HTTPStatus, e.Retryable = a.Status, a.Status == http.StatusTooManyRequests || a.Status >= 500
	e.VendorCode, e.VendorMessage, e.Field = Cut(c.Scrub(e.VendorCode), 128), c.Scrub(e.VendorMessage), Cut(c.Scrub(e.Field), 256)
	if e.VendorMessage == "" {
		e.VendorMessage = "HTTP status " + strconv.Itoa(a.Status)
	}
	if n, err := strconv.ParseUint(a.Header.Get("Retry-After"), 10, 32); err == nil {
		e.RetryAfter = min(time.Duration(n)*time.Second, time.Hour)
	}
	return e
}

// Uncertain is the answer to a submission whose end nobody here knows.
func (c *Client) Uncertain(status int, why string) *driver.Error {
	return &driver.Error{Code: driver.SubmitUncertain, HTTPStatus: status, VendorMessage: c.Scrub(why), Hint: "Recover tells whether the vendor has the job"}
}

// Scrub takes the secret out of a foreign text and cuts it to 1 KiB.
func (c *Client) Scrub(s string) string {
	if c.Secret != "" {
		s = strings.ReplaceAll(s, c.Secret, "[secret]")
	}
	return Cut(s, 1024)
}

// BadAnswer says that an answer does not read as the vendor's description has it.
func BadAnswer(err error) *driver.Error {
	return &driver.Error{Code: driver.VendorDown, Retryable: true, VendorCode: "answer", VendorMessage: "the vendor's answer does not read: " + Cut(err.Error(), 900)}
}

// Pause waits, or returns ctx's error.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
