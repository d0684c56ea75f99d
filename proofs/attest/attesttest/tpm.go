package attesttest

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"

	"github.com/animicaorg/engine/proofs/attest"
)

// TPM describes a quote to mint; the zero value is a good one over registers 0,
// 4 and 11 of the SHA-256 bank, with their values, by a P-256 key.
type TPM struct {
	Label     string
	Cert      bool // the key comes with a certificate
	NoValues  bool
	Bank      uint16          // 0: SHA-256
	Bitmap    []byte          // nil: 0, 4 and 11
	Value     byte            // added to the value of the first register, behind the digest
	RSA       *rsa.PrivateKey // nil: ECDSA
	PSS       bool
	Scheme    uint16              // 0: that of the key
	ExtraData []byte              // nil: ReportData
	Attest    func([]byte) []byte // edit before signing
	Entropy   interface{ Read([]byte) (int, error) }
}

func tpm2b(b, s []byte) []byte { return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) }

func tpmValues() [][]byte { return [][]byte{Bytes(32, "pcr0"), Bytes(32, "pcr4"), Bytes(32, "pcr11")} }

// TPMMeasurement is the digest over the registers of every minted quote.
var TPMMeasurement = func() []byte {
	h := sha256.New()
	for _, v := range tpmValues() {
		h.Write(v)
	}
	return h.Sum(nil)
}()

func (q TPM) attest() []byte {
	be := binary.BigEndian
	data, bank, bitmap := q.ExtraData, q.Bank, q.Bitmap
	if data == nil {
		data = ReportData
	}
	if bank == 0 {
		bank = 0x000b
	}
	if bitmap == nil {
		bitmap = []byte{0x11, 0x08, 0}
	}
	b := be.AppendUint16(be.AppendUint32(nil, 0xff544347), 0x8018)
	b = tpm2b(tpm2b(b, append([]byte{0, 0x0b}, Bytes(32, "name")...)), data)
	b = be.AppendUint32(be.AppendUint32(be.AppendUint64(b, 123456), 7), 1)
	b = be.AppendUint64(append(b, 1), 0x0102)
	b = append(be.AppendUint16(be.AppendUint32(b, 1), bank), byte(len(bitmap)))
	b = tpm2b(append(b, bitmap...), TPMMeasurement)
	if q.Attest != nil {
		b = q.Attest(b)
	}
	return b
}

func (q TPM) sign(leaf *Holder, sum []byte) []byte {
	be := binary.BigEndian
	scheme := uint16(0x0018)
	var sig []byte
	switch {
	case q.RSA == nil:
		rs := leaf.SignRaw(sum)
		sig = tpm2b(tpm2b(nil, rs[:len(rs)/2]), rs[len(rs)/2:])
	case q.PSS:
		scheme = 0x0016
		sig = tpm2b(nil, must(rsa.SignPSS(q.Entropy, q.RSA, crypto.SHA256, sum, nil)))
	default:
		scheme = 0x0014
		sig = tpm2b(nil, must(rsa.SignPKCS1v15(nil, q.RSA, crypto.SHA256, sum)))
	}
	if q.Scheme != 0 {
		scheme = q.Scheme
	}
	return append(be.AppendUint16(be.AppendUint16(nil, scheme), 0x000b), sig...)
}

// Mint makes the quote and the key.
func (q TPM) Mint() Sample {
	root := Root(elliptic.P256(), q.Label, "TPM maker")
	leaf := root.Leaf(q.Label, "AK", nil)
	a := q.attest()
	sum := sha256.Sum256(a)
	raw := append(a, q.sign(leaf, sum[:])...)
	if !q.NoValues {
		raw = binary.BigEndian.AppendUint32(raw, 3)
		for i, v := range tpmValues() {
			if i == 0 {
				v[0] += q.Value
			}
			raw = tpm2b(raw, v)
		}
	}
	s := Sample{Evidence: attest.Evidence{Raw: raw}, At: Now, Measurement: TPMMeasurement, ReportData: ReportData, Key: SPKI(&leaf.Key.PublicKey)}
	if q.RSA != nil {
		s.Key = SPKI(&q.RSA.PublicKey)
	}
	if q.Cert {
		s.Key = nil
		s.Evidence.Certs, s.Roots, s.Others = PEM(leaf), Trust(root), Trust(Root(elliptic.P256(), q.Label+"other", "TPM maker"))
		s.TooEarly, s.TooLate = Start.AddDate(0, 0, -1), End.AddDate(0, 0, 1)
	}
	return s
}
