package enroll

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/json"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Request is how a runner asks to be enrolled: the frame, and the quote that binds it.
type Request struct {
	Enrolment Enrolment
	Quote     attest.Carried
}

// ID names the enrolment: the digest of its frame, which the quote binds.
func (e *Enrolment) ID() (digest.Digest, error) { return transcript.Sum(e) }

// CheckTerms refuses what no quote can mend: a key that is none, an end that has passed or
// lies further ahead than MaxLife.
func (e *Enrolment) CheckTerms(now time.Time) error {
	if _, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(e.Public); err != nil {
		return attest.Refuse(attest.BadFormat, "enrolment/public: %v", err)
	}
	if !e.Expires.After(now) || e.Expires.After(now.Add(MaxLife)) {
		return attest.Refuse(attest.BadTime, "enrolment/expires is %s, want a time after %s and at most %s later", e.Expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), MaxLife)
	}
	return nil
}

// MarshalJSON writes {enrolment, quote}.
func (r *Request) MarshalJSON() ([]byte, error) {
	return json.Marshal(plain(transcript.MapValue(put("enrolment", r.Enrolment.value()), put("quote", r.Quote.Value()))))
}

// ParseRequest reads what MarshalJSON writes, at most 1 MiB.
func ParseRequest(b []byte) (*Request, error) {
	v, err := valueOf(b)
	if err != nil {
		return nil, err
	}
	in := &Request{}
	return in, (&reader{v: v, path: "request"}).enrolled(&in.Enrolment, &in.Quote)
}

// MarshalJSON writes the member sealed of attest.tee as JSON.
func (s *Sealed) MarshalJSON() ([]byte, error) { return json.Marshal(plain(s.Value())) }

// UnmarshalJSON reads what MarshalJSON writes, at most 1 MiB.
func (s *Sealed) UnmarshalJSON(b []byte) error {
	v, err := valueOf(b)
	if err != nil {
		return err
	}
	got, err := Parse(v)
	if err == nil {
		*s = *got
	}
	return err
}

func valueOf(b []byte) (*transcript.Value, error) {
	lim := keys.EvidenceLimits
	n, err := strictjson.Parse(b, strictjson.Limits{Bytes: lim.Bytes, Depth: lim.Depth, Values: 100})
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "%v", err)
	}
	v, err := transcript.ValueOfJSON(n, lim)
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "%v", err)
	}
	return &v, nil
}

// plain is a value of maps, texts and integers as package json takes it.
func plain(v transcript.Value) any {
	switch v.Kind {
	case transcript.KindMap:
		out := map[string]any{}
		for _, m := range v.Members {
			out[m.Key] = plain(m.Value)
		}
		return out
	case transcript.KindText:
		return v.Text
	}
	return v.Uint
}
