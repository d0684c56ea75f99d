package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ranBundle runs the good job with keys in data and returns its bundle.
func ranBundle(t *testing.T, data, dir string, want int, args ...string) *proofs.Bundle {
	code, out, errs := runHere(t, goodJob, append([]string{"run", "-", "--data-dir", data, "--out", dir, "--json"}, args...)...)
	require.Equal(t, want, code, out+errs)
	b, err := proofs.Load(dir)
	require.NoError(t, err)
	return b
}

// accusation writes a fraud proof, right or wrong.
func accusation(t *testing.T, h *keys.Held, p *proofs.Proof, change func(*transcript.FraudFrame)) string {
	claim, err := p.Claim()
	require.NoError(t, err)
	f := transcript.FraudFrame{Result: p.Body.Binding.Digests.R, Claim: claim, ProviderID: p.Body.ProviderID, Reason: transcript.FraudTail, Evidence: p.Body.Binding.TrapReportHash}
	change(&f)
	frame, err := transcript.Encode(f)
	require.NoError(t, err)
	doc, err := statement.Sign(t.Context(), statement.TypeFraud, frame, "words", h, false, 9)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "fraud.json")
	require.NoError(t, os.WriteFile(path, doc, 0o600))
	return path
}

// lie makes the claim of a bundle again with another report, signed by its provider
// with all digests right: what a provider does who writes the counts by hand.
func lie(t *testing.T, h *keys.Held, b *proofs.Bundle) {
	p, err := proofs.Decode(b.Proof)
	require.NoError(t, err)
	j, _, err := job.ParseAny(b.Lease)
	require.NoError(t, err)
	v, err := guest.ParseVerdict(b.Report)
	require.NoError(t, err)
	v.Decision, v.TrapPass, v.TrapFail, v.Reasons, v.FirstBad, v.Judged = guest.DecisionPass, v.Shots, 0, 0, guest.NoWindow, v.Shots
	v.KA, v.NA, v.KB, v.NB = 96, 96, 32, 32
	for i := range v.WindowTraps {
		v.WindowTraps[i] = uint32(128*(i+1)/len(v.WindowTraps) - 128*i/len(v.WindowTraps))
	}
	copy(v.WindowPass, v.WindowTraps)
	b.Report = v.Append(nil)
	bind := &p.Body.Binding
	l, err := job.Local(j, bind.Params.PolicyHash)
	require.NoError(t, err)
	q, err := proofs.Build(proofs.Claim{TrapTier: "process", Lease: l, CircuitHash: p.Body.CircuitHash, Width: bind.Width, Depth: bind.Depth, Modules: bind.Modules,
		Device: bind.Device, Engine: bind.Engine, CompiledCircuitHash: bind.CompiledCircuitHash, TrapPlanHash: bind.TrapPlanHash, HistDigest: p.Body.HistDigest,
		TrapPass: v.TrapPass, TrapFail: v.TrapFail, StartedUnixMS: bind.StartedUnixMS, FinishedUnixMS: bind.FinishedUnixMS, OutcomesRoot: bind.OutcomesRoot,
		TrapReportHash: digest.Sum(b.Report), KeyStatement: h.Statement})
	require.NoError(t, err)
	require.NoError(t, q.Sign(t.Context(), h.Operational, bind.FinishedUnixMS/1000+1))
	require.NoError(t, b.SetProof(q))
}

