package aicf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultPolicyHasTheDecidedNumbers(t *testing.T) {
	p, err := DefaultPolicy()
	require.NoError(t, err)
	n := p.Filled()
	require.EqualValues(t, 5000, p.Registry.StakeMin.Quantum)
	require.EqualValues(t, 720, p.Epochs.LengthBlocks)
	require.EqualValues(t, 50, n.WindowJobs)
	require.Equal(t, []any{uint64(7200), uint64(5000), uint64(30000), uint64(1), uint64(1000000), uint64(8192)},
		[]any{n.UnbondingRounds, n.RoundMS, n.HeartbeatMS, n.AppealEpochs, n.RejudgePPM, n.UnitsDivisor})
	require.Equal(t, "0.05", n.LateMax.String())
	require.Equal(t, "0.95", n.CompletionMin.String())
}

func TestNetworkSectionChangesTheHashOnlyWhereItSays(t *testing.T) {
	load := func(doc string) *Policy {
		p, err := Load([]byte(doc))
		require.NoError(t, err)
		return p
	}
	hash := func(p *Policy) string {
		d, err := p.Hash()
		require.NoError(t, err)
		return d.String()
	}
	plain := load(string(defaultPolicy))
	require.Equal(t, hash(plain), hash(load(string(defaultPolicy)+"network: {}\n")))
	require.NotEqual(t, hash(plain), hash(load(string(defaultPolicy)+"network: {round_ms: 1000}\n")))
	for _, bad := range []string{"{x: 1}", "{late_max: 1.5}", "{round_ms: 99999999999}", "{rejudge_ppm: 1000001}", "{reporter_share: 0.6, burn_share: 0.6}"} {
		_, err := Load([]byte(string(defaultPolicy) + "network: " + bad + "\n"))
		require.ErrorIs(t, err, ErrPolicy, bad)
	}
}

// TestLineagePolicy: the document is the lineage's example, with its units and its remainder.
func TestLineagePolicy(t *testing.T) {
	doc, ok := NamedPolicy("lineage")
	require.True(t, ok)
	p, err := Load(doc)
	require.NoError(t, err)
	own, err := Load([]byte(example(t)))
	require.NoError(t, err)
	var paths []string
	for _, c := range Diff(own, p) {
		paths = append(paths, c.Path)
	}
	require.Equal(t, []string{"name", "network.units_divisor", "network.remainder"}, paths)
	require.NoError(t, p.Unserved(), "a service can run under it")
	_, ok = NamedPolicy("default.yaml")
	require.False(t, ok)
	for _, bad := range []string{"{remainder: dust}", "{remainder: 1}"} {
		_, err := Load([]byte(string(defaultPolicy) + "network: " + bad + "\n"))
		require.ErrorIs(t, err, ErrPolicy, bad)
	}
}
