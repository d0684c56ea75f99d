package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
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
