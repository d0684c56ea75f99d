// Package nitro verifies attestation documents of AWS Nitro Enclaves.
//
// It promises that the document is signed (COSE_Sign1, ES384) by a certificate
// that leads through the document's bundle to a trusted root, which is AWS's
// pinned one unless the caller says otherwise, and that an enclave in debug mode
// is marked as such. Certificates of enclaves live for about three hours: the
// time to judge at is the caller's, never the document's own timestamp. The
// measurement is PCR0, the image; other non-zero registers stand beside it. AWS
// publishes neither patch levels nor revocation lists for enclaves.
package nitro

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	_ "embed"
	"strconv"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/cose"
)

//go:embed roots/aws_nitro_enclaves_root_g1.pem
var rootPEM []byte

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.Nitro }

// PinnedRoots implements attest.Verifier: AWS Nitro Enclaves Root-G1.
func (Verifier) PinnedRoots() *attest.Roots {
	r, err := attest.ParseRoots("the AWS root pinned in this build", rootPEM)
	if err != nil {
		return &attest.Roots{Where: "the AWS root pinned in this build, which does not parse"}
	}
	return r
}

// Verify implements attest.Verifier. The document carries its certificates;
// collateral and Certs must be absent.
func (v Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	if err := attest.CheckSizes(ev, p); err != nil {
		return nil, err
	}
	if len(ev.Collateral) > 0 || len(ev.Certs) > 0 {
		return nil, attest.Refuse(attest.BadCollateral, "a Nitro document carries its certificates; it takes neither collateral nor certificates")
	}
	msg, err := cose.ParseSign1(ev.Raw)
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "document: %v", err)
	}
	d, err := ParseDocument(msg.Payload)
	if err != nil {
		return nil, err
	}
	roots := p.Roots
	if roots == nil {
		roots = v.PinnedRoots()
	}
	chain, err := d.chain(roots, p)
	if err != nil {
		return nil, err
	}
	key, ok := chain.Leaf().PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P384() || chain.Leaf().IsCA {
		return nil, attest.Refuse(attest.BadChain, "chain invalid: the enclave's certificate has no ECDSA P-384 key or is a CA")
	}
	if err := msg.Verify(key); err != nil {
		return nil, err
	}
	notBefore, notAfter := chain.Window()
	if t := d.Timestamp; t.After(p.At.Add(attest.Skew)) || t.Add(attest.Skew).Before(notBefore) || t.After(notAfter.Add(attest.Skew)) {
		return nil, attest.Refuse(attest.BadTime, "the document's timestamp %s lies behind the time %s or outside its certificate's validity", t, p.At.UTC())
	}
	return d.normal(msg, chain)
}

// chain verifies the certificate; the bundle must begin with the trusted root.
func (d *Document) chain(roots *attest.Roots, p attest.Params) (attest.Chain, error) {
	leaf, err := x509.ParseCertificate(d.Certificate)
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "document: certificate: %v", err)
	}
	var between []*x509.Certificate
	for i, der := range d.CABundle[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, attest.Refuse(attest.BadFormat, "document: cabundle %d: %v", i+1, err)
		}
		between = append(between, c)
	}
	chain, err := roots.Verify(leaf, between, p.At)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(d.CABundle[0], chain.Root().Raw) {
		return nil, attest.Refuse(attest.BadChain, "chain invalid: the bundle does not begin with the trusted root")
	}
	return chain, nil
}

func (d *Document) normal(msg *cose.Sign1, chain attest.Chain) (*attest.Result, error) {
	id, err := attest.EvidenceDigest(attest.Nitro, msg.Signed())
	if err != nil {
		return nil, err
	}
	res := &attest.Result{Kind: attest.Nitro, Version: 1, Measurement: d.PCRs[0], ReportData: d.UserData, ReportDataFree: true,
		Debug: d.Debug(), TCBStatus: attest.Unrated, Advisories: []string{}, Platform: attest.HexBytes(d.Module), QuotedAt: d.Timestamp, Digest: id}
	for i, x := range d.PCRs {
		if i > 0 && x != nil && (i < 3 || !attest.Zero(x)) {
			res.Extra = append(res.Extra, attest.Named{Name: "pcr" + strconv.Itoa(i), Value: x})
		}
	}
	for _, x := range []attest.Named{{Name: "nonce", Value: d.Nonce}, {Name: "public_key", Value: d.PublicKey}} {
		if x.Value != nil {
			res.Extra = append(res.Extra, x)
		}
	}
	chain.Describe(res)
	return res, nil
}
