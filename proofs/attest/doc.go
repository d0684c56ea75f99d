// Package attest is the vendor-neutral half of attestation: what evidence is,
// the one normal form that every kind of evidence is reduced to, and the rules
// that a normal form is judged by.
//
// A verifier of one kind (packages below this one) checks signatures and
// certificate chains up to a root that the caller trusts and returns a Result.
// Check then applies Rules. The package promises that a Result comes only from
// bytes whose signature was verified, that time is always the caller's (the zero
// time refuses), and that debug and migratable environments are refused whatever
// the rules say. It reads no file, no clock and no network.
//
// It does not promise that the computation behind the evidence was honest: who
// owns the hardware can extract attestation keys from it. Evidence is one input
// beside the traps, never a substitute.
package attest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind names a kind of evidence.
type Kind string

// The kinds.
const (
	SGX   Kind = "sgx"   // Intel SGX DCAP quote
	TDX   Kind = "tdx"   // Intel TDX DCAP quote
	SEV   Kind = "sev"   // AMD SEV-SNP report
	Nitro Kind = "nitro" // AWS Nitro Enclaves attestation document
	CCA   Kind = "cca"   // Arm CCA token (experimental)
	TPM   Kind = "tpm"   // TPM 2.0 quote: what booted, not isolation
)

// QPU names the certificates of vendors of quantum computers: no evidence of a TEE,
// and none of Kinds (package vendorcert).
const QPU Kind = "qpu"

// Kinds are all kinds, in the order of the constants.
var Kinds = []Kind{SGX, TDX, SEV, Nitro, CCA, TPM}

// vendors maps a kind to the folder name of its vendor below a roots folder.
var vendors = map[Kind]string{SGX: "intel", TDX: "intel", SEV: "amd", Nitro: "aws", CCA: "arm", TPM: "tcg"}

// Vendor is the name of the folder for the vendor's roots, shared by its kinds.
func (k Kind) Vendor() string { return vendors[k] }

// Size limits in bytes. Input above them is refused before it is parsed.
const (
	MaxEvidence   = 64 << 10
	MaxCollateral = 1 << 20
	MaxCerts      = 64 << 10
	MaxChain      = 8 // certificates beside the root
)

// Skew is the tolerated difference between the caller's time and a timestamp
// that evidence itself carries. Validity periods have no tolerance.
const Skew = 60 * time.Second

// Evidence is what a provider hands in. It is not trusted.
type Evidence struct {
	Raw        []byte // quote, report, document or token
	Collateral []byte // vendor's revocation lists and levels; optional, see the kind
	Certs      []byte // certificates or a public key that Raw does not carry; DER or PEM
}

// Params says what evidence is verified against.
type Params struct {
	At    time.Time // the time to judge validity at; the zero time refuses
	Roots *Roots    // nil: the roots pinned in the verifier
	Key   []byte    // cca, tpm: the public key that the caller trusts, DER or PEM; nil: none
}

// Verifier checks evidence of one kind.
type Verifier interface {
	Kind() Kind
	// PinnedRoots are the vendor's roots in this build; empty when the vendor
	// has no public root.
	PinnedRoots() *Roots
	// Verify returns the normal form of evidence whose signatures and chain
	// hold. Every refusal is a *Refusal.
	Verify(ev Evidence, p Params) (*Result, error)
}

// Reason is the class of a refusal, a stable word for machines.
type Reason string

// The reasons.
const (
	BadFormat      Reason = "format"
	BadTime        Reason = "time"
	BadChain       Reason = "chain"
	BadSignature   Reason = "signature"
	Revoked        Reason = "revoked"
	BadCollateral  Reason = "collateral"
	BadTCB         Reason = "tcb"
	DebugMode      Reason = "debug"
	Migratable     Reason = "migration"
	BadReportData  Reason = "report_data"
	BadMeasurement Reason = "measurement"
	DeniedKey      Reason = "denied_key"
	BadPolicy      Reason = "policy"
)

// ErrRefused is wrapped by every Refusal.
var ErrRefused = errors.New("AttestationError")

// Refusal says why evidence is not accepted.
type Refusal struct {
	Reason  Reason
	Message string
}

// Refuse builds a Refusal.
func Refuse(r Reason, format string, a ...any) *Refusal {
	return &Refusal{r, fmt.Sprintf(format, a...)}
}

// Error starts with the name by which the network knows the error.
func (r *Refusal) Error() string { return ErrRefused.Error() + ": " + r.Message }

// Unwrap returns ErrRefused.
func (r *Refusal) Unwrap() error { return ErrRefused }

// HexBytes is bytes that JSON shows as lower-case hexadecimal digits.
type HexBytes []byte

// MarshalJSON implements json.Marshaler.
func (h HexBytes) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

// String returns the digits.
func (h HexBytes) String() string { return hex.EncodeToString(h) }

// CheckSizes applies the limits and refuses the zero time; every Verify starts
// with it.
func CheckSizes(ev Evidence, p Params) error {
	switch {
	case p.At.IsZero():
		return Refuse(BadTime, "no time is given to judge validity at")
	case len(ev.Raw) == 0:
		return Refuse(BadFormat, "evidence is empty")
	case len(ev.Raw) > MaxEvidence:
		return Refuse(BadFormat, "evidence of %d bytes, limit %d", len(ev.Raw), MaxEvidence)
	case len(ev.Collateral) > MaxCollateral:
		return Refuse(BadCollateral, "collateral of %d bytes, limit %d", len(ev.Collateral), MaxCollateral)
	case len(ev.Certs) > MaxCerts:
		return Refuse(BadChain, "chain invalid: certificates of %d bytes, limit %d", len(ev.Certs), MaxCerts)
	}
	return nil
}
