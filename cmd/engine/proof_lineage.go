package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/lineage"
	"github.com/animicaorg/engine/proofs/transcript"
)

// lineageError names a case whose input the lineage's rules refuse.
const lineageError = "LineageRefused"

func (e *program) proofLineage() *cobra.Command {
	return &cobra.Command{
		Use: "lineage FILE", Short: "Answer a batch of questions about the lineage's wire forms",
		Long: `Answer a batch of questions about the wire forms of the lineage. FILE ("-" is
stdin) holds {"cases":[{"op":…},…]}; the answer is {"results":[…]} in the same
order; a refused case is {"error":{"name","message"}}.

  nullifier {body_cbor,chain_id?,policy_root?}           nullifier
  decode {cbor,chain_id?}                                type_id, nullifier, reencoded
  trap_receipts {receipts[{trap_digest,count,ok}],root?} root, ok, total, ratio
  qos {p95_ms,success_permil,uptime_permil}              score
  evidence {envelope,policy,trust_signatures,at}         accept, reasons, traps_ratio, units

Byte strings are hexadecimal digits, with or without 0x.`,
		Example: `  echo '{"cases":[{"op":"decode","cbor":"a0"}]}' | engine proof lineage -`,
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := e.ReadInput("FILE", args[0], maxBatchBytes, cli.JobInvalid)
			if err != nil {
				return err
			}
			cases, err := batchCases(b)
			if err != nil {
				return err
			}
			results := make([]any, len(cases))
			for i := range cases {
				results[i] = answerLineage(&cases[i])
			}
			return e.Print(map[string]any{"results": results}, func(w io.Writer) {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				for _, r := range results {
					_ = enc.Encode(r) // to a buffer
				}
			})
		},
	}
}

var lineageOps = map[string]operation{
	"nullifier":     {[]string{"body_cbor", "chain_id", "policy_root"}, lineageNullifier},
	"decode":        {[]string{"cbor", "chain_id"}, lineageDecode},
	"trap_receipts": {[]string{"receipts", "root"}, lineageReceipts},
	"qos":           {[]string{"p95_ms", "success_permil", "uptime_permil"}, lineageQoS},
	"evidence":      {[]string{"envelope", "policy", "trust_signatures", "at"}, lineageEvidence},
}

func answerLineage(n *strictjson.Node) any {
	c := &caseReader{node: n}
	op, known := lineageOps[c.op()]
	if c.err == nil && !known {
		c.refuse(unknownOp, "op %.40q is not known", c.op())
	}
	if c.err == nil {
		c.only(append(op.members, "op"))
	}
	var answer any
	if c.err == nil {
		answer = op.do(c)
	}
	if c.err != nil {
		return refusedCase{*c.err}
	}
	return answer
}

// member is a member of the case, nil where it is absent or null.
func (c *caseReader) member(key string) *strictjson.Node {
	for i := range c.node.Members {
		if m := &c.node.Members[i]; m.Key == key && m.Value.Kind != strictjson.Null {
			return &m.Value
		}
	}
	return nil
}

// child reads an object below the case; refusals go to the same place.
func (c *caseReader) child(key string) *caseReader {
	n := c.member(key)
	if n == nil || n.Kind != strictjson.Object {
		c.refuse(invalidCase, "%s is no object", key)
		n = &strictjson.Node{Kind: strictjson.Object}
	}
	return &caseReader{node: n}
}

// join takes over a child's refusal.
func (c *caseReader) join(key string, child *caseReader) {
	if child.err != nil {
		c.refuse(child.err.Name, "%s: %s", key, child.err.Message)
	}
}

func (c *caseReader) bytes(key string) []byte {
	b, err := hex.DecodeString(strings.TrimPrefix(c.find(key, strictjson.String), "0x"))
	if err != nil {
		c.refuse(invalidCase, "%s is no even number of hexadecimal digits", key)
	}
	return b
}

func (c *caseReader) hash32(key string) (d digest.Digest) {
	if b := c.bytes(key); len(b) != digest.Size {
		c.refuse(invalidCase, "%s has %d bytes, want 32", key, len(b))
	} else {
		d = digest.Digest(b)
	}
	return d
}

func (c *caseReader) salt() (s lineage.Salt) {
	if c.member("chain_id") != nil {
		id := c.integer("chain_id")
		s.ChainID = &id
	}
	if c.member("policy_root") != nil {
		s.PolicyRoot = c.bytes("policy_root")
	}
	return s
}

