package ionq

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

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/animicaorg/engine/plugins/driver"
)

const (
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 32 << 20
	// reads is how often a GET is tried; a POST is tried once.
	reads = 4
)

// httpClient follows no redirect: a 307 would repeat a POST, and the key would
// travel to another host.
var httpClient = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 16, IdleConnTimeout: 5 * time.Second, ForceAttemptHTTP2: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// errNotSent marks a request of which no byte left this machine.
var errNotSent = errors.New("not sent")

func duration(d time.Duration) *durationpb.Duration { return durationpb.New(d) }

func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func badAnswer(err error) *driver.Error {
	return &driver.Error{Code: driver.VendorDown, Retryable: true, VendorCode: "answer", VendorMessage: "the vendor's answer does not read: " + err.Error()}
}

// send makes one request. With a nil error the answer arrived whole.
func (c *config) send(ctx context.Context, method, path string, body []byte) (status int, header http.Header, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, errors.Join(errNotSent, err)
	}
	if body == nil {
		r.Body = http.NoBody
	} else {
		r.GetBody = nil // what was sent once is not sent again
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "apiKey "+c.key)
	r.Header.Set("User-Agent", "engine-driver-ionq/"+Version)
	resp, err := httpClient.Do(r)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			err = errors.Join(errNotSent, err)
		}
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, resp.Header, answer, err
}

// get reads one JSON answer; reading again does no harm.
func (c *config) get(ctx context.Context, path string, v any) error {
	raw, err := c.getRaw(ctx, path)
	if err != nil {
		return err
	}
	if err := decode(raw, v); err != nil {
		return badAnswer(err)
	}
	return nil
}

func (c *config) getRaw(ctx context.Context, path string) ([]byte, error) {
	var last *driver.Error
	for try := range reads {
		if try > 0 {
			if err := pause(ctx, min(5*time.Second, max(last.RetryAfter, 20*time.Millisecond<<try))); err != nil {
				return nil, last
			}
		}
		status, header, answer, err := c.send(ctx, http.MethodGet, path, nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch {
		case err != nil:
			last = &driver.Error{Code: driver.VendorDown, Retryable: true, HTTPStatus: status, VendorMessage: c.scrub(err.Error())}
		case status == http.StatusOK:
			return answer, nil
		default:
			last = c.refusal(status, header, answer)
		}
		if !last.Retryable {
			return nil, last
		}
	}
	return nil, last
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scrub takes the key out of a foreign text.
func (c *config) scrub(s string) string { return cut(strings.ReplaceAll(s, c.key, "[api_key]"), 1024) }

// statusCodes are the vendor's HTTP statuses; any other is VENDOR_DOWN.
var statusCodes = map[int]driver.Code{
	400: driver.ProgramInvalid, 401: driver.Auth, 402: driver.Quota, 403: driver.Forbidden, 404: driver.UnknownJob, 409: driver.ProgramInvalid,
	413: driver.ProgramTooLarge, 422: driver.ProgramInvalid, 429: driver.RateLimited,
}

// refusal is an answer that is not a success.
func (c *config) refusal(status int, header http.Header, answer []byte) *driver.Error {
	var body struct {
		Error      string `json:"error"`
		Message    string `json:"message"`
		Validation *struct {
			Keys []string `json:"keys"`
		} `json:"validation"`
	}
	e := &driver.Error{Code: driver.VendorDown, HTTPStatus: status, Retryable: status == 429 || status >= 500}
	if code, ok := statusCodes[status]; ok {
		e.Code = code
	}
	if err := decode(answer, &body); err == nil {
		e.VendorCode, e.VendorMessage = cut(c.scrub(body.Error), 128), c.scrub(body.Message)
		if body.Validation != nil && len(body.Validation.Keys) > 0 {
			e.Field = cut(c.scrub(body.Validation.Keys[0]), 256)
		}
	}
	if e.VendorMessage == "" {
		e.VendorMessage = "HTTP status " + strconv.Itoa(status)
	}
	if n, err := strconv.ParseUint(header.Get("Retry-After"), 10, 32); err == nil {
		e.RetryAfter = min(time.Duration(n)*time.Second, time.Hour)
	}
	return e
}
