package job

import (
	"strings"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/stretchr/testify/require"
)

func TestNamedTrapPolicies(t *testing.T) {
	p, err := NamedTrapPolicy(ExactPolicy)
	require.NoError(t, err)
	require.Equal(t, guest.Policy{P1: 1000, P2: 1000, RO: 1000, AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000, TMinAlpha: 1_000_000, TMinBeta: 1000}, p.Record)
	r, err := NamedTrapPolicy("ref@1")
	require.NoError(t, err)
	require.Equal(t, uint64(5_000_000), r.Record.RO)
	a, err := p.Hash()
	require.NoError(t, err)
	b, err := r.Hash()
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	_, err = NamedTrapPolicy("../policies/exact@1")
	require.ErrorContains(t, err, "no embedded trap policy")
}

func TestTrapPolicyRefusals(t *testing.T) {
	p, err := NamedTrapPolicy(ExactPolicy)
	require.NoError(t, err)
	doc := string(p.Document)
	for name, bad := range map[string]string{
		"unknown member":  strings.Replace(doc, `"p1_ppb"`, `"p9_ppb"`, 1),
		"repeated member": strings.Replace(doc, `"p2_ppb"`, `"p1_ppb"`, 1),
		"rate above half": strings.Replace(doc, `"p1_ppb": 1000`, `"p1_ppb": 500000001`, 1),
		"level of zero":   strings.Replace(doc, `"alpha_a_ppb": 400000`, `"alpha_a_ppb": 0`, 1),
		"fraction":        strings.Replace(doc, `"p1_ppb": 1000`, `"p1_ppb": 1000.0`, 1),
		"trailing data":   doc + "{}",
		"too long":        doc + strings.Repeat(" ", maxPolicyBytes),
	} {
		_, err := ParseTrapPolicy([]byte(bad))
		require.Error(t, err, name)
	}
}

func FuzzParseTrapPolicy(f *testing.F) {
	for _, name := range []string{"exact@1", "ref@1"} {
		p, err := NamedTrapPolicy(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Document)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if p, err := ParseTrapPolicy(doc); err == nil {
			_, err := guest.ParsePolicy(p.Record.Append(nil))
			require.NoError(t, err)
		}
	})
}
