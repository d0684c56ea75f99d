package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/animicaorg/engine/digest"
)

// ErrTransport is wrapped by every failure to reach a transport.
var ErrTransport = errors.New("transport failed")

// HTTPS reads a store that a web server serves as plain files.
type HTTPS struct {
	base   *url.URL
	client *http.Client
}

var _ Transport = (*HTTPS)(nil)

// maxRedirects is the most redirects that a request follows.
const maxRedirects = 3

// NewHTTPS reads below a base URL of scheme https; http is taken from loopback
// addresses only. Requests end with their context.
func NewHTTPS(base string, client *http.Client) (*HTTPS, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("module source: %w", err)
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return checkURL(req.URL)
	}
	return &HTTPS{u, &c}, nil
}

func checkURL(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return fmt.Errorf("module source %s: want https://HOST/PATH without a password, or http on loopback: %w", u.Redacted(), ErrTransport)
	}
	return nil
}

func (h *HTTPS) get(ctx context.Context, path string, max int64) ([]byte, error) {
	target := h.base.JoinPath(path).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", target, ErrNotFound)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s: %w", target, resp.Status, ErrTransport)
	case resp.ContentLength > max:
		return nil, fmt.Errorf("%s: %d bytes, limit %d: %w", target, resp.ContentLength, max, ErrLimit)
	}
	b, err := readAll(resp.Body, max)
	if err != nil && !errors.Is(err, ErrLimit) {
		err = fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return b, err
}

// Documents implements Transport.
func (h *HTTPS) Documents(ctx context.Context) ([]digest.Digest, error) {
	b, err := h.get(ctx, "index.json", maxIndex)
	if err != nil {
		return nil, err
	}
	return ParseIndex(b)
}

// Blob implements Transport.
func (h *HTTPS) Blob(ctx context.Context, d digest.Digest, max int64) ([]byte, error) {
	return h.get(ctx, blobPath(d), max)
}
