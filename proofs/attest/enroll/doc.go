// Package enroll lets a network hand a lease's seed to a runner inside a TEE and to
// nobody else, and lets a verifier check later that it did.
//
// A runner draws an HPKE key, and a quote over the enrolment frame says that the key
// lives in an environment of a certain measurement. The service seals the lease to
// that key and signs a statement about it. Check accepts a seed as sealed only when
// quote, measurement, provider, dates and statement all hold.
//
// It does not promise that the operator never saw the seed: who owns the hardware
// can open a TEE. It promises that the operator had to.
package enroll

import (
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Suite is the only HPKE suite (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// AES-256-GCM, base mode.
const Suite = "x25519-hkdf-sha256-aes256gcm"

// MaxLife is the longest life of an enrolment.
const MaxLife = 7 * 24 * time.Hour

const publicSize = 32

// Enrolment is the frame that the quote of a runner binds.
type Enrolment struct {
	Nonce      digest.Digest // drawn by the service, so that an old quote enrols nothing
	ProviderID digest.Digest
	Public     []byte // HPKE public key of the runner
	Expires    time.Time
}

// Frame implements transcript.Framed (domain qprov/v1/enroll).
func (e *Enrolment) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/enroll").H32(1, e.Nonce).H32(2, e.ProviderID).Text(3, Suite).
		Bytes(4, e.Public, 4096).U64(5, uint64(e.Expires.Unix()))
}

// ReportData is what the quote must bind: the digest and 32 zero bytes. The domain
// keeps a quote of an enrolment from being one of a result, and the reverse.
func (e *Enrolment) ReportData() ([64]byte, error) {
	var out [64]byte
	d, err := transcript.Sum(e)
	copy(out[:], d[:])
	return out, err
}

// Sealed is what an envelope says about a sealed seed: the enrolment with its
// quote, and the service's statement.
type Sealed struct {
	Enrolment Enrolment
	Quote     attest.Carried
	Blob      digest.Digest // SHA3-256 of encapsulated key ‖ ciphertext
	SignedAt  uint64        // Unix seconds
	Sig       []byte        // of the service, purpose sealed-lease
}

// statement is what the service signs: which lease went sealed to which enrolment.
type statement struct{ lease, enrolment, blob digest.Digest }

// Frame implements transcript.Framed (domain qprov/v1/sealed-lease).
func (s statement) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/sealed-lease").H32(1, s.lease).H32(2, s.enrolment).H32(3, s.blob)
}
