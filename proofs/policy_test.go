package proofs

import "testing"

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"allowed_modules":["` + zeros + `"],"min_level":"device-signed","require":["attestation"],"refuse_dev":true}`))
	f.Add([]byte(`{"witnesses":[],"witness_quorum":1,"key_chains":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePolicy(b)
		if err != nil {
			return
		}
		if p.WitnessQuorum > max(1, len(p.Witnesses)) || len(p.AllowedModules) > maxPolicyList {
			t.Fatal("limit")
		}
	})
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
