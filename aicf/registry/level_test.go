package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/proofs"
)

// TestEveryLevelIsDemanded: a policy that demands a level takes those that cover it and no other; what a
// device says and what a TEE says do not replace each other.
func TestEveryLevelIsDemanded(t *testing.T) {
	for _, want := range proofs.Levels() {
		for _, have := range proofs.Levels() {
			require.Equal(t, have.Covers(want), reaches(string(have), &aicf.Network{MinLevel: string(want)}), "%s for %s", have, want)
		}
		require.Equal(t, want == proofs.LevelNone, reaches(string(proofs.LevelNone), &aicf.Network{MinLevel: string(want)}), "no evidence for %s", want)
	}
	require.False(t, reaches(string(proofs.LevelDeviceTEE), &aicf.Network{MinLevel: "tee"}), "an unknown level is reached by none")
	require.False(t, reaches(string(proofs.LevelDeviceSigned), &aicf.Network{MinLevel: string(proofs.LevelTEESigned)}))
}
