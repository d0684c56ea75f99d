package aicf

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func example(t testing.TB) string {
	b, err := os.ReadFile("testdata/policy.yaml")
	require.NoError(t, err)
	return string(b)
}

func TestLoad(t *testing.T) {
	p, err := Load([]byte(example(t)))
	require.NoError(t, err)
	require.Equal(t, uint64(100), p.Activation.Epoch)
	b, err := p.Economics.Splits.BPS()
	require.NoError(t, err)
	require.Equal(t, [3]uint64{8500, 1000, 500}, b)
	require.Equal(t, uint64(2_000_000), p.Slashing.Penalties.TrapsCheat.PenaltyAtomic)
	require.Nil(t, p.Economics.Pricing.Quantum.Piecewise[1].Upto)
	j, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(j), `"provider":0.85`)
}

// The hash covers the meaning: comments, spelling of numbers and the order of
// keys play no part, every value does.
func TestHash(t *testing.T) {
	text := example(t)
	hash := func(s string) string {
		p, err := Load([]byte(s))
		require.NoError(t, err)
		h, err := p.Hash()
		require.NoError(t, err)
		return h.String()
	}
	h := hash(text)
	require.Equal(t, h, hash("# another comment\n"+text))
	require.Equal(t, h, hash(strings.Replace(text, "0.85\n  ", "0.850\n  ", 1)))
	require.Equal(t, h, hash(strings.Replace(strings.Replace(text, "version: 1\n", "", 1), "activation:", "version: 1\nactivation:", 1)))
	for _, change := range [][2]string{{"activation_epoch: 100", "activation_epoch: 101"}, {"rollover_unspent: true", "rollover_unspent: false"}, {"upto: 2000", "upto: 2001"}, {"age: 1.0", "age: 1.1"}, {"providers: []", "providers: [x]"}} {
		changed := strings.Replace(text, change[0], change[1], 1)
		require.NotEqual(t, text, changed, change[0])
		require.NotEqual(t, h, hash(changed), change[0])
	}
}

func TestRefused(t *testing.T) {
	text := example(t)
	for _, c := range [][3]string{
		{"version: 1", "version: 2", "version"},
		{"version: 1", "version: 1\nversion: 1", "repeated"},
		{"version: 1", "version: 1\nextra: 1", "unknown key"},
		{"name: example-policy", "", "name: line"},
		{"name: example-policy", "name: &a example-policy", "anchors"},
		{"name: example-policy", "name: " + strings.Repeat("x", maxText+1), "text of at most"},
		{"provider: 0.85", "provider: 0.86", "add up"},
		{"provider: 0.85", "provider: 0.85001", "basis points"},
		{"provider: 0.85", "provider: .85", "decimal"},
		{"provider: 0.85", "provider: 0.8500000001", "decimal"},
		{"upto: 100000", "upto: 9999", "want more than"},
		{"upto: null", "upto: 200000", "last tier"},
		{"length_blocks: 1000", "length_blocks: 0", "at least 1"},
		{"length_blocks: 1000", "length_blocks: 1e3", "integer"},
		{"length_blocks: 1000", "length_blocks: 9007199254740992", "integer"},
		{"length_blocks: 1000", "length_blocks: -1", "integer"},
		{"rollover_unspent: true", "rollover_unspent: yes", "true or false"},
		{"method: \"wilson\"", "method: \"other\"", "wilson"},
		{"fractions: [0.25, 0.50, 0.25]", "fractions: [0.25, 0.50]", "differ in length"},
		{"fractions: [0.25, 0.50, 0.25]", "fractions: [0.25, 0.50, 0.26]", "add up"},
		{"surge_multiplier_max: 2.0", "surge_multiplier_max: 0.5", "surge"},
		{"randomness: \"beacon\"", "randomness: \"clock\"", "beacon"},
		{"age: 1.0", "age: 1.0\n---\na: 1", "more than one document"},
		{"providers: []", "providers: [" + strings.Repeat("x,", maxList+1) + "x]", "list of at most"},
	} {
		changed := strings.Replace(text, c[0], c[1], 1)
		require.NotEqual(t, text, changed, c[0])
		_, err := Load([]byte(changed))
		require.ErrorIs(t, err, ErrPolicy, c[1])
		require.ErrorContains(t, err, c[2])
	}
	_, err := Load(make([]byte, MaxPolicyBytes+1))
	require.ErrorContains(t, err, "limit")
	_, err = Load(nil)
	require.ErrorIs(t, err, ErrPolicy)
}

func TestDiff(t *testing.T) {
	a, err := Load([]byte(example(t)))
	require.NoError(t, err)
	require.Empty(t, Diff(a, a))
	b, err := Load([]byte(strings.Replace(strings.Replace(example(t), "provider: 0.85", "provider: 0.80", 1), "treasury: 0.10", "treasury: 0.15", 1)))
	require.NoError(t, err)
	require.Equal(t, []Change{{"economics.splits.provider", "0.85", "0.8"}, {"economics.splits.treasury", "0.1", "0.15"}}, Diff(a, b))
}

func TestDecimal(t *testing.T) {
	for in, out := range map[string]string{"0": "0", "1.50": "1.5", "0.000000001": "0.000000001", "999999999.999999999": "999999999.999999999"} {
		d, err := ParseDecimal(in)
		require.NoError(t, err)
		require.Equal(t, out, d.String())
	}
	for _, in := range []string{"", ".5", "5.", "-1", "1e3", "1.0000000001", "1000000000", "0x1"} {
		_, err := ParseDecimal(in)
		require.Error(t, err, in)
	}
	for in, out := range map[string]string{"1e2": "100", "-0.5": "-0.5", "2.5E-1": "0.25"} {
		r, err := ParseRational(in)
		require.NoError(t, err)
		require.Equal(t, out, FormatRational(r))
	}
	for _, in := range []string{"1/2", "1e41", "1e-41", "inf", "", "0x1p3", strings.Repeat("1", maxNumber+1)} {
		_, err := ParseRational(in)
		require.Error(t, err, in)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(example(f)))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("version: 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Load(b)
		if err != nil {
			return
		}
		if _, err := p.Hash(); err != nil {
			t.Fatal(err)
		}
		if len(Diff(p, p)) != 0 {
			t.Fatal("a policy differs from itself")
		}
	})
}
