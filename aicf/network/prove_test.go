package network_test

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/traps"
)

// The jobs of these tests are small; their traps are real, their target
// outcomes made up: a verifier cannot tell, for the simulator's circuit is hard.
const (
	testWidth, testDepth, testShots = 4, 6, 512
)

func jobDocument(n int, maxLatencyMS int) json.RawMessage {
	latency := ""
	if maxLatencyMS > 0 {
		latency = fmt.Sprintf(`"max_latency_ms":%d,`, maxLatencyMS)
	}
	return json.RawMessage(fmt.Sprintf(`{"job_id":"%s","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":%d,"depth":%d,"shots":%d,"trap_ratio":0.5,"seed":"%s"},%s"price":{"units":7}}`,
		digest.Sum(fmt.Appendf(nil, "job %d", n)), testWidth, testDepth, testShots, digest.Sum(fmt.Appendf(nil, "seed %d", n)), latency))
}

// cheat changes what a provider hands in.
type cheat struct {
	failTraps   bool // every trap fails, and the proof says so
	liesOfTraps bool // every trap fails, the report and proof say otherwise
	finishedMS  uint64
	tweak       func(*proofs.Claim)
}

func layeredOf(t testing.TB, c *circuit.Circuit) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: c.Qubits}, Clbits: c.Qubits, U: make([]circuit.U3Angles, c.Qubits), Measure: make([]int, c.Qubits)}
	started := false
	for _, op := range c.Ops {
		if op.Gate == circuit.CZ {
			if !started {
				l.Layers = append(l.Layers, nil)
				l.U = append(l.U, make([]circuit.U3Angles, c.Qubits)...)
				started = true
			}
			last := len(l.Layers) - 1
			l.Layers[last] = append(l.Layers[last], circuit.Pair{A: min(op.Q[0], op.Q[1]), B: max(op.Q[0], op.Q[1])})
			continue
		}
		started = false
		l.U[len(l.Layers)*c.Qubits+int(op.Q[0])] = circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}.Normal()
	}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	require.NoError(t, l.Validate())
	return l
}

func madeUp(h *guest.Hidden, pass bool) *transcript.Outcomes {
	o := &transcript.Outcomes{Width: testWidth, Slots: uint64(h.N), Presence: transcript.AllPresent(uint64(h.N))}
	for i := range h.N {
		bit := byte(i*7+i/3) & 0xf
		switch guest.SlotKind(h.Kind[i]) {
		case guest.SlotMatch:
			bit = 0
			if !pass {
				bit = h.Mask[i]
			}
		case guest.SlotParity:
			if want := h.Parity[i]; (byte(bits.OnesCount8(bit&h.Mask[i]))&1 == want) != pass {
				bit ^= h.Mask[i] & -h.Mask[i]
			}
		}
		o.Rows = append(o.Rows, bit^h.Pad[i])
	}
	return o
}

var trapModule = []byte("trap library bytes")

// prove runs a lease as an honest provider, or as the cheat says, and returns
// proof and bundle.
func (p *provider) prove(t testing.TB, lease *job.Lease, ch cheat) (proof []byte, bundle []byte) {
	t.Helper()
	s := lease.Job.Spec
	c, err := circuit.Generate(s.CircuitID, int(s.Width), int(s.Depth), s.Seed)
	require.NoError(t, err)
	canonical, err := c.CanonicalBytes()
	require.NoError(t, err)
	ch256, err := c.Hash()
	require.NoError(t, err)
	layered := layeredOf(t, c)
	compiled := guest.AppendLayered(nil, layered)
	pol, err := job.NamedTrapPolicy(job.ExactPolicy)
	require.NoError(t, err)

	finished := max(lease.IssuedMS+100, ch.finishedMS)
	cl := proofs.Claim{Lease: lease, CircuitHash: ch256, Width: s.Width, Depth: s.Depth, Device: transcript.SimulatorDevice("numeric/1"), Engine: "engine/0.1.0 numeric/1 meter/1",
		StartedUnixMS: lease.IssuedMS, FinishedUnixMS: finished, KeyStatement: p.statement,
		Modules: []proofs.Module{{ModuleFrame: transcript.ModuleFrame{Slot: "compiler", Name: "layers", Version: "1.0.0", ABI: 1, Size: 3, SHA3: digest.Sum([]byte("abc"))}},
			{ModuleFrame: transcript.ModuleFrame{Slot: "traps", Name: "accredit", Version: "1.0.0", ABI: 1, Size: uint64(len(trapModule)), SHA3: digest.Sum(trapModule)}, MeteredSHA3: digest.Sum([]byte("metered"))}}}
	cl.CompiledCircuitHash, err = transcript.CompiledHash(compiled)
	require.NoError(t, err)
	first, err := proofs.Build(cl) // J first: the trap root needs it
	require.NoError(t, err)
	root, err := seed.Root(digest.Sum(trapModule), lease.Seed, first.Body.Binding.Digests.J)
	require.NoError(t, err)
	header := guest.Header{Shots: s.Shots, RatioPPM: s.TrapRatioPPM}
	plan, err := traps.Plan(layered, header, pol.Record, traps.Accredit)
	require.NoError(t, err)
	_, hidden, err := traps.Generate(layered, plan, root, 0, int(s.Shots))
	require.NoError(t, err)
	out := madeUp(hidden, !ch.failTraps)
	r, err := traps.Rejudge(traps.Accredit, compiled, header, pol.Record, root, out, s.Shots)
	require.NoError(t, err)
	if ch.failTraps {
		cl.Status = transcript.StatusFailed
	}
	if ch.liesOfTraps {
		out = madeUp(hidden, false)
	}
	hist, err := transcript.HistOfRows(testWidth, r.TargetRows)
	require.NoError(t, err)
	cl.HistDigest, err = hist.Digest()
	require.NoError(t, err)
	cl.TrapPlanHash, err = transcript.TrapPlanHash(r.PlanSHA3, r.RowsRoot)
	require.NoError(t, err)
	cl.TrapPass, cl.TrapFail = r.Verdict.TrapPass, r.Verdict.TrapFail
	cl.OutcomesRoot, err = out.Root()
	require.NoError(t, err)
	cl.TrapReportHash = digest.Sum(r.Report)
	cl.Logged.J = first.Body.Binding.Digests.J
	if ch.tweak != nil {
		ch.tweak(&cl)
	}
	q, err := proofs.Build(cl)
	require.NoError(t, err)
	require.NoError(t, q.Sign(ctx, p.op, max(finished/1000, p.statement.ValidFrom)))

	b := &proofs.Bundle{Circuit: canonical, Compiled: compiled, Report: r.Report, Policy: pol.Document, Modules: map[digest.Digest][]byte{digest.Sum(trapModule): trapModule}}
	b.Outcomes, err = out.MarshalBinary()
	require.NoError(t, err)
	b.Lease, err = json.Marshal(lease)
	require.NoError(t, err)
	require.NoError(t, b.SetProof(q))
	tar, err := b.Tar()
	require.NoError(t, err)
	return b.Proof, tar
}
