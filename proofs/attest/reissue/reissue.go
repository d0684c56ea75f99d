// Package reissue has the statement by which a provider announces when it renews
// attestation evidence or a key: until the window opens the old one is what others
// may expect, in the window either, and afterwards the new one. Whoever sees evidence
// change outside an announced window has a reason to ask.
//
// It promises that a statement is the operational key's word, that the root key
// vouches for that key, and that windows are short. It does not say what changed;
// the evidence itself does.
package reissue

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// MaxDays is the longest window, as for the overlap of keys.
const MaxDays = 30

// Limits of the document.
const (
	maxDocument = 64 << 10
	maxReason   = 512
	maxUnix     = 1<<53 - 1
)

// Subjects are what can be renewed.
var Subjects = []string{"qpu", "tee", "key"}

// Window is one announcement.
type Window struct {
	ProviderID digest.Digest
	Seq        uint64        // grows with every statement of the provider
	Subject    string        // one of Subjects
	Old        digest.Digest // id of the evidence or key that goes; zero: not said
	Opens      time.Time     // first moment of the window, whole seconds
	Closes     time.Time     // last moment
	Reason     string
	Statement  *keys.KeyStatement // the root key's word for the operational key
	Sig        keys.Signature
}

// Frame implements transcript.Framed (domain qprov/v1/reissue).
func (w *Window) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/reissue").H32(1, w.ProviderID).U64(2, w.Seq).Text(3, w.Subject).OptionalH32(4, w.Old).
		U64(5, uint64(w.Opens.Unix())).U64(6, uint64(w.Closes.Unix())).Text(7, w.Reason)
}

// Sign has the operational key sign, and checks the whole.
func (w *Window) Sign(ctx context.Context, held *keys.Held, nowUnix uint64) error {
	w.ProviderID, w.Statement = held.ProviderID, held.Statement
	d, err := transcript.Sum(w)
	if err != nil {
		return fmt.Errorf("window: %w", err)
	}
	if w.Sig, err = keys.Sign(ctx, held.Operational, keys.PurposeReissue, d, nowUnix); err != nil {
		return err
	}
	return w.Verify()
}

func refuse(format string, a ...any) error {
	return attest.Refuse(attest.BadFormat, "window: "+format, a...)
}

// Verify checks the statement by itself.
func (w *Window) Verify() error {
	s := w.Statement
	if err := s.Verify(); err != nil {
		return refuse("%v", err)
	}
	d, err := transcript.Sum(w)
	if err != nil {
		return refuse("%v", err)
	}
	switch {
	case s.ProviderID != w.ProviderID || s.Role != keys.Operational:
		return refuse("is not signed by an operational key of provider %s", w.ProviderID)
	case w.Sig.Verify(s.Alg, s.Public, keys.PurposeReissue, d) != nil:
		return attest.Refuse(attest.BadSignature, "window: the signature does not verify")
	case w.Sig.SignedAtUnix < s.ValidFrom:
		return refuse("was signed before its key was valid")
	case w.Closes.Before(w.Opens) || w.Closes.Sub(w.Opens) > MaxDays*24*time.Hour:
		return refuse("from %s to %s: want at most %d days", stamp(w.Opens), stamp(w.Closes), MaxDays)
	case int64(w.Sig.SignedAtUnix) > w.Opens.Unix():
		return refuse("was signed after it opened: renewal is announced before")
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Phase says where a time lies.
type Phase string

// The phases.
const (
	Before Phase = "before" // the old evidence is expected
	Open   Phase = "open"   // either
	After  Phase = "after"  // the new
)

// At is the phase at a time. Both ends belong to the window.
func (w *Window) At(t time.Time) Phase {
	switch {
	case t.Before(w.Opens):
		return Before
	case t.After(w.Closes):
		return After
	}
	return Open
}

// MarshalJSON writes the transport form.
func (w *Window) MarshalJSON() ([]byte, error) {
	old := ""
	if !w.Old.IsZero() {
		old = w.Old.String()
	}
	return json.Marshal(struct {
		ProviderID digest.Digest      `json:"provider_id"`
		Seq        uint64             `json:"seq"`
		Subject    string             `json:"subject"`
		Old        string             `json:"old"`
		Opens      string             `json:"opens"`
		Closes     string             `json:"closes"`
		Reason     string             `json:"reason"`
		Statement  *keys.KeyStatement `json:"key_statement"`
		SignedAt   uint64             `json:"signed_at_unix"`
		Sig        string             `json:"sig"`
	}{w.ProviderID, w.Seq, w.Subject, old, stamp(w.Opens), stamp(w.Closes), w.Reason, w.Statement, w.Sig.SignedAtUnix, hex.EncodeToString(w.Sig.Sig)})
}

// Parse reads and verifies the transport form.
func Parse(b []byte) (*Window, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxDocument, Depth: 3, Values: 64})
	c.Only("provider_id", "seq", "subject", "old", "opens", "closes", "reason", "key_statement", "signed_at_unix", "sig")
	w := &Window{ProviderID: c.Member("provider_id").Hash(), Seq: c.Member("seq").Uint(1, maxUnix), Subject: c.Member("subject").OneOf(Subjects...),
		Opens: readTime(c.Member("opens")), Closes: readTime(c.Member("closes")), Reason: c.Member("reason").Text(maxReason)}
	if old := c.Member("old"); old.Text(64) != "" {
		w.Old = old.Hash()
	}
	signed, sig := c.Member("signed_at_unix").Uint(0, maxUnix), c.Member("sig").Hex(8192)
	statement := c.Member("key_statement").Node()
	if err := c.Err(); err != nil {
		return nil, refuse("%v", err)
	}
	var err error
	if w.Statement, err = keys.ParseKeyStatement(statement.Raw); err != nil {
		return nil, refuse("key_statement: %v", err)
	}
	w.Sig = keys.Signature{Purpose: keys.PurposeReissue, Alg: w.Statement.Alg, KeyID: w.Statement.KeyID(), SignedAtUnix: signed, Sig: sig}
	return w, w.Verify()
}

// readTime reads the one spelling that MarshalJSON writes.
func readTime(c strictjson.Cursor) time.Time {
	s := c.Text(32)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || stamp(t) != s || t.Unix() <= 0 {
		c.Fail("such as 2026-11-25T12:00:00Z", "is %.40q, want a time in UTC and whole seconds", s)
	}
	return t
}
