package httpapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/httpsig"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
)

// caller is who makes a call, as far as the transport knows.
type caller struct {
	call   aicf.Call
	signed bool
	bearer bool // an older client: submit and read
	role   string
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

var jsonLimits = strictjson.Limits{Bytes: maxBody, Depth: 64, Values: 200_000}

// authenticate verifies the signature of a call, if it has one, reads its body, and signs
// the answer. What a route demands is checked by the route.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.identifyCaller(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), callerKey{}, c)
		if err := s.limits.take(c.limitKey(r), s.now()); err != nil {
			s.refuse(w, r, err)
			return
		}
		if !c.signed || streams(r) {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		s.sign(w, r.WithContext(ctx), next)
	})
}

// limitKey is whose budget a call takes from.
func (c caller) limitKey(r *http.Request) string {
	if c.signed || c.bearer {
		return c.call.Account.String()
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// streams are answers without an end: they are not buffered, so not signed.
func streams(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/aicf/events" || r.URL.Path == "/aicf/ws" || strings.HasPrefix(r.URL.Path, "/aicf/bundles/"))
}

func uploads(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/aicf/bundles/")
}

func (s *Server) identifyCaller(r *http.Request) (caller, error) {
	now := s.now()
	c := caller{call: aicf.Call{NowMS: now.UnixMilli()}}
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	var body []byte
	if write && !uploads(r) {
		var err error
		if body, err = readBody(r); err != nil {
			return c, err
		}
		c.call.NowMS = s.now().UnixMilli() // a body may take long
	}
	if httpsig.Signed(r.Header) {
		return s.signedCaller(r, c, body)
	}
	if uploads(r) {
		r.Body = http.MaxBytesReader(nil, r.Body, maxBundle)
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		account, known := s.cfg.APIKeys[digest.Sum([]byte(token))]
		if !known {
			return c, aicf.Refuse(aicf.Unauthorized, "the bearer key is not known").Try("ask the operator for a key, or sign the call")
		}
		c.bearer, c.call.Account = true, account
	} else if s.cfg.Dev && local(r) {
		c.call.Unsigned = true
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" && write {
		c.call.IdempotencyKey, c.call.RequestSHA3 = key, requestSum(r, body)
	}
	return c, nil
}

// local reports whether a call comes from this machine and was meant for it: a web page that
// resolves its own name to a loopback address is refused by its Host and Origin.
func local(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	return loopbackName(r.Host) && (r.Header.Get("Origin") == "" || loopbackName(strings.TrimPrefix(r.Header.Get("Origin"), "http://")))
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// readBody reads a body within its limit and puts it back; JSON must have one meaning.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "the body ended early: %v", err)
	}
	if len(body) > maxBody {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the body has more than %d bytes", maxBody).Try("large files go to PUT /aicf/bundles/{sha3_256}")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > 0 {
		if !isRPC(r) { // which says in its own words that it cannot be parsed
			if _, err := strictjson.Parse(body, jsonLimits); err != nil {
				return nil, aicf.Refuse(aicf.SchemaError, "the body is no plain JSON: %v", err)
			}
		}
		// The routes take JSON alone, whatever the client calls it.
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
			if httpsig.Signed(r.Header) || kind != "" && kind != "application/x-www-form-urlencoded" {
				return nil, aicf.Refuse(aicf.SchemaError, "the body has type %.60q", kind).In("Content-Type").Try("send application/json")
			}
			r.Header.Set("Content-Type", "application/json")
		}
	}
	return body, nil
}

func requestSum(r *http.Request, body []byte) digest.Digest {
	return digest.SumParts([]byte(r.Method), []byte{0}, []byte(r.URL.EscapedPath()), []byte{0}, []byte(r.URL.RawQuery), []byte{0}, body)
}

