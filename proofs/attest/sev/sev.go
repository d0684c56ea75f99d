// Package sev verifies AMD SEV-SNP attestation reports, versions 2 to 5, signed
// by the key of a chip (VCEK) or of a cloud provider (VLEK).
//
// It promises that the report is signed by a certificate that leads through AMD's
// signing key to a trusted root, that the certificate was issued for the report's
// chip, product and patch level, that reserved bytes are zero, and, with the
// product line's revocation list as collateral, that the signing key is not
// revoked. AMD publishes no list of patch levels, so the status is Unrated and
// minimum versions belong into the caller's policy. It fetches nothing.
//
// Sources: AMD 56860, SEV Secure Nested Paging Firmware ABI Specification
// (attestation report); AMD 57230, VCEK Certificate and KDS Interface
// Specification.
package sev

import (
	"crypto/sha512"
	"encoding/binary"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.SEV }

// Verify implements attest.Verifier. Certs holds the VCEK or VLEK certificate,
// optionally with the chain above it; collateral is one revocation list.
func (v Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	if err := attest.CheckSizes(ev, p); err != nil {
		return nil, err
	}
	r, err := ParseReport(ev.Raw)
	if err != nil {
		return nil, err
	}
	chain, err := v.chain(ev.Certs, p)
	if err != nil {
		return nil, err
	}
	e, key, err := readEndorsement(chain, r.SigningKey)
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum384(r.Signed())
	if !attest.VerifyRaw(key, sum[:], r.Signature()) {
		return nil, attest.Refuse(attest.BadSignature, "the key of %q did not sign the report", chain.Leaf().Subject.CommonName)
	}
	if err := e.check(r); err != nil {
		return nil, err
	}
	res, err := normal(r, e)
	if err != nil {
		return nil, err
	}
	chain.Describe(res)
	if len(ev.Collateral) == 0 {
		res.Notes = append(res.Notes, "no revocation list: revocation was not checked")
		return res, nil
	}
	crl, err := attest.ParseCRL(ev.Collateral, chain.Root(), p.At)
	if err != nil {
		return nil, err
	}
	dates := crl.Dates()
	res.Collateral = &dates
	return res, crl.Check(chain[1])
}

func (v Verifier) chain(file []byte, p attest.Params) (attest.Chain, error) {
	if len(file) == 0 {
		return nil, badCert("the report leaves out its certificate (VCEK or VLEK), and none was supplied")
	}
	certs, err := attest.ParseCerts(file)
	if err != nil {
		return nil, badCert("%v", err)
	}
	roots, pinned := p.Roots, v.PinnedRoots()
	if roots == nil {
		roots = pinned
	}
	return roots.Verify(certs[0], slices.Concat(certs[1:], pinned.Between), p.At)
}

// normal puts the report into the normal form.
func normal(r *Report, e *endorsement) (*attest.Result, error) {
	d, err := attest.EvidenceDigest(attest.SEV, r.Signed())
	if err != nil {
		return nil, err
	}
	vmpl := uint64(r.VMPL)
	return &attest.Result{
		Kind: attest.SEV, Version: uint64(r.Version), Measurement: r.Measurement(), ReportData: r.ReportData(), HostData: r.HostData(),
		Debug: r.Debug(), Migration: r.Migration(), VMPL: &vmpl, TCBStatus: attest.Unrated, Advisories: []string{}, Platform: r.ChipID(), Digest: d,
		Extra: []attest.Named{
			{Name: "policy", Value: binary.BigEndian.AppendUint64(nil, r.Policy)},
			{Name: "id_key", Value: r.IDKey()}, {Name: "author_key", Value: r.AuthorKey()},
			{Name: "launch_tcb", Value: r.LaunchTCB()}, {Name: "committed_tcb", Value: r.CommittedTCB()},
		},
		SVNs: append(e.svns(r.ReportedTCB()), attest.SVN{Name: "guest", Value: uint64(r.GuestSVN())}),
	}, nil
}
