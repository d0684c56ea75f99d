package attesttest

import (
	"crypto/elliptic"
	"crypto/x509"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// Nitro describes a document to mint; the zero value is a good one.
type Nitro struct {
	Label     string
	ZeroPCR   []int         // registers that are all zero
	NoPCR     []int         // registers that are left out
	Later     time.Duration // of the timestamp after the time of judgement
	UserData  any           // nil: ReportData; Raw for other CBOR
	Digest    string        // empty: SHA384
	OtherRoot bool          // the bundle begins with another root
	P256      bool          // keys on another curve
	LeafCA    bool          // the enclave's certificate is a CA
	PCRSize   int           // 0: 48
	Edit      func(name string, value any) any
}

// NitroMeasurement is PCR0 of every minted document.
var NitroMeasurement = Bytes(48, "pcr0")

func (n Nitro) payload(root, ca, leaf *Holder) []byte {
	size := n.PCRSize
	if size == 0 {
		size = 48
	}
	values := map[int][]byte{0: NitroMeasurement, 1: Bytes(48, "pcr1"), 2: Bytes(48, "pcr2"), 3: make([]byte, 48), 8: Bytes(48, "pcr8")}
	for _, i := range n.ZeroPCR {
		values[i] = make([]byte, 48)
	}
	for _, i := range n.NoPCR {
		delete(values, i)
	}
	var pcrs []Field
	for i := range 32 {
		if v, ok := values[i]; ok {
			pcrs = append(pcrs, Field{i, v[:size]})
		}
	}
	digest, data := n.Digest, n.UserData
	if digest == "" {
		digest = "SHA384"
	}
	if data == nil {
		data = ReportData
	}
	first := root
	if n.OtherRoot {
		first = Root(elliptic.P384(), n.Label+"x", root.Cert.Subject.CommonName)
	}
	fields := []Field{{"module_id", "i-0123-enc"}, {"digest", digest}, {"timestamp", int(Now.Add(n.Later).UnixMilli())}, {"pcrs", pcrs},
		{"certificate", leaf.Cert.Raw}, {"cabundle", []any{first.Cert.Raw, ca.Cert.Raw}}, {"public_key", nil}, {"user_data", data}, {"nonce", nil}}
	out := []byte{0xbf} // documents are maps of indefinite length
	for _, f := range fields {
		if n.Edit != nil {
			f.Value = n.Edit(f.Key.(string), f.Value)
		}
		out = append(append(out, CBOR(f.Key)...), CBOR(f.Value)...)
	}
	return append(out, 0xff)
}

// Mint makes the document and roots.
func (n Nitro) Mint() Sample {
	curve := elliptic.P384()
	if n.P256 {
		curve = elliptic.P256()
	}
	root := Root(curve, n.Label, "aws.nitro-enclaves")
	ca := root.CA(n.Label, "zonal")
	leaf := ca.Leaf(n.Label, "i-0123-enc", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = Now.Add(-time.Hour), Now.Add(2*time.Hour)
		asCA(c, n.LeafCA)
	})
	return Sample{Evidence: attest.Evidence{Raw: Sign1(leaf.Key, n.payload(root, ca, leaf))}, Roots: Trust(root),
		Others: Trust(Root(curve, n.Label+" other", "aws.nitro-enclaves")), At: Now, TooEarly: Now.Add(-61 * time.Minute), TooLate: Now.Add(121 * time.Minute),
		Measurement: NitroMeasurement, ReportData: ReportData}
}
