package network_test

import (
	"context"

	"github.com/animicaorg/engine/proofs"
)

// fakeAttester stands for a vendor's verifier: evidence {device: good} reaches
// device-signed, other evidence is forged.
type fakeAttester struct{}

func (fakeAttester) Attest(_ context.Context, in proofs.AttestInput) ([]proofs.EvidenceVerdict, error) {
	v := proofs.EvidenceVerdict{Member: "qpu", Level: proofs.LevelNone}
	if in.Attest.QPU == nil {
		return nil, nil
	}
	if len(in.Attest.QPU.Members) == 1 && in.Attest.QPU.Members[0].Value.Text == "good" {
		v.Accepted, v.Level = true, proofs.LevelDeviceSigned
	} else {
		v.Reasons = []proofs.EvidenceReason{{Code: "chain", Message: "chain invalid"}}
	}
	return []proofs.EvidenceVerdict{v}, nil
}
