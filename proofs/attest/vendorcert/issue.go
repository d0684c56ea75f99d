package vendorcert

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// Authority is a vendor's CA for development: its root signs end certificates
// itself. A real vendor keeps its root offline and issues from a CA between.
type Authority struct {
	Root *x509.Certificate
	Key  crypto.Signer
}

// rootYears is the life of a root made here.
const rootYears = 10

// NewAuthority makes the root of a vendor: a self-signed certificate whose
// organisation is the vendor, valid from now on.
func NewAuthority(vendor string, key crypto.Signer, now time.Time) (*Authority, error) {
	t := &x509.Certificate{Subject: pkix.Name{CommonName: vendor + " device root", Organization: []string{vendor}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: now.UTC(), NotAfter: now.UTC().AddDate(rootYears, 0, 0)}
	return create(t, t, key.Public(), key)
}

func create(t, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*Authority, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial(string(spki), t.Subject.String(), t.NotBefore.String(), t.NotAfter.String())
	der, err := x509.CreateCertificate(nil, t, parent, public, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{Root: cert, Key: key}, err
}

// serial is a function of what is certified, so that issuing needs no entropy and
// no counter.
func serial(parts ...string) *big.Int {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	h[0] = h[0]&0x7f | 0x40
	return new(big.Int).SetBytes(h[:16])
}

// Issue makes a vendor certificate: a signer of claims with the key signer, a
// device certificate when the claims name a key, and the claims.
func (a *Authority) Issue(c *Claims, signer crypto.Signer) (*Document, error) {
	if c.Expires.Sub(c.NotBefore) > MaxDays*24*time.Hour || !c.Expires.After(c.NotBefore) {
		return nil, fmt.Errorf("claims from %s to %s: want at least a second and at most %d days", stamp(c.NotBefore), stamp(c.Expires), MaxDays)
	}
	end := func(name pkix.Name, usage asn1.ObjectIdentifier, public crypto.PublicKey) (*x509.Certificate, error) {
		made, err := create(&x509.Certificate{Subject: name, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
			UnknownExtKeyUsage: []asn1.ObjectIdentifier{usage}, NotBefore: c.NotBefore, NotAfter: c.Expires.Add(-time.Second)}, a.Root, public, a.Key)
		if err != nil {
			return nil, err
		}
		return made.Root, nil
	}
	org := []string{c.Vendor}
	claimer, err := end(pkix.Name{CommonName: c.Vendor + " device claims", Organization: org}, OIDClaims, signer.Public())
	if err != nil {
		return nil, err
	}
	d := &Document{Vendor: c.Vendor, DeviceID: c.DeviceID, Firmware: c.Firmware, DevicePubkey: c.KeyText(), Chain: []*x509.Certificate{claimer}}
	if c.DeviceKey != nil {
		device, err := end(pkix.Name{CommonName: c.DeviceID, SerialNumber: c.Serial, Organization: org}, OIDDevice, ed25519.PublicKey(c.DeviceKey))
		if err != nil {
			return nil, err
		}
		d.Chain = append(d.Chain, device)
	}
	payload, err := c.marshal()
	if err != nil {
		return nil, err
	}
	if _, err := parseClaims(payload); err != nil {
		return nil, err
	}
	if d.ClaimsJWS, err = signJWS(payload, claimer, signer); err != nil {
		return nil, err
	}
	d.VendorSignature = d.ClaimsJWS[strings.LastIndexByte(d.ClaimsJWS, '.')+1:]
	_, bad := Check(d, Params{At: c.NotBefore, Roots: &attest.Roots{Certs: []*x509.Certificate{a.Root}, Where: "the issuing root"}})
	if len(bad) > 0 && !c.IssuedAt.After(c.NotBefore.Add(attest.Skew)) {
		return nil, bad[0]
	}
	return d, nil
}

// Revoke signs a revocation list that names certificates of this authority.
func (a *Authority) Revoke(revoked []x509.RevocationListEntry, number int64, from, to time.Time) ([]byte, error) {
	return x509.CreateRevocationList(nil, &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: from, NextUpdate: to, RevokedCertificateEntries: revoked}, a.Root, a.Key)
}