// signedCaller verifies a signature and finds whose it is.
func (s *Server) signedCaller(r *http.Request, c caller, body []byte) (caller, error) {
	var known *aicf.KeyInfo
	var failure error
	signature, err := httpsig.VerifyRequest(r, s.now(), func(id string) (ed25519.PublicKey, bool) {
		if known, failure = s.signingKey(r, id, body); failure != nil || known == nil {
			return nil, false
		}
		return known.Public, true
	})
	switch {
	case failure != nil:
		return c, failure
	case errors.Is(err, httpsig.ErrClock):
		return c, aicf.Refuse(aicf.ClockSkew, "%v", err).Try("set the clock by NTP; server_time_ms says what this service has")
	case err != nil:
		return c, aicf.Refuse(aicf.Unauthorized, "%v", err).Try("sign by RFC 9421 in the profile of /errors/Unauthorized with an enrolled operational key")
	}
	c.signed, c.role = true, known.Role
	c.call.Account, c.call.Key = known.Account, known.Key
	c.call.Nonce, c.call.NonceUntilMS = signature.Nonce[:], signature.ForgetAfter().UnixMilli()
	if uploads(r) {
		r.Body = io.NopCloser(signature.Body(http.MaxBytesReader(nil, r.Body, maxBundle)))
		return c, nil
	}
	if err := signature.CheckBody(body); err != nil {
		return c, aicf.Refuse(aicf.Unauthorized, "%v", err)
	}
	if signature.HasBody {
		if c.call.IdempotencyKey = r.Header.Get("Idempotency-Key"); len(c.call.IdempotencyKey) > 128 {
			return c, aicf.Refuse(aicf.LimitExceeded, "%d characters, at most 128", len(c.call.IdempotencyKey)).In("Idempotency-Key")
		}
		c.call.RequestSHA3 = requestSum(r, body)
	}
	return c, nil
}

// signingKey finds the key that may sign this call. A key that is being enrolled is in the
// body, which its own signature covers.
func (s *Server) signingKey(r *http.Request, id string, body []byte) (*aicf.KeyInfo, error) {
	keyID, err := digest.Parse(id)
	if err != nil {
		return nil, aicf.Refuse(aicf.Unauthorized, "keyid: %v", err).Try("keyid is SHA3-256 of the raw public key")
	}
	known, err := s.cfg.Network.Key(r.Context(), keyID, s.now().UnixMilli())
	if err == nil {
		if known.Alg != keys.Ed25519 {
			return nil, aicf.Refuse(aicf.Unauthorized, "key %s is %s; calls are signed by Ed25519", id, known.Alg)
		}
		return known, nil
	}
	if aicf.CodeOf(err) != aicf.NotFound {
		return nil, err
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /aicf/register":
		return ofBundle(keyID, body)
	case "POST /aicf/keys":
		var k aicf.KeyRequest
		if err := json.Unmarshal(body, &k); err != nil || k.Alg != keys.Ed25519 || keys.CheckPublic(k.Alg, k.Public) != nil || keys.KeyID(k.Public) != keyID {
			return nil, aicf.Refuse(aicf.Unauthorized, "keyid is not that of the key in the body")
		}
		return &aicf.KeyInfo{Key: keyID, Account: keyID, Alg: k.Alg, Public: k.Public, Role: "buyer"}, nil
	}
	return nil, aicf.Refuse(aicf.Unauthorized, "key %s is not enrolled", id).Try("register a provider bundle, or POST /aicf/keys")
}

func ofBundle(keyID digest.Digest, body []byte) (*aicf.KeyInfo, error) {
	b, err := keys.ParseBundle(body)
	if err != nil {
		return nil, aicf.Refuse(aicf.AttestationError, "provider bundle: %v", err).Try("engine bundle verify FILE says which part")
	}
	for _, k := range b.Keys {
		if k.KeyID() == keyID && k.Role == keys.Operational && k.Alg == keys.Ed25519 {
			return &aicf.KeyInfo{Key: keyID, Account: b.Identity.ProviderID, Alg: k.Alg, Public: k.Public, Role: string(k.Role)}, nil
		}
	}
	return nil, aicf.Refuse(aicf.Unauthorized, "key %s is no operational key of the bundle", keyID).Try("sign with the key that engine bundle make put in")
}

// sign buffers the answer to a signed call and signs it, bound to the call's signature.
func (s *Server) sign(w http.ResponseWriter, r *http.Request, next http.Handler) {
	asked := r.Header.Clone()
	b := &buffered{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(b, r)
	if b.header.Get("Content-Type") == "" {
		b.header.Set("Content-Type", "application/octet-stream")
	}
	signer := httpsig.Signer{KeyID: s.cfg.Signer.KeyID().String(), Sign: func(message []byte) ([]byte, error) {
		return s.cfg.Signer.SignMessage(r.Context(), message)
	}}
	if err := httpsig.SignResponse(b.status, b.header, b.body.Bytes(), asked, signer, s.now()); err != nil {
		s.refuse(w, r, fmt.Errorf("sign the answer: %w", err))
		return
	}
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes()) // the client may have gone
}

type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header         { return b.header }
func (b *buffered) WriteHeader(status int)      { b.status = status }
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
