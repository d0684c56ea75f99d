package attesttest

import (
	"crypto/elliptic"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

// SEV describes a report to mint; the zero value is a good one of version 3,
// signed by the key of a Milan chip.
type SEV struct {
	Product       string // Milan, Genoa, Turin; empty: Milan
	CertProduct   string // in the certificate; empty: Product
	Version       uint32 // 0: 3
	VLEK          bool
	Label         string
	Policy        uint64 // 0: 0x30000
	VMPL          uint32
	Revoke, NoCRL bool
	OtherChip     bool // the certificate is for another chip
	OtherTCB      bool // the certificate is for another patch level
	WrongLeaf     bool // the certificate is of the other kind
	CrossIssuer   bool // the signing key of the other kind issues the leaf
	Direct        bool // the root issues the leaf
	LeafCA        bool
	LeafName      string              // empty: that of the kind
	Report        func([]byte) []byte // edit before signing; nil: none
	Signed        func([]byte) []byte // edit after signing; nil: none

}

func (s SEV) product() string {
	if s.Product == "" {
		return "Milan"
	}
	return s.Product
}

// tcb is the reported patch level: bytes in the order of the product.
func (s SEV) tcb() []byte {
	if s.product() == "Turin" {
		return []byte{1, 3, 0, 22, 0, 0, 0, 213} // fmc, boot, tee, snp, -, -, -, microcode
	}
	return []byte{3, 0, 0, 0, 0, 0, 22, 213}
}

var chip = Bytes(64, "chip")

func (s SEV) pki() (ark, ask, leaf *Holder) {
	p := s.product()
	ark = Root(elliptic.P384(), s.Label, "ARK-"+p)
	vlek := s.VLEK != s.WrongLeaf
	name, issuer := "SEV-VCEK", "SEV-"+p
	if vlek {
		name, issuer = "SEV-VLEK", "SEV-VLEK-"+p
	}
	if s.CrossIssuer {
		issuer = "SEV-VLEK-" + p
	}
	ask = ark.CA(s.Label, issuer)
	by := ask
	if s.Direct {
		by = ark
	}
	if s.LeafName != "" {
		name = s.LeafName
	}
	leaf = by.Leaf(s.Label, name, func(c *x509.Certificate) {
		c.ExtraExtensions = s.extensions(vlek)
		asCA(c, s.LeafCA)
	})
	return ark, ask, leaf
}

func (s SEV) extensions(vlek bool) (out []pkix.Extension) {
	id := func(n ...int) []int { return append([]int{1, 3, 6, 1, 4, 1, 3704, 1}, n...) }
	name := s.CertProduct
	if name == "" {
		name = s.product()
	}
	out = append(out, extension(id(1), 1), pkix.Extension{Id: id(2), Value: must(asn1.MarshalWithParams(name+"-B0", "ia5"))})
	t := s.tcb()
	spl := map[int]byte{1: t[0], 2: t[1], 4: t[2], 5: t[3], 6: t[4], 7: t[5], 3: t[6], 8: t[7]}
	if s.product() == "Turin" {
		spl = map[int]byte{9: t[0], 1: t[1], 2: t[2], 3: t[3], 4: 0, 5: 0, 6: 0, 7: 0, 8: t[7]}
	}
	if s.OtherTCB {
		spl[8]++
	}
	for n := 1; n <= 9; n++ {
		if v, ok := spl[n]; ok {
			out = append(out, extension(id(3, n), int(v)))
		}
	}
	if !vlek {
		hwid := slices.Clone(chip)
		if s.OtherChip {
			hwid[0] ^= 1
		}
		out = append(out, pkix.Extension{Id: id(4), Value: hwid})
	}
	return out
}

func (s SEV) report(leaf *Holder) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x2a0)
	version, policy := s.Version, s.Policy
	if version == 0 {
		version = 3
	}
	if policy == 0 {
		policy = 0x30000
	}
	le.PutUint32(b, version)
	le.PutUint64(b[8:], policy)
	le.PutUint32(b[0x30:], s.VMPL)
	le.PutUint32(b[0x34:], 1)
	if s.VLEK {
		b[0x48] = 1 << 2
	}
	copy(b[0x50:], ReportData)
	copy(b[0x90:], SEVMeasurement)
	for _, at := range []int{0x38, 0x180, 0x1e0, 0x1f0} {
		copy(b[at:], s.tcb())
	}
	if version >= 3 {
		cpuid := map[string][]byte{"Milan": {0x19, 1, 1}, "Genoa": {0x19, 0x11, 1}, "Turin": {0x1a, 2, 1}}
		copy(b[0x188:], cpuid[s.product()])
	}
	copy(b[0x1a0:], chip)
	if s.Report != nil {
		b = s.Report(b)
	}
	sum := sha512.Sum384(b)
	sig := leaf.SignRaw(sum[:])
	out := make([]byte, 1184)
	copy(out, b)
	for i := range 2 {
		x := sig[48*i : 48*i+48]
		slices.Reverse(x)
		copy(out[0x2a0+72*i:], x)
	}
	if s.Signed != nil {
		out = s.Signed(out)
	}
	return out
}

// SEVMeasurement is the launch measurement of every minted report.
var SEVMeasurement = Bytes(48, "launch")

// Mint makes the report, its certificate, a revocation list and roots. The
// signing key's certificate, which a verifier of real reports has at hand, comes
// with the certificates.
func (s SEV) Mint() Sample {
	ark, ask, leaf := s.pki()
	other := s
	other.Label += " other"
	otherARK, _, _ := other.pki()
	var revoked []*x509.Certificate
	if s.Revoke {
		revoked = append(revoked, ask.Cert)
	}
	out := Sample{Evidence: attest.Evidence{Raw: s.report(leaf), Certs: PEM(leaf, ask)}, Roots: Trust(ark), Others: Trust(otherARK),
		At: Now, TooEarly: Start.AddDate(0, 0, -1), TooLate: End.AddDate(0, 0, 1), Measurement: SEVMeasurement, ReportData: ReportData}
	if !s.NoCRL {
		out.Evidence.Collateral = ark.CRL(revoked...)
	}
	return out
}
