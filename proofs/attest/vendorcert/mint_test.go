package vendorcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
)

var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	from  = now.AddDate(0, 0, -10)
	until = from.AddDate(0, 0, MaxDays)
)

func edKey(label string) ed25519.PrivateKey {
	h := sha256.Sum256([]byte(label))
	return ed25519.NewKeyFromSeed(h[:])
}

func ecKey(t testing.TB, curve elliptic.Curve, label string) *ecdsa.PrivateKey {
	h := sha512.Sum512([]byte(label))
	k, err := ecdsa.ParseRawPrivateKey(curve, h[:(curve.Params().BitSize+7)/8])
	require.NoError(t, err)
	return k
}

func public(k ed25519.PrivateKey) []byte { return k.Public().(ed25519.PublicKey) }

func goodClaims() *Claims {
	return &Claims{Vendor: "AcmeQPU", DeviceID: "AQ-7x", Family: "AQ-7", Serial: "SN-0042", Firmware: "1.9.3", KeyHolder: HolderController,
		DeviceKey: public(edKey("device")), Qubits: 24, IssuedAt: from, NotBefore: from, Expires: until, ID: "acme-1", Revocation: "https://acme.invalid/crl"}
}

func authority(t testing.TB, vendor, label string) *Authority {
	a, err := NewAuthority(vendor, edKey(label), from.AddDate(-1, 0, 0))
	require.NoError(t, err)
	return a
}

func (a *Authority) trust() *attest.Roots {
	return &attest.Roots{Certs: []*x509.Certificate{a.Root}, Where: "roots/acmeqpu"}
}

func issue(t testing.TB, a *Authority, c *Claims) *Document {
	d, err := a.Issue(c, edKey("claims"))
	require.NoError(t, err)
	return d
}

func good(t testing.TB) (*Document, Params) {
	a := authority(t, "AcmeQPU", "root")
	return issue(t, a, goodClaims()), Params{At: now, Roots: a.trust()}
}

func reasons(bad []*attest.Refusal) (out []attest.Reason) {
	for _, r := range bad {
		out = append(out, r.Reason)
	}
	return out
}

// forge is a vendor certificate in which one thing is chosen by a test and all
// signatures are right.
type forge struct {
	claims       *Claims
	ca           func(*x509.Certificate) // edit of the CA between; nil: the root issues
	signer       func(*x509.Certificate)
	device       func(*x509.Certificate)
	deviceKey    ed25519.PrivateKey
	otherRoot    bool // the device certificate leads to another root, trusted too
	header       func(map[string]string)
	payload      func([]byte) []byte
	leaveOut     int // 1-based index of a certificate of the chain to leave out
	extra        *x509.Certificate
	signatureKey crypto.Signer // in place of the signer's
}

func (f forge) make(t testing.TB) (*Document, Params) {
	root := authority(t, "AcmeQPU", "root")
	c := f.claims
	if c == nil {
		c = goodClaims()
	}
	d := &Document{Vendor: c.Vendor, DeviceID: c.DeviceID, Firmware: c.Firmware, DevicePubkey: c.KeyText()}
	p := Params{At: now, Roots: root.trust()}
	sign := func(t0 *x509.Certificate, parent *Authority, key crypto.Signer) *Authority {
		t0.SerialNumber, t0.NotBefore, t0.NotAfter = big.NewInt(int64(len(d.Chain)+7)), from, until.Add(-time.Second)
		der, err := x509.CreateCertificate(nil, t0, parent.Root, key.Public(), parent.Key)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		d.Chain = append(d.Chain, cert)
		return &Authority{cert, key}
	}
	edit := func(t0 *x509.Certificate, f func(*x509.Certificate)) *x509.Certificate {
		if f != nil {
			f(t0)
		}
		return t0
	}
	issuer := root
	if f.ca != nil {
		issuer = sign(edit(&x509.Certificate{Subject: pkix.Name{CommonName: "between"}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, f.ca), root, edKey("between"))
	}
	leaf := func(cn, serial string, usage asn1.ObjectIdentifier) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: cn, SerialNumber: serial}, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: []asn1.ObjectIdentifier{usage}}
	}
	signer := sign(edit(leaf("claims", "", OIDClaims), f.signer), issuer, edKey("claims"))
	key := f.deviceKey
	if key == nil {
		key = edKey("device")
	}
	if f.otherRoot {
		issuer = authority(t, "AcmeQPU", "other root")
		p.Roots.Certs = append(p.Roots.Certs, issuer.Root)
	}
	if c.DeviceKey != nil {
		sign(edit(leaf(c.DeviceID, c.Serial, OIDDevice), f.device), issuer, key)
	}
	if f.extra != nil {
		d.Chain = append(d.Chain, f.extra)
	}
	payload, err := c.marshal()
	require.NoError(t, err)
	if f.payload != nil {
		payload = f.payload(payload)
	}
	with := signer.Key
	if f.signatureKey != nil {
		with = f.signatureKey
	}
	d.ClaimsJWS = f.sign(t, payload, signer.Root, with)
	for i := len(d.ClaimsJWS) - 1; i >= 0; i-- {
		if d.ClaimsJWS[i] == '.' {
			d.VendorSignature = d.ClaimsJWS[i+1:]
			break
		}
	}
	if f.leaveOut > 0 {
		d.Chain = append(d.Chain[:f.leaveOut-1], d.Chain[f.leaveOut:]...)
	}
	return d, p
}
