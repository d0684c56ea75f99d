package httpsig

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

func readOnly(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func componentsOf(method string) []string {
	if readOnly(method) {
		return requestComponents
	}
	return bodyComponents
}

// SignRequest sets Signature and Signature-Input, and for all but GET and HEAD Content-Digest
// of body. The caller has set Content-Type and Idempotency-Key; now is the sender's clock and
// nonce 16 fresh random bytes. lifetime 0 means [MaxLifetime].
func SignRequest(r *http.Request, body []byte, signer Signer, now time.Time, lifetime time.Duration, nonce [NonceSize]byte) error {
	if !readOnly(r.Method) {
		r.Header.Set("Content-Digest", ContentDigest(body))
	}
	return signRequest(r, signer, now, lifetime, nonce)
}

// SignDigest is [SignRequest] for a body that is streamed: sum is its SHA-256.
func SignDigest(r *http.Request, sum [sha256.Size]byte, signer Signer, now time.Time, lifetime time.Duration, nonce [NonceSize]byte) error {
	r.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	return signRequest(r, signer, now, lifetime, nonce)
}

func signRequest(r *http.Request, signer Signer, now time.Time, lifetime time.Duration, nonce [NonceSize]byte) error {
	if lifetime == 0 {
		lifetime = MaxLifetime
	}
	if lifetime < time.Second || lifetime > MaxLifetime {
		return fmt.Errorf("lifetime %v must be from 1 s to %v", lifetime, MaxLifetime)
	}
	covered := innerList(componentsOf(r.Method))
	covered.Params.Add("created", now.Unix())
	covered.Params.Add("expires", now.Add(lifetime).Unix())
	covered.Params.Add("nonce", hex.EncodeToString(nonce[:]))
	covered.Params.Add("keyid", signer.KeyID)
	covered.Params.Add("alg", Algorithm)
	covered.Params.Add("tag", Tag)
	return attach(r.Header, requestMessage(r), covered, signer)
}

func innerList(names []string) httpsfv.InnerList {
	list := httpsfv.InnerList{Params: httpsfv.NewParams()}
	for _, name := range names {
		list.Items = append(list.Items, httpsfv.NewItem(name))
	}
	return list
}

func attach(h http.Header, m message, covered httpsfv.InnerList, signer Signer) error {
	base, err := m.base(covered)
	if err != nil {
		return err
	}
	raw, err := signer.Sign(base)
	if err != nil {
		return fmt.Errorf("sign as %s: %w", signer.KeyID, err)
	}
	input, signature := httpsfv.NewDictionary(), httpsfv.NewDictionary()
	input.Add(Label, covered)
	signature.Add(Label, httpsfv.NewItem(raw))
	inputText, err := httpsfv.Marshal(input)
	if err != nil {
		return err
	}
	signatureText, err := httpsfv.Marshal(signature)
	if err != nil {
		return err
	}
	h.Set("Signature-Input", inputText)
	h.Set("Signature", signatureText)
	return nil
}

// Signed says whether a request carries either header of a signature.
func Signed(h http.Header) bool {
	return len(h.Values("Signature")) != 0 || len(h.Values("Signature-Input")) != 0
}

// VerifyRequest checks everything but the body, which the caller checks by
// [Signature.CheckBody] or [Signature.Body] before it acts.
func VerifyRequest(r *http.Request, now time.Time, keys Keys) (Signature, error) {
	want := componentsOf(r.Method)
	s, base, raw, ok := plain(r, want)
	if ok {
		if err := bodiless(r); err != nil {
			return Signature{}, err
		}
		if err := s.checkClock(now); err != nil {
			return Signature{}, err
		}
		return s, checkBase(base, raw, s.KeyID, keys)
	}
	s, covered, raw, err := general(r, want)
	if err != nil {
		return Signature{}, err
	}
	if err := s.checkClock(now); err != nil {
		return Signature{}, err
	}
	return s, check(requestMessage(r), covered, raw, s.KeyID, keys)
}

// general reads a signed request in any spelling of its structured fields.
func general(r *http.Request, want []string) (s Signature, covered httpsfv.InnerList, raw []byte, err error) {
	if covered, raw, err = parse(r.Header); err != nil {
		return s, covered, nil, err
	}
	if err = checkComponents(covered, want, nil); err != nil {
		return s, covered, nil, err
	}
	if s, err = readParams(covered.Params, true); err != nil {
		return s, covered, nil, err
	}
	if s.HasBody = !readOnly(r.Method); s.HasBody {
		if s.Digest, err = declaredDigest(r.Header); err != nil {
			return s, covered, nil, err
		}
	}
	return s, covered, raw, bodiless(r)
}

// bodiless refuses a body that the signature cannot cover.
func bodiless(r *http.Request) error {
	if readOnly(r.Method) && (r.ContentLength > 0 || len(r.TransferEncoding) > 0) {
		return fmt.Errorf("%w: %s has a body, which its signature cannot cover; send it by POST", ErrComponents, r.Method)
	}
	return nil
}

func check(m message, covered httpsfv.InnerList, raw []byte, keyID string, keys Keys) error {
	base, err := m.base(covered)
	if err != nil {
		return err
	}
	return checkBase(base, raw, keyID, keys)
}

func checkBase(base, raw []byte, keyID string, keys Keys) error {
	key, ok := keys(keyID)
	if !ok || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: keyid %q is not registered for this call", ErrKey, keyID)
	}
	if !ed25519.Verify(key, base, raw) {
		return fmt.Errorf("%w: key %s did not sign this method, address, query and headers", ErrSignature, keyID)
	}
	return nil
}

