// Package statement holds the documents that are signed beside a proof: target audit
// (quantum_audit_v1), fraud proof (quantum_fraud_v1), and the three of trap_mode
// verifier (quantum_batch_v1, quantum_raw_v1, quantum_verdict_v1); ../SPEC.md,
// "Statements".
//
// It promises that Open returns only frames whose signature holds and whose bytes
// have one reading, and that Body, which repeats the frame for people, decides
// nothing. It does not say who the author is: a caller compares KeyID, or the key
// statement where a document carries one.
package statement

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
)

// MaxBytes bounds a document.
const MaxBytes = 256 << 10

// The types of documents.
const (
	TypeAudit   = "quantum_audit_v1"
	TypeFraud   = "quantum_fraud_v1"
	TypeBatch   = "quantum_batch_v1"
	TypeRaw     = "quantum_raw_v1"
	TypeVerdict = "quantum_verdict_v1"
)

// purposes of the signatures.
var purposes = map[string]string{TypeAudit: keys.PurposeAudit, TypeFraud: keys.PurposeFraud, TypeBatch: keys.PurposeBatch, TypeRaw: keys.PurposeRaw, TypeVerdict: keys.PurposeVerdict}

// ErrStatement is wrapped by every refusal of a document.
var ErrStatement = errors.New("statement refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrStatement, fmt.Errorf(format, args...))
}

// Statement is an opened document.
type Statement struct {
	Type      string
	Frame     []byte // bytes of the signed frame
	Digest    digest.Digest
	KeyID     digest.Digest // of the signing key
	SignedAt  uint64        // Unix seconds, the author's word
	Authority *keys.KeyStatement
}

// document is the transport form.
type document struct {
	TypeID    string             `json:"type_id"`
	Body      any                `json:"body"`
	Frame     string             `json:"frame"`
	PublicKey string             `json:"public_key"`
	Alg       string             `json:"alg"`
	KeyID     string             `json:"key_id"`
	SignedAt  uint64             `json:"signed_at"`
	Signature string             `json:"signature"`
	Authority *keys.KeyStatement `json:"key_statement,omitempty"`
}

// Sign makes a document of a type around a frame; body repeats it for people. The
// root's word for the key is added where a provider_id must be shown.
func Sign(ctx context.Context, typeID string, frame []byte, body any, key *keys.Held, authority bool, nowUnix uint64) ([]byte, error) {
	purpose, ok := purposes[typeID]
	if !ok {
		return nil, refuse("type %.40q is not known", typeID)
	}
	sig, err := keys.Sign(ctx, key.Operational, purpose, digest.Sum(frame), nowUnix)
	if err != nil {
		return nil, err
	}
	d := document{TypeID: typeID, Body: body, Frame: hex.EncodeToString(frame), PublicKey: hex.EncodeToString(key.Operational.Public()), Alg: sig.Alg,
		KeyID: sig.KeyID.String(), SignedAt: sig.SignedAtUnix, Signature: hex.EncodeToString(sig.Sig)}
	if authority {
		d.Authority = key.Statement
	}
	b, err := json.MarshalIndent(d, "", "  ")
	return append(b, '\n'), err
}

// TypeOf peeks at the type of a document, empty where it is none.
func TypeOf(b []byte) string {
	c := strictjson.Open(b, limits)
	if m, ok := c.Optional("type_id"); ok && m.Kind() == strictjson.String {
		if t := m.Text(64); c.Err() == nil && purposes[t] != "" {
			return t
		}
	}
	return ""
}

var limits = strictjson.Limits{Bytes: MaxBytes, Depth: 8, Values: 4096}

// Open verifies a document of a type.
func Open(b []byte, typeID string) (*Statement, error) {
	c := strictjson.Open(b, limits)
	c.Only("type_id", "body", "frame", "public_key", "alg", "key_id", "signed_at", "signature", "key_statement").Member("type_id").OneOf(typeID)
	c.Member("body")
	s := &Statement{Type: typeID, Frame: c.Member("frame").Hex(1 << 17), KeyID: c.Member("key_id").Hash(), SignedAt: c.Member("signed_at").Uint(0, 1<<53-1)}
	public := c.Member("public_key").Hex(4096)
	sig := keys.Signature{Purpose: purposes[typeID], Alg: c.Member("alg").Text(64), KeyID: s.KeyID, SignedAtUnix: s.SignedAt, Sig: c.Member("signature").Hex(8192)}
	if m, ok := c.Optional("key_statement"); ok {
		s.Authority = keys.ReadKeyStatement(m)
	}
	if err := c.Err(); err != nil {
		return nil, refuse("%w", err)
	}
	if s.Digest = digest.Sum(s.Frame); len(s.Frame) == 0 {
		return nil, refuse("frame is empty")
	}
	if err := sig.Verify(sig.Alg, public, sig.Purpose, s.Digest); err != nil {
		return nil, refuse("signature: %w", err)
	}
	return s, s.checkAuthority()
}

// checkAuthority holds the root's word, where the document carries one, against the
// signing key.
func (s *Statement) checkAuthority() error {
	a := s.Authority
	if a == nil {
		return nil
	}
	if err := a.Verify(); err != nil {
		return refuse("key_statement: %w", err)
	}
	if a.Role != keys.Operational || a.KeyID() != s.KeyID || s.SignedAt < a.ValidFrom {
		return refuse("key_statement is for the %s key %s from %d on, the document is signed by %s at %d", a.Role, a.KeyID(), a.ValidFrom, s.KeyID, s.SignedAt)
	}
	return nil
}
