package proofs

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// believer accepts whatever evidence it is shown, at the highest level: a TEE
// whose attestation key was taken out of the machine.
type believer struct{}

// Attest implements Attester.
func (believer) Attest(context.Context, AttestInput) ([]EvidenceVerdict, error) {
	return []EvidenceVerdict{{Member: "tee", Kind: "tdx", Accepted: true, Level: LevelDeviceTEE}}, nil
}

// TestAQuoteCancelsNoTrapFailure: traps that failed fail the proof, whatever the
// evidence says.
func TestAQuoteCancelsNoTrapFailure(t *testing.T) {
	ev := transcript.MapValue(transcript.Member{Key: "kind", Value: transcript.TextValue("tdx")})
	f := newFixture(t, fixtureOptions{leased: true, break_: true, attest: Attest{TEE: &ev}})
	in := f.input()
	in.Attester = believer{}
	r := verify(t, in)
	require.False(t, r.Valid)
	require.Equal(t, ExitTraps, r.Failure.Exit)
	require.Contains(t, failed(r), "verdict")
	require.NotContains(t, failed(r), "attestation", "the evidence was believed, and did not help")
}

// TestASecondProofOfAJobHasTheSameNullifier: another result, other traps, another
// certificate: the nullifier stays, and a store that saw the first refuses it.
func TestASecondProofOfAJobHasTheSameNullifier(t *testing.T) {
	ev := transcript.MapValue(transcript.Member{Key: "device_id", Value: transcript.TextValue("AQ-7x")})
	first := newFixture(t, fixtureOptions{leased: true})
	for name, o := range map[string]fixtureOptions{"failing traps": {leased: true, break_: true}, "other evidence": {leased: true, attest: Attest{QPU: &ev}},
		"another module": {leased: true, module: "clifford_parity"}} {
		second := newFixture(t, o)
		require.Equal(t, first.proof.Nullifier, second.proof.Nullifier, name)
		a, err := first.proof.Claim()
		require.NoError(t, err)
		b, err := second.proof.Claim()
		require.NoError(t, err)
		require.NotEqual(t, a, b, name)
		in := second.input()
		in.Nullifiers = store{first.proof.Nullifier: a}
		require.Contains(t, failed(verify(t, in)), "nullifier_store", name)
	}
	// Under another chain, job or provider it is another claim, and J another too.
	n := map[digest.Digest]bool{}
	for _, c := range []struct {
		chain         uint64
		job, provider digest.Digest
	}{{1, digest.Digest{1}, digest.Digest{2}}, {2, digest.Digest{1}, digest.Digest{2}}, {1, digest.Digest{3}, digest.Digest{2}}, {1, digest.Digest{1}, digest.Digest{3}}} {
		d, err := transcript.Nullifier(c.chain, c.job, c.provider)
		require.NoError(t, err)
		n[d] = true
	}
	require.Len(t, n, 4)
}
