package vendorcert

import (
	"bytes"
	"crypto/x509"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

// revocation applies the revocation lists of the document and of the verifier. A
// list counts for the CA of the path that signed it. A verifier may know a newer
// list than the time that is judged: then a revocation that came later does not
// reach back, unless its own date does.
func revocation(v *Verified, d *Document, p Params) error {
	path := slices.Concat(v.Signer, v.Device)
	covered := map[string]bool{} // issuers with a current list
	for i, der := range slices.Concat(d.CRLs, p.CRLs) {
		own := i >= len(d.CRLs)
		l, err := x509.ParseRevocationList(der)
		if err != nil || len(l.Raw) != len(der) {
			return attest.Refuse(attest.BadCollateral, "revocation list %d: %v", i+1, err)
		}
		issuer := issuerOf(l, path)
		switch {
		case issuer == nil && own:
			continue // of another vendor or an older CA
		case issuer == nil:
			return attest.Refuse(attest.BadCollateral, "the document's revocation list of %q is signed by no CA of the path", l.Issuer.CommonName)
		case l.NextUpdate.IsZero() || p.At.After(l.NextUpdate) || !own && p.At.Before(l.ThisUpdate):
			return attest.Refuse(attest.BadCollateral, "revocation list of %q is current from %s to %s, not at %s", l.Issuer.CommonName,
				stamp(l.ThisUpdate), stamp(l.NextUpdate), stamp(p.At))
		}
		covered[string(l.RawIssuer)] = true
		if err := listed(l, path, p); err != nil {
			return err
		}
	}
	for _, c := range []attest.Chain{v.Signer, v.Device} {
		if c == nil || covered[string(c.Leaf().RawIssuer)] {
			continue
		}
		if p.Policy != nil && p.Policy.RequireCRL {
			return attest.Refuse(attest.BadCollateral, "policy %s demands a current revocation list of %q", p.Policy.ID, c.Leaf().Issuer.CommonName)
		}
		if len(v.Notes) == 0 {
			v.Notes = append(v.Notes, "no revocation list: revocation was not checked")
		}
	}
	return nil
}

// issuerOf is the CA of the path that signed the list.
func issuerOf(l *x509.RevocationList, path []*x509.Certificate) *x509.Certificate {
	for _, c := range path {
		if c.IsCA && bytes.Equal(c.RawSubject, l.RawIssuer) && l.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

func listed(l *x509.RevocationList, path []*x509.Certificate, p Params) error {
	for _, c := range path {
		if !bytes.Equal(c.RawIssuer, l.RawIssuer) {
			continue
		}
		for _, e := range l.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 && !e.RevocationTime.After(p.At) {
				return attest.Refuse(attest.Revoked, "certificate %q, serial %x, was revoked at %s", c.Subject.CommonName, c.SerialNumber, stamp(e.RevocationTime))
			}
		}
	}
	return nil
}
