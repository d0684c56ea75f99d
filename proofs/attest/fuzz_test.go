package attest_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"testing"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// FuzzParseCRL spoils a revocation list that names a certificate: no list without
// that entry may count.
func FuzzParseCRL(f *testing.F) {
	root := attesttest.Root(elliptic.P256(), "fuzz", "root")
	leaf := root.Leaf("fuzz", "leaf", nil)
	f.Add(root.CRL(leaf.Cert))
	f.Add(root.Cert.Raw)
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := attest.ParseCRL(b, root.Cert, now); err == nil && l.Check(leaf.Cert) == nil {
			t.Fatal("a list that nobody signed")
		}
	})
}

// FuzzParsePublicKey wants a key that is read to be one that is written.
func FuzzParsePublicKey(f *testing.F) {
	root := attesttest.Root(elliptic.P384(), "fuzz", "root")
	f.Add(attesttest.SPKI(&root.Key.PublicKey))
	der, err := x509.MarshalPKIXPublicKey(&root.Key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, b []byte) {
		key, der, err := attest.ParsePublicKey(b)
		if err != nil {
			return
		}
		if again, _, err := attest.ParsePublicKey(der); err != nil || again == nil || key == nil {
			t.Fatalf("the DER of a key is no key: %v", err)
		}
	})
}

// FuzzParseCarried wants an object that is read to be the only one of its content.
func FuzzParseCarried(f *testing.F) {
	f.Add([]byte(`{"kind":"tdx","evidence":"AAA=","collateral":"e30=","certs":"MA=="}`))
	f.Add([]byte(`{"kind":"sev","evidence":"AB=="}`))
	lim := transcript.Limits{Depth: 8, Bytes: 1 << 20, Text: 1 << 20}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := strictjson.Parse(b, strictjson.Limits{Bytes: 1 << 20, Depth: 8, Values: 1000})
		if err != nil {
			return
		}
		v, err := transcript.ValueOfJSON(n, lim)
		if err != nil {
			return
		}
		c, err := attest.ParseCarried(&v)
		if err != nil {
			return
		}
		w := c.Value()
		again, err := attest.ParseCarried(&w)
		if err != nil || again.Kind != c.Kind || !bytes.Equal(again.Raw, c.Raw) || !bytes.Equal(again.Certs, c.Certs) || !bytes.Equal(again.Collateral, c.Collateral) {
			t.Fatalf("does not come back: %v", err)
		}
		if len(v.Members) != len(w.Members) {
			t.Fatal("a member was read and dropped")
		}
	})
}
