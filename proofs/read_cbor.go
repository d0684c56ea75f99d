package proofs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// DecodeCBOR reads the canonical CBOR form strictly.
func DecodeCBOR(b []byte) (*Proof, error) {
	v, err := transcript.DecodeCBOR(b, cborLimits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	p := &Proof{}
	r := &cborReader{v: &v, fail: new(error)}
	p.members(r, true)
	r.done()
	if *r.fail != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, *r.fail)
	}
	if again, err := p.cbor(true); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: not the bytes that this envelope encodes to", ErrEnvelope)
	}
	return p, nil
}

// cborReader reads one CBOR map.
type cborReader struct {
	v    *transcript.Value
	path string
	keys []string
	fail *error
}

func (r *cborReader) refuse(key, format string, a ...any) {
	if *r.fail == nil {
		*r.fail = &strictjson.Error{Field: r.path + "/" + key, Msg: fmt.Sprintf(format, a...)}
	}
}

var noValue = transcript.TextValue("")

func (r *cborReader) maybe(key string) *transcript.Value {
	r.keys = append(r.keys, key)
	if *r.fail != nil {
		return nil
	}
	if v, ok := r.v.Get(key); ok {
		return v
	}
	return nil
}

// member returns a member that must exist and be of the kind; after a failure
// an empty value.
func (r *cborReader) member(key string, kind transcript.Kind) *transcript.Value {
	v := r.maybe(key)
	switch {
	case v == nil:
		r.refuse(key, "is missing")
	case v.Kind != kind:
		r.refuse(key, "is of kind %d, want %d", v.Kind, kind)
	default:
		return v
	}
	return &noValue
}

func (r *cborReader) done() {
	if *r.fail != nil {
		return
	}
	if r.v.Kind != transcript.KindMap {
		r.refuse("", "is not a map")
	}
	for _, m := range r.v.Members {
		if !slices.Contains(r.keys, m.Key) {
			r.refuse(m.Key, "unknown member")
		}
	}
}

func (r *cborReader) child(v *transcript.Value, key string, f func(coder)) {
	c := &cborReader{v: v, path: r.path + "/" + key, fail: r.fail}
	f(c)
	c.done()
}

func (r *cborReader) object(key string, f func(coder)) {
	r.child(r.member(key, transcript.KindMap), key, f)
}

func (r *cborReader) orNone(key string, has *bool, f func(coder)) {
	if v := r.maybe(key); v != nil && v.Kind == transcript.KindText {
		*has = false
		if v.Text != "none" {
			r.refuse(key, "is text, want none or a map")
		}
		return
	}
	*has = true
	r.object(key, f)
}

func (r *cborReader) list(key string, n *int, max int, grow func(int), f func(int, coder)) {
	items := r.member(key, transcript.KindArray).Array
	if len(items) > max {
		r.refuse(key, "has %d elements, limit %d", len(items), max)
		items = nil
	}
	*n = len(items)
	grow(*n)
	for i := range items {
		r.child(&items[i], key+"/"+strconv.Itoa(i), func(c coder) { f(i, c) })
	}
}

func (r *cborReader) constant(key, value string) {
	if got := r.member(key, transcript.KindText).Text; got != value {
		r.refuse(key, "is %.40q, want %q", got, value)
	}
}

func (r *cborReader) number(key string, value uint64) {
	if got := r.member(key, transcript.KindUint).Uint; got != value {
		r.refuse(key, "is %d, want %d", got, value)
	}
}

func (r *cborReader) text(key string, v *string, max int) {
	*v = r.member(key, transcript.KindText).Text
	if err := checkText(*v, max); err != nil {
		r.refuse(key, "%v", err)
	}
}

func (r *cborReader) optionalText(key string, v *string, max int) {
	if r.maybe(key) == nil {
		return
	}
	if r.text(key, v, max); *v == "" {
		r.refuse(key, "is empty")
	}
}

func (r *cborReader) public(key string, alg *string, raw *[]byte) {
	a, b, err := splitPublic(r.member(key, transcript.KindText).Text, *alg)
	if err != nil {
		r.refuse(key, "%v", err)
	}
	*alg, *raw = a, b
}

func (r *cborReader) uint(key string, v *uint64, max uint64) {
	if *v = r.member(key, transcript.KindUint).Uint; *v > max {
		r.refuse(key, "is %d, limit %d", *v, max)
	}
}

func (r *cborReader) flag(key string, v *bool) { *v = r.member(key, transcript.KindBool).Uint == 1 }

func (r *cborReader) hash(key string, v *digest.Digest) {
	b := r.member(key, transcript.KindBytes).Bytes
	if copy(v[:], b) != len(b) || len(b) != digest.Size {
		r.refuse(key, "has %d bytes, want %d", len(b), digest.Size)
	}
}

func (r *cborReader) emptyHash(key string, v *digest.Digest) {
	if len(r.member(key, transcript.KindBytes).Bytes) != 0 {
		if r.hash(key, v); v.IsZero() {
			r.refuse(key, "is all zero, which stands for absent")
		}
	}
}

func (r *cborReader) optionalHash(key string, v *digest.Digest) {
	if r.maybe(key) != nil {
		if r.hash(key, v); v.IsZero() {
			r.refuse(key, "is all zero, which stands for absent")
		}
	}
}

func (r *cborReader) bytes(key string, v *[]byte, max int) {
	b := r.member(key, transcript.KindBytes).Bytes
	if len(b) > max {
		r.refuse(key, "has %d bytes, limit %d", len(b), max)
		return
	}
	*v = slices.Clone(b)
}

func (r *cborReader) ratio(key string, ppm *uint64) { r.uint(key, ppm, transcript.PPM) }

func (r *cborReader) evidence(key string, v **transcript.Value) {
	if r.maybe(key) == nil {
		return
	}
	value := *r.member(key, transcript.KindMap)
	if err := checkEvidence(&value); err != nil {
		r.refuse(key, "%v", err)
	}
	*v = &value
}
