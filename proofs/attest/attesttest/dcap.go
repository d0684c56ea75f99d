package attesttest

import (
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// DCAP describes a quote to mint; the zero value is a good SGX quote of
// version 3 from an up-to-date platform.
type DCAP struct {
	TDX        bool
	Version    uint16    // 0: 3 for SGX, 4 for TDX
	TD15       bool      // version 5: the longer body
	Label      string    // another label is another PKI with the same names
	ReportData []byte    // nil: a digest and zeros
	At         time.Time // collateral is current then; zero: Now

	Debug, Migratable, QEDebug bool
	Status, QEStatus           string // empty: UpToDate
	ModuleStatus               string
	Advisories                 []string
	Components                 byte                // of the platform; 0: 5, which the newest level wants
	FMSPC                      string              // of TCB info; empty: the platform's
	TCBSigner                  string              // name of the collateral's signer; empty: Intel's
	Revoke                     string              // "pck", "ca" or "tcb"
	Quote, TCBInfo             func([]byte) []byte // edits before signing; nil: none
	SelfSigned                 bool                // the PCK certificate signs itself
	Auth                       []byte
	QE                         func([]byte) []byte // edit of the quoting enclave's report before signing
	Finished                   func([]byte) []byte // edit of the finished quote
	PCKName                    string              // empty: Intel's
	PCKIsCA, Direct            bool                // Direct: the root issues the PCK certificate
	OtherCopy                  bool                // the chain in the quote ends with another root
}

// DCAPMeasurement is the MRENCLAVE or MRTD of what Mint makes.
func (d DCAP) DCAPMeasurement() []byte {
	if d.TDX {
		return Bytes(48, "mrtd")
	}
	return Bytes(32, "mrenclave")
}

type pki struct{ root, ca, pck, tcb *Holder }

func (d DCAP) pki() pki {
	var p pki
	p.root = Root(elliptic.P256(), d.Label, "Intel SGX Root CA")
	p.ca = p.root.CA(d.Label, "Intel SGX PCK Platform CA")
	issuer, name := p.ca, d.PCKName
	if d.Direct {
		issuer = p.root
	}
	if name == "" {
		name = "Intel SGX PCK Certificate"
	}
	p.pck = issuer.Leaf(d.Label, name, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{d.extension()}
		asCA(c, d.PCKIsCA)
	})
	if name = d.TCBSigner; name == "" {
		name = "Intel SGX TCB Signing"
	}
	p.tcb = p.root.Leaf(d.Label, name, nil)
	return p
}

type pair struct {
	ID    asn1.ObjectIdentifier
	Value any
}

var sgxOID = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}

func (d DCAP) components() byte {
	if d.Components == 0 {
		return 5
	}
	return d.Components
}

func (d DCAP) extension() pkix.Extension {
	sub := func(base asn1.ObjectIdentifier, n int) asn1.ObjectIdentifier {
		return append(base[:len(base):len(base)], n)
	}
	tcbID := sub(sgxOID, 2)
	var tcb []pair
	for i := 1; i <= 16; i++ {
		tcb = append(tcb, pair{sub(tcbID, i), int(d.components())})
	}
	tcb = append(tcb, pair{sub(tcbID, 17), 11}, pair{sub(tcbID, 18), make([]byte, 16)})
	return extension(sgxOID, []pair{{sub(sgxOID, 1), make([]byte, 16)}, {tcbID, tcb}, {sub(sgxOID, 3), []byte{0, 0}},
		{sub(sgxOID, 4), []byte{0xb0, 0xc0, 0x6f, 0, 0, 0}}, {sub(sgxOID, 5), asn1.Enumerated(0)}})
}

// report is an SGX report body.
func report(attributes byte, mrenclave, mrsigner, data []byte, prod, svn uint16) []byte {
	b := make([]byte, 384)
	b[48] = attributes
	copy(b[64:], mrenclave)
	copy(b[128:], mrsigner)
	binary.LittleEndian.PutUint16(b[256:], prod)
	binary.LittleEndian.PutUint16(b[258:], svn)
	copy(b[320:], data)
	return b
}

func bit(base byte, on bool, mask byte) byte {
	if on {
		return base | mask
	}
	return base
}

