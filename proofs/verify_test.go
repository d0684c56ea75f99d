package proofs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

func verify(t testing.TB, in Input) *Report {
	t.Helper()
	r, err := Verify(ctx, in)
	require.NoError(t, err)
	require.Len(t, r.Checks, len(checks), "every step is listed")
	return r
}

func skipped(r *Report) (names []string) {
	for _, c := range r.Checks {
		if c.Skipped {
			names = append(names, c.Name)
		}
	}
	return names
}

func failed(r *Report) (names []string) {
	for _, c := range r.Checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestVerifyAcceptsAnHonestBundle(t *testing.T) {
	for name, o := range map[string]fixtureOptions{"local": {}, "leased": {leased: true}, "own circuit": {own: true}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, o)
			r := verify(t, f.input())
			require.Empty(t, failed(r), "%+v", r.Failure)
			require.True(t, r.Valid)
			require.Equal(t, LevelNone, r.Level)
			want := []string{"audit_log", "lease_signature", "metered", "recompile", "attestation", "module_policy", "governance_set", "nullifier_store"}
			if o.leased {
				want = slices.Delete(want, 1, 2)
			}
			require.Equal(t, want, skipped(r))

			alone := verify(t, Input{Proof: f.bundle.ProofCBOR})
			require.True(t, alone.Valid, "%+v", alone.Failure)
			require.Equal(t, r.Claim, alone.Claim)
			require.Contains(t, skipped(alone), "traps")
		})
	}
}

func TestVerifyFailedTraps(t *testing.T) {
	f := newFixture(t, fixtureOptions{break_: true})
	r := verify(t, f.input())
	require.Equal(t, []string{"verdict"}, failed(r))
	require.Equal(t, ExitTraps, r.Failure.Exit)
	require.Equal(t, "TrapMismatch", r.Failure.Name)
}

func TestRequireForbidsSkipping(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	in := f.input()
	for _, name := range []string{"attestation", "module_policy", "governance_set", "metered", "recompile", "nullifier_store", "lease_signature"} {
		in.Require = []string{name}
		require.Equal(t, []string{name}, failed(verify(t, in)))
	}
	in.Require = []string{"traps", "counts"}
	require.True(t, verify(t, in).Valid)
	in = Input{Proof: f.bundle.Proof, Policy: Policy{Require: []string{"traps"}}}
	r := verify(t, in)
	require.Equal(t, ExitTraps, r.Failure.Exit)
	in.Require = []string{"no such check"}
	_, err := Verify(ctx, in)
	require.ErrorContains(t, err, "does not exist")
}

func TestPolicy(t *testing.T) {
	f := newFixture(t, fixtureOptions{leased: true})
	service := key(t, keys.Service, 9).KeyID()
	mods := []digest.Digest{f.proof.Body.Binding.Modules[0].SHA3, f.proof.Body.Binding.Modules[1].SHA3}
	doc := func(s string) Policy {
		p, err := ParsePolicy([]byte(s))
		require.NoError(t, err, s)
		return *p
	}
	quote := func(d ...digest.Digest) string {
		b, err := json.Marshal(d)
		require.NoError(t, err)
		return string(b)
	}
	for _, c := range []struct {
		doc, fails string
	}{
		{`{}`, ""},
		{`{"allowed_modules":` + quote(mods...) + `}`, ""},
		{`{"allowed_modules":` + quote(mods[0]) + `}`, "module_policy"},
		{`{"allowed_modules":[]}`, "module_policy"},
		{`{"service_keys":` + quote(service) + `,"require_lease":true}`, ""},
		{`{"service_keys":` + quote(mods[0]) + `}`, "lease_signature"},
		{`{"denied_keys":` + quote(service) + `}`, "lease_signature"},
		{`{"denied_keys":` + quote(f.op.KeyID()) + `}`, "keys"},
		{`{"denied_keys":` + quote(f.proof.Body.ProviderID) + `}`, "keys"},
		{`{"min_level":"vendor-chained"}`, "attestation"},
		{`{"min_level":"none","refuse_dev":true}`, ""},
		{`{"require":["recompile"]}`, "recompile"},
	} {
		in := f.input()
		in.Policy = doc(c.doc)
		r := verify(t, in)
		if c.fails == "" {
			require.True(t, r.Valid, "%s: %+v", c.doc, r.Failure)
			continue
		}
		require.Equal(t, []string{c.fails}, failed(r), c.doc)
	}
	for _, bad := range []string{``, `[]`, `{"x":1}`, `{"allowed_modules":["00"]}`, `{"min_level":"high"}`, `{"require":["x"]}`, `{"refuse_dev":1}`} {
		_, err := ParsePolicy([]byte(bad))
		require.Error(t, err, bad)
	}
	local := newFixture(t, fixtureOptions{})
	in := local.input()
	in.Policy.RequireLease = true
	require.Equal(t, []string{"lease_signature"}, failed(verify(t, in)))
	in = local.input()
	in.TrapPolicies = map[digest.Digest][]byte{}
	require.Equal(t, []string{"trap_policy"}, failed(verify(t, in)))
}

