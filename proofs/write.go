package proofs

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// cborLimits bound the CBOR envelope.
var cborLimits = transcript.Limits{Depth: 14, Bytes: 8 << 20, Text: 1 << 20}

// MarshalCBOR returns the canonical CBOR form.
func (p *Proof) MarshalCBOR() ([]byte, error) { return p.cbor(true) }

// EnvelopeSHA3 is the hash of the envelope without binding.signatures, the
// third field of the claim.
func (p *Proof) EnvelopeSHA3() (digest.Digest, error) {
	b, err := p.cbor(false)
	return digest.Sum(b), err
}

func (p *Proof) cbor(signatures bool) ([]byte, error) {
	w := &valueWriter{v: transcript.MapValue()}
	p.members(w, signatures)
	if err := w.err(); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	b, err := transcript.EncodeCBOR(w.v, cborLimits)
	if err != nil {
		return nil, fmt.Errorf("proof: %w: %w", ErrEnvelope, err)
	}
	return b, nil
}

// MarshalJSON returns the guide's JSON with two spaces a level.
func (p *Proof) MarshalJSON() ([]byte, error) {
	w := &valueWriter{v: transcript.MapValue(), json: true}
	p.members(w, true)
	if err := w.err(); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if _, err := p.cbor(true); err != nil { // the limits of one form are those of the other
		return nil, err
	}
	var out bytes.Buffer
	writeJSON(&out, &w.v, "\n")
	return out.Bytes(), nil
}

// valueWriter builds the tree of the CBOR form or, with json set, a tree of the
// JSON form in which bytes are hex text already; numbers that are no integers
// (trap_ratio) are then bytes.
type valueWriter struct {
	v    transcript.Value
	json bool
	fail *error
}

func (w *valueWriter) err() error {
	if w.fail == nil {
		return nil
	}
	return *w.fail
}

func (w *valueWriter) put(key string, v transcript.Value) {
	w.v.Members = append(w.v.Members, transcript.Member{Key: key, Value: v})
}

func (w *valueWriter) refuse(key, format string, a ...any) {
	if w.fail == nil {
		err := fmt.Errorf("%s %s: %w", key, fmt.Sprintf(format, a...), ErrEnvelope)
		w.fail = &err
	}
}

func (w *valueWriter) object(key string, f func(coder)) {
	child := &valueWriter{v: transcript.MapValue(), json: w.json}
	f(child)
	if w.fail == nil {
		w.fail = child.fail
	}
	w.put(key, child.v)
}

func (w *valueWriter) orNone(key string, has *bool, f func(coder)) {
	if *has {
		w.object(key, f)
		return
	}
	w.put(key, transcript.TextValue("none"))
}

func (w *valueWriter) list(key string, n *int, max int, _ func(int), f func(int, coder)) {
	if *n > max {
		w.refuse(key, "has %d entries, limit %d", *n, max)
	}
	out := transcript.ArrayValue()
	for i := range *n {
		child := &valueWriter{v: transcript.MapValue(), json: w.json}
		f(i, child)
		if w.fail == nil {
			w.fail = child.fail
		}
		out.Array = append(out.Array, child.v)
	}
	w.put(key, out)
}

func (w *valueWriter) constant(key, value string) { w.put(key, transcript.TextValue(value)) }

func (w *valueWriter) number(key string, value uint64) { w.put(key, transcript.UintValue(value)) }

func (w *valueWriter) text(key string, v *string, max int) {
	if err := checkText(*v, max); err != nil {
		w.refuse(key, "%v", err)
	}
	w.put(key, transcript.TextValue(*v))
}

func (w *valueWriter) optionalText(key string, v *string, max int) {
	if *v != "" {
		w.text(key, v, max)
	}
}

func (w *valueWriter) public(key string, alg *string, raw *[]byte) {
	w.put(key, transcript.TextValue(keys.PublicText(*alg, *raw)))
}

func (w *valueWriter) uint(key string, v *uint64, max uint64) {
	if *v > max {
		w.refuse(key, "is %d, limit %d", *v, max)
	}
	w.put(key, transcript.UintValue(*v))
}

func (w *valueWriter) flag(key string, v *bool) { w.put(key, transcript.BoolValue(*v)) }

func (w *valueWriter) raw(key string, b []byte) {
	if w.json {
		w.put(key, transcript.TextValue(hex.EncodeToString(b)))
		return
	}
	w.put(key, transcript.BytesValue(b))
}

