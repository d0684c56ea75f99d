package dcap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/attest"
)

// collateral is the JSON file of --collateral. Revocation lists are DER in
// hexadecimal digits; tcb_info and qe_identity are the exact texts that Intel
// signed.
type collateral struct {
	rootCRL, pckCRL   []byte
	tcbChain, qeChain []byte // PEM
	tcbInfo, qeID     []byte
	tcbSig, qeSig     []byte
}

func parseCollateral(b []byte) (*collateral, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: attest.MaxCollateral, Depth: 2, Values: 32})
	c.Only("pck_crl_issuer_chain", "root_ca_crl", "pck_crl", "tcb_info_issuer_chain", "tcb_info", "tcb_info_signature",
		"qe_identity_issuer_chain", "qe_identity", "qe_identity_signature", "pck_certificate_chain")
	text := func(key string) []byte { return []byte(c.Member(key).Text(512 << 10)) }
	out := &collateral{
		rootCRL: c.Member("root_ca_crl").Hex(512 << 10), pckCRL: c.Member("pck_crl").Hex(512 << 10),
		tcbChain: text("tcb_info_issuer_chain"), tcbInfo: text("tcb_info"), tcbSig: c.Member("tcb_info_signature").Hex(64),
		qeChain: text("qe_identity_issuer_chain"), qeID: text("qe_identity"), qeSig: c.Member("qe_identity_signature").Hex(64),
	}
	if err := c.Err(); err != nil {
		return nil, attest.Refuse(attest.BadCollateral, "collateral: %v", err)
	}
	return out, nil
}

const tcbSignerName = "Intel SGX TCB Signing"

// signed checks that text is signed by Intel's TCB signing key under the same
// root as the quote.
func signed(what string, chain, text, sig []byte, roots *attest.Roots, root *attest.CRL, at time.Time) error {
	certs, err := attest.ParseCerts(chain)
	if err != nil || len(certs) > 2 {
		return attest.Refuse(attest.BadCollateral, "%s: issuer chain of %d certificates: %v", what, len(certs), err)
	}
	leaf := certs[0]
	path, err := roots.Verify(leaf, nil, at)
	if err != nil {
		return err
	}
	if err := extraRoots(certs[1:], path.Root()); err != nil {
		return err
	}
	if err := root.Check(leaf); err != nil {
		return err
	}
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if leaf.Subject.CommonName != tcbSignerName || leaf.IsCA || !ok || key.Curve != elliptic.P256() {
		return attest.Refuse(attest.BadCollateral, "%s: %q may not sign collateral", what, leaf.Subject.CommonName)
	}
	h := sha256.Sum256(text)
	if !attest.VerifyRaw(key, h[:], sig) {
		return attest.Refuse(attest.BadCollateral, "%s: bad signature", what)
	}
	return nil
}

// extraRoots wants the copy of the root that chains end with to be the trusted
// one.
func extraRoots(rest []*x509.Certificate, root *x509.Certificate) error {
	for _, c := range rest {
		if !c.Equal(root) {
			return attest.Refuse(attest.BadChain, "chain invalid: the chain ends with %q, which is not the trusted root", c.Subject.CommonName)
		}
	}
	return nil
}
