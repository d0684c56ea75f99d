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
)

// The purposes that signed frames carry.
const (
	PurposeIdentity     = "identity"
	PurposeBundle       = "bundle"
	PurposeKeyStatement = "key-statement"
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
	PurposeAudit        = "target-audit"  // of somebody's result
	PurposeFraud        = "quantum-fraud" // against somebody's claim
)

var purposeRole = map[string]Role{
	PurposeIdentity:     Root,
	PurposeBundle:       Root,
	PurposeKeyStatement: Root,
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
	PurposeAudit:        Operational,
	PurposeFraud:        Operational,
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
	want, ok := purposeRole[purpose]
	if !ok {
		return fmt.Errorf("purpose %q is not known: %w", purpose, ErrRole)
	}
	if want != r {
		return fmt.Errorf("purpose %q needs the %s key, this is the %s key: %w", purpose, want, r, ErrRole)
	}
	return nil
}
