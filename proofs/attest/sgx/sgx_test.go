package sgx

import (
	"testing"

	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func TestSuite(t *testing.T) {
	for _, version := range []uint16{3, 4, 5} {
		attesttest.Run(t, Verifier{}, attesttest.DCAP{Version: version}.Mint())
	}
}
