package attest

import (
	"encoding/base64"
	"slices"

	"github.com/animicaorg/engine/proofs/transcript"
)

// Carried is evidence of a TEE as bundles and proofs carry it: an object with kind
// and evidence, and collateral and certs where the kind needs them, the last three
// in base64. Nothing that the evidence says is repeated beside it.
type Carried struct {
	Kind Kind
	Evidence
}

// CarriedMembers are the members of the object.
var CarriedMembers = []string{"kind", "evidence", "collateral", "certs"}

// ParseCarried reads the object, whose further members more the caller reads.
func ParseCarried(v *transcript.Value, more ...string) (*Carried, error) {
	if v.Kind != transcript.KindMap {
		return nil, Refuse(BadFormat, "evidence is no object")
	}
	c := &Carried{}
	blobs := map[string]*[]byte{"evidence": &c.Raw, "collateral": &c.Collateral, "certs": &c.Certs}
	limits := map[string]int{"evidence": MaxEvidence, "collateral": MaxCollateral, "certs": MaxCerts}
	for i := range v.Members {
		key, m := v.Members[i].Key, &v.Members[i].Value
		to := blobs[key]
		switch {
		case key == "kind" && m.Kind == transcript.KindText:
			c.Kind = Kind(m.Text)
		case to != nil && m.Kind == transcript.KindText:
			b, err := base64.StdEncoding.Strict().DecodeString(m.Text)
			if err != nil || len(b) == 0 || len(b) > limits[key] || base64.StdEncoding.EncodeToString(b) != m.Text {
				return nil, Refuse(BadFormat, "member %s is not base64 of 1 to %d bytes", key, limits[key])
			}
			*to = b
		case slices.Contains(more, key):
		default:
			return nil, Refuse(BadFormat, "member %.40q is unknown here or of another type", key)
		}
	}
	if c.Kind == "" || c.Raw == nil {
		return nil, Refuse(BadFormat, "evidence wants kind and evidence")
	}
	return c, nil
}

// Value writes the object.
func (c *Carried) Value() transcript.Value {
	out := transcript.MapValue(transcript.Member{Key: "kind", Value: transcript.TextValue(string(c.Kind))})
	for _, m := range []struct {
		key string
		b   []byte
	}{{"evidence", c.Raw}, {"collateral", c.Collateral}, {"certs", c.Certs}} {
		if len(m.b) > 0 {
			out.Members = append(out.Members, transcript.Member{Key: m.key, Value: transcript.TextValue(base64.StdEncoding.EncodeToString(m.b))})
		}
	}
	return out
}
