package tdx

import (
	"testing"

	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func TestSuite(t *testing.T) {
	attesttest.Run(t, Verifier{}, attesttest.DCAP{TDX: true}.Mint())
	attesttest.Run(t, Verifier{}, attesttest.DCAP{TDX: true, Version: 5, TD15: true}.Mint())
}