func TestDevFlag(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	f.proof.Body.Binding.Flags = FlagDev
	require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))
	require.NoError(t, f.bundle.SetProof(f.proof))
	in := f.input()
	require.True(t, verify(t, in).Valid)
	in.Policy.RefuseDev = true
	require.Equal(t, []string{"flags"}, failed(verify(t, in)))
	f.proof.Body.Binding.Flags = 2
	require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))
	require.NoError(t, f.bundle.SetProof(f.proof))
	require.Equal(t, []string{"schema"}, failed(verify(t, f.input())))
}

func TestUnknownFamilyIsNotRejudged(t *testing.T) {
	f := newFixture(t, fixtureOptions{module: "someone_elses"})
	r := verify(t, f.input())
	require.True(t, r.Valid, "%+v", r.Failure)
	c, _ := r.Check("traps")
	require.True(t, c.Skipped)
	require.Contains(t, c.Detail, "not re-judged")
}

// TestTrapFamily: slot traps is the library that the job names, but for development
// proofs.
func TestTrapFamily(t *testing.T) {
	f := newFixture(t, fixtureOptions{family: "iqp", leased: true})
	r := verify(t, f.input())
	require.True(t, r.Valid, "%+v", r.Failure)
	require.Equal(t, "iqp@1", f.proof.Body.Binding.Params.TrapFamily)
	plain := newFixture(t, fixtureOptions{leased: true})
	require.NotEqual(t, plain.proof.Body.Binding.JobHash, f.proof.Body.Binding.JobHash)
	require.NotEqual(t, plain.proof.Body.Binding.Digests.J, f.proof.Body.Binding.Digests.J)

	resign := func(f *fixture, change func(*Binding)) []string {
		change(&f.proof.Body.Binding)
		require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))
		require.NoError(t, f.bundle.SetProof(f.proof))
		return failed(verify(t, f.input()))
	}
	require.Contains(t, resign(f, func(b *Binding) { b.Params.TrapFamily = "" }), "job_digest")
	require.Contains(t, resign(f, func(b *Binding) { b.Params.TrapFamily = "cst@1" }), "job_hash")
	require.Contains(t, resign(f, func(b *Binding) { b.Params.TrapFamily = "accredit@1" }), "schema")
	require.Contains(t, resign(f, func(b *Binding) { b.Params.TrapFamily = "IQP" }), "schema")

	// Another library than the job's, all digests computed anew.
	other := newFixture(t, fixtureOptions{})
	b := &other.proof.Body.Binding
	b.Modules[1].Name = "iqp"
	require.NoError(t, other.proof.fill())
	require.Contains(t, resign(other, func(*Binding) {}), "module_set")
	require.NotContains(t, resign(other, func(b *Binding) { b.Flags = FlagDev }), "module_set")
}

// TestTrapTier: what is recorded goes with what the job asks and what is shown.
func TestTrapTier(t *testing.T) {
	ev := transcript.MapValue(transcript.Member{Key: "kind", Value: transcript.TextValue("tdx")})
	for _, c := range []struct {
		tier, mode string
		tee, lease bool
		ok         bool
	}{
		{"", "process", false, false, true}, {"process", "process", false, false, true}, {"process", "process", true, true, true},
		{"tee", "process", true, true, true}, {"tee", "tee", true, true, true},
		{"tee", "tee", false, true, false}, {"tee", "tee", true, false, false}, {"tee", "process", false, false, false},
		{"process", "tee", true, true, false}, {"", "tee", true, true, false}, {"tee", "verifier", true, true, false},
		{"verifier", "verifier", false, true, true}, {"verifier", "process", false, true, false}, {"process", "verifier", false, true, false},
		{"network", "process", true, true, false},
	} {
		o := fixtureOptions{leased: c.lease, tier: c.tier}
		if c.tee {
			o.attest.TEE = &ev
		}
		f := newFixture(t, o)
		f.proof.Body.Binding.Params.TrapMode = c.mode
		require.NoError(t, f.proof.fill())
		require.NoError(t, f.proof.Sign(ctx, f.op, 1_763_830_002))
		require.NoError(t, f.bundle.SetProof(f.proof))
		bad := slices.Contains(failed(verify(t, f.input())), "schema")
		require.Equal(t, c.ok, !bad, "%+v", c)
	}
}