func lineageNullifier(c *caseReader) any {
	raw, salt := c.bytes("body_cbor"), c.salt()
	if c.err != nil {
		return nil
	}
	body, err := lineage.Decode(raw)
	var n digest.Digest
	if err == nil {
		n, err = lineage.Nullifier(&body, salt)
	}
	if err != nil {
		c.refuse(lineageError, "%v", err)
	}
	return map[string]any{"nullifier": n}
}

func lineageDecode(c *caseReader) any {
	raw, salt := c.bytes("cbor"), c.salt()
	if c.err != nil {
		return nil
	}
	body, _, err := lineage.DecodeEnvelope(raw, salt)
	if err != nil {
		c.refuse(lineageError, "%v", err)
		return nil
	}
	again, n, err := lineage.EncodeEnvelope(*body, salt)
	if err != nil {
		c.refuse(lineageError, "%v", err)
	}
	return map[string]any{"type_id": lineage.TypeID, "nullifier": n, "reencoded": hex.EncodeToString(again)}
}

func lineageReceipts(c *caseReader) any {
	list := c.member("receipts")
	if list == nil || list.Kind != strictjson.Array {
		c.refuse(invalidCase, "receipts is no array")
		return nil
	}
	receipts := make([]lineage.Receipt, len(list.Items))
	for i := range list.Items {
		r := &caseReader{node: &list.Items[i]}
		r.only([]string{"trap_digest", "count", "ok"})
		receipts[i] = lineage.Receipt{TrapDigest: r.hash32("trap_digest"), Count: r.integer("count")}
		r.find("ok", strictjson.Bool)
		if ok := r.member("ok"); ok != nil {
			receipts[i].OK = ok.True
		}
		c.join("receipts["+strconv.Itoa(i)+"]", r)
	}
	var root *digest.Digest
	if c.member("root") != nil {
		d := c.hash32("root")
		root = &d
	}
	if c.err != nil {
		return nil
	}
	t, err := lineage.SumReceipts(receipts, root)
	if err != nil {
		c.refuse(lineageError, "%v", err)
		return nil
	}
	return map[string]any{"root": t.Root, "ok": t.OK, "total": t.Total, "ratio": float64(t.OK) / float64(max(1, t.Total))}
}

func lineageQoS(c *caseReader) any {
	p95, success, uptime := c.integer("p95_ms"), c.integer("success_permil"), c.integer("uptime_permil")
	if c.err != nil {
		return nil
	}
	score, err := lineage.QoSScore(p95, success, uptime)
	if err != nil {
		c.refuse(domainError, "%v", err)
	}
	return map[string]any{"score": score}
}

func lineageEvidence(c *caseReader) any {
	ev := lineage.Evidence{}
	trust := c.member("trust_signatures") != nil
	if trust {
		c.find("trust_signatures", strictjson.Bool)
		trust = c.member("trust_signatures").True
	}
	envelope := c.child("envelope")
	body := envelope.child("body")
	readAttestation(body.child("attestation"), &ev, trust, body)
	work, traps := body.child("work"), body.child("traps")
	ev.Width, ev.Depth, ev.Shots = work.integer("width"), work.integer("depth"), work.integer("shots")
	ev.TrapsPassed, ev.TrapsTotal = traps.integer("passed"), traps.integer("total")
	body.join("work", work)
	body.join("traps", traps)
	envelope.join("body", body)
	c.join("envelope", envelope)
	pol := c.child("policy")
	p := lineage.EvidencePolicy{MinTrapsRatio: new(big.Rat).SetFloat64(0)}
	ratio := pol.find("min_traps_ratio", strictjson.Number)
	if r, ok := new(big.Rat).SetString(ratio); ok && len(ratio) <= 24 && !strings.ContainsAny(ratio, "eE/") {
		p.MinTrapsRatio = r
	} else {
		pol.refuse(domainError, "min_traps_ratio is %.24q, want a plain decimal", ratio)
	}
	if pol.member("max_cert_age_secs") != nil {
		p.MaxCertAgeSecs = pol.integer("max_cert_age_secs")
	}
	p.KeyAlgs = readAlgs(pol)
	c.join("policy", pol)
	at := uint64(0)
	if c.member("at") != nil {
		at = c.integer("at")
	}
	if c.err != nil {
		return nil
	}
	v := ev.Judge(p, at)
	passed, _ := v.TrapsRatio.Float64()
	units, _ := v.Units.Float64()
	return map[string]any{"accept": len(v.Reasons) == 0, "reasons": v.Reasons, "traps_ratio": passed, "units": units}
}

