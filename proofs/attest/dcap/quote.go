package dcap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"

	"github.com/animicaorg/engine/proofs/attest"
)

// TEE types of the quote header.
const (
	teeSGX = 0x00
	teeTDX = 0x81
)

// Sizes in bytes.
const (
	headerSize   = 48
	SGXBodySize  = 384 // also of the quoting enclave's report
	TD10BodySize = 584
	TD15BodySize = 648
	maxAuthData  = 1024
	maxPadding   = 4096 // zero bytes behind a quote
)

// qeVendor is Intel's UUID 939a7233-f79c-4ca9-940a-0db3957f0607.
var qeVendor = [16]byte{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07}

// Quote is a parsed quote. Nothing in it is verified.
type Quote struct {
	Version   uint16
	TDX       bool
	Signed    []byte // header to end of body
	Body      []byte // 384 SGX, 584 or 648 TDX
	Signature []byte // r | s
	Key       []byte // x | y of the attestation key
	QEReport  []byte
	QESig     []byte
	QEAuth    []byte
	PCK       []*x509.Certificate // leaf first
}

func malformed(format string, a ...any) error { return attest.Refuse(attest.BadFormat, format, a...) }

// ParseQuote reads a quote. Zero padding may follow it, nothing else.
func ParseQuote(b []byte) (*Quote, error) {
	if len(b) > attest.MaxEvidence {
		return nil, malformed("quote of %d bytes, limit %d", len(b), attest.MaxEvidence)
	}
	q := &Quote{}
	r := attest.NewReader(b)
	if err := q.header(r.Bytes(headerSize)); err != nil {
		return nil, err
	}
	if err := q.body(r); err != nil {
		return nil, err
	}
	q.Signed = b[:len(b)-r.Len()]
	data := r.Bytes(int(r.LE32()))
	if r.Failed() {
		return nil, malformed("quote ends inside its signature data")
	}
	if pad := r.Rest(); len(pad) > maxPadding || !attest.Zero(pad) {
		return nil, malformed("%d trailing bytes behind the quote, which are not zero padding of at most %d", len(pad), maxPadding)
	}
	return q, q.signatureData(data)
}

func (q *Quote) header(h []byte) error {
	if h == nil {
		return malformed("quote ends inside its header")
	}
	q.Version = binary.LittleEndian.Uint16(h)
	tee := binary.LittleEndian.Uint32(h[4:])
	q.TDX = tee == teeTDX
	switch {
	case q.Version < 3 || q.Version > 5:
		return malformed("quote version %d, want 3, 4 or 5", q.Version)
	case binary.LittleEndian.Uint16(h[2:]) != 2:
		return malformed("attestation key type %d, want 2 (ECDSA P-256)", binary.LittleEndian.Uint16(h[2:]))
	case tee != teeSGX && tee != teeTDX || q.TDX && q.Version == 3:
		return malformed("TEE type %#x in a quote of version %d", tee, q.Version)
	case [16]byte(h[12:28]) != qeVendor:
		return malformed("quoting enclave of vendor %x, want Intel's", h[12:28])
	}
	return nil
}

func (q *Quote) body(r *attest.Reader) error {
	size := SGXBodySize
	if q.TDX {
		size = TD10BodySize
	}
	if q.Version == 5 {
		kind, n := r.LE16(), r.LE32()
		sizes := map[uint16]int{1: SGXBodySize, 2: TD10BodySize, 3: TD15BodySize}
		if size = sizes[kind]; size == 0 || n != uint32(size) || q.TDX != (kind != 1) {
			return malformed("body type %d of %d bytes in a quote of this TEE", kind, n)
		}
	}
	if q.Body = r.Bytes(size); q.Body == nil {
		return malformed("quote ends inside its body")
	}
	return nil
}

// signatureData reads signature, key and certification data (type 6 wraps the
// quoting enclave's part from version 4 on).
func (q *Quote) signatureData(b []byte) error {
	r := attest.NewReader(b)
	q.Signature, q.Key = r.Bytes(64), r.Bytes(64)
	if q.Version >= 4 {
		kind, n := r.LE16(), r.LE32()
		if r.Failed() || kind != 6 || int64(n) != int64(r.Len()) {
			return malformed("certification data of type %d and %d bytes, want type 6 and %d bytes", kind, n, r.Len())
		}
	}
	q.QEReport, q.QESig = r.Bytes(SGXBodySize), r.Bytes(64)
	auth := int(r.LE16())
	if auth > maxAuthData {
		return malformed("authentication data of %d bytes, limit %d", auth, maxAuthData)
	}
	q.QEAuth = r.Bytes(auth)
	kind, n := r.LE16(), r.LE32()
	if r.Failed() || kind != 5 || int64(n) != int64(r.Len()) {
		return malformed("certification data of type %d and %d bytes, want type 5 and %d bytes", kind, n, r.Len())
	}
	certs, err := attest.ParseCerts(r.Rest())
	if err != nil {
		return malformed("PCK chain: %v", err)
	}
	if len(certs) > 3 {
		return malformed("PCK chain of %d certificates, limit 3", len(certs))
	}
	q.PCK = certs
	return nil
}

// Canonical is the part that identifies the quote: all but the signatures and
// the certificates.
func (q *Quote) Canonical() []byte {
	out := append([]byte(nil), q.Signed...)
	return append(append(out, q.Key...), q.QEReport...)
}

// verifySignatures checks the three links from the PCK key to the body.
func (q *Quote) verifySignatures() error {
	pck, ok := q.PCK[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || pck.Curve != elliptic.P256() {
		return attest.Refuse(attest.BadChain, "chain invalid: the PCK key is not ECDSA P-256")
	}
	report := sha256.Sum256(q.QEReport)
	if !attest.VerifyRaw(pck, report[:], q.QESig) {
		return attest.Refuse(attest.BadSignature, "the PCK key did not sign the quoting enclave's report")
	}
	bound := sha256.Sum256(append(append([]byte(nil), q.Key...), q.QEAuth...))
	data := reportData(q.QEReport)
	if [32]byte(data[:32]) != bound || !attest.Zero(data[32:]) {
		return attest.Refuse(attest.BadSignature, "the quoting enclave does not vouch for the attestation key")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, q.Key...))
	if err != nil {
		return attest.Refuse(attest.BadSignature, "attestation key: %v", err)
	}
	signed := sha256.Sum256(q.Signed)
	if !attest.VerifyRaw(key, signed[:], q.Signature) {
		return attest.Refuse(attest.BadSignature, "the attestation key did not sign the quote")
	}
	return nil
}
