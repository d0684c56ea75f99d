package transcript

import (
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/digest"
)

// AuditFrame is a later statement about the target shots of a result, signed by
// its author. It is never part of R or C. Fractions are in ppb.
type AuditFrame struct {
	Result       digest.Digest // R
	Round        uint64        // beacon round, later than the lease's
	Beacon       digest.Digest // its value
	OpeningsRoot digest.Digest // RFC 6962 root over the opened leaves of the outcomes, in order
	Leaves       uint64        // how many were opened
	Shots        uint64        // target shots in them
	Statistic    uint64        // 1 bounded, 2 linear
	F0           uint64        // least fidelity of an honest device
	Score        uint64
	Limit        uint64 // a score below it fails
	FraudLimit   uint64 // a score below it is evidence of fraud
	Verdict      uint64 // 0 pass, 1 fail, 2 vacuous, 3 insufficient
}

// Frame implements Framed (domain qprov/v1/audit).
func (a AuditFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/audit")
	if a.Verdict > 3 || a.Statistic < 1 || a.Statistic > 2 {
		f.fail("audit: verdict %d, statistic %d", a.Verdict, a.Statistic)
	}
	return f.H32(1, a.Result).U64(2, a.Round).H32(3, a.Beacon).H32(4, a.OpeningsRoot).U64(5, a.Leaves).U64(6, a.Shots).U64(7, a.Statistic).
		U64(8, a.F0).U64(9, a.Score).U64(10, a.Limit).U64(11, a.FraudLimit).U64(12, a.Verdict)
}

// Reasons of a fraud proof.
const (
	FraudAudit   = 1 // the target audit fails at one in a million
	FraudRejudge = 2 // judged again, the committed outcomes give another report or histogram
	FraudTail    = 3 // the traps themselves: exact left tail, or chance of the evidence, of one in a million or less
)

// FraudFrame accuses the provider of a claim. Whoever has the bundle recomputes
// the evidence.
type FraudFrame struct {
	Result     digest.Digest // R
	Claim      digest.Digest // C, what the provider signed
	ProviderID digest.Digest
	Reason     uint64
	Evidence   digest.Digest // of the audit frame, or of the report judged again
}

// Frame implements Framed (domain qprov/v1/fraud).
func (a FraudFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/fraud")
	if a.Reason < FraudAudit || a.Reason > FraudTail {
		f.fail("fraud: reason %d", a.Reason)
	}
	return f.H32(1, a.Result).H32(2, a.Claim).H32(3, a.ProviderID).U64(4, a.Reason).H32(5, a.Evidence)
}

// ParseAudit reads the bytes of an audit frame; what it returns encodes to them.
func ParseAudit(b []byte) (AuditFrame, error) {
	var a AuditFrame
	domain, fields, err := ParseFrame(b)
	if err != nil {
		return a, err
	}
	want := []int{32, 8, 32, 32, 8, 8, 8, 8, 8, 8, 8, 8}
	if domain != "qprov/v1/audit" || len(fields) != len(want) {
		return a, fmt.Errorf("audit: domain %q with %d fields: %w", domain, len(fields), ErrFrame)
	}
	for i, f := range fields {
		if int(f.ID) != i+1 || len(f.Value) != want[i] {
			return a, fmt.Errorf("audit: field %d: %w", i+1, ErrFrame)
		}
	}
	u := func(i int) uint64 { return binary.BigEndian.Uint64(fields[i-1].Value) }
	h := func(i int) digest.Digest { return digest.Digest(fields[i-1].Value) }
	a = AuditFrame{Result: h(1), Round: u(2), Beacon: h(3), OpeningsRoot: h(4), Leaves: u(5), Shots: u(6), Statistic: u(7), F0: u(8), Score: u(9), Limit: u(10), FraudLimit: u(11), Verdict: u(12)}
	_, err = Encode(a)
	return a, err
}