func (d DCAP) body() []byte {
	data := d.ReportData
	if data == nil {
		data = ReportData
	}
	if !d.TDX {
		return report(bit(5, d.Debug, 2), d.DCAPMeasurement(), Bytes(32, "mrsigner"), data, 7, 3)
	}
	b := make([]byte, 584)
	if d.TD15 {
		b = make([]byte, 648)
	}
	copy(b, []byte{6, 1, 3}) // TEE_TCB_SVN: module 1, ISVSVN 6
	b[120] = bit(0, d.Debug, 1)
	b[123] = bit(0x10, d.Migratable, 0x20)
	copy(b[136:], d.DCAPMeasurement())
	copy(b[328:], Bytes(48, "rtmr0"))
	copy(b[520:], data)
	return b
}

// ReportData is a digest and 32 zero bytes.
var ReportData = append(Bytes(32, "R"), make([]byte, 32)...)

func (d DCAP) quote(p pki) []byte {
	version := d.Version
	if version == 0 {
		version = 3
		if d.TDX {
			version = 4
		}
	}
	h := make([]byte, 48)
	binary.LittleEndian.PutUint16(h, version)
	h[2] = 2
	if d.TDX {
		h[4] = 0x81
	}
	copy(h[12:], must(hex.DecodeString("939a7233f79c4ca9940a0db3957f0607")))
	body := d.body()
	if version == 5 {
		kind := map[int]uint16{384: 1, 584: 2, 648: 3}[len(body)]
		h = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(h, kind), uint32(len(body)))
	}
	signed := append(h, body...)
	if d.Quote != nil {
		signed = d.Quote(signed)
	}
	key := Key(elliptic.P256(), d.Label+"attestation key")
	sum := sha256.Sum256(signed)
	data := append(SignRaw(key, sum[:]), point(key)...)
	qe := d.qe(p, point(key))
	if version >= 4 {
		data = sized(data, 6, qe)
	} else {
		data = append(data, qe...)
	}
	out := append(binary.LittleEndian.AppendUint32(signed, uint32(len(data))), data...)
	if d.Finished != nil {
		out = d.Finished(out)
	}
	return out
}

func sized(b []byte, kind uint16, data []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, kind)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
}

// qe is the quoting enclave's part: report, signature, authentication data and
// certificates.
func (d DCAP) qe(p pki, key []byte) []byte {
	auth := d.Auth
	if auth == nil {
		auth = Bytes(32, "auth")
	}
	bound := sha256.Sum256(append(append([]byte(nil), key...), auth...))
	r := report(bit(0x11, d.QEDebug, 2), Bytes(32, "qe"), Bytes(32, "qe signer"), bound[:], 1, 8)
	if d.QE != nil {
		r = d.QE(r)
	}
	sum := sha256.Sum256(r)
	out := append(r, p.pck.SignRaw(sum[:])...)
	out = append(binary.LittleEndian.AppendUint16(out, uint16(len(auth))), auth...)
	last := p.root
	if d.OtherCopy {
		last = Root(elliptic.P256(), d.Label+"copy", "Intel SGX Root CA")
	}
	return sized(out, 5, PEM(p.pck, p.ca, last))
}

func orUpToDate(s string) string {
	if s == "" {
		return "UpToDate"
	}
	return s
}

func (d DCAP) tcbInfo() []byte {
	id, fmspc := "SGX", d.FMSPC
	if fmspc == "" {
		fmspc = "B0C06F000000"
	}
	levels := []any{}
	// Out of order, as verifiers may not trust the order of the file.
	for _, l := range []struct {
		n      byte
		status string
		date   string
	}{{2, "OutOfDate", "2024-01-01"}, {5, orUpToDate(d.Status), "2025-05-20"}} {
		svns := []any{}
		for range 16 {
			svns = append(svns, map[string]any{"svn": l.n})
		}
		tcb := map[string]any{"sgxtcbcomponents": svns, "pcesvn": 11}
		if d.TDX {
			id = "TDX"
			tdx := []any{map[string]any{"svn": 9}, map[string]any{"svn": 9}, map[string]any{"svn": 3}}
			for len(tdx) < 16 {
				tdx = append(tdx, map[string]any{"svn": 0})
			}
			tcb["tdxtcbcomponents"] = tdx
		}
		levels = append(levels, map[string]any{"tcb": tcb, "tcbDate": l.date + "T00:00:00Z", "tcbStatus": l.status, "advisoryIDs": list(d.Advisories)})
	}
	m := map[string]any{"id": id, "version": 3, "issueDate": d.stamp(-24 * time.Hour), "nextUpdate": d.stamp(720 * time.Hour), "fmspc": fmspc,
		"pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": 18, "tcbLevels": levels}
	if d.TDX {
		zero := fmt.Sprintf("%096x", 0)
		module := map[string]any{"mrsigner": zero, "attributes": "0000000000000000", "attributesMask": "FFFFFFFFFFFFFFFF"}
		m["tdxModule"] = module
		m["tdxModuleIdentities"] = []any{map[string]any{"id": "TDX_01", "mrsigner": zero, "attributes": "0000000000000000", "attributesMask": "FFFFFFFFFFFFFFFF",
			"tcbLevels": []any{svnLevel(4, orUpToDate(d.ModuleStatus), d.Advisories)}}}
	}
	out := must(json.Marshal(m))
	if d.TCBInfo != nil {
		out = d.TCBInfo(out)
	}
	return out
}

