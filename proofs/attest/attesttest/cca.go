package attesttest

import (
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

// CCA describes a token to mint; the zero value is a good one in the older form,
// with the realm's key as a bare point.
type CCA struct {
	Label     string
	COSEKey   bool // the realm's key as a COSE_Key, and SHA-512
	Lifecycle int  // 0: 0x3003
	OtherKey  bool // the platform vouches for another realm key
	Cert      bool // the platform's key comes with a certificate, in place of Key
	LeafCA    bool // that certificate is a CA
	Tag       uint64
	Platform  func([]Field) []Field // edits before signing
	Realm     func([]Field) []Field
}

// CCAMeasurement is the initial measurement of every minted token.
var CCAMeasurement = Bytes(32, "rim")

// SPKI is the PEM form of a key's public half.
func SPKI(pub any) []byte {
	b := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(pub))})
	return b[:len(b)-1]
}

// Set replaces the value of a member, or appends it.
func Set(key, value any) func([]Field) []Field {
	return func(f []Field) []Field {
		f = slices.Clone(f)
		for i := range f {
			if f[i].Key == key {
				f[i].Value = value
				return f
			}
		}
		return append(f, Field{key, value})
	}
}

// Mint makes the token and the key.
func (c CCA) Mint() Sample {
	root := Root(elliptic.P384(), c.Label, "CCA root")
	leaf := root.Leaf(c.Label, "CPAK", func(x *x509.Certificate) { asCA(x, c.LeafCA) })
	rak := Key(elliptic.P384(), c.Label+"realm")
	claim, hash := append([]byte{4}, point(rak)...), "sha-256"
	if c.COSEKey {
		xy := point(rak)
		claim, hash = CBOR([]Field{{1, 2}, {-1, 2}, {-2, xy[:48]}, {-3, xy[48:]}}), "sha-512"
	}
	bound := claim
	if c.OtherKey {
		bound = append([]byte{5}, claim[1:]...)
	}
	nonce := sum(hash, bound)
	lifecycle := c.Lifecycle
	if lifecycle == 0 {
		lifecycle = 0x3003
	}
	instance := append([]byte{1}, Bytes(32, "instance")...)
	platform := []Field{{265, "http://arm.com/CCA-SSD/1.0.0"}, {10, nonce}, {2396, Bytes(32, "impl")}, {256, instance}, {2401, []byte{7}},
		{2395, lifecycle}, {2402, "sha-256"}, {2399, []any{[]Field{{1, "BL"}, {2, Bytes(32, "bl")}}}}}
	rem := []any{}
	for range 4 {
		rem = append(rem, make([]byte, 32))
	}
	realm := []Field{{10, ReportData}, {44236, "sha-256"}, {44240, hash}, {44235, Bytes(64, "personal")}, {44237, claim},
		{44238, CCAMeasurement}, {44239, rem}}
	if c.Platform != nil {
		platform = c.Platform(platform)
	}
	if c.Realm != nil {
		realm = c.Realm(realm)
	}
	tag := c.Tag
	if tag == 0 {
		tag = 399
	}
	sign1 := func(b []byte) []byte { return append([]byte{0xd2}, b...) }
	raw := append(Head(6, tag), CBOR([]Field{{44234, sign1(Sign1(leaf.Key, CBOR(platform)))}, {44241, sign1(Sign1(rak, CBOR(realm)))}})...)
	s := Sample{Evidence: attest.Evidence{Raw: raw}, At: Now, Measurement: CCAMeasurement, ReportData: ReportData}
	if c.Cert {
		s.Evidence.Certs, s.Roots = PEM(leaf), Trust(root)
		s.Others = Trust(Root(elliptic.P384(), c.Label+"other", "CCA root"))
		s.TooEarly, s.TooLate = Start.AddDate(0, 0, -1), End.AddDate(0, 0, 1)
	} else {
		s.Key = SPKI(&leaf.Key.PublicKey)
	}
	return s
}

func sum(hash string, b []byte) []byte {
	if hash == "sha-512" {
		h := sha512.Sum512(b)
		return h[:]
	}
	h := sha256.Sum256(b)
	return h[:]
}
