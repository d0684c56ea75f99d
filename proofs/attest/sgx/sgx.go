// Package sgx puts Intel SGX DCAP quotes (version 3; 4 and 5 about an enclave)
// into the normal form. What is verified is described in package dcap. The
// measurement is MRENCLAVE; MRSIGNER, product id and CONFIGID stand beside it.
package sgx

import (
	"encoding/binary"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/dcap"
)

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.SGX }

// PinnedRoots implements attest.Verifier.
func (Verifier) PinnedRoots() *attest.Roots { return dcap.PinnedRoots() }

// Verify implements attest.Verifier. Collateral is the JSON described in package
// dcap; without it the patch level is Unknown.
func (Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	q, res, err := dcap.Verify(ev, p, attest.SGX)
	if err != nil {
		return nil, err
	}
	b := q.SGX()
	res.Measurement, res.ReportData, res.Debug = b.MRENCLAVE(), b.ReportData(), b.Debug()
	res.Extra = []attest.Named{
		{Name: "mrsigner", Value: b.MRSIGNER()},
		{Name: "isvprodid", Value: binary.BigEndian.AppendUint16(nil, b.ProdID())},
		{Name: "configid", Value: b.ConfigID()},
		{Name: "attributes", Value: b.Attributes()},
	}
	res.SVNs = append(res.SVNs, attest.SVN{Name: "isvsvn", Value: uint64(b.SVN())})
	return res, nil
}
