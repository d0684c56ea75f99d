// Package vendorcert verifies the certificate that a vendor of quantum computers
// gives a device: the vendor's root leads to a device certificate, which holds the
// device's key, and to a signer of claims, which says in a JWS what the device is
// and who holds that key.
//
// It promises that every word it returns about the device comes from the payload
// of the verified JWS, that a root vouches for one vendor only, that the members
// that repeat the payload in the clear equal it, and that revocation, dates and
// deny lists are judged at the caller's time, without tolerance. It reads no
// clock, file or network.
//
// It does not promise that a device behind the key computed anything: the key
// holder says who could have signed, the traps say what was computed. No vendor
// publishes such a PKI yet; the format is this project's own (docs/attestation.md).
package vendorcert

import (
	"encoding/asn1"

	"github.com/animicaorg/engine/proofs/attest"
)

// Extended key usages of the two end certificates, under the enterprise number
// that RFC 5612 reserves for documentation.
var (
	// OIDClaims marks the vendor's signer of claims.
	OIDClaims = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 7, 1}
	// OIDDevice marks the certificate of a device.
	OIDDevice = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 7, 2}
)

// Limits.
const (
	MaxDocument = 256 << 10 // bytes of the JSON document
	maxJWS      = 16 << 10  // characters of claims_jws
	maxName     = 256       // bytes of a name in the claims
	maxCRLs     = 8
	// MaxDays is the longest life of a device certificate and of its claims.
	MaxDays = 90
)

// KeyHolder says who can use the device's key, by the vendor's word.
type KeyHolder string

// The holders.
const (
	HolderDevice     KeyHolder = "device"     // the quantum device itself
	HolderController KeyHolder = "controller" // its control computer, under the vendor's seal
	HolderHostTEE    KeyHolder = "host_tee"   // a TEE of the operator's host
	HolderOperator   KeyHolder = "operator"   // the operator, in software
	HolderNone       KeyHolder = "none"       // the device has no key
)

var holders = []string{string(HolderDevice), string(HolderController), string(HolderHostTEE), string(HolderOperator), string(HolderNone)}

// Signs reports whether a signature by the key is the device's own.
func (h KeyHolder) Signs() bool { return h == HolderDevice || h == HolderController }

func badChain(format string, a ...any) error {
	return attest.Refuse(attest.BadChain, "chain invalid: "+format, a...)
}

func badFormat(format string, a ...any) error {
	return attest.Refuse(attest.BadFormat, "vendor certificate: "+format, a...)
}
