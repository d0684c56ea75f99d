package vendorcert

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Document is a vendor certificate as it travels: attestations.qpu of a provider
// bundle. The first five members are the provider guide's; each repeats what the
// JWS says or is part of it, and Verify compares them.
type Document struct {
	Vendor          string
	DeviceID        string
	Firmware        string
	DevicePubkey    string // ed25519: and hex, or none
	VendorSignature string // the signature part of ClaimsJWS
	ClaimsJWS       string
	Chain           []*x509.Certificate // signer of claims, device, CAs between; in any order, without the root
	CRLs            [][]byte            // revocation lists, DER; optional
}

// Signed is a document with the device's signatures of one job: attest.qpu of a
// proof.
type Signed struct {
	Document
	ExecSig   []byte // over X, made before the first shot; nil: absent
	ResultSig []byte // over R, member sig; nil: absent
}

// DeviceCertificate is the DER of the certificate that claims to be the device's;
// nil where there is none. Nothing about it is verified.
func (d *Document) DeviceCertificate() []byte {
	for _, c := range d.Chain {
		if onlyUsage(c, OIDDevice) {
			return c.Raw
		}
	}
	return nil
}

// Parse reads the JSON of a document.
func Parse(b []byte) (*Document, error) {
	if len(b) > MaxDocument {
		return nil, badFormat("%d bytes, limit %d", len(b), MaxDocument)
	}
	n, err := strictjson.Parse(b, strictjson.Limits{Bytes: MaxDocument, Depth: 3, Values: 64})
	if err != nil {
		return nil, badFormat("%v", err)
	}
	v, err := transcript.ValueOfJSON(n, keys.EvidenceLimits)
	if err != nil {
		return nil, badFormat("%v", err)
	}
	s, err := parse(&v, false)
	if err != nil {
		return nil, err
	}
	return &s.Document, nil
}

// ParseSigned reads attest.qpu of a proof.
func ParseSigned(v *transcript.Value) (*Signed, error) { return parse(v, true) }

func parse(v *transcript.Value, signed bool) (*Signed, error) {
	if v.Kind != transcript.KindMap {
		return nil, badFormat("is no object")
	}
	s := &Signed{}
	texts := map[string]*string{"vendor": &s.Vendor, "device_id": &s.DeviceID, "firmware": &s.Firmware,
		"device_pubkey": &s.DevicePubkey, "vendor_signature": &s.VendorSignature, "claims_jws": &s.ClaimsJWS}
	seen := 0
	for _, m := range v.Members {
		var err error
		to := texts[m.Key]
		switch {
		case to != nil && m.Value.Kind == transcript.KindText:
			*to = m.Value.Text
			seen++
		case m.Key == "chain":
			s.Chain, err = readChain(&m.Value)
			seen++
		case m.Key == "crls":
			s.CRLs, err = readBlobs(m.Key, &m.Value, maxCRLs)
		case signed && m.Key == "sig_exec":
			s.ExecSig, err = readSig(m.Key, &m.Value)
		case signed && m.Key == "sig":
			s.ResultSig, err = readSig(m.Key, &m.Value)
		default:
			return nil, badFormat("member %.40q is unknown here or of another type", m.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	if seen != len(texts)+1 {
		return nil, badFormat("wants vendor, device_id, firmware, device_pubkey, vendor_signature, claims_jws and chain")
	}
	return s, nil
}

// readBlobs reads base64 texts.
func readBlobs(name string, v *transcript.Value, most int) (out [][]byte, err error) {
	if v.Kind != transcript.KindArray || len(v.Array) == 0 || len(v.Array) > most {
		return nil, badFormat("%s is no list of 1 to %d texts", name, most)
	}
	for i := range v.Array {
		b, err := base64.StdEncoding.Strict().DecodeString(v.Array[i].Text)
		if v.Array[i].Kind != transcript.KindText || err != nil || base64.StdEncoding.EncodeToString(b) != v.Array[i].Text {
			return nil, badFormat("%s/%d is not base64", name, i)
		}
		out = append(out, b)
	}
	return out, nil
}

func readChain(v *transcript.Value) (out []*x509.Certificate, err error) {
	blobs, err := readBlobs("chain", v, attest.MaxChain)
	if err != nil {
		return nil, err
	}
	for i, b := range blobs {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			return nil, badChain("certificate %d: %v", i+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func readSig(name string, v *transcript.Value) ([]byte, error) {
	b, err := hex.DecodeString(v.Text)
	if v.Kind != transcript.KindText || err != nil || len(b) != 64 || hex.EncodeToString(b) != v.Text {
		return nil, badFormat("%s is not 64 bytes in lower-case hexadecimal digits", name)
	}
	return b, nil
}

// Value is the form that a proof carries.
func (s *Signed) Value() transcript.Value {
	chain := transcript.ArrayValue()
	for _, c := range s.Chain {
		chain.Array = append(chain.Array, transcript.TextValue(base64.StdEncoding.EncodeToString(c.Raw)))
	}
	out := transcript.MapValue()
	put := func(key string, v transcript.Value) {
		out.Members = append(out.Members, transcript.Member{Key: key, Value: v})
	}
	put("vendor", transcript.TextValue(s.Vendor))
	put("device_id", transcript.TextValue(s.DeviceID))
	put("firmware", transcript.TextValue(s.Firmware))
	put("device_pubkey", transcript.TextValue(s.DevicePubkey))
	put("vendor_signature", transcript.TextValue(s.VendorSignature))
	put("claims_jws", transcript.TextValue(s.ClaimsJWS))
	put("chain", chain)
	if len(s.CRLs) > 0 {
		list := transcript.ArrayValue()
		for _, b := range s.CRLs {
			list.Array = append(list.Array, transcript.TextValue(base64.StdEncoding.EncodeToString(b)))
		}
		put("crls", list)
	}
	if s.ExecSig != nil {
		put("sig_exec", transcript.TextValue(hex.EncodeToString(s.ExecSig)))
	}
	if s.ResultSig != nil {
		put("sig", transcript.TextValue(hex.EncodeToString(s.ResultSig)))
	}
	return out
}

// MarshalJSON writes the form that Parse reads.
func (d *Document) MarshalJSON() ([]byte, error) {
	chain := [][]byte{}
	for _, c := range d.Chain {
		chain = append(chain, c.Raw)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Vendor          string   `json:"vendor"`
		DeviceID        string   `json:"device_id"`
		Firmware        string   `json:"firmware"`
		DevicePubkey    string   `json:"device_pubkey"`
		VendorSignature string   `json:"vendor_signature"`
		ClaimsJWS       string   `json:"claims_jws"`
		Chain           [][]byte `json:"chain"`
		CRLs            [][]byte `json:"crls,omitempty"`
	}{d.Vendor, d.DeviceID, d.Firmware, d.DevicePubkey, d.VendorSignature, d.ClaimsJWS, chain, d.CRLs})
	return bytes.TrimSpace(out.Bytes()), err
}
