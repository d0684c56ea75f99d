package vendorcert

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
)

// Params says what a document is verified against.
type Params struct {
	At     time.Time      // the zero time refuses
	Roots  *attest.Roots  // of the vendor that the document names, and of no other
	CRLs   [][]byte       // the verifier's own revocation lists, DER, beside the document's
	Policy *attest.Policy // nil: none
}

// Verified is what a vendor certificate says. Every word about the device is the
// JWS's.
type Verified struct {
	Claims    *Claims
	Signer    attest.Chain // of the claims
	Device    attest.Chain // of the device; nil without a device key
	NotBefore time.Time    // the window in which all of it holds, both ends inclusive
	NotAfter  time.Time
	Digest    digest.Digest // of the evidence: SHA3-256 of the frame qprov/v1/evidence over what the vendor signed
	Notes     []string
}

// CertSHA3 is SHA3-256 of the device certificate; zero without one.
func (v *Verified) CertSHA3() digest.Digest {
	if v.Device == nil {
		return digest.Digest{}
	}
	return digest.Sum(v.Device.Leaf().Raw)
}

// Check verifies a document. The result is nil when signatures, chain or members
// do not hold; what a policy, a revocation or a deny list refuses comes with it.
func Check(d *Document, p Params) (*Verified, []*attest.Refusal) {
	v, err := verify(d, p)
	if err != nil {
		return nil, []*attest.Refusal{attest.AsRefusal(err)}
	}
	var bad []*attest.Refusal
	for _, f := range []func(*Verified, *Document, Params) error{window, revocation, denied, vendorRoot} {
		if err := f(v, d, p); err != nil {
			bad = append(bad, attest.AsRefusal(err))
		}
	}
	return v, bad
}

func verify(d *Document, p Params) (*Verified, error) {
	if p.At.IsZero() {
		return nil, attest.Refuse(attest.BadTime, "no time is given to judge validity at")
	}
	j, err := parseJWS(d.ClaimsJWS)
	if err != nil {
		return nil, err
	}
	v := &Verified{}
	if v.Signer, err = endpoint(d, p, "signer of claims", OIDClaims, func(c *x509.Certificate) bool {
		return bytes.Equal(attest.Fingerprint(c), j.thumbprint)
	}); err != nil {
		return nil, err
	}
	if err := j.verify(v.Signer.Leaf()); err != nil {
		return nil, err
	}
	if v.Claims, err = parseClaims(j.payload); err != nil {
		return nil, err
	}
	if err := v.compare(d, j); err != nil {
		return nil, err
	}
	if v.Digest, err = attest.EvidenceDigest(attest.QPU, []byte(j.input)); err != nil {
		return nil, err
	}
	return v, v.device(d, p)
}

// endpoint finds the end certificate with a usage and builds its path.
func endpoint(d *Document, p Params, what string, usage asn1.ObjectIdentifier, match func(*x509.Certificate) bool) (attest.Chain, error) {
	var leaf *x509.Certificate
	for _, c := range d.Chain {
		if !match(c) {
			continue
		}
		if leaf != nil {
			return nil, badChain("two certificates could be the %s", what)
		}
		leaf = c
	}
	switch {
	case leaf == nil:
		return nil, badChain("the chain has no certificate of the %s", what)
	case leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature:
		return nil, badChain("certificate %q of the %s is a CA or has other key usages than digital signature", leaf.Subject.CommonName, what)
	case !onlyUsage(leaf, usage):
		return nil, badChain("certificate %q may not act as %s: its one extended key usage must be %s", leaf.Subject.CommonName, what, usage)
	}
	between := slices.DeleteFunc(slices.Clone(d.Chain), func(c *x509.Certificate) bool { return c == leaf || !c.IsCA })
	if p.Roots == nil {
		return nil, badChain("there is no trusted root for vendor %q", d.Vendor)
	}
	return p.Roots.Verify(leaf, between, p.At)
}

func onlyUsage(c *x509.Certificate, usage asn1.ObjectIdentifier) bool {
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 1 && c.UnknownExtKeyUsage[0].Equal(usage)
}

