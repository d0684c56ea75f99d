package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// CRL is a revocation list whose signature and dates were checked.
type CRL struct{ list *x509.RevocationList }

// ParseCRL reads a revocation list, DER or one PEM block, and checks that the
// issuer signed it and that it is current at the given time.
func ParseCRL(b []byte, issuer *x509.Certificate, at time.Time) (*CRL, error) {
	der := b
	if len(b) > 0 && b[0] != 0x30 {
		block, rest := pem.Decode(trim(b))
		if block == nil || block.Type != "X509 CRL" || len(trim(rest)) > 0 {
			return nil, Refuse(BadCollateral, "revocation list is neither DER nor PEM")
		}
		der = block.Bytes
	}
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, Refuse(BadCollateral, "revocation list: %v", err)
	}
	name := issuer.Subject.CommonName
	switch {
	case len(l.Raw) != len(der):
		return nil, Refuse(BadCollateral, "%d bytes behind the revocation list", len(der)-len(l.Raw))
	case !bytes.Equal(l.RawIssuer, issuer.RawSubject):
		return nil, Refuse(BadCollateral, "revocation list of %q, want that of %q", l.Issuer.CommonName, name)
	case l.CheckSignatureFrom(issuer) != nil:
		return nil, Refuse(BadCollateral, "revocation list of %q has a bad signature", name)
	case at.Before(l.ThisUpdate) || l.NextUpdate.IsZero() || at.After(l.NextUpdate):
		return nil, Refuse(BadCollateral, "revocation list of %q is current from %s to %s, not at %s", name,
			l.ThisUpdate.UTC().Format(time.RFC3339), l.NextUpdate.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
	}
	return &CRL{l}, nil
}

// Check refuses a certificate on the list.
func (c *CRL) Check(cert *x509.Certificate) error {
	if !bytes.Equal(cert.RawIssuer, c.list.RawIssuer) {
		return Refuse(BadCollateral, "revocation list of %q says nothing about %q", c.list.Issuer.CommonName, cert.Subject.CommonName)
	}
	for _, e := range c.list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			return Refuse(Revoked, "certificate %q, serial %x, was revoked at %s", cert.Subject.CommonName, cert.SerialNumber,
				e.RevocationTime.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// Dates are thisUpdate and nextUpdate.
func (c *CRL) Dates() Dates {
	return Dates{IssuedAt: c.list.ThisUpdate.UTC(), NextUpdate: c.list.NextUpdate.UTC()}
}

// Merge narrows d to the common window of d and o.
func (d *Dates) Merge(o Dates) {
	if d.IssuedAt.IsZero() || o.IssuedAt.Before(d.IssuedAt) {
		d.IssuedAt = o.IssuedAt
	}
	if d.NextUpdate.IsZero() || o.NextUpdate.Before(d.NextUpdate) {
		d.NextUpdate = o.NextUpdate
	}
}
