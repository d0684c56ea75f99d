package proofs

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/traps"
)

var ctx = context.Background()

// fixture is a self-consistent job: real traps, outcomes made up so that every
// trap passes, all digests and signatures real.
type fixture struct {
	proof    *Proof
	bundle   *Bundle
	op       *keys.Ed25519Key
	policies map[digest.Digest][]byte
	hist     *transcript.Hist
}

const fixtureShots = 512

// fixtureOptions vary the job.
type fixtureOptions struct {
	leased  bool
	own     bool // the buyer's own circuit instead of a generator
	attest  Attest
	break_  bool   // make every trap fail
	module  string // another name of the trap library, and of the job's family
	family  string // a shipped trap library; empty: accredit, and no member trap_family
	tier    string // trap_tier
	mode    string // trap_mode; empty: process
	started uint64
}

func key(t testing.TB, role keys.Role, b byte) *keys.Ed25519Key {
	k, err := keys.NewEd25519(role, [32]byte{b})
	require.NoError(t, err)
	return k
}

func fixtureJob(t testing.TB, o fixtureOptions) (*job.Job, *circuit.Circuit) {
	spec := `"circuit_id":"animica.quantum.trapset.v1"`
	if o.own {
		spec = `"circuit":{"format":"openqasm3","source":"ignored by this test"}`
	}
	j, err := job.Parse(fmt.Appendf(nil, `{"job_id":"%s","kind":"quantum","spec":{%s,"width":4,"depth":6,"shots":%d,"trap_ratio":0.5,"seed":"%s"},"max_latency_ms":2000,"price":{"units":7}}`,
		digest.Sum([]byte("job")), spec, fixtureShots, digest.Sum([]byte("seed"))))
	require.NoError(t, err)
	if o.mode != "" {
		j.Spec.TrapMode = o.mode
	}
	c, err := circuit.Generate("animica.quantum.trapset.v1", 4, 6, j.Spec.Seed)
	require.NoError(t, err)
	return j, c
}

func fixtureLease(t testing.TB, o fixtureOptions, j *job.Job, provider, policy digest.Digest, circuitHash digest.Digest) *job.Lease {
	if !o.leased {
		l, err := job.Local(j, policy)
		require.NoError(t, err)
		return l
	}
	l := &job.Lease{Job: j, Nonce: digest.Sum([]byte("nonce")), Beacon: []byte("beacon")}
	l.LeaseFrame = transcript.LeaseFrame{ChainID: 1337, Round: 42, JobID: j.JobID, ProviderID: provider, Fence: 2, PolicyHash: policy, IssuedMS: 1_763_829_999_000, TTLMS: 5000, DeadlineMS: 1_763_830_009_000}
	var err error
	l.JobHash, err = transcript.Sum(j.SpecFrame(circuitHash, 4, 6))
	require.NoError(t, err)
	l.LeaseID, err = transcript.LeaseID(l.ChainID, l.JobID, provider, l.Fence)
	require.NoError(t, err)
	l.Seed, err = transcript.LeaseSeed(j.Spec.Seed, l.Beacon, l.LeaseID, l.Nonce)
	require.NoError(t, err)
	require.NoError(t, l.Sign(ctx, key(t, keys.Service, 9), 1_763_829_999))
	return l
}

// layeredOf writes the trapset circuit in the compiler's form by hand: u3 layers
// and CZ layers alternate already.
func layeredOf(t testing.TB, c *circuit.Circuit) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: c.Qubits}, Clbits: c.Qubits, U: make([]circuit.U3Angles, c.Qubits), Measure: make([]int, c.Qubits)}
	started := false
	for _, op := range c.Ops {
		switch op.Gate {
		case circuit.CZ:
			if !started {
				l.Layers = append(l.Layers, nil)
				l.U = append(l.U, make([]circuit.U3Angles, c.Qubits)...)
				started = true
			}
			last := len(l.Layers) - 1
			l.Layers[last] = append(l.Layers[last], circuit.Pair{A: min(op.Q[0], op.Q[1]), B: max(op.Q[0], op.Q[1])})
		case circuit.U3:
			started = false
			l.U[len(l.Layers)*c.Qubits+int(op.Q[0])] = circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}.Normal()
		default:
			t.Fatalf("gate %d in the trapset circuit", op.Gate)
		}
	}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	require.NoError(t, l.Validate())
	return l
}

