package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs"
)

// BenchmarkGuideBundle verifies the whole bundle of the guide's job: all digests, and
// the traps of 4096 slots judged again.
func BenchmarkGuideBundle(b *testing.B) {
	bundle, err := proofs.Load(runJob(b, "../../examples/jobs/guide.json"))
	require.NoError(b, err)
	for b.Loop() {
		if got := ask(b, &request{bundle: bundle}); !got.Valid {
			b.Fatal(got)
		}
	}
}
