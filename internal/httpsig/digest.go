package httpsig

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"

	"github.com/dunglas/httpsfv"
)

// ContentDigest is the value of the Content-Digest header for body (RFC 9530, sha-256).
func ContentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// declaredDigest reads Content-Digest, which names sha-256 and nothing else.
func declaredDigest(h http.Header) (sum [32]byte, err error) {
	values := h.Values("Content-Digest")
	if len(values) != 1 || len(values[0]) > maxHeader {
		return sum, fmt.Errorf("%w: header Content-Digest occurs %d times, must occur once", ErrMalformed, len(values))
	}
	dictionary, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return sum, fmt.Errorf("%w: header Content-Digest: %v", ErrMalformed, err)
	}
	names := dictionary.Names()
	if len(names) != 1 || names[0] != "sha-256" {
		return sum, fmt.Errorf("%w: header Content-Digest must hold sha-256 alone, it holds %q", ErrMalformed, names)
	}
	value, _ := dictionary.Get("sha-256")
	item, ok := value.(httpsfv.Item)
	if !ok {
		return sum, fmt.Errorf("%w: header Content-Digest: sha-256 is no byte sequence", ErrMalformed)
	}
	raw, ok := item.Value.([]byte)
	if !ok || len(raw) != len(sum) {
		return sum, fmt.Errorf("%w: header Content-Digest: sha-256 must be 32 bytes between colons", ErrMalformed)
	}
	return [32]byte(raw), nil
}

// CheckBody says whether body is the one that was signed; the error wraps [ErrDigest].
func (s Signature) CheckBody(body []byte) error {
	if !s.HasBody {
		if len(body) != 0 {
			return fmt.Errorf("%w: the request has a body that its signature does not cover", ErrDigest)
		}
		return nil
	}
	return s.compare(sha256.Sum256(body))
}

func (s Signature) compare(sum [32]byte) error {
	if subtle.ConstantTimeCompare(sum[:], s.Digest[:]) != 1 {
		return fmt.Errorf("%w: content-digest says %x, the body hashes to %x", ErrDigest, s.Digest, sum)
	}
	return nil
}

// Body reads from body and ends with an error that wraps [ErrDigest], in place of io.EOF, if
// what was read is not what was signed. Nothing read from it may take effect before io.EOF.
func (s Signature) Body(body io.Reader) io.Reader {
	return &digestReader{signature: s, from: body, hash: sha256.New()}
}

type digestReader struct {
	signature Signature
	from      io.Reader
	hash      hash.Hash
}

func (d *digestReader) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	d.hash.Write(p[:n])
	if err == io.EOF {
		if wrong := d.signature.compare([32]byte(d.hash.Sum(nil))); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}
