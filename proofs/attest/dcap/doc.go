// Package dcap verifies Intel DCAP quotes with ECDSA P-256 attestation keys:
// versions 3, 4 and 5, for SGX enclaves and TDX trust domains. Packages sgx and
// tdx put it into the normal form.
//
// It promises that every length is consumed exactly, that padding is zero, that
// the quote is signed by a key which the quoting enclave vouches for, the quoting
// enclave by a PCK certificate under a trusted root, and, with collateral, that
// no certificate is revoked, that the collateral is signed and current, and that
// the patch level is the highest one whose every component the platform reaches.
// Without collateral the status is Unknown. It fetches nothing.
//
// Sources: Intel SGX ECDSA QuoteLibReference DCAP API (quote version 3), Intel
// TDX DCAP Quoting Library API (versions 4 and 5), Intel SGX PCK Certificate and
// CRL Profile Specification, Intel SGX and TDX PCS API version 4.
package dcap

import (
	_ "embed"

	"github.com/animicaorg/engine/proofs/attest"
)

//go:embed roots/intel_sgx_root_ca.pem
var rootPEM []byte

// PinnedRoots is the Intel SGX Root CA.
func PinnedRoots() *attest.Roots {
	r, err := attest.ParseRoots("the Intel root pinned in this build", rootPEM)
	if err != nil {
		return &attest.Roots{Where: "the Intel root pinned in this build, which does not parse"}
	}
	return r
}
