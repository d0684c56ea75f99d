package aicf

import (
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

// SealedLease is a lease that only the enrolled runner of its provider can read.
type SealedLease struct {
	// Statement is the service's word about which lease went sealed to which
	// enrolment; a proof carries it as member sealed of attest.tee.
	Statement *enroll.Sealed `json:"statement"`
	Blob      []byte         `json:"blob"` // base64; enroll.RunnerKey.Open reads it
}

// RunnerNonceRequest asks for the nonce of an enrolment.
type RunnerNonceRequest struct {
	ProviderID digest.Digest `json:"provider_id"`
}

// RunnerNonce is good for one enrolment until ExpiresMS.
type RunnerNonce struct {
	ProviderID digest.Digest `json:"provider_id"`
	Nonce      digest.Digest `json:"nonce"`
	ExpiresMS  int64         `json:"expires_ms"`
}

// Runner is an enrolled key inside a TEE.
type Runner struct {
	ID          digest.Digest `json:"runner_id"` // of the enrolment's frame
	ProviderID  digest.Digest `json:"provider_id"`
	Measurement string        `json:"measurement"` // hexadecimal digits; of the environment
	Dev         bool          `json:"dev,omitempty"`
	ExpiresMS   int64         `json:"expires_ms"`
}
