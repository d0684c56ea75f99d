package network_test

import (
	"context"
	"errors"

	"github.com/animicaorg/engine/proofs"
)

// fakeAttester stands for a vendor's verifier: evidence {device: good} reaches
// device-signed, other evidence is forged.
type fakeAttester struct{}

func (fakeAttester) Attest(_ context.Context, in proofs.AttestInput) (proofs.Level, string, error) {
	if in.Attest.QPU != nil && len(in.Attest.QPU.Members) == 1 && in.Attest.QPU.Members[0].Value.Text == "good" {
		return proofs.LevelDeviceSigned, "signed by the test's device", nil
	}
	return "", "", errors.New("chain invalid")
}