func (w *valueWriter) hash(key string, v *digest.Digest) { w.raw(key, v[:]) }

func (w *valueWriter) emptyHash(key string, v *digest.Digest) {
	if v.IsZero() {
		w.raw(key, nil)
		return
	}
	w.raw(key, v[:])
}

func (w *valueWriter) optionalHash(key string, v *digest.Digest) {
	if !v.IsZero() {
		w.raw(key, v[:])
	}
}

func (w *valueWriter) bytes(key string, v *[]byte, max int) {
	if len(*v) > max {
		w.refuse(key, "has %d bytes, limit %d", len(*v), max)
	}
	w.raw(key, *v)
}

func (w *valueWriter) ratio(key string, ppm *uint64) {
	if *ppm > transcript.PPM {
		w.refuse(key, "is %d ppm, limit %d", *ppm, transcript.PPM)
	}
	if w.json {
		w.put(key, transcript.BytesValue([]byte(transcript.FormatRatio(*ppm))))
		return
	}
	w.put(key, transcript.UintValue(*ppm))
}

func (w *valueWriter) evidence(key string, v **transcript.Value) {
	if *v == nil {
		return
	}
	if err := checkEvidence(*v); err != nil {
		w.refuse(key, "%v", err)
		return
	}
	w.put(key, sorted(**v))
}

// writeJSON prints a tree; nl is the line break with the current indentation.
func writeJSON(out *bytes.Buffer, v *transcript.Value, nl string) {
	switch v.Kind {
	case transcript.KindUint:
		out.WriteString(strconv.FormatUint(v.Uint, 10))
	case transcript.KindInt:
		out.WriteString(strconv.FormatInt(v.Int, 10))
	case transcript.KindBool:
		out.WriteString(strconv.FormatBool(v.Uint == 1))
	case transcript.KindText:
		writeString(out, v.Text)
	case transcript.KindBytes:
		out.Write(v.Bytes) // the text of a number, see valueWriter
	case transcript.KindArray:
		writeItems(out, '[', ']', len(v.Array), nl, func(i int, nl string) { writeJSON(out, &v.Array[i], nl) })
	case transcript.KindMap:
		writeItems(out, '{', '}', len(v.Members), nl, func(i int, nl string) {
			writeString(out, v.Members[i].Key)
			out.WriteString(": ")
			writeJSON(out, &v.Members[i].Value, nl)
		})
	}
}

func writeItems(out *bytes.Buffer, begin, end byte, n int, nl string, item func(i int, nl string)) {
	out.WriteByte(begin)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(nl + "  ")
		item(i, nl+"  ")
	}
	if n > 0 {
		out.WriteString(nl)
	}
	out.WriteByte(end)
}

func writeString(out *bytes.Buffer, s string) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)             // a string in a buffer cannot fail
	out.Truncate(out.Len() - 1) // Encode ends with a line break
}

// checkText applies the rules of text in the envelope.
func checkText(s string, max int) error {
	if len(s) > max {
		return fmt.Errorf("has %d bytes, limit %d", len(s), max)
	}
	return transcript.CheckText(s)
}

// checkEvidence wants an object without byte strings, which JSON could not
// carry.
func checkEvidence(v *transcript.Value) error {
	if v.Kind != transcript.KindMap {
		return fmt.Errorf("is not an object")
	}
	if hasBytes(v) {
		return fmt.Errorf("holds a byte string; write it as text")
	}
	_, err := transcript.EncodeCBOR(*v, keys.EvidenceLimits)
	return err
}

// sorted puts the members of all maps in the order of the CBOR form.
func sorted(v transcript.Value) transcript.Value {
	v.Array, v.Members = slices.Clone(v.Array), slices.Clone(v.Members)
	for i := range v.Array {
		v.Array[i] = sorted(v.Array[i])
	}
	for i := range v.Members {
		v.Members[i].Value = sorted(v.Members[i].Value)
	}
	slices.SortFunc(v.Members, func(a, b transcript.Member) int { return transcript.CompareKeys(a.Key, b.Key) })
	return v
}

func hasBytes(v *transcript.Value) bool {
	for i := range v.Array {
		if hasBytes(&v.Array[i]) {
			return true
		}
	}
	for i := range v.Members {
		if hasBytes(&v.Members[i].Value) {
			return true
		}
	}
	return v.Kind == transcript.KindBytes
}

var jsonLimits = strictjson.Limits{Bytes: 16 << 20, Depth: 16, Values: 1 << 18}
