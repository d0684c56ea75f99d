package proofs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ErrEnvelope is wrapped by every refusal to encode or decode an envelope.
var ErrEnvelope = errors.New("invalid QuantumProof")

// Decode reads either form: an envelope whose first byte is white space or '{'
// is JSON, else CBOR.
func Decode(b []byte) (*Proof, error) {
	if len(b) > 0 && strings.IndexByte(" \t\r\n{", b[0]) >= 0 {
		return DecodeJSON(b)
	}
	return DecodeCBOR(b)
}

// DecodeJSON reads the JSON form strictly: unknown, repeated, missing and
// wrongly typed members are refused.
func DecodeJSON(b []byte) (*Proof, error) {
	c := strictjson.Open(b, jsonLimits)
	p := &Proof{}
	r := &jsonReader{c: c}
	p.members(r, true)
	r.done()
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if _, err := p.cbor(true); err != nil { // the limits of one form are those of the other
		return nil, err
	}
	return p, nil
}

// jsonReader reads one JSON object.
type jsonReader struct {
	c    strictjson.Cursor
	keys []string
}

func (r *jsonReader) member(key string) strictjson.Cursor {
	r.keys = append(r.keys, key)
	return r.c.Member(key)
}

func (r *jsonReader) maybe(key string) (strictjson.Cursor, bool) {
	r.keys = append(r.keys, key)
	return r.c.Optional(key)
}

// done refuses members that were not asked for.
func (r *jsonReader) done() { r.c.Only(r.keys...) }

func readObject(c strictjson.Cursor, f func(coder)) {
	child := &jsonReader{c: c}
	f(child)
	child.done()
}

func (r *jsonReader) object(key string, f func(coder)) { readObject(r.member(key), f) }

func (r *jsonReader) orNone(key string, has *bool, f func(coder)) {
	c := r.member(key)
	if *has = c.Kind() != strictjson.String; *has {
		readObject(c, f)
		return
	}
	c.OneOf("none")
}

func (r *jsonReader) list(key string, n *int, max int, grow func(int), f func(int, coder)) {
	items := r.member(key).Items(max)
	*n = len(items)
	grow(*n)
	for i, it := range items {
		readObject(it, func(c coder) { f(i, c) })
	}
}

func (r *jsonReader) constant(key, value string) { r.member(key).OneOf(value) }

func (r *jsonReader) number(key string, value uint64) { r.member(key).Uint(value, value) }

func readText(c strictjson.Cursor, max int) string {
	s := c.Text(max)
	if err := checkText(s, max); err != nil {
		c.Fail("", "%v", err)
	}
	return s
}

func (r *jsonReader) text(key string, v *string, max int) { *v = readText(r.member(key), max) }

func (r *jsonReader) optionalText(key string, v *string, max int) {
	if c, ok := r.maybe(key); ok {
		if *v = readText(c, max); *v == "" {
			c.Fail("leave it out", "is empty")
		}
	}
}

func (r *jsonReader) public(key string, alg *string, raw *[]byte) {
	c := r.member(key)
	a, b, err := splitPublic(c.Text(maxKeyText), *alg)
	if err != nil {
		c.Fail("", "%v", err)
	}
	*alg, *raw = a, b
}

// splitPublic reads alg:hex without judging the key; want is the algorithm
// demanded, or empty.
func splitPublic(s, want string) (alg string, raw []byte, err error) {
	alg, raw, err = keys.SplitPublic(s)
	if err == nil && want != "" && alg != want {
		err = fmt.Errorf("algorithm %q, want %q", alg, want)
	}
	return alg, raw, err
}

func (r *jsonReader) uint(key string, v *uint64, max uint64) { *v = r.member(key).Uint(0, max) }
func (r *jsonReader) flag(key string, v *bool)               { *v = r.member(key).Bool() }
func (r *jsonReader) hash(key string, v *digest.Digest)      { *v = r.member(key).Hash() }

func (r *jsonReader) emptyHash(key string, v *digest.Digest) {
	c := r.member(key)
	if c.Text(64) != "" {
		nonZero(c, v)
	}
}

func nonZero(c strictjson.Cursor, v *digest.Digest) {
	if *v = c.Hash(); v.IsZero() {
		c.Fail("", "is all zero, which stands for absent")
	}
}

func (r *jsonReader) optionalHash(key string, v *digest.Digest) {
	if c, ok := r.maybe(key); ok {
		nonZero(c, v)
	}
}

func (r *jsonReader) bytes(key string, v *[]byte, max int) { *v = r.member(key).Hex(max) }

func (r *jsonReader) ratio(key string, ppm *uint64) {
	c := r.member(key)
	n := c.Node()
	if n == nil {
		return
	}
	if n.Kind != strictjson.Number {
		c.Fail("", "is %s, want a number", n.Kind)
		return
	}
	var err error
	if *ppm, err = transcript.ParseRatio(n.Text); err != nil {
		c.Fail("", "%v", err)
	}
}

func (r *jsonReader) evidence(key string, v **transcript.Value) {
	c, ok := r.maybe(key)
	if n := c.Node(); ok && n != nil {
		value, err := transcript.ValueOfJSON(n, keys.EvidenceLimits)
		if err == nil {
			err = checkEvidence(&value)
		}
		if err != nil {
			c.Fail("", "%v", err)
		}
		*v = &value
	}
}
