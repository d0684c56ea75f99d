package sev

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/animicaorg/engine/proofs/attest"
)

// Extensions of VCEK and VLEK certificates (AMD 57230, VCEK Certificate and KDS
// Interface Specification, table 8).
var (
	oidAMD     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 3704, 1}
	oidProduct = append(oidAMD[:8:8], 2)
	oidSPL     = append(oidAMD[:8:8], 3)
	oidHWID    = append(oidAMD[:8:8], 4)
)

// Numbers below oidSPL.
const (
	splBoot  = 1
	splTEE   = 2
	splSNP   = 3
	splUcode = 8
	splFMC   = 9 // Turin
)

// products maps the product line to the CPUID family and its ranges of models.
var products = map[string]struct {
	family byte
	models [][2]byte
}{
	"Milan": {0x19, [][2]byte{{0x00, 0x0f}}},
	"Genoa": {0x19, [][2]byte{{0x10, 0x1f}, {0xa0, 0xaf}}},
	"Turin": {0x1a, [][2]byte{{0x00, 0x11}}},
}

// endorsement is what the certificate says about the chip.
type endorsement struct {
	product string // Milan, Genoa, Turin
	spl     [10]byte
	hwid    []byte // nil in a VLEK
}

// order names the component in each byte of a TCB version; zero is reserved or
// numbered 4..7.
func (e *endorsement) order() [8]int {
	if e.product == "Turin" {
		return [8]int{splFMC, splBoot, splTEE, splSNP, 0, 0, 0, splUcode}
	}
	return [8]int{splBoot, splTEE, 4, 5, 6, 7, splSNP, splUcode}
}

var splNames = map[int]string{splBoot: "bootloader", splTEE: "tee", splSNP: "snp", splUcode: "microcode", splFMC: "fmc"}

func badCert(format string, a ...any) error {
	return attest.Refuse(attest.BadChain, "chain invalid: "+format, a...)
}

// readEndorsement reads the leaf of a verified chain.
func readEndorsement(chain attest.Chain, signingKey uint32) (*endorsement, *ecdsa.PublicKey, error) {
	leaf := chain.Leaf()
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	name, issuer := "SEV-VCEK", "SEV-"
	if signingKey == keyVLEK {
		name, issuer = "SEV-VLEK", "SEV-VLEK-"
	}
	switch {
	case len(chain) != 3:
		return nil, nil, badCert("%d certificates, want %s, AMD's signing key and root", len(chain), name)
	case !ok || key.Curve != elliptic.P384():
		return nil, nil, badCert("the key of %q is not ECDSA P-384", leaf.Subject.CommonName)
	case leaf.IsCA || leaf.Subject.CommonName != name:
		return nil, nil, badCert("certificate %q, the report is signed by a %s", leaf.Subject.CommonName, name)
	}
	e := &endorsement{}
	if !e.read(leaf) {
		return nil, nil, badCert("the extensions of %q are not as specified", name)
	}
	if _, known := products[e.product]; !known || chain[1].Subject.CommonName != issuer+e.product {
		return nil, nil, badCert("%s of product %q is issued by %q", name, e.product, chain[1].Subject.CommonName)
	}
	return e, key, nil
}

func (e *endorsement) read(leaf *x509.Certificate) bool {
	var seen [10]bool
	for _, x := range leaf.Extensions {
		v := cryptobyte.String(x.Value)
		switch {
		case x.Id.Equal(oidProduct):
			var text cryptobyte.String
			if e.product != "" || !v.ReadASN1(&text, cbasn1.IA5String) || !v.Empty() {
				return false
			}
			e.product, _, _ = strings.Cut(string(text), "-") // Milan-B0
		case x.Id.Equal(oidHWID):
			// The value is 64 raw bytes, or an OCTET STRING of them.
			if e.hwid = x.Value; len(x.Value) != 64 && (!v.ReadASN1Bytes(&e.hwid, cbasn1.OCTET_STRING) || !v.Empty() || len(e.hwid) != 64) {
				return false
			}
		case len(x.Id) == 10 && x.Id[:9].Equal(oidSPL):
			n := x.Id[9]
			var svn uint64
			if n < 1 || n > 9 || seen[n] || !v.ReadASN1Integer(&svn) || !v.Empty() || svn > 255 {
				return false
			}
			seen[n], e.spl[n] = true, byte(svn)
		}
	}
	for _, n := range e.order() {
		if n != 0 && !seen[n] {
			return false
		}
	}
	return true
}

// check holds the certificate against the report.
func (e *endorsement) check(r *Report) error {
	tcb := r.ReportedTCB()
	for i, n := range e.order() {
		if n != 0 && tcb[i] != e.spl[n] {
			return badCert("the certificate is for another patch level than the report's %x", tcb)
		}
	}
	if r.SigningKey == keyVCEK && !bytes.Equal(e.hwid, r.ChipID()) {
		return badCert("the certificate is for another chip than %x", r.ChipID())
	}
	if r.Version < 3 {
		return nil
	}
	p := products[e.product]
	for _, m := range p.models {
		if r.Family == p.family && r.Model >= m[0] && r.Model <= m[1] {
			return nil
		}
	}
	return badCert("a certificate for %s, the report names CPUID family %#x, model %#x", e.product, r.Family, r.Model)
}

// svns lists the components of the reported patch level.
func (e *endorsement) svns(tcb []byte) (out []attest.SVN) {
	for i, n := range e.order() {
		if name := splNames[n]; name != "" {
			out = append(out, attest.SVN{Name: name, Value: uint64(tcb[i])})
		}
	}
	return out
}
