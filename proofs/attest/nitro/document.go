package nitro

import (
	"fmt"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/cose"
)

// Limits of the fields (AWS Nitro Enclaves, "Verifying the root of trust",
// attestation document specification).
const (
	maxPCR   = 31
	maxCert  = 1024
	maxField = 1024 // user_data, nonce, public_key
	maxText  = 256
)

// Document is the payload of an attestation document. Nothing in it is verified.
type Document struct {
	Module      string
	Timestamp   time.Time
	PCRs        [maxPCR + 1][]byte // nil: not in the document
	Certificate []byte             // DER
	CABundle    [][]byte           // DER, root first
	PublicKey   []byte
	UserData    []byte
	Nonce       []byte
}

// reader collects the first failure.
type reader struct{ err error }

func (r *reader) fail(field, format string, a ...any) {
	if r.err == nil {
		r.err = attest.Refuse(attest.BadFormat, "document: %s: %s", field, fmt.Sprintf(format, a...))
	}
}

// bytes reads a byte string of min..max bytes; null counts as absent when min
// is 0.
func (r *reader) bytes(field string, v *cose.Value, min, max int) []byte {
	if min == 0 && v.Null() {
		return nil
	}
	if !v.Is(cose.Bytes) || len(v.Bytes) < min || len(v.Bytes) > max {
		r.fail(field, "want %d..%d bytes", min, max)
		return nil
	}
	return v.Bytes
}

func (r *reader) text(field string, v *cose.Value) string {
	if !v.Is(cose.Text) || len(v.Bytes) == 0 || len(v.Bytes) > maxText {
		r.fail(field, "want text of 1..%d bytes", maxText)
		return ""
	}
	return string(v.Bytes)
}

// ParseDocument reads the payload of a COSE_Sign1.
func ParseDocument(payload []byte) (*Document, error) {
	v, err := cose.Decode(payload)
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "document: %v", err)
	}
	r := &reader{}
	d := &Document{Module: r.text("module_id", v.Get("module_id")), Certificate: r.bytes("certificate", v.Get("certificate"), 1, maxCert),
		PublicKey: r.bytes("public_key", v.Get("public_key"), 0, maxField), UserData: r.bytes("user_data", v.Get("user_data"), 0, maxField),
		Nonce: r.bytes("nonce", v.Get("nonce"), 0, maxField)}
	if s := r.text("digest", v.Get("digest")); s != "SHA384" {
		r.fail("digest", "is %q, want SHA384", s)
	}
	t := v.Get("timestamp")
	if !t.Is(cose.Uint) || t.Num == 0 || t.Num > 1<<52 {
		r.fail("timestamp", "want milliseconds since 1970")
	} else {
		d.Timestamp = time.UnixMilli(int64(t.Num)).UTC()
	}
	r.pcrs(d, v.Get("pcrs"))
	bundle := v.Get("cabundle")
	if !bundle.Is(cose.Array) || len(bundle.Items) == 0 || len(bundle.Items) > attest.MaxChain {
		r.fail("cabundle", "want 1..%d certificates", attest.MaxChain)
	} else {
		for i := range bundle.Items {
			d.CABundle = append(d.CABundle, r.bytes("cabundle", &bundle.Items[i], 1, maxCert))
		}
	}
	return d, r.err
}

func (r *reader) pcrs(d *Document, v *cose.Value) {
	if !v.Is(cose.Map) {
		r.fail("pcrs", "want a map")
		return
	}
	for i := 0; i < len(v.Items); i += 2 {
		k := &v.Items[i]
		if !k.Is(cose.Uint) || k.Num > maxPCR {
			r.fail("pcrs", "want indices 0..%d", maxPCR)
			return
		}
		d.PCRs[k.Num] = r.bytes("pcrs", &v.Items[i+1], 48, 48)
	}
	for i := range 3 {
		if d.PCRs[i] == nil {
			r.fail("pcrs", "PCR%d is missing", i)
		}
	}
}

// Debug reports whether PCR0, PCR1 or PCR2 is all zero, which is how enclaves
// in debug mode are attested.
func (d *Document) Debug() bool {
	return attest.Zero(d.PCRs[0]) || attest.Zero(d.PCRs[1]) || attest.Zero(d.PCRs[2])
}
