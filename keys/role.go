package keys

import "fmt"

// Role is what a key is for. One key has one role.
type Role string

// The roles.
const (
	Root        Role = "root"        // identity, bundle and key statements
	Operational Role = "operational" // proofs, heartbeats, requests
	Runner      Role = "runner"      // lives inside a TEE
	Device      Role = "device"      // lives in a quantum computer's controller
	Log         Role = "log"         // checkpoints of the audit log
	Payout      Role = "payout"      // withdrawal of earnings
	Service     Role = "service"     // the network service: leases, receipts
	Governance  Role = "governance"  // one member's key for module sets and trust roots
	Witness     Role = "witness"     // cosigns checkpoints of other parties' logs
)

// The purposes that signed frames carry.
const (
	PurposeIdentity     = "identity"
	PurposeBundle       = "bundle"
	PurposeKeyStatement = "key-statement"
	PurposeRotation     = "rotation"
	PurposePossession   = "possession" // of a new key, by the key itself, whatever its role
	PurposeProof        = "quantum-proof"
	PurposeHeartbeat    = "heartbeat"
	PurposeRequest      = "request"
	PurposeReissue      = "reissue" // when evidence or a key is renewed
	PurposeRunner       = "runner-result"
	PurposeDevice       = "device-transcript"
	PurposeCheckpoint   = "checkpoint"
	PurposePayout       = "payout"
	PurposeLease        = "lease"
	PurposeReceipt      = "receipt"
	PurposeSealedLease  = "sealed-lease" // a lease went sealed to an enrolled runner key
	PurposeGovernance   = "governance"
	PurposeCosignature  = "cosignature"
	PurposeAudit        = "target-audit"  // of somebody's result
	PurposeFraud        = "quantum-fraud" // against somebody's claim
	PurposeBatch        = "trap-batch"    // a verifier's commitment to its slots
	PurposeRaw          = "raw-result"    // a provider's commitment to raw outcomes
	PurposeVerdict      = "trap-verdict"  // a verifier's word on them
)

var purposeRole = map[string]Role{
	PurposeIdentity:     Root,
	PurposeBundle:       Root,
	PurposeKeyStatement: Root,
	PurposeRotation:     Root,
	PurposeProof:        Operational,
	PurposeHeartbeat:    Operational,
	PurposeRequest:      Operational,
	PurposeReissue:      Operational,
	PurposeRunner:       Runner,
	PurposeDevice:       Device,
	PurposeCheckpoint:   Log,
	PurposePayout:       Payout,
	PurposeLease:        Service,
	PurposeReceipt:      Service,
	PurposeSealedLease:  Service,
	PurposeGovernance:   Governance,
	PurposeCosignature:  Witness,
	PurposeAudit:        Operational,
	PurposeFraud:        Operational,
	PurposeBatch:        Operational,
	PurposeRaw:          Operational,
	PurposeVerdict:      Operational,
}

// ParseRole reads a role.
func ParseRole(s string) (Role, error) {
	for _, r := range purposeRole {
		if s == string(r) {
			return r, nil
		}
	}
	return "", fmt.Errorf("role %q is not known: %w", s, ErrRole)
}

// Allows returns nil when a key of role r may sign for the purpose.
func (r Role) Allows(purpose string) error {
	if purpose == PurposePossession {
		return nil
	}
	want, ok := purposeRole[purpose]
	if !ok {
		return fmt.Errorf("purpose %q is not known: %w", purpose, ErrRole)
	}
	if want != r {
		return fmt.Errorf("purpose %q needs the %s key, this is the %s key: %w", purpose, want, r, ErrRole)
	}
	return nil
}
