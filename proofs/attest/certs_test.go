package attest_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func TestCerts(t *testing.T) {
	root := attesttest.Root(elliptic.P256(), "certs", "root")
	ca := root.CA("certs", "ca")
	leaf := ca.Leaf("certs", "leaf", nil)
	text := attesttest.PEM(leaf, ca, root)
	for name, b := range map[string][]byte{"PEM": text, "with white space": []byte("\n" + string(text) + "\r\n\x00"), "DER": leaf.Cert.Raw} {
		certs, err := attest.ParseCerts(b)
		require.NoError(t, err, name)
		require.Equal(t, "leaf", certs[0].Subject.CommonName)
	}
	headers := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: leaf.Cert.Raw})
	for name, b := range map[string][]byte{
		"empty": nil, "white space": []byte(" \n"), "words before": append([]byte("x\n"), text...), "words behind": append(bytes.Clone(text), "\nx"...),
		"key": attesttest.SPKI(&root.Key.PublicKey), "headers": headers, "DER behind": append(bytes.Clone(leaf.Cert.Raw), 0),
		"too many": bytes.Repeat(append(attesttest.PEM(root), '\n'), attest.MaxChain+2),
	} {
		_, err := attest.ParseCerts(b)
		require.Error(t, err, name)
	}
	r, err := attest.ParseRoots("somewhere", text)
	require.NoError(t, err)
	require.Len(t, r.Certs, 1)
	chain, err := r.Verify(leaf.Cert, nil, now)
	require.NoError(t, err, "certificates between roots are at hand")
	require.Len(t, chain, 3)
	_, err = r.Verify(leaf.Cert, nil, time.Time{})
	require.Error(t, err)
	_, err = r.Verify(leaf.Cert, make([]*x509.Certificate, attest.MaxChain+1), now)
	require.ErrorContains(t, err, "limit")
	notCA := root.Leaf("certs", "no ca", nil)
	under := (&attesttest.Holder{Cert: notCA.Cert, Key: notCA.Key}).Leaf("certs", "under", nil)
	_, err = r.Verify(under.Cert, []*x509.Certificate{notCA.Cert}, now)
	require.ErrorContains(t, err, "chain invalid", "a certificate that is no CA issues nothing")
	for edge, ok := range map[time.Time]bool{attesttest.Start: true, attesttest.Start.Add(-time.Second): false, attesttest.End: true, attesttest.End.Add(time.Second): false} {
		_, err := r.Verify(leaf.Cert, nil, edge)
		require.Equal(t, ok, err == nil, edge)
	}
}

func TestCRL(t *testing.T) {
	root := attesttest.Root(elliptic.P256(), "crl", "root")
	leaf, other := root.Leaf("crl", "leaf", nil), root.Leaf("crl", "other", nil)
	der := root.CRL(leaf.Cert)
	l, err := attest.ParseCRL(der, root.Cert, now)
	require.NoError(t, err)
	require.NoError(t, l.Check(other.Cert))
	require.ErrorContains(t, l.Check(leaf.Cert), "revoked")
	deeper := root.CA("crl", "ca").Leaf("crl", "deeper", nil)
	require.ErrorContains(t, l.Check(deeper.Cert), "says nothing")
	_, err = attest.ParseCRL(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), root.Cert, now)
	require.NoError(t, err)
	imposter := attesttest.Root(elliptic.P256(), "imposter", "root")
	for name, f := range map[string]func() ([]byte, *x509.Certificate, time.Time){
		"stale":        func() ([]byte, *x509.Certificate, time.Time) { return der, root.Cert, now.AddDate(0, 2, 0) },
		"early":        func() ([]byte, *x509.Certificate, time.Time) { return der, root.Cert, now.AddDate(0, 0, -2) },
		"other issuer": func() ([]byte, *x509.Certificate, time.Time) { return der, deeper.Cert, now },
		"signature":    func() ([]byte, *x509.Certificate, time.Time) { return imposter.CRL(), root.Cert, now },
		"behind":       func() ([]byte, *x509.Certificate, time.Time) { return append(bytes.Clone(der), 0), root.Cert, now },
		"no list":      func() ([]byte, *x509.Certificate, time.Time) { return []byte("x"), root.Cert, now },
		"certificate":  func() ([]byte, *x509.Certificate, time.Time) { return root.Cert.Raw, root.Cert, now },
	} {
		_, err := attest.ParseCRL(f())
		require.Error(t, err, name)
		require.Equal(t, attest.BadCollateral, attest.AsRefusal(err).Reason, name)
	}
}

func FuzzParseCerts(f *testing.F) {
	root := attesttest.Root(elliptic.P256(), "fuzz", "root")
	f.Add(attesttest.PEM(root, root))
	f.Add(root.Cert.Raw)
	f.Add(root.CRL())
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := attest.ParseCerts(b); err == nil && (len(c) == 0 || len(c) > attest.MaxChain+1) {
			t.Fatal("limit")
		}
		if l, err := attest.ParseCRL(b, root.Cert, now); err == nil && l.Check(root.Cert) != nil {
			t.Fatal("a list that nobody signed")
		}
		_, _, _ = attest.ParsePublicKey(b)
	})
}
