// Package vault signs with a key of the transit engine of HashiCorp Vault or
// OpenBao (Ed25519 only: transit has no composite).
//
// It promises that the key is named by version, so that a rotation in the vault
// never changes which key an engine signs with unseen, that answers are bounded
// and checked, and that the token is read anew for each request and never logged.
// It was tested against a strict fake of the documented HTTP interface, not
// against a vault: none was at hand.
package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
)

// ErrVault is wrapped by every failure to get an answer of the vault.
var ErrVault = errors.New("vault")

// Limits in bytes.
const (
	maxAnswer  = 256 << 10
	maxMessage = 64 << 10
)

// Timeout bounds one request unless its context ends earlier.
const Timeout = 10 * time.Second

// Config says which key.
type Config struct {
	// URL is vault:https://host[:port]/mount/key/version; http only for loopback
	// hosts. mount may have several parts.
	URL  string
	Role keys.Role
	// Token returns the vault token.
	Token func() (string, error)
	// Client is used for requests. Nil: one that follows no redirects.
	Client *http.Client
}

// Key is a key in a vault. It implements keys.RoleSigner.
type Key struct {
	base, mount, name string
	version           uint64
	role              keys.Role
	token             func() (string, error)
	http              *http.Client
	public            []byte
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// parseURL splits the key's address.
func parseURL(text string) (*Key, error) {
	rest, ok := strings.CutPrefix(text, "vault:")
	u, err := url.Parse(rest)
	if !ok || err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" {
		return nil, fmt.Errorf("%w: %.200q is not vault:https://host/mount/key/version", ErrVault, text)
	}
	host := u.Hostname()
	if u.Scheme != "https" && !(u.Scheme == "http" && (host == "127.0.0.1" || host == "::1" || host == "localhost")) {
		return nil, fmt.Errorf("%w: scheme %q; https, or http on loopback", ErrVault, u.Scheme)
	}
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if len(parts) < 3 {
		return nil, fmt.Errorf("%w: path %.200q is not mount/key/version", ErrVault, u.Path)
	}
	k := &Key{base: u.Scheme + "://" + u.Host, mount: strings.Join(parts[:len(parts)-2], "/"), name: parts[len(parts)-2]}
	for _, p := range parts {
		if !namePattern.MatchString(p) {
			return nil, fmt.Errorf("%w: %.100q in the path: want letters, digits, _ . -", ErrVault, p)
		}
	}
	version := parts[len(parts)-1]
	if k.version, err = strconv.ParseUint(version, 10, 31); err != nil || k.version == 0 || strconv.FormatUint(k.version, 10) != version {
		return nil, fmt.Errorf("%w: version %.20q", ErrVault, version)
	}
	return k, nil
}

// Open reads the public half. It must pass the import rules; that it is the
// expected key is the caller's to check.
func Open(ctx context.Context, c Config) (*Key, error) {
	k, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	k.role, k.token, k.http = c.Role, c.Token, c.Client
	if k.http == nil {
		k.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	data, err := k.call(ctx, http.MethodGet, "keys", nil)
	if err != nil {
		return nil, err
	}
	if kind := data.Member("type").Text(64); data.Err() == nil && kind != "ed25519" {
		return nil, fmt.Errorf("%w: key %s is of type %.40q, want ed25519", ErrVault, k.name, kind)
	}
	version := strconv.FormatUint(k.version, 10)
	versions := data.Member("keys")
	if data.Err() == nil && !versions.Has(version) {
		return nil, fmt.Errorf("%w: key %s has no version %s: %w", ErrVault, k.name, version, keys.ErrNoKey)
	}
	text := versions.Member(version).Member("public_key").Text(1024)
	if err := data.Err(); err != nil {
		return nil, fmt.Errorf("%w: answer: %w", ErrVault, err)
	}
	if k.public, err = base64.StdEncoding.Strict().DecodeString(text); err != nil {
		return nil, fmt.Errorf("%w: public_key is not base64", ErrVault)
	}
	return k, keys.CheckPublic(keys.Ed25519, k.public)
}

// call makes one request and returns the answer's member data.
func (k *Key) call(ctx context.Context, method, verb string, body []byte) (strictjson.Cursor, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var none strictjson.Cursor
	token, err := k.token()
	if err != nil {
		return none, fmt.Errorf("%w: token: %w", ErrVault, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, k.base+"/v1/"+k.mount+"/"+verb+"/"+k.name, bytes.NewReader(body))
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrVault, err)
	}
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true") // the vault refuses requests that a browser was tricked into
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrVault, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(b) > maxAnswer {
		return none, fmt.Errorf("%w: answer of more than %d bytes, or cut off: %w", ErrVault, maxAnswer, errors.Join(err, io.ErrUnexpectedEOF))
	}
	if resp.StatusCode != http.StatusOK {
		return none, refused(resp.StatusCode, b)
	}
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxAnswer, Depth: 8, Values: 20_000})
	data := c.Member("data")
	if err := c.Err(); err != nil {
		return none, fmt.Errorf("%w: answer: %w", ErrVault, err)
	}
	return data, nil
}

// refused turns an error answer into words: 403 and 503 are what an operator can
// do something about.
func refused(status int, body []byte) error {
	c := strictjson.Open(body, strictjson.Limits{Bytes: maxAnswer, Depth: 4, Values: 100})
	var texts []string
	if list, ok := c.Optional("errors"); ok {
		for _, it := range list.Items(16) {
			texts = append(texts, it.Text(400))
		}
	}
	text := strings.Join(texts, "; ")
	switch status {
	case http.StatusForbidden:
		return fmt.Errorf("%w: status 403, %.300q: the token may not use this key: %w", ErrVault, text, keys.ErrLocked)
	case http.StatusServiceUnavailable:
		return fmt.Errorf("%w: status 503, %.300q: sealed or standby: %w", ErrVault, text, keys.ErrLocked)
	}
	return fmt.Errorf("%w: status %d, %.300q", ErrVault, status, text)
}

// Role implements keys.RoleSigner.
func (k *Key) Role() keys.Role { return k.role }

// KeyID implements keys.Signer.
func (k *Key) KeyID() digest.Digest { return keys.KeyID(k.public) }

// Alg implements keys.Signer.
func (k *Key) Alg() string { return keys.Ed25519 }

// Public implements keys.Signer.
func (k *Key) Public() []byte { return k.public }

// SignMessage implements keys.Signer: pure Ed25519 over the message itself.
func (k *Key) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	if len(msg) > maxMessage {
		return nil, fmt.Errorf("%w: message of %d bytes, limit %d", ErrVault, len(msg), maxMessage)
	}
	body := fmt.Appendf(nil, `{"input":%q,"key_version":%d}`, base64.StdEncoding.EncodeToString(msg), k.version)
	data, err := k.call(ctx, http.MethodPost, "sign", body)
	if err != nil {
		return nil, err
	}
	text := data.Member("signature").Text(1024)
	if err := data.Err(); err != nil {
		return nil, fmt.Errorf("%w: answer: %w", ErrVault, err)
	}
	want := fmt.Sprintf("vault:v%d:", k.version)
	rest, ok := strings.CutPrefix(text, want)
	sig, err := base64.StdEncoding.Strict().DecodeString(rest)
	if !ok || err != nil {
		return nil, fmt.Errorf("%w: signature %.40q, want %s and base64", ErrVault, text, want)
	}
	return sig, nil
}