// madeUp gives outcomes that pass every trap (or fail it), and arbitrary target
// rows.
func madeUp(h *guest.Hidden, width int, pass bool) *transcript.Outcomes {
	o := &transcript.Outcomes{Width: uint64(width), Slots: uint64(h.N), Presence: transcript.AllPresent(uint64(h.N))}
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

func newFixture(t testing.TB, o fixtureOptions) *fixture {
	t.Helper()
	f := &fixture{op: key(t, keys.Operational, 2), policies: map[digest.Digest][]byte{}}
	root := key(t, keys.Root, 1)
	st, err := keys.NewKeyStatement(ctx, root, keys.Operational, f.op.Alg(), f.op.Public(), 1, 1_763_000_000)
	require.NoError(t, err)
	pol, err := job.NamedTrapPolicy(job.ExactPolicy)
	require.NoError(t, err)
	ph, err := pol.Hash()
	require.NoError(t, err)
	f.policies[ph] = pol.Record.Append(nil)

	j, c := fixtureJob(t, o)
	canonical, err := c.CanonicalBytes()
	require.NoError(t, err)
	ch, err := c.Hash()
	require.NoError(t, err)
	name, mix := "accredit", traps.Accredit
	if o.family != "" {
		name = o.family
		mix, err = traps.MixOf(name, "1.0.0")
		require.NoError(t, err)
	}
	if o.module != "" {
		name = o.module
	}
	require.NoError(t, j.Spec.SetTrapFamily(name+"@1"))
	lease := fixtureLease(t, o, j, root.KeyID(), ph, ch)
	layered := layeredOf(t, c)
	compiled := guest.AppendLayered(nil, layered)

	module := []byte("trap library bytes")
	cl := Claim{TrapTier: o.tier, Lease: lease, CircuitHash: ch, Width: 4, Depth: 6, Device: transcript.SimulatorDevice("numeric/1"), Engine: "engine/0.1.0 numeric/1 meter/1",
		StartedUnixMS: 1_763_830_000_000, FinishedUnixMS: 1_763_830_001_720, KeyStatement: st, Attest: o.attest,
		Modules: []Module{{ModuleFrame: transcript.ModuleFrame{Slot: "compiler", Name: "layers", Version: "1.0.0", ABI: 1, Size: 3, SHA3: digest.Sum([]byte("abc"))}},
			{ModuleFrame: transcript.ModuleFrame{Slot: "traps", Name: name, Version: "1.0.0", ABI: 1, Size: uint64(len(module)), SHA3: digest.Sum(module)}, MeteredSHA3: digest.Sum([]byte("metered"))}}}
	cl.CompiledCircuitHash, err = transcript.CompiledHash(compiled)
	require.NoError(t, err)

	p, err := Build(cl) // J first: the trap root needs it
	require.NoError(t, err)
	root32, err := seed.Root(digest.Sum(module), lease.Seed, p.Body.Binding.Digests.J)
	require.NoError(t, err)
	header := guest.Header{Shots: fixtureShots, RatioPPM: 500_000}
	plan, err := traps.Plan(layered, header, pol.Record, mix)
	require.NoError(t, err)
	_, hidden, err := traps.Generate(layered, plan, root32, 0, fixtureShots)
	require.NoError(t, err)
	out := madeUp(hidden, 4, !o.break_)
	r, err := traps.Rejudge(mix, compiled, header, pol.Record, root32, out, fixtureShots)
	require.NoError(t, err)
	if o.break_ {
		require.Equal(t, guest.DecisionFail, r.Verdict.Decision)
		cl.Status = transcript.StatusFailed
	} else {
		require.Equal(t, guest.DecisionPass, r.Verdict.Decision)
	}
	f.hist, err = transcript.HistOfRows(4, r.TargetRows)
	require.NoError(t, err)
	cl.HistDigest, err = f.hist.Digest()
	require.NoError(t, err)
	cl.TrapPlanHash, err = transcript.TrapPlanHash(r.PlanSHA3, r.RowsRoot)
	require.NoError(t, err)
	cl.TrapPass, cl.TrapFail = r.Verdict.TrapPass, r.Verdict.TrapFail
	cl.OutcomesRoot, err = out.Root()
	require.NoError(t, err)
	cl.TrapReportHash = digest.Sum(r.Report)
	cl.Logged.J = p.Body.Binding.Digests.J
	f.proof, err = Build(cl)
	require.NoError(t, err)
	require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))

	f.bundle = &Bundle{Circuit: canonical, Compiled: compiled, Report: r.Report, Policy: pol.Document, Modules: map[digest.Digest][]byte{digest.Sum(module): module}}
	f.bundle.Outcomes, err = out.MarshalBinary()
	require.NoError(t, err)
	f.bundle.Counts, err = CountsJSON(f.hist)
	require.NoError(t, err)
	f.bundle.Lease, err = json.Marshal(j)
	if o.leased {
		f.bundle.Lease, err = json.Marshal(lease)
	}
	require.NoError(t, err)
	f.bundle.Journal = f.journal(t)
	require.NoError(t, f.bundle.SetProof(f.proof))
	return f
}

// journal writes the executor's records of the proof.
func (f *fixture) journal(t testing.TB) []byte {
	var out bytes.Buffer
	jf, err := f.proof.jobFrame()
	require.NoError(t, err)
	for _, r := range []struct {
		kind  string
		frame transcript.Framed
	}{{"J", jf}, {"X", f.proof.execFrame()}, {"R", f.proof.resultFrame()}} {
		b, err := transcript.Encode(r.frame)
		require.NoError(t, err)
		fmt.Fprintf(&out, `{"kind":%q,"job_id":%q,"lease_id":%q,"digest":%q,"frame":%q}`+"\n", r.kind, f.proof.Body.Binding.JobID, f.proof.Body.Binding.LeaseID, digest.Sum(b), hex.EncodeToString(b))
	}
	return out.Bytes()
}

// input is a full verification of the fixture.
func (f *fixture) input() Input {
	return Input{Bundle: f.bundle, TrapPolicies: f.policies}
}

// clone decodes the proof again, for changes.
func (f *fixture) clone(t testing.TB) *Proof {
	b, err := f.proof.MarshalCBOR()
	require.NoError(t, err)
	p, err := DecodeCBOR(b)
	require.NoError(t, err)
	return p
}
