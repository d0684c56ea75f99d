package main

import (
	"encoding/hex"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

const maxAuditBytes = 64 << 10

// checkDocument verifies the signature of an audit, and takes round, beacon and
// leaves from its frame.
func (e *program) checkDocument(f *auditFlags) ([]byte, error) {
	b, err := e.ReadInput("--check", f.check, maxAuditBytes, cli.ProofInvalid)
	if err != nil {
		return nil, err
	}
	frame, err := readSigned(b, typeAudit, keys.PurposeAudit)
	if err != nil {
		return nil, cli.Errorf(cli.ProofInvalid, "--check", "%w", err).Named("AuditInvalid")
	}
	a, err := transcript.ParseAudit(frame)
	if err != nil {
		return nil, cli.Errorf(cli.ProofInvalid, "--check", "%w", err).Named("AuditInvalid")
	}
	f.round, f.beacon, f.leaves = a.Round, a.Beacon.String(), a.Leaves
	return frame, nil
}

// readSigned returns the frame of a signed document of a type.
func readSigned(b []byte, typeID, purpose string) ([]byte, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxAuditBytes, Depth: 4, Values: 64})
	c.Only("type_id", "body", "frame", "public_key", "alg", "key_id", "signed_at", "signature").Member("type_id").OneOf(typeID)
	c.Member("body")
	bin := func(key string, most int) []byte {
		out, err := hex.DecodeString(c.Member(key).Text(2 * most))
		if err != nil || len(out) == 0 {
			c.Member(key).Fail("", "is not hexadecimal")
		}
		return out
	}
	frame, public, sig := bin("frame", 4096), bin("public_key", 4096), bin("signature", 8192)
	s := keys.Signature{Purpose: purpose, Alg: c.Member("alg").Text(64), KeyID: c.Member("key_id").Hash(), SignedAtUnix: c.Member("signed_at").Uint(0, 1<<53), Sig: sig}
	if err := c.Err(); err != nil {
		return nil, err
	}
	return frame, s.Verify(s.Alg, public, purpose, digest.Sum(frame))
}