// lyingJudge answers with something else in one respect.
type lyingJudge struct{ change func(*JudgeOutput) }

func (l lyingJudge) Rejudge(ctx context.Context, in JudgeInput) (JudgeOutput, error) {
	out, err := NativeJudge{}.Rejudge(ctx, in)
	l.change(&out)
	return out, err
}

func TestRejudgementComparesEverything(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	for name, change := range map[string]func(*JudgeOutput){
		"trap_plan_hash": func(o *JudgeOutput) { o.RowsRoot[0] ^= 1 },
		"trap_plan":      func(o *JudgeOutput) { o.PlanSHA3[0] ^= 1 },
		"another report": func(o *JudgeOutput) { o.Report[40] ^= 1 },
		"hist_digest":    func(o *JudgeOutput) { o.TargetRows[0] ^= 1 },
	} {
		in := f.input()
		in.Judge = lyingJudge{change}
		r := verify(t, in)
		require.Equal(t, []string{"traps"}, failed(r))
		require.Contains(t, r.Failure.Message, name)
		require.Equal(t, ExitTraps, r.Failure.Exit)
	}
}

type recompiler struct {
	out []byte
	err error
}

func (r recompiler) Recompile(_ context.Context, in RecompileInput) ([]byte, error) {
	if len(in.Modules) != 1 || len(in.Circuit) == 0 {
		return nil, errors.New("wrong input")
	}
	return r.out, r.err
}

func TestRecompile(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	in := f.input()
	in.Recompiler = recompiler{out: f.bundle.Compiled}
	in.Require = []string{"recompile"}
	require.True(t, verify(t, in).Valid)
	in.Recompiler = recompiler{out: []byte("x")}
	require.Equal(t, []string{"recompile"}, failed(verify(t, in)))
	in.Recompiler = recompiler{err: ErrUnknownModule}
	require.Equal(t, []string{"recompile"}, failed(verify(t, in)))
	in.Require = nil
	require.True(t, verify(t, in).Valid)
}

// attester answers with what a test gives it.
type attester struct {
	verdicts []EvidenceVerdict
	err      error
}

func (a attester) Attest(_ context.Context, in AttestInput) ([]EvidenceVerdict, error) {
	if in.TimeMS == 0 || in.R.IsZero() || in.X.IsZero() || in.ProviderID.IsZero() || in.ModuleSet.IsZero() || (in.Lease == nil) != in.LeaseFrame.LeaseID.IsZero() {
		return nil, errors.New("wrong input")
	}
	return a.verdicts, a.err
}

