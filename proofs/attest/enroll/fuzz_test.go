package enroll_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/transcript"
)

// FuzzParse wants a member sealed that is read to be the only one of its content.
func FuzzParse(f *testing.F) {
	key, err := enroll.NewRunnerKey()
	if err != nil {
		f.Fatal(err)
	}
	service, err := keys.NewEd25519(keys.Service, [keys.SeedSize]byte{9})
	if err != nil {
		f.Fatal(err)
	}
	e := &enroll.Enrolment{Nonce: x, ProviderID: provider, Public: key.Public(), Expires: now}
	s, _, err := enroll.Seal(context.Background(), e, attest.Carried{Kind: attest.TDX, Evidence: attest.Evidence{Raw: []byte("q")}}, []byte("lease"), x, service, 1)
	if err != nil {
		f.Fatal(err)
	}
	lim := keys.EvidenceLimits
	b, err := transcript.EncodeCBOR(sorted(s.Value()), lim)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := transcript.DecodeCBOR(b, lim)
		if err != nil {
			return
		}
		s, err := enroll.Parse(&v)
		if err != nil {
			return
		}
		again, err := transcript.EncodeCBOR(sorted(s.Value()), lim)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted another spelling: %v", err)
		}
	})
}

// sorted orders the members of all maps as the encoder wants them.
func sorted(v transcript.Value) transcript.Value {
	v.Members = slices.Clone(v.Members)
	for i := range v.Members {
		v.Members[i].Value = sorted(v.Members[i].Value)
	}
	slices.SortFunc(v.Members, func(a, b transcript.Member) int { return transcript.CompareKeys(a.Key, b.Key) })
	return v
}

// FuzzParseRequest wants a request that is read to come back from what is written.
func FuzzParseRequest(f *testing.F) {
	in := &enroll.Request{Enrolment: enroll.Enrolment{Nonce: x, ProviderID: provider, Public: make([]byte, 32), Expires: now},
		Quote: attest.Carried{Kind: attest.TDX, Evidence: attest.Evidence{Raw: []byte("q")}}}
	raw, err := json.Marshal(in)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := enroll.ParseRequest(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := enroll.ParseRequest(again)
		if err != nil || !back.Enrolment.Expires.Equal(r.Enrolment.Expires) || back.Enrolment.Nonce != r.Enrolment.Nonce || !bytes.Equal(back.Quote.Raw, r.Quote.Raw) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
