// Package attesttest is the conformance suite for verifiers of attestation
// evidence, and it mints evidence of every kind under roots of its own, so that
// the suite needs no hardware.
//
// What it mints is right in form and signed correctly, by keys that are derived
// from labels and thus public. It writes the formats on its own, without the
// parsers under test. Only tests may import it: no root in it belongs to a
// vendor, and no verifier trusts one unless a test passes it in.
package attesttest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// Sample is good evidence and what is needed to spoil it.
type Sample struct {
	Evidence          attest.Evidence
	Roots             *attest.Roots // that vouch for the evidence
	Others            *attest.Roots // with the same names, and other keys
	At                time.Time
	TooEarly, TooLate time.Time
	Measurement       []byte
	ReportData        []byte
	Rules             attest.Rules // under which the evidence is accepted
	Key               []byte       // the key that the caller trusts, in place of roots
}

// Run holds a verifier against a sample: good evidence is accepted; a wrong
// nonce, a wrong time, a wrong root, a cut at each byte, bytes behind the end and
// changed bytes are refused.
func Run(t *testing.T, v attest.Verifier, s Sample) {
	t.Run("good", func(t *testing.T) { s.good(t, v) })
	t.Run("wrong nonce", func(t *testing.T) { s.wrongNonce(t, v) })
	t.Run("time", func(t *testing.T) { s.times(t, v) })
	if s.Key == nil {
		t.Run("wrong root", func(t *testing.T) { s.wrongRoot(t, v) })
	}
	t.Run("truncated", func(t *testing.T) { s.truncated(t, v) })
	t.Run("extended", func(t *testing.T) { s.extended(t, v) })
	t.Run("changed", func(t *testing.T) { s.changed(t, v) })
}

func (s Sample) params(at time.Time) attest.Params {
	return attest.Params{At: at, Roots: s.Roots, Key: s.Key}
}

func (s Sample) check(v attest.Verifier, ev attest.Evidence) *attest.Verdict {
	return attest.Check(v, ev, s.params(s.At), s.Rules)
}

func (s Sample) good(t *testing.T, v attest.Verifier) {
	rules := s.Rules
	rules.ExpectReportData = s.ReportData
	got := attest.Check(v, s.Evidence, s.params(s.At), rules)
	if !got.Accepted {
		t.Fatalf("refused: %v", got.Refusals)
	}
	r := got.Result
	if r.Kind != v.Kind() || !bytes.Equal(r.Measurement, s.Measurement) || !bytes.Equal(r.ReportData, s.ReportData) {
		t.Fatalf("kind %s, measurement %s, report data %s", r.Kind, r.Measurement, r.ReportData)
	}
	if r.Digest.IsZero() || len(r.Signer) == 0 || r.TCBStatus == "" || r.Advisories == nil {
		t.Fatalf("the normal form is not filled: %+v", r)
	}
	if again := s.check(v, s.Evidence); !reflect.DeepEqual(again.Result, r) {
		t.Fatal("the same evidence has two normal forms")
	}
}

func (s Sample) wrongNonce(t *testing.T, v attest.Verifier) {
	for _, i := range []int{0, len(s.ReportData) - 1} {
		rules := s.Rules
		rules.ExpectReportData = bytes.Clone(s.ReportData)
		rules.ExpectReportData[i] ^= 1
		got := attest.Check(v, s.Evidence, s.params(s.At), rules)
		refused(t, got, attest.BadReportData)
		if got.Result == nil {
			t.Error("the normal form of genuine evidence is hidden")
		}
	}
}

func (s Sample) times(t *testing.T, v attest.Verifier) {
	refused(t, attest.Check(v, s.Evidence, s.params(time.Time{}), s.Rules), attest.BadTime)
	for _, at := range []time.Time{s.TooEarly, s.TooLate} {
		if at.IsZero() {
			continue
		}
		if got := attest.Check(v, s.Evidence, s.params(at), s.Rules); got.Accepted {
			t.Errorf("accepted at %s", at)
		}
	}
}

func (s Sample) wrongRoot(t *testing.T, v attest.Verifier) {
	empty := &attest.Roots{Where: "an empty folder"}
	got := attest.Check(v, s.Evidence, attest.Params{At: s.At, Roots: empty}, s.Rules)
	refused(t, got, attest.BadChain)
	if m := got.Refusals[0].Error(); !strings.Contains(m, "AttestationError: chain invalid") || !strings.Contains(m, empty.Where) {
		t.Errorf("%q does not name what was searched", m)
	}
	refused(t, attest.Check(v, s.Evidence, attest.Params{At: s.At, Roots: s.Others}, s.Rules), attest.BadChain)
	if got := attest.Check(v, s.Evidence, attest.Params{At: s.At}, s.Rules); got.Accepted {
		t.Error("accepted with the pinned roots")
	}
}

func (s Sample) truncated(t *testing.T, v attest.Verifier) {
	for name, part := range s.parts() {
		whole := *part(&s.Evidence)
		for n := range whole {
			if n == 0 && name != "evidence" {
				continue // an absent part is another case
			}
			ev := s.Evidence
			*part(&ev) = whole[:n:n]
			if got := s.check(v, ev); got.Accepted {
				t.Fatalf("%s cut to %d of %d bytes is accepted", name, n, len(whole))
			}
		}
	}
}

func (s Sample) parts() map[string]func(*attest.Evidence) *[]byte {
	return map[string]func(*attest.Evidence) *[]byte{
		"evidence":     func(e *attest.Evidence) *[]byte { return &e.Raw },
		"collateral":   func(e *attest.Evidence) *[]byte { return &e.Collateral },
		"certificates": func(e *attest.Evidence) *[]byte { return &e.Certs },
	}
}

func (s Sample) extended(t *testing.T, v attest.Verifier) {
	for name, part := range s.parts() {
		if len(*part(&s.Evidence)) == 0 {
			continue
		}
		ev := s.Evidence
		p := part(&ev)
		*p = append(bytes.Clone(*p), 1)
		if got := s.check(v, ev); got.Accepted {
			t.Errorf("a byte behind the %s is accepted", name)
		}
	}
	ev := s.Evidence
	ev.Raw = make([]byte, attest.MaxEvidence+1)
	refused(t, s.check(v, ev), attest.BadFormat)
	ev = s.Evidence
	ev.Collateral = make([]byte, attest.MaxCollateral+1)
	refused(t, s.check(v, ev), attest.BadCollateral)
	ev = s.Evidence
	ev.Certs = make([]byte, attest.MaxCerts+1)
	refused(t, s.check(v, ev), attest.BadChain)
}

// changed flips a bit in every seventh byte. What is still accepted must have
// the same evidence digest and the same normal form: a copy that no check needs.
func (s Sample) changed(t *testing.T, v attest.Verifier) {
	want := s.check(v, s.Evidence).Result
	for i := 0; i < len(s.Evidence.Raw); i += 7 {
		ev := s.Evidence
		ev.Raw = bytes.Clone(ev.Raw)
		ev.Raw[i] ^= 0x40 >> (i % 3)
		if got := s.check(v, ev); got.Accepted && !reflect.DeepEqual(got.Result, want) {
			t.Fatalf("byte %d: changed evidence is accepted as other evidence", i)
		}
	}
}

func refused(t *testing.T, got *attest.Verdict, want attest.Reason) {
	t.Helper()
	if got.Accepted || got.Refusals[0].Reason != want {
		t.Errorf("accepted %v, %v; want a refusal for %s", got.Accepted, got.Refusals, want)
	}
}