// TestFraudProofs: a third party finds right accusations right and wrong ones wrong,
// each with its name.
func TestFraudProofs(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	honest := ranBundle(t, data, filepath.Join(dir, "honest"), 0)
	liar := ranBundle(t, data, filepath.Join(dir, "liar"), 40, "--backend", "cheat:uniform")
	store, err := keys.Open(filepath.Join(data, "keys"))
	require.NoError(t, err)
	defer store.Close()
	h, err := store.Held()
	require.NoError(t, err)
	lied := filepath.Join(dir, "lied")
	lie(t, h, liar)
	require.NoError(t, liar.WriteDir(lied))

	check := func(bundle, doc string, more ...string) (int, fraudAnswer, string) {
		code, out, _ := runHere(t, "", append([]string{"traps", "fraud", bundle, "--check", doc, "--json"}, more...)...)
		var a fraudAnswer
		if code == 0 {
			require.NoError(t, json.Unmarshal([]byte(out), &a))
			return code, a, ""
		}
		return code, a, refusedJSON(t, code, out).Name
	}
	// The provider signed counts that its own committed outcomes do not give.
	p, err := proofs.Decode(liar.Proof)
	require.NoError(t, err)
	doc := filepath.Join(dir, "lied.json")
	code, out, errs := runHere(t, "", "traps", "judge", lied, "--fraud", doc, "--data-dir", data, "--json")
	require.Equal(t, 40, code, errs)
	require.Contains(t, out, `"matches":false`)
	code, a, _ := check(lied, doc)
	require.Zero(t, code)
	require.Equal(t, uint64(transcript.FraudRejudge), a.Code)
	require.Equal(t, p.Body.ProviderID, a.ProviderID)

	// Accusations against an honest claim.
	hp, err := proofs.Decode(honest.Proof)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*transcript.FraudFrame)
		want   string
	}{
		"tail of honest traps":  {func(f *transcript.FraudFrame) {}, "FraudUnfounded"},
		"rejudge of honest":     {func(f *transcript.FraudFrame) { f.Reason = transcript.FraudRejudge }, "FraudUnfounded"},
		"audit not at hand":     {func(f *transcript.FraudFrame) { f.Reason = transcript.FraudAudit }, "FraudUnfounded"},
		"another claim":         {func(f *transcript.FraudFrame) { f.Claim[0] ^= 1 }, "FraudMismatch"},
		"another result":        {func(f *transcript.FraudFrame) { f.Result[0] ^= 1 }, "FraudMismatch"},
		"another provider":      {func(f *transcript.FraudFrame) { f.ProviderID[0] ^= 1 }, "FraudMismatch"},
		"claim of another job":  {func(f *transcript.FraudFrame) { f.Claim, _ = p.Claim() }, "FraudMismatch"},
		"result of another job": {func(f *transcript.FraudFrame) { f.Result = p.Body.Binding.Digests.R }, "FraudMismatch"},
	} {
		code, _, got := check(filepath.Join(dir, "honest"), accusation(t, h, hp, c.change))
		require.Equal(t, 42, code, name)
		require.Equal(t, c.want, got, name)
	}
	right := accusation(t, h, p, func(f *transcript.FraudFrame) { f.Reason = transcript.FraudRejudge })
	code, _, got := check(lied, right)
	require.Equal(t, 42, code)
	require.Equal(t, "FraudUnfounded", got, "the evidence names another report")

	// A bundle that an accuser bent shows nothing.
	for name, bend := range map[string]func(b *proofs.Bundle){
		"outcomes": func(b *proofs.Bundle) { b.Outcomes[len(b.Outcomes)/2] ^= 1 },
		"report":   func(b *proofs.Bundle) { b.Report[len(b.Report)-1] ^= 1 },
		"compiled": func(b *proofs.Bundle) { b.Compiled[len(b.Compiled)-9] ^= 1 },
		"policy":   func(b *proofs.Bundle) { b.Policy = append(b.Policy, ' ') },
	} {
		b, err := proofs.Load(lied)
		require.NoError(t, err)
		bend(b)
		bent := filepath.Join(t.TempDir(), "bent")
		require.NoError(t, b.WriteDir(bent))
		code, _, got := check(bent, doc)
		require.Equal(t, 42, code, name)
		require.Equal(t, "BundleInvalid", got, name)
	}
	// Every byte of the document counts.
	raw, err := os.ReadFile(doc)
	require.NoError(t, err)
	broken := filepath.Join(dir, "broken.json")
	require.NoError(t, os.WriteFile(broken, raw[:len(raw)/2], 0o600))
	_, _, got = check(lied, broken)
	require.Equal(t, "FraudInvalid", got)
	code, out, _ = runHere(t, "", "traps", "fraud", lied, "--json")
	require.Equal(t, 2, code, out)
}