// compare holds the members in the clear against the verified payload.
func (v *Verified) compare(d *Document, j *jws) error {
	c := v.Claims
	for _, m := range []struct{ name, carried, signed string }{
		{"vendor", d.Vendor, c.Vendor}, {"device_id", d.DeviceID, c.DeviceID}, {"firmware", d.Firmware, c.Firmware},
		{"device_pubkey", d.DevicePubkey, c.KeyText()}, {"vendor_signature", d.VendorSignature, j.sigText},
	} {
		if m.carried != m.signed {
			return attest.Refuse(attest.BadSignature, "member %s is %.80q, the vendor signed %.80q", m.name, m.carried, m.signed)
		}
	}
	return nil
}

// device builds the path of the device certificate and ties it to the claims.
func (v *Verified) device(d *Document, p Params) error {
	isDevice := func(c *x509.Certificate) bool { return onlyUsage(c, OIDDevice) }
	if v.Claims.DeviceKey == nil {
		if slices.ContainsFunc(d.Chain, isDevice) {
			return badChain("a device certificate stands beside claims of a device without a key")
		}
		v.NotBefore, v.NotAfter = v.Signer.Window()
		return nil
	}
	var err error
	if v.Device, err = endpoint(d, p, "device", OIDDevice, isDevice); err != nil {
		return err
	}
	leaf := v.Device.Leaf()
	key, ok := leaf.PublicKey.(ed25519.PublicKey)
	switch {
	case !ok || !bytes.Equal(key, v.Claims.DeviceKey):
		return badChain("the device certificate is for another key than the claims")
	case leaf.Subject.SerialNumber != v.Claims.Serial:
		return badChain("the device certificate is for serial %.80q, the claims for %.80q", leaf.Subject.SerialNumber, v.Claims.Serial)
	case !v.Device.Root().Equal(v.Signer.Root()):
		return badChain("device certificate and claims lead to different roots")
	case leaf.NotAfter.Sub(leaf.NotBefore) > MaxDays*24*time.Hour:
		return badChain("the device certificate lives longer than %d days", MaxDays)
	}
	v.NotBefore, v.NotAfter = attest.Chain(slices.Concat(v.Signer, v.Device)).Window()
	return nil
}

// window applies the dates of the claims, in whole seconds and without tolerance.
// iat alone, a timestamp of the issuer's clock, may lie up to Skew ahead.
func window(v *Verified, _ *Document, p Params) error {
	c := v.Claims
	last := c.Expires.Add(-time.Second) // exp is the first moment of no validity
	if c.NotBefore.After(v.NotBefore) {
		v.NotBefore = c.NotBefore
	}
	if last.Before(v.NotAfter) {
		v.NotAfter = last
	}
	switch {
	case c.Expires.Sub(c.NotBefore) > MaxDays*24*time.Hour:
		return attest.Refuse(attest.BadTime, "the claims live longer than %d days", MaxDays)
	case c.IssuedAt.After(p.At.Add(attest.Skew)):
		return attest.Refuse(attest.BadTime, "the claims were issued at %s, after %s", stamp(c.IssuedAt), stamp(p.At))
	case p.At.Before(c.NotBefore) || p.At.After(last):
		return attest.Refuse(attest.BadTime, "the claims hold from %s to %s, not at %s", stamp(c.NotBefore), stamp(last), stamp(p.At))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// denied applies the deny lists of the policy and the list of published keys.
func denied(v *Verified, _ *Document, p Params) error {
	if p.Policy == nil {
		return nil
	}
	prints := [][]byte{}
	for _, c := range slices.Concat(v.Signer, v.Device) {
		prints = append(prints, attest.Fingerprint(c))
	}
	return p.Policy.DeniesVendor(prints, v.Claims.ID, v.Claims.Vendor, v.Claims.Serial)
}

// vendorRoot wants the root to be one that the policy binds to the vendor.
func vendorRoot(v *Verified, _ *Document, p Params) error {
	if p.Policy == nil {
		return nil
	}
	return p.Policy.BindsVendor(v.Claims.Vendor, attest.Fingerprint(v.Signer.Root()))
}
