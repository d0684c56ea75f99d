package statement

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// ErrAuditDraw is wrapped where the beacon of an audit cannot have been drawn after the
// outcomes: its round is not later than the lease's.
var ErrAuditDraw = errors.New("a beacon that was known before the outcomes were committed chooses nothing")

// OpenAudit verifies the signature of a quantum_audit_v1 and reads its frame.
func OpenAudit(doc []byte) (a *transcript.AuditFrame, frame []byte, err error) {
	s, err := Open(doc, TypeAudit)
	if err != nil {
		return nil, nil, err
	}
	f, err := transcript.ParseAudit(s.Frame)
	if err != nil {
		return nil, nil, refuse("%w", err)
	}
	return &f, s.Frame, nil
}

// AuditInput is what the audit of a bundle's target shots is computed from; its outcomes
// must be those that the proof commits to. leaves 0 opens all.
func AuditInput(b *proofs.Bundle, p *proofs.Proof, round uint64, value digest.Digest, leaves uint64) (*traps.AuditInput, error) {
	bind := &p.Body.Binding
	if round <= bind.Round {
		return nil, fmt.Errorf("round %d is not after the lease's round %d: %w", round, bind.Round, ErrAuditDraw)
	}
	in, err := JudgeInput(b, p)
	if err != nil {
		return nil, err
	}
	root, err := in.Outcomes.Root()
	if err != nil {
		return nil, err
	}
	if root != bind.OutcomesRoot {
		return nil, fmt.Errorf("outcomes.bin has root %s, the proof commits to %s: %w", root, bind.OutcomesRoot, proofs.ErrBundle)
	}
	mix, err := traps.MixOf(in.ModuleName, in.ModuleVersion)
	if err != nil {
		return nil, err
	}
	policy, err := guest.ParsePolicy(in.Policy)
	if err != nil {
		return nil, err
	}
	return &traps.AuditInput{Mix: mix, Layered: in.Layered, Header: guest.Header{Shots: in.Shots, RatioPPM: in.RatioPPM}, Policy: policy, Root: in.Root,
		Outcomes: in.Outcomes, Result: bind.Digests.R, Round: round, Value: [32]byte(value), Leaves: leaves}, nil
}

// AuditAgain recomputes an audit from the bundle: it must give the frame byte for byte. An
// audit of some leaves only must be borne out by all of them, which no choice of round or
// number of leaves changes: luck in a draw is no evidence.
func AuditAgain(b *proofs.Bundle, p *proofs.Proof, a *transcript.AuditFrame, frame []byte) error {
	in, err := AuditInput(b, p, a.Round, a.Beacon, a.Leaves)
	if err != nil {
		return err
	}
	r, err := traps.RunAudit(*in)
	if err != nil {
		return err
	}
	got, err := transcript.Encode(r.Frame(in))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, frame) {
		return fmt.Errorf("the bundle gives another audit: %s", r)
	}
	if uint64(len(r.Leaves)) == in.Outcomes.Leaves() {
		return nil
	}
	in.Leaves = 0
	all, err := traps.RunAudit(*in)
	if err != nil {
		return err
	}
	if a.Verdict == uint64(guest.AuditFail) && !all.Fraud {
		return fmt.Errorf("%d of %d leaves fail, all of them do not: %s", len(r.Leaves), in.Outcomes.Leaves(), all)
	}
	return nil
}
