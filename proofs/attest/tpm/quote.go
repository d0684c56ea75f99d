package tpm

import (
	"crypto"
	_ "crypto/sha256" // hashes of the banks
	_ "crypto/sha512"
	"math/bits"

	"github.com/animicaorg/engine/proofs/attest"
)

// Constants of TPM 2.0 Library, Part 2: Structures.
const (
	magic     = 0xff544347 // TPM_GENERATED_VALUE
	typeQuote = 0x8018     // TPM_ST_ATTEST_QUOTE

	algSHA256 = 0x000b
	algSHA384 = 0x000c
	algSHA512 = 0x000d
	algRSASSA = 0x0014
	algRSAPSS = 0x0016
	algECDSA  = 0x0018
)

// Limits: registers, banks of a selection, bytes of a name or nonce.
const (
	maxPCR   = 32
	maxBanks = 4
	maxName  = 68
	maxNonce = 64
	maxRSA   = 512
)

var hashes = map[uint16]crypto.Hash{algSHA256: crypto.SHA256, algSHA384: crypto.SHA384, algSHA512: crypto.SHA512}

// PCR is one selected register.
type PCR struct {
	Bank   uint16 // algorithm
	Index  int
	Digest []byte // nil: the values did not come with the quote
}

// Quote is a parsed quote with its signature. Nothing in it is verified.
type Quote struct {
	Attest    []byte // TPMS_ATTEST
	Signer    []byte // qualified name of the key
	ExtraData []byte
	Clock     uint64 // milliseconds that the TPM was powered
	Resets    uint32
	Restarts  uint32
	Safe      bool
	Firmware  uint64
	Selection []byte // TPML_PCR_SELECTION
	PCRs      []PCR
	PCRDigest []byte

	Scheme uint16
	Hash   crypto.Hash
	R, S   []byte // ECDSA; RSA: R is the signature
}

func malformed(format string, a ...any) error {
	return attest.Refuse(attest.BadFormat, "TPM quote: "+format, a...)
}

// ParseQuote reads TPMS_ATTEST, TPMT_SIGNATURE and, if there is more, TPML_DIGEST
// with the values of the selected registers in the order of the selection.
func ParseQuote(b []byte) (*Quote, error) {
	r := attest.NewReader(b)
	q := &Quote{}
	if err := q.readAttest(r); err != nil {
		return nil, err
	}
	q.Attest = b[:len(b)-r.Len()]
	if err := q.readSignature(r); err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		if err := q.readValues(r); err != nil {
			return nil, err
		}
	}
	if !r.Done() {
		return nil, malformed("%d bytes are missing or left", r.Len())
	}
	return q, nil
}

// sized reads TPM2B: a length and as many bytes, at most max.
func sized(r *attest.Reader, max int) ([]byte, error) {
	n := int(r.BE16())
	if n > max {
		return nil, malformed("field of %d bytes, limit %d", n, max)
	}
	return r.Bytes(n), nil
}

func (q *Quote) readAttest(r *attest.Reader) (err error) {
	if m, t := r.BE32(), r.BE16(); m != magic || t != typeQuote {
		return malformed("magic %#x and type %#x, want a quote made by a TPM", m, t)
	}
	if q.Signer, err = sized(r, maxName); err != nil {
		return err
	}
	if q.ExtraData, err = sized(r, maxNonce); err != nil {
		return err
	}
	q.Clock, q.Resets, q.Restarts = r.BE64(), r.BE32(), r.BE32()
	safe := r.U8()
	if safe > 1 {
		return malformed("flag of the clock is %d", safe)
	}
	q.Safe, q.Firmware = safe == 1, r.BE64()
	if err := q.readSelection(r); err != nil {
		return err
	}
	if q.PCRDigest, err = sized(r, 64); err == nil && r.Failed() {
		err = malformed("it ends inside TPMS_ATTEST")
	}
	return err
}

func (q *Quote) readSelection(r *attest.Reader) error {
	n := r.BE32()
	if n < 1 || n > maxBanks {
		return malformed("%d banks of registers, want 1..%d", n, maxBanks)
	}
	q.Selection = []byte{0, 0, 0, byte(n)}
	for range n {
		bank, size := r.BE16(), int(r.U8())
		if _, ok := hashes[bank]; !ok || size < 1 || size > maxPCR/8 {
			return malformed("bank %#x with %d bytes of selection; SHA-256, SHA-384 and SHA-512 are accepted", bank, size)
		}
		bitmap := r.Bytes(size)
		q.Selection = append(append(q.Selection, byte(bank>>8), byte(bank), byte(size)), bitmap...)
		for i, x := range bitmap {
			for ; x != 0; x &= x - 1 {
				q.PCRs = append(q.PCRs, PCR{Bank: bank, Index: 8*i + bits.TrailingZeros8(x)})
			}
		}
	}
	if len(q.PCRs) == 0 && !r.Failed() {
		return malformed("it covers no register")
	}
	return nil
}

func (q *Quote) readSignature(r *attest.Reader) (err error) {
	var hash uint16
	q.Scheme, hash = r.BE16(), r.BE16()
	var ok bool
	if q.Hash, ok = hashes[hash]; !ok {
		return malformed("signature with hash %#x", hash)
	}
	switch q.Scheme {
	case algECDSA:
		if q.R, err = sized(r, 66); err == nil {
			q.S, err = sized(r, 66)
		}
	case algRSASSA, algRSAPSS:
		q.R, err = sized(r, maxRSA)
	default:
		return malformed("signature scheme %#x", q.Scheme)
	}
	return err
}

// readValues reads the registers and holds them against the quoted digest.
func (q *Quote) readValues(r *attest.Reader) error {
	if n := r.BE32(); int64(n) != int64(len(q.PCRs)) {
		return malformed("%d values for %d registers", n, len(q.PCRs))
	}
	h := q.Hash.New()
	for i := range q.PCRs {
		v, err := sized(r, 64)
		if err != nil {
			return err
		}
		if len(v) != hashes[q.PCRs[i].Bank].Size() {
			return malformed("register %d has %d bytes", q.PCRs[i].Index, len(v))
		}
		q.PCRs[i].Digest = v
		h.Write(v)
	}
	if string(h.Sum(nil)) != string(q.PCRDigest) {
		return attest.Refuse(attest.BadMeasurement, "the registers' values do not have the quoted digest")
	}
	return nil
}
