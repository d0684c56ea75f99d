package attesttest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// The time in which everything minted is valid, and a time in it.
var (
	Start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	End   = time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC)
	Now   = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
)

// must ends the test program on a mistake in the minting itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Key derives a key from a label.
func Key(curve elliptic.Curve, label string) *ecdsa.PrivateKey {
	if curve == elliptic.P384() {
		h := sha512.Sum384([]byte(label))
		return must(ecdsa.ParseRawPrivateKey(curve, h[:]))
	}
	h := sha256.Sum256([]byte(label))
	return must(ecdsa.ParseRawPrivateKey(curve, h[:]))
}

// Holder is a certificate and its key.
type Holder struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
}

// Root mints a self-signed certificate.
func Root(curve elliptic.Curve, label, name string) *Holder {
	h := &Holder{Key: Key(curve, label+name)}
	t := template(name)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	h.Cert = create(t, t, h.Key, h.Key)
	return h
}

// CA mints an intermediate certificate.
func (h *Holder) CA(label, name string) *Holder {
	out := &Holder{Key: Key(h.Key.Curve, label+name)}
	t := template(name)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	out.Cert = create(t, h.Cert, out.Key, h.Key)
	return out
}

// Leaf mints an end certificate. edit may be nil.
func (h *Holder) Leaf(label, name string, edit func(*x509.Certificate)) *Holder {
	out := &Holder{Key: Key(h.Key.Curve, label+name)}
	t := template(name)
	t.BasicConstraintsValid, t.KeyUsage = true, x509.KeyUsageDigitalSignature
	if edit != nil {
		edit(t)
	}
	out.Cert = create(t, h.Cert, out.Key, h.Key)
	return out
}

// asCA makes an end certificate a CA.
func asCA(c *x509.Certificate, yes bool) {
	if c.IsCA = yes; yes {
		c.KeyUsage |= x509.KeyUsageCertSign
	}
}

func template(name string) *x509.Certificate {
	serial := sha256.Sum256([]byte("serial" + name))
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, SerialNumber: new(big.Int).SetBytes(serial[:8]), NotBefore: Start, NotAfter: End}
}

// create signs deterministically (RFC 6979).
func create(t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(nil, t, parent, &key.PublicKey, signer))))
}

// CRL mints a revocation list that names the given certificates.
func (h *Holder) CRL(revoked ...*x509.Certificate) []byte { return h.CRLAt(Now, revoked...) }

// CRLAt is CRL, current at another time than Now.
func (h *Holder) CRLAt(at time.Time, revoked ...*x509.Certificate) []byte {
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at.AddDate(0, 0, -1), NextUpdate: at.AddDate(0, 1, 0)}
	for _, c := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: Start})
	}
	return must(x509.CreateRevocationList(nil, l, h.Cert, h.Key))
}

// PEM encodes certificates, without a line end behind the last one.
func PEM(holders ...*Holder) (out []byte) {
	for _, h := range holders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Cert.Raw})...)
	}
	return bytes.TrimSpace(out)
}

// Trust makes a set of roots.
func Trust(holders ...*Holder) *attest.Roots {
	r := &attest.Roots{Where: "minted roots"}
	for _, h := range holders {
		r.Certs = append(r.Certs, h.Cert)
	}
	return r
}

// SignRaw returns r | s, big-endian, over a hash.
func (h *Holder) SignRaw(hash []byte) []byte { return SignRaw(h.Key, hash) }

// SignRaw returns r | s, big-endian, over a hash.
func SignRaw(key *ecdsa.PrivateKey, hash []byte) []byte {
	var sig struct{ R, S *big.Int }
	must(asn1.Unmarshal(must(key.Sign(nil, hash, hashOf(len(hash)))), &sig))
	n := (key.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*n)
	sig.R.FillBytes(out[:n])
	sig.S.FillBytes(out[n:])
	return out
}

// point is x | y of a public key.
func point(k *ecdsa.PrivateKey) []byte { return must(k.PublicKey.Bytes())[1:] }

// Bytes fills n bytes from a label.
func Bytes(n int, label string) []byte {
	h := sha512.Sum512([]byte(label))
	return h[:n:n]
}

func extension(oid []int, value any) pkix.Extension {
	return pkix.Extension{Id: oid, Value: must(asn1.Marshal(value))}
}

// hashOf names the SHA-2 of a digest's size, as crypto.Signer wants it.
func hashOf(n int) crypto.Hash {
	return map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[n]
}