func TestAttestation(t *testing.T) {
	ev := transcript.MapValue(transcript.Member{Key: "vendor", Value: transcript.TextValue("AcmeQPU")}, transcript.Member{Key: "n", Value: transcript.IntValue(-3)})
	for _, leased := range []bool{false, true} {
		f := newFixture(t, fixtureOptions{leased: leased, attest: Attest{QPU: &ev}})
		in := f.input()
		require.Contains(t, skipped(verify(t, in)), "attestation")
		in.Attester = attester{verdicts: []EvidenceVerdict{{Member: "qpu", Accepted: true, Level: LevelDeviceSigned}}}
		r := verify(t, in)
		require.True(t, r.Valid)
		require.Equal(t, LevelDeviceSigned, r.Level)
		require.Len(t, r.Evidence, 1)
		in.Policy.MinLevel = LevelDeviceTEE
		require.Equal(t, []string{"attestation"}, failed(verify(t, in)))
		in.Policy.MinLevel = LevelVendorChained
		require.True(t, verify(t, in).Valid)
		in.Policy.MinLevel = LevelTEESigned
		require.Equal(t, []string{"attestation"}, failed(verify(t, in)), "a device says nothing about the runner")
	}
	f := newFixture(t, fixtureOptions{attest: Attest{QPU: &ev, TEE: &ev}})
	chain := EvidenceReason{"chain", "chain invalid: no root in roots/"}
	tcb := EvidenceReason{"tcb", "the platform's patch level is Revoked"}
	good := func(m string, l Level) EvidenceVerdict {
		return EvidenceVerdict{Member: m, Accepted: true, Level: l}
	}
	for name, c := range map[string]struct {
		verdicts []EvidenceVerdict
		level    Level
		fails    string // part of the message; empty: valid
	}{
		"both":               {[]EvidenceVerdict{good("qpu", LevelDeviceSigned), good("tee", LevelTEESigned)}, LevelDeviceTEE, ""},
		"chained and TEE":    {[]EvidenceVerdict{good("tee", LevelTEESigned), good("qpu", LevelVendorChained)}, LevelChainedTEE, ""},
		"nothing":            {[]EvidenceVerdict{good("tee", LevelNone), good("qpu", LevelNone)}, LevelNone, ""},
		"one refused":        {[]EvidenceVerdict{good("qpu", LevelDeviceSigned), {Member: "tee", Level: LevelTEESigned, Reasons: []EvidenceReason{chain}}}, LevelNone, "chain invalid: no root in roots/ (tee)"},
		"two refused":        {[]EvidenceVerdict{{Member: "qpu", Level: LevelNone, Reasons: []EvidenceReason{chain}}, {Member: "tee", Level: LevelNone, Reasons: []EvidenceReason{chain, tcb}}}, LevelNone, "chain invalid: no root in roots/ (qpu); chain invalid: no root in roots/ (tee); the platform's patch level is Revoked (tee)"},
		"without a reason":   {[]EvidenceVerdict{{Member: "qpu", Level: LevelNone}, good("tee", LevelTEESigned)}, LevelNone, "refused (qpu)"},
		"one not judged":     {[]EvidenceVerdict{good("qpu", LevelDeviceSigned)}, LevelNone, "judged"},
		"one judged twice":   {[]EvidenceVerdict{good("qpu", LevelDeviceSigned), good("qpu", LevelDeviceSigned)}, LevelNone, "judged"},
		"a level of its own": {[]EvidenceVerdict{good("qpu", "golden"), good("tee", LevelTEESigned)}, LevelNone, "unknown level"},
	} {
		in := f.input()
		in.Attester = attester{verdicts: c.verdicts}
		r := verify(t, in)
		require.Equal(t, c.level, r.Level, name)
		if c.fails == "" {
			require.True(t, r.Valid, "%s: %+v", name, r.Failure)
			continue
		}
		require.Equal(t, []string{"attestation"}, failed(r), name)
		require.Contains(t, r.Failure.Error(), "AttestationError: ", name)
		require.Contains(t, r.Failure.Message, c.fails, name)
		require.Equal(t, ExitSignature, r.Failure.Exit, name)
	}
	in := f.input()
	in.Attester, in.Require = attester{verdicts: []EvidenceVerdict{good("tee", LevelNone), good("qpu", LevelNone)}}, []string{"attestation"}
	require.Equal(t, []string{"attestation"}, failed(verify(t, in)), "evidence that reaches no level does not satisfy --require")
	in.Attester = attester{err: errors.New("no answer")}
	_, err := Verify(ctx, in)
	require.ErrorContains(t, err, "no answer")
}

// TestSealedSeed wants the sealed seed where the traps are said to be a TEE's secret,
// whether the job asked for it or not.
func TestSealedSeed(t *testing.T) {
	ev := transcript.MapValue()
	for _, mode := range []string{"tee", "process"} {
		f := newFixture(t, fixtureOptions{leased: true, mode: mode, tier: "tee", attest: Attest{TEE: &ev}})
		in := f.input()
		require.Contains(t, skipped(verify(t, in)), "attestation", "nobody can judge it here")
		verdict := EvidenceVerdict{Member: "tee", Accepted: true, Level: LevelTEESigned}
		in.Attester = attester{verdicts: []EvidenceVerdict{verdict}}
		r := verify(t, in)
		require.Equal(t, []string{"attestation"}, failed(r))
		require.Contains(t, r.Failure.Message, "sealed")
		verdict.SealedSeed = true
		in.Attester = attester{verdicts: []EvidenceVerdict{verdict}}
		require.True(t, verify(t, in).Valid)
	}
	bare := newFixture(t, fixtureOptions{leased: true, mode: "tee", tier: "tee"})
	require.Equal(t, []string{"schema", "attestation"}, failed(verify(t, bare.input())))
}

