package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
)

// envelope is a signed proof of a lease without any physics: for tests that
// replace the verifier. salt makes another claim.
func (p *provider) envelope(t testing.TB, lease *job.Lease, salt uint64) (proof []byte, claim digest.Digest) {
	s := lease.Job.Spec
	c, err := circuit.Generate(s.CircuitID, int(s.Width), int(s.Depth), s.Seed)
	require.NoError(t, err)
	hash, err := c.Hash()
	require.NoError(t, err)
	q, err := proofs.Build(proofs.Claim{Lease: lease, CircuitHash: hash, Width: s.Width, Depth: s.Depth, Device: transcript.SimulatorDevice("numeric/1"), Engine: "engine/0.1.0 numeric/1 meter/1",
		StartedUnixMS: lease.IssuedMS, FinishedUnixMS: lease.IssuedMS + salt, KeyStatement: p.statement, TrapPass: s.Shots,
		HistDigest: digest.Sum([]byte("hist")), TrapPlanHash: digest.Sum([]byte("plan")), OutcomesRoot: digest.Sum([]byte("rows")), TrapReportHash: digest.Sum([]byte("report")),
		CompiledCircuitHash: digest.Sum([]byte("compiled")),
		Modules: []proofs.Module{{ModuleFrame: transcript.ModuleFrame{Slot: "compiler", Name: "layers", Version: "1.0.0", ABI: 1, Size: 3, SHA3: digest.Sum([]byte("abc"))}},
			{ModuleFrame: transcript.ModuleFrame{Slot: "traps", Name: "accredit", Version: "1.0.0", ABI: 1, Size: 3, SHA3: digest.Sum(trapModule)}}}})
	require.NoError(t, err)
	require.NoError(t, q.Sign(ctx, p.op, max(lease.IssuedMS/1000, p.statement.ValidFrom)))
	claim, err = q.Claim()
	require.NoError(t, err)
	proof, err = q.MarshalJSON()
	require.NoError(t, err)
	return proof, claim
}