func readAlgs(pol *caseReader) (out []string) {
	list := pol.member("allowed_key_algs")
	if list == nil {
		return []string{"ed25519", "dilithium3", "hybrid_ed25519_dilithium3"}
	}
	for i := range list.Items {
		out = append(out, list.Items[i].Text)
	}
	return out
}

func readAttestation(a *caseReader, ev *lineage.Evidence, trust bool, body *caseReader) {
	provider, cert := a.child("provider"), a.child("cert")
	ev.Kind, ev.ProviderID, ev.Timestamp = a.find("kind", strictjson.String), provider.find("id", strictjson.String), a.integer("timestamp")
	ev.Subject, ev.KeyAlg = cert.find("subject", strictjson.String), cert.find("key_alg", strictjson.String)
	ev.NotBefore, ev.NotAfter = cert.integer("not_before"), cert.integer("not_after")
	ev.SignatureOK = trust || statementSigned(cert, ev.KeyAlg)
	a.join("provider", provider)
	a.join("cert", cert)
	body.join("attestation", a)
}

// statementSigned verifies, under the import rules of package keys, an Ed25519 signature over the canonical CBOR of the
// certificate's statement. Other algorithms are not verified here, and so count
// as not signed.
func statementSigned(cert *caseReader, alg string) bool {
	key, sig, statement := cert.member("pubkey_b64"), cert.member("signature_b64"), cert.member("statement")
	if alg != "ed25519" || key == nil || sig == nil || statement == nil || key.Kind != strictjson.String || sig.Kind != strictjson.String {
		return false
	}
	pub, err1 := base64.StdEncoding.DecodeString(key.Text)
	raw, err2 := base64.StdEncoding.DecodeString(sig.Text)
	v, err3 := transcript.ValueOfJSON(statement, transcript.Limits{Depth: 4, Bytes: 1 << 16, Text: 1024})
	if err1 != nil || err2 != nil || err3 != nil {
		return false
	}
	msg, err := transcript.EncodeCBOR(v, transcript.Limits{Depth: 4, Bytes: 1 << 16, Text: 1024})
	return err == nil && keys.VerifyMessage(keys.Ed25519, pub, msg, raw) == nil // a key of small order signs everything
}

// lineageCBOR writes a proof in the lineage's envelope. The provider's id stands
// for its certificate; the trap results are the shots in certified windows and
// the others, under the trap report's hash. The nullifier is bound to chain_id.
func lineageCBOR(p *proofs.Proof) ([]byte, error) {
	b := &p.Body
	report := b.Binding.TrapReportHash
	results := []lineage.Value{}
	for _, r := range []struct{ count, ok uint64 }{{b.TrapPass, 1}, {b.TrapFail, 0}} {
		if r.count > 0 {
			results = append(results, lineage.Value{Kind: lineage.Map, Members: []lineage.Member{
				{Key: "trapDigest", Value: lineage.Value{Kind: lineage.Bytes, Bytes: report[:]}},
				{Key: "count", Value: lineage.Value{Kind: lineage.Uint, Uint: r.count}},
				{Key: "ok", Value: lineage.Value{Kind: lineage.Bool, Uint: r.ok}},
			}})
		}
	}
	number := func(v uint64) lineage.Value { return lineage.Value{Kind: lineage.Uint, Uint: v} }
	body := lineage.Value{Kind: lineage.Map, Members: []lineage.Member{
		{Key: "providerCert", Value: lineage.Value{Kind: lineage.Bytes, Bytes: b.ProviderID[:]}},
		{Key: "trapResults", Value: lineage.Value{Kind: lineage.Array, Items: results}},
		{Key: "circuitDigest", Value: lineage.Value{Kind: lineage.Bytes, Bytes: b.CircuitHash[:]}},
		{Key: "shots", Value: number(b.Shots)}, {Key: "width", Value: number(b.Binding.Width)}, {Key: "depth", Value: number(b.Binding.Depth)},
	}}
	out, _, err := lineage.EncodeEnvelope(body, lineage.Salt{ChainID: &b.Binding.ChainID})
	return out, err
}
