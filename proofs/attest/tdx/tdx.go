// Package tdx puts Intel TDX DCAP quotes (versions 4 and 5) into the normal form.
// What is verified is described in package dcap. The measurement is MRTD; the
// runtime registers RTMR0..3, which hold firmware, kernel and application, stand
// beside it and matter as much.
package tdx

import (
	"strconv"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/dcap"
)

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.TDX }

// PinnedRoots implements attest.Verifier.
func (Verifier) PinnedRoots() *attest.Roots { return dcap.PinnedRoots() }

// Verify implements attest.Verifier. Collateral is the JSON described in package
// dcap; without it the patch level is Unknown.
func (Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	q, res, err := dcap.Verify(ev, p, attest.TDX)
	if err != nil {
		return nil, err
	}
	b := q.TD()
	res.Measurement, res.ReportData = b.MRTD(), b.ReportData()
	res.Debug, res.Migration = b.Debug(), b.Migratable()
	res.HostData = b.MRCONFIGID()
	for i := range 4 {
		res.Extra = append(res.Extra, attest.Named{Name: "rtmr" + strconv.Itoa(i), Value: b.RTMR(i)})
	}
	res.Extra = append(res.Extra,
		attest.Named{Name: "mrowner", Value: b.MROWNER()}, attest.Named{Name: "mrownerconfig", Value: b.MROWNERCONFIG()},
		attest.Named{Name: "mrseam", Value: b.MRSEAM()}, attest.Named{Name: "attributes", Value: b.Attributes()},
		attest.Named{Name: "xfam", Value: b.XFAM()})
	if s := b.MRSERVICETD(); s != nil {
		res.Extra = append(res.Extra, attest.Named{Name: "mrservicetd", Value: s})
	}
	for i, v := range b.TCBSVN() {
		res.SVNs = append(res.SVNs, attest.SVN{Name: "tee_tcb_svn" + strconv.Itoa(i), Value: uint64(v)})
	}
	return res, nil
}