func TestLevels(t *testing.T) {
	require.Len(t, Levels(), 8)
	for _, a := range Levels() {
		require.True(t, a.Covers(a))
		require.True(t, a.Covers(LevelNone))
		require.Equal(t, a, a.Join(LevelNone))
		for _, b := range Levels() {
			j := a.Join(b)
			require.True(t, j.Covers(a) && j.Covers(b))
			require.Equal(t, j, b.Join(a))
			require.False(t, a != b && a.Covers(b) && b.Covers(a))
		}
	}
	require.False(t, LevelDeviceSigned.Covers(LevelTEESigned))
	require.False(t, LevelTEESigned.Covers(LevelVendorAsserted))
	require.True(t, LevelDeviceTEE.Covers(LevelTEESigned))
	require.False(t, Level("golden").Covers(LevelNone))
	require.False(t, LevelDeviceTEE.Covers("golden"))
	require.Equal(t, LevelNone, LevelDeviceTEE.Join("golden"))
}

type store map[digest.Digest]digest.Digest

func (s store) Lookup(_ context.Context, n digest.Digest) (digest.Digest, bool, error) {
	if s == nil {
		return digest.Digest{}, false, errors.New("store is down")
	}
	c, ok := s[n]
	return c, ok, nil
}

func TestNullifierStore(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	in := f.input()
	in.Nullifiers = store{}
	r := verify(t, in)
	require.True(t, r.Valid)
	in.Nullifiers = store{f.proof.Nullifier: r.Claim}
	require.True(t, verify(t, in).Valid)
	in.Nullifiers = store{f.proof.Nullifier: digest.Sum(nil)}
	r = verify(t, in)
	require.Equal(t, "NullifierReuseError", r.Failure.Name)
	require.Equal(t, 6003, r.Failure.Code)
	in.Nullifiers = store(nil)
	_, err := Verify(ctx, in)
	require.ErrorContains(t, err, "store is down")
}

func TestFreshness(t *testing.T) {
	f := newFixture(t, fixtureOptions{leased: true})
	for _, c := range []struct {
		receipt, at uint64
		ok          bool
	}{
		{0, 0, true}, {1_763_830_002_000, 0, true}, {0, 1_763_830_002_000, true}, {0, 1_900_000_000_000, true},
		{1_763_830_009_000 + skewMS, 0, true}, {1_763_830_009_001 + skewMS, 0, false},
		{1_763_830_001_720 - skewMS, 0, true}, {1_763_830_001_719 - skewMS, 0, false}, {0, 1_700_000_000_000, false},
	} {
		in := f.input()
		in.ReceiptMS, in.AtMS = c.receipt, c.at
		r := verify(t, in)
		require.Equal(t, c.ok, r.Valid, "%+v", c)
		if !c.ok {
			require.Equal(t, []string{"freshness"}, failed(r))
		}
	}
	for _, times := range [][2]uint64{{1_763_829_000_000, 1_763_829_000_001}, {1_763_830_000_000, 1_763_830_100_000}} {
		p := f.clone(t)
		p.Body.Binding.StartedUnixMS, p.Body.Binding.FinishedUnixMS = times[0], times[1]
		p.Body.QoS.LatencyMS = times[1] - times[0]
		require.NoError(t, p.fill())
		require.NoError(t, p.Sign(ctx, f.op, 1_763_830_002))
		b, err := p.MarshalCBOR()
		require.NoError(t, err)
		require.Equal(t, []string{"freshness"}, failed(verify(t, Input{Proof: b})))
	}
}

func TestVerifyWithoutAProof(t *testing.T) {
	r := verify(t, Input{})
	require.Equal(t, []string{"syntax"}, failed(r))
	require.Equal(t, ExitProof, r.Failure.Exit)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := Verify(canceled, Input{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAcceptableTrapCounts(t *testing.T) {
	for _, c := range []struct {
		pass, fail, shots, ppm uint64
		ok                     bool
	}{
		{4032, 64, 4096, 100_000, true}, {410, 0, 4096, 100_000, true}, {409, 0, 4096, 100_000, true}, {408, 0, 4096, 100_000, false},
		{4097, 0, 4096, 100_000, false}, {4096, 1, 4096, 100_000, false}, {0, 4096, 4096, 100_000, true}, {^uint64(0), 2, 4096, 1, false}, {1, 1, 1 << 60, 1, false}, {1, 1, 2, transcript.PPM + 1, false},
	} {
		require.Equal(t, c.ok, AcceptableTrapCounts(c.pass, c.fail, c.shots, c.ppm), "%+v", c)
	}
}
