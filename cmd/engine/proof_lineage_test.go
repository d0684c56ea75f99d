package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

const evidenceCase = `{"op":"evidence","trust_signatures":%s,"at":%d,"policy":{"min_traps_ratio":0.92,"max_cert_age_secs":2592000,"allowed_key_algs":["ed25519"]},
"envelope":{"type_id":"quantum_v1","nullifier":"0x00","body":{"attestation":{"kind":"qpu_provider","timestamp":1730000500,"provider":{"id":"p"},
"cert":{"subject":"p","not_before":1730000000,"not_after":1735000000,"key_alg":"ed25519","pubkey_b64":"QQ==","signature_b64":"QQ==","statement":{"a":1}}},
"work":{"depth":18,"width":16,"shots":800},"traps":{"total":40,"passed":37},"qos":{}}}}`

func TestLineageEvidence(t *testing.T) {
	for _, c := range []struct {
		trust string
		at    int
		want  string
	}{
		{"true", 1_730_000_500, `{"accept":true,"reasons":[],"traps_ratio":0.925,"units":230.4}`},
		{"false", 1_730_000_500, `{"accept":false,"reasons":["ProviderSignatureInvalid"],"traps_ratio":0.925,"units":230.4}`},
		{"true", 1_740_000_000, `{"accept":false,"reasons":["ProviderCertExpired"],"traps_ratio":0.925,"units":230.4}`},
	} {
		nodes, err := batchCases(fmt.Appendf(nil, `{"cases":[`+evidenceCase+`]}`, c.trust, c.at))
		require.NoError(t, err)
		got, err := json.Marshal(answerLineage(&nodes[0]))
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(got))
	}
}

func TestLineageRefusedCases(t *testing.T) {
	nodes, err := batchCases([]byte(`{"cases":[1,{},{"op":"wilson"},{"op":"nullifier","body_cbor":"a0"},{"op":"nullifier","body_cbor":"zz"},{"op":"decode","cbor":""},
{"op":"trap_receipts"},{"op":"trap_receipts","receipts":[{"trap_digest":"00","count":1,"ok":true}]},{"op":"trap_receipts","receipts":[],"root":"` + fmt.Sprintf("%064d", 0) + `"},
{"op":"qos","p95_ms":1,"success_permil":1001,"uptime_permil":0},{"op":"evidence"},{"op":"qos","p95_ms":1,"success_permil":1,"uptime_permil":0,"x":1}]}`))
	require.NoError(t, err)
	for i := range nodes {
		b, err := json.Marshal(answerLineage(&nodes[i]))
		require.NoError(t, err)
		require.Contains(t, string(b), `{"error":{"name":"`, "case %d", i)
	}
}

func FuzzLineageCases(f *testing.F) {
	f.Add(fmt.Appendf(nil, `{"cases":[`+evidenceCase+`]}`, "false", 1))
	f.Add([]byte(`{"cases":[{"op":"trap_receipts","receipts":[]},{"op":"decode","cbor":"a0","chain_id":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := batchCases(b)
		if err != nil {
			return
		}
		for i := range nodes {
			if _, err := json.Marshal(answerLineage(&nodes[i])); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLineageEvidenceSignature: the statement's own signature counts without
// trust_signatures, and a key of small order, for which one signature fits every
// statement, does not.
func TestLineageEvidenceSignature(t *testing.T) {
	k, err := keys.NewEd25519(keys.Operational, [32]byte{3})
	require.NoError(t, err)
	statement := []byte{0xa1, 0x61, 'a', 1} // {"a":1} as canonical CBOR
	sig, err := k.SignMessage(t.Context(), statement)
	require.NoError(t, err)
	identity := append([]byte{1}, make([]byte, 31)...)
	forged := append(identity[:32:32], make([]byte, 32)...)
	require.True(t, ed25519.Verify(identity, statement, forged), "what the standard library takes")
	for name, c := range map[string]struct {
		pub, sig []byte
		ok       bool
	}{"good": {k.Public(), sig, true}, "other": {k.Public(), forged, false}, "small order": {identity, forged, false}, "short": {k.Public()[:31], sig, false}} {
		text := strings.Replace(fmt.Sprintf(evidenceCase, "false", 1_730_000_500), `"pubkey_b64":"QQ==","signature_b64":"QQ=="`,
			fmt.Sprintf(`"pubkey_b64":%q,"signature_b64":%q`, base64.StdEncoding.EncodeToString(c.pub), base64.StdEncoding.EncodeToString(c.sig)), 1)
		nodes, err := batchCases([]byte(`{"cases":[` + text + `]}`))
		require.NoError(t, err)
		got, err := json.Marshal(answerLineage(&nodes[0]))
		require.NoError(t, err)
		require.Equal(t, c.ok, strings.Contains(string(got), `"accept":true`), "%s: %s", name, got)
	}
}

// TestLineageConvert: what proof convert writes decodes under its chain_id and no
// other, and every bit flip is refused.
func TestLineageConvert(t *testing.T) {
	p := &proofs.Proof{}
	p.Body.Shots, p.Body.TrapPass, p.Body.TrapFail = 4096, 4032, 64
	p.Body.ProviderID, p.Body.CircuitHash = digest.Sum([]byte("p")), digest.Sum([]byte("c"))
	p.Body.Binding.ChainID, p.Body.Binding.Width, p.Body.Binding.Depth = 1337, 20, 120
	p.Body.Binding.TrapReportHash = digest.Sum([]byte("t"))
	raw, err := lineageCBOR(p)
	require.NoError(t, err)
	ask := func(b []byte, chain string) string {
		nodes, err := batchCases(fmt.Appendf(nil, `{"cases":[{"op":"decode","cbor":"%x"%s}]}`, b, chain))
		require.NoError(t, err)
		got, err := json.Marshal(answerLineage(&nodes[0]))
		require.NoError(t, err)
		return string(got)
	}
	good := ask(raw, `,"chain_id":1337`)
	require.Contains(t, good, fmt.Sprintf(`"reencoded":"%x"`, raw))
	require.Contains(t, good, `"type_id":3`)
	for _, chain := range []string{"", `,"chain_id":1338`, `,"chain_id":4294967296`} {
		require.Contains(t, ask(raw, chain), `"error"`, chain)
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1 << (i % 8)
		require.Contains(t, ask(bad, `,"chain_id":1337`), `"error"`, "byte %d", i)
	}
}
