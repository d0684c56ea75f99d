package main

import (
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/statement"
)

// checkDocument verifies the signature of an audit, and takes round, beacon and
// leaves from its frame.
func (e *program) checkDocument(f *auditFlags) ([]byte, error) {
	b, err := e.ReadInput("--check", f.check, statement.MaxBytes, cli.ProofInvalid)
	if err != nil {
		return nil, err
	}
	a, frame, err := statement.OpenAudit(b)
	if err != nil {
		return nil, cli.Errorf(cli.ProofInvalid, "--check", "%w", err).Named("AuditInvalid")
	}
	f.round, f.beacon, f.leaves = a.Round, a.Beacon.String(), a.Leaves
	return frame, nil
}
