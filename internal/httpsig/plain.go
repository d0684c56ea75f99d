package httpsig

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// plain reads a signed request in the one spelling that SignRequest writes: canonical
// structured fields, the profile's components and its parameters in its order. It returns
// the signature base besides, which in this spelling holds Signature-Input as it came. ok is
// false for every other spelling and for everything that is wrong: the general reader of
// httpsfv decides about those. What plain accepts the general reader accepts with the same
// signature, base and bytes; FuzzVerifyRequest holds the two together.
func plain(r *http.Request, want []string) (s Signature, base, raw []byte, ok bool) {
	input, ok1 := once(r.Header, "Signature-Input")
	params, ok2 := strings.CutPrefix(input, Label+"=")
	rest := params
	token := func(text string) bool {
		after, found := strings.CutPrefix(rest, text)
		rest = after
		return found
	}
	if !ok1 || !ok2 || !token("(") {
		return s, nil, nil, false
	}
	for i, name := range want {
		if i > 0 && !token(" ") || !token(`"`) || !token(name) || !token(`"`) {
			return s, nil, nil, false
		}
	}
	var created, expires int64
	var nonce string
	if !token(")") || !token(";created=") || !second(&rest, &created) || !token(";expires=") || !second(&rest, &expires) ||
		!token(";nonce=") || !quoted(&rest, &nonce) || !token(";keyid=") || !quoted(&rest, &s.KeyID) ||
		rest != `;alg="`+Algorithm+`";tag="`+Tag+`"` {
		return s, nil, nil, false
	}
	if len(nonce) != 2*NonceSize {
		return s, nil, nil, false
	}
	if _, err := hex.Decode(s.Nonce[:], []byte(nonce)); err != nil {
		return s, nil, nil, false
	}
	s.Created, s.Expires = time.Unix(created, 0), time.Unix(expires, 0)
	text, _ := once(r.Header, "Signature")
	if raw, ok = octets(text, Label+"=:", ed25519.SignatureSize); !ok {
		return s, nil, nil, false
	}
	if s.HasBody = !readOnly(r.Method); s.HasBody {
		text, _ := once(r.Header, "Content-Digest")
		sum, ok := octets(text, "sha-256=:", len(s.Digest))
		if !ok {
			return s, nil, nil, false
		}
		s.Digest = [32]byte(sum)
	}
	m := requestMessage(r)
	base = make([]byte, 0, 512)
	for _, name := range want {
		value, err := m.component(name, nil)
		if err != nil {
			return s, nil, nil, false
		}
		base = append(append(append(append(append(base, '"'), name...), `": `...), value...), '\n')
	}
	base = append(append(base, `"@signature-params": `...), params...)
	return s, base, raw, true
}

// once is a header that occurs once, within its limit.
func once(h http.Header, name string) (string, bool) {
	values := h[name]
	if len(values) != 1 || len(values[0]) > maxHeader {
		return "", false
	}
	return values[0], true
}

// second reads a time in seconds in its only canonical spelling.
func second(rest *string, to *int64) bool {
	n := 0
	for n < len(*rest) && '0' <= (*rest)[n] && (*rest)[n] <= '9' {
		n++
	}
	if n < 1 || n > 15 || n > 1 && (*rest)[0] == '0' {
		return false
	}
	v, err := strconv.ParseInt((*rest)[:n], 10, 64)
	*to, *rest = v, (*rest)[n:]
	return err == nil
}

// quoted reads a string without escapes.
func quoted(rest, to *string) bool {
	text, ok := strings.CutPrefix(*rest, `"`)
	if !ok {
		return false
	}
	end := strings.IndexByte(text, '"')
	if end < 0 {
		return false
	}
	for i := range end {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	*to, *rest = text[:end], text[end+1:]
	return true
}

// octets reads size bytes between colons behind a prefix, in their only canonical spelling.
func octets(text, prefix string, size int) ([]byte, bool) {
	text, ok1 := strings.CutPrefix(text, prefix)
	text, ok2 := strings.CutSuffix(text, ":")
	if !ok1 || !ok2 || len(text) != base64.StdEncoding.EncodedLen(size) || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	return raw, err == nil && len(raw) == size
}