func (s Signature) checkClock(now time.Time) error {
	lifetime := s.Expires.Sub(s.Created)
	switch {
	case lifetime <= 0 || lifetime > MaxLifetime:
		return fmt.Errorf("%w: expires is %v after created, must be from 1 s to %v", ErrClock, lifetime, MaxLifetime)
	case s.Created.After(now.Add(Skew)):
		return fmt.Errorf("%w: created is %v ahead of this clock, which allows %v", ErrClock, s.Created.Sub(now).Round(time.Second), Skew)
	case s.ForgetAfter().Before(now):
		return fmt.Errorf("%w: expired %v ago by this clock, which allows %v", ErrClock, now.Sub(s.Expires).Round(time.Second), Skew)
	}
	return nil
}

// parse reads the two headers: one line each, one label.
func parse(h http.Header) (covered httpsfv.InnerList, raw []byte, err error) {
	if !Signed(h) {
		return covered, nil, fmt.Errorf("%w: headers Signature and Signature-Input are missing", ErrUnsigned)
	}
	value, err := only(h, "Signature-Input")
	if err != nil {
		return covered, nil, err
	}
	covered, ok := value.(httpsfv.InnerList)
	if !ok {
		return covered, nil, fmt.Errorf("%w: Signature-Input: %s is no list of components", ErrMalformed, Label)
	}
	if value, err = only(h, "Signature"); err != nil {
		return covered, nil, err
	}
	item, _ := value.(httpsfv.Item)
	if raw, ok = item.Value.([]byte); !ok || len(raw) != ed25519.SignatureSize {
		return covered, nil, fmt.Errorf("%w: Signature: %s must be 64 bytes between colons", ErrMalformed, Label)
	}
	return covered, raw, nil
}

func only(h http.Header, name string) (httpsfv.Member, error) {
	values := h.Values(name)
	if len(values) != 1 {
		return nil, fmt.Errorf("%w: header %s occurs %d times, must occur once", ErrMalformed, name, len(values))
	}
	if len(values[0]) > maxHeader {
		return nil, fmt.Errorf("%w: header %s has %d bytes, at most %d", ErrMalformed, name, len(values[0]), maxHeader)
	}
	dictionary, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return nil, fmt.Errorf("%w: header %s: %v", ErrMalformed, name, err)
	}
	if labels := dictionary.Names(); len(labels) != 1 || labels[0] != Label {
		return nil, fmt.Errorf("%w: header %s must hold the label %q alone, it holds %q", ErrMalformed, name, Label, labels)
	}
	value, _ := dictionary.Get(Label)
	return value, nil
}

// checkComponents wants the names in this order, without parameters but those of bound.
func checkComponents(covered httpsfv.InnerList, want []string, bound map[string]*httpsfv.Params) error {
	var got []string
	same := len(covered.Items) == len(want)
	for i, item := range covered.Items {
		name, _ := item.Value.(string)
		text, err := httpsfv.Marshal(item)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrMalformed, err)
		}
		got = append(got, text)
		expected := httpsfv.NewItem(name)
		if p := bound[name]; p != nil {
			expected.Params = p
		}
		plain, err := httpsfv.Marshal(expected)
		same = same && err == nil && i < len(want) && name == want[i] && text == plain
	}
	if !same {
		return fmt.Errorf("%w: must cover %s in this order, covers %s", ErrComponents, strings.Join(want, " "), strings.Join(got, " "))
	}
	return nil
}

// readParams wants each parameter of the profile once and no other.
func readParams(p *httpsfv.Params, nonce bool) (s Signature, err error) {
	want := []string{"created", "expires", "nonce", "keyid", "alg", "tag"}
	if !nonce {
		want = []string{"created", "keyid", "alg", "tag"}
	}
	if names := p.Names(); len(names) != len(want) {
		return s, fmt.Errorf("%w: parameters must be %s, they are %s", ErrMalformed, strings.Join(want, ", "), strings.Join(names, ", "))
	}
	text := func(name string) string {
		value, _ := p.Get(name)
		t, ok := value.(string)
		if !ok && err == nil {
			err = fmt.Errorf("%w: parameter %s is missing or no string", ErrMalformed, name)
		}
		return t
	}
	second := func(name string) time.Time {
		value, _ := p.Get(name)
		n, ok := value.(int64)
		if (!ok || n < 0) && err == nil {
			err = fmt.Errorf("%w: parameter %s is missing or no time in seconds", ErrMalformed, name)
		}
		return time.Unix(n, 0)
	}
	s.Created, s.KeyID = second("created"), text("keyid")
	if alg := text("alg"); err == nil && alg != Algorithm {
		err = fmt.Errorf("%w: parameter alg is %q, must be %q", ErrMalformed, alg, Algorithm)
	}
	if tag := text("tag"); err == nil && tag != Tag {
		err = fmt.Errorf("%w: parameter tag is %q, this service speaks %q", ErrMalformed, tag, Tag)
	}
	if nonce {
		s.Expires = second("expires")
		raw, bad := hex.DecodeString(text("nonce"))
		if err == nil && (bad != nil || len(raw) != NonceSize) {
			err = fmt.Errorf("%w: parameter nonce must be %d bytes in hex", ErrMalformed, NonceSize)
		}
		if err == nil {
			s.Nonce = [NonceSize]byte(raw)
		}
	}
	return s, err
}