func list(s []string) []string { return append([]string{}, s...) }

func (d DCAP) at() time.Time {
	if d.At.IsZero() {
		return Now
	}
	return d.At.UTC().Truncate(time.Second)
}

func (d DCAP) stamp(after time.Duration) string { return d.at().Add(after).Format(time.RFC3339) }

func svnLevel(svn int, status string, advisories []string) any {
	return map[string]any{"tcb": map[string]any{"isvsvn": svn}, "tcbDate": "2025-05-20T00:00:00Z", "tcbStatus": status, "advisoryIDs": list(advisories)}
}

func (d DCAP) qeIdentity() []byte {
	id := "QE"
	if d.TDX {
		id = "TD_QE"
	}
	return must(json.Marshal(map[string]any{"id": id, "version": 2, "issueDate": d.stamp(-48 * time.Hour), "nextUpdate": d.stamp(700 * time.Hour),
		"tcbEvaluationDataNumber": 17, "miscselect": "00000000", "miscselectMask": "FFFFFFFF", "attributes": "11000000000000000000000000000000",
		"attributesMask": "F9FFFFFFFFFFFFFF0000000000000000", "mrsigner": hex.EncodeToString(Bytes(32, "qe signer")), "isvprodid": 1,
		"tcbLevels": []any{svnLevel(8, orUpToDate(d.QEStatus), nil)}}))
}

func (d DCAP) collateral(p pki) []byte {
	var rootList, pckList []*x509.Certificate
	switch d.Revoke {
	case "pck":
		pckList = append(pckList, p.pck.Cert)
	case "ca":
		rootList = append(rootList, p.ca.Cert)
	case "tcb":
		rootList = append(rootList, p.tcb.Cert)
	}
	sign := func(b []byte) string {
		h := sha256.Sum256(b)
		return hex.EncodeToString(p.tcb.SignRaw(h[:]))
	}
	info, id := d.tcbInfo(), d.qeIdentity()
	return must(json.Marshal(map[string]any{"root_ca_crl": hex.EncodeToString(p.root.CRLAt(d.at(), rootList...)), "pck_crl": hex.EncodeToString(p.ca.CRLAt(d.at(), pckList...)),
		"tcb_info_issuer_chain": string(PEM(p.tcb, p.root)), "tcb_info": string(info), "tcb_info_signature": sign(info),
		"qe_identity_issuer_chain": string(PEM(p.tcb, p.root)), "qe_identity": string(id), "qe_identity_signature": sign(id)}))
}

// Mint makes the quote, its collateral and roots.
func (d DCAP) Mint() Sample {
	p := d.pki()
	if d.SelfSigned {
		t := *p.pck.Cert
		t.ExtraExtensions = []pkix.Extension{d.extension()}
		p.pck.Cert = create(&t, &t, p.pck.Key, p.pck.Key)
	}
	other := d
	other.Label += " other"
	data := d.ReportData
	if data == nil {
		data = ReportData
	}
	return Sample{Evidence: attest.Evidence{Raw: d.quote(p), Collateral: d.collateral(p)}, Roots: Trust(p.root), Others: Trust(other.pki().root),
		At: Now, TooEarly: Now.Add(-72 * time.Hour), TooLate: Now.AddDate(0, 2, 0), Measurement: d.DCAPMeasurement(), ReportData: data}
}
