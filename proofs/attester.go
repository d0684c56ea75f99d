package proofs

import (
	"context"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Attester judges the evidence of a proof; package proofs/attest/evidence has the
// one for the kinds of this module.
type Attester interface {
	// Attest judges every piece of evidence that in holds. Evidence that is refused
	// is a verdict, not an error: an error means that it could not be decided.
	Attest(ctx context.Context, in AttestInput) ([]EvidenceVerdict, error)
}

// AttestInput is the evidence and what it must be bound to.
type AttestInput struct {
	Attest            Attest
	X, R              digest.Digest
	ProviderID        digest.Digest
	ModuleSet         digest.Digest // M
	Device            transcript.DeviceFrame
	RunnerMeasurement []byte
	Lease             *LeaseBinding // nil: none
	LeaseFrame        transcript.LeaseFrame
	TimeMS            uint64 // governing time, Unix milliseconds
	Dev               bool   // FlagDev is set
}

// EvidenceVerdict is the outcome for one member of body.attest.
type EvidenceVerdict struct {
	Member   string           `json:"member"` // tee or qpu
	Kind     string           `json:"kind,omitempty"`
	Accepted bool             `json:"accepted"`
	Level    Level            `json:"level"` // that this evidence alone reaches
	Reasons  []EvidenceReason `json:"reasons"`
	Notes    []string         `json:"notes,omitempty"`
	Digest   *digest.Digest   `json:"evidence_digest,omitempty"`
	NotAfter string           `json:"not_after,omitempty"` // RFC 3339, of certificates and claims
	// SealedSeed says that the lease's seed came sealed to a runner key that a
	// quote of the same environment enrolled (decision D9).
	SealedSeed bool `json:"sealed_seed,omitempty"`
}

// EvidenceReason is one reason why evidence is refused: a stable word for
// machines, as in package attest, and a sentence.
type EvidenceReason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}
