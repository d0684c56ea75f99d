package dcap

import (
	"crypto/x509"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/animicaorg/engine/proofs/attest"
)

// PlatformTCB is what the PCK certificate says about the platform it was issued
// to.
type PlatformTCB struct {
	Components [16]byte // SGX TCB component SVNs
	PCESVN     uint64
	CPUSVN     []byte
	PCEID      []byte // 2 bytes
	FMSPC      []byte // 6 bytes
}

// The extension of PCK certificates and its parts (PCK Certificate Profile, 1.3).
var (
	oidSGX   = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}
	oidTCB   = append(oidSGX[:7:7], 2)
	oidPCEID = append(oidSGX[:7:7], 3)
	oidFMSPC = append(oidSGX[:7:7], 4)
)

const pckName = "Intel SGX PCK Certificate"

// platformTCB reads the extension.
func platformTCB(c *x509.Certificate) (*PlatformTCB, error) {
	if c.Subject.CommonName != pckName || c.IsCA {
		return nil, attest.Refuse(attest.BadChain, "chain invalid: %q is no PCK certificate", c.Subject.CommonName)
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSGX) {
			if t := parsePlatform(e.Value); t != nil {
				return t, nil
			}
			break
		}
	}
	return nil, attest.Refuse(attest.BadChain, "chain invalid: the PCK certificate has no readable SGX extension")
}

// parsePlatform returns nil when the extension is not as specified.
func parsePlatform(der []byte) *PlatformTCB {
	t := &PlatformTCB{}
	in := cryptobyte.String(der)
	ok := eachPair(&in, func(id asn1.ObjectIdentifier, v *cryptobyte.String) bool {
		switch {
		case id.Equal(oidTCB):
			return t.parseTCB(v)
		case id.Equal(oidPCEID):
			return t.PCEID == nil && v.ReadASN1Bytes(&t.PCEID, cbasn1.OCTET_STRING) && len(t.PCEID) == 2
		case id.Equal(oidFMSPC):
			return t.FMSPC == nil && v.ReadASN1Bytes(&t.FMSPC, cbasn1.OCTET_STRING) && len(t.FMSPC) == 6
		}
		return true // PPID, type, instance, configuration
	})
	if !ok || !in.Empty() || t.PCEID == nil || t.FMSPC == nil || t.CPUSVN == nil {
		return nil
	}
	return t
}

// parseTCB reads components 1..16, PCESVN (17) and CPUSVN (18), each once.
func (t *PlatformTCB) parseTCB(v *cryptobyte.String) bool {
	var seen [19]bool
	n := 0
	ok := eachPair(v, func(id asn1.ObjectIdentifier, v *cryptobyte.String) bool {
		if len(id) != 9 || !id[:8].Equal(oidTCB) || id[8] < 1 || id[8] > 18 || seen[id[8]] {
			return false
		}
		i := id[8]
		seen[i] = true
		n++
		if i == 18 {
			return v.ReadASN1Bytes(&t.CPUSVN, cbasn1.OCTET_STRING) && len(t.CPUSVN) == 16
		}
		var svn uint64
		if !v.ReadASN1Integer(&svn) || svn > 65535 || i < 17 && svn > 255 {
			return false
		}
		if i == 17 {
			t.PCESVN = svn
		} else {
			t.Components[i-1] = byte(svn)
		}
		return true
	})
	return ok && n == 18
}

// eachPair walks SEQUENCE OF SEQUENCE {OBJECT IDENTIFIER, value}.
func eachPair(in *cryptobyte.String, f func(id asn1.ObjectIdentifier, v *cryptobyte.String) bool) bool {
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return false
	}
	for !seq.Empty() {
		var pair cryptobyte.String
		var id asn1.ObjectIdentifier
		if !seq.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&id) || !f(id, &pair) {
			return false
		}
	}
	return true
}
