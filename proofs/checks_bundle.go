package proofs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// bundle compares the files that say the same thing twice.
func (v *verifier) bundle() (string, error) {
	b := v.in.Bundle
	if b == nil {
		return "", skipf("no bundle")
	}
	if len(b.Damaged) > 0 {
		return "", fmt.Errorf("%s differs from the manifest", strings.Join(b.Damaged, ", "))
	}
	want, err := v.p.MarshalCBOR()
	if err != nil {
		return "", err
	}
	for name, raw := range map[string][]byte{"proof.json": b.Proof, "proof.cbor": b.ProofCBOR} {
		if raw == nil {
			continue
		}
		p, err := Decode(raw)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if got, err := p.MarshalCBOR(); err != nil || !bytes.Equal(got, want) {
			return "", fmt.Errorf("%s is another envelope", name)
		}
	}
	if b.Policy != nil {
		d, err := transcript.PolicyHash(b.Policy)
		if err := equal("policy_hash", v.p.Body.Binding.Params.PolicyHash, d, err); err != nil {
			return "", err
		}
	}
	for d, m := range b.Modules {
		if digest.Sum(m) != d || !v.hasModule(d, len(m)) {
			return "", fmt.Errorf("module %s is not one of the proof's", d)
		}
	}
	return "", v.leaseFile(b.Lease)
}

func (v *verifier) hasModule(d digest.Digest, size int) bool {
	for _, m := range v.p.Body.Binding.Modules {
		if m.SHA3 == d && m.Size == uint64(size) {
			return true
		}
	}
	return false
}

// leaseFile compares lease.json, which carries the job as the buyer wrote it.
func (v *verifier) leaseFile(raw []byte) error {
	if raw == nil {
		return nil
	}
	b := &v.p.Body.Binding
	j, l, err := job.ParseAny(raw)
	if err != nil {
		return fmt.Errorf("lease.json: %w", err)
	}
	d, err := transcript.Sum(j.SpecFrame(v.p.Body.CircuitHash, b.Width, b.Depth))
	if err := equal("job_hash of lease.json", b.JobHash, d, err); err != nil {
		return err
	}
	if j.Spec.CircuitID != b.Params.CircuitID {
		return fmt.Errorf("lease.json has circuit_id %.60q", j.Spec.CircuitID)
	}
	if b.Lease == nil {
		if l != nil && (l.Signed() || l.LeaseID != b.LeaseID) {
			return errors.New("lease.json is signed or has another id, the envelope says none")
		}
		return nil
	}
	e := b.Lease
	if l == nil || !l.Signed() || l.LeaseFrame != v.p.leaseFrame() || l.Nonce != e.Nonce || !bytes.Equal(l.Beacon, e.Beacon) ||
		!bytes.Equal(l.Public, e.Public) || l.Sig.SignedAtUnix != e.SignedAtUnix || !bytes.Equal(l.Sig.Sig, e.Sig) {
		return errors.New("lease.json is another lease than the envelope's")
	}
	return l.Verify()
}

// journal wants the executor's records of J, X and R, in this order.
func (v *verifier) journal() (string, error) {
	if v.in.Bundle == nil || v.in.Bundle.Journal == nil {
		return "", skipf("no journal in the bundle")
	}
	d := v.p.Body.Binding.Digests
	want := []struct {
		kind string
		d    digest.Digest
	}{{"J", d.J}, {"X", d.X}, {"R", d.R}}
	lines := bytes.Split(bytes.TrimSuffix(v.in.Bundle.Journal, []byte("\n")), []byte("\n"))
	if len(lines) != len(want) {
		return "", fmt.Errorf("%d records, want J, X and R", len(lines))
	}
	for i, line := range lines {
		c := strictjson.Open(line, strictjson.Limits{Bytes: 1 << 16, Depth: 1, Values: 8})
		c.Only("kind", "job_id", "lease_id", "digest", "frame").Member("kind").OneOf(want[i].kind)
		jobID, leaseID, sum, frame := c.Member("job_id").Hash(), c.Member("lease_id").Hash(), c.Member("digest").Hash(), c.Member("frame").Hex(1<<14)
		if err := c.Err(); err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
		if jobID != v.p.Body.Binding.JobID || leaseID != v.p.Body.Binding.LeaseID {
			return "", fmt.Errorf("line %d is of another job or lease", i+1)
		}
		if err := equal(want[i].kind+" of the journal", sum, want[i].d, nil); err != nil {
			return "", err
		}
		if digest.Sum(frame) != sum {
			return "", fmt.Errorf("line %d: digest %s is not the hash of frame %s", i+1, sum, hex.EncodeToString(frame))
		}
	}
	return "J, X and R as logged", nil
}

func (v *verifier) compiledCircuit() (string, error) {
	if v.in.Bundle == nil || v.in.Bundle.Compiled == nil {
		return "", skipf("no compiled circuit in the bundle")
	}
	b := &v.p.Body.Binding
	d, err := transcript.CompiledHash(v.in.Bundle.Compiled)
	if err := equal("compiled_circuit_hash", b.CompiledCircuitHash, d, err); err != nil {
		return "", err
	}
	l, err := guest.ParseLayered(v.in.Bundle.Compiled)
	if err != nil {
		return "", err
	}
	v.layered = l
	return fmt.Sprintf("%d qubits, %d CZ layers", l.Width, len(l.Layers)), nil
}

func (v *verifier) recompile() (string, error) {
	if v.in.Recompiler == nil {
		return "", skipf("no compiler at hand")
	}
	if v.circuit == nil || v.layered == nil {
		return "", skipf("no circuit or no compiled circuit in the bundle")
	}
	in := RecompileInput{Circuit: v.circuit, Device: v.p.Body.Binding.Device}
	for _, slot := range []string{"compiler", "compiler.1"} {
		if m, ok := v.p.Module(slot); ok {
			in.Modules = append(in.Modules, m)
		}
	}
	got, err := v.in.Recompiler.Recompile(v.ctx, in)
	if errors.Is(err, ErrUnknownModule) {
		return "", skipf("not compiled again: %v", err)
	}
	if err != nil {
		return "", err
	}
	if !bytes.Equal(got, v.in.Bundle.Compiled) {
		return "", errors.New("the compiler modules give another circuit")
	}
	return "", nil
}

func (v *verifier) outcomesRoot() (string, error) {
	if v.in.Bundle == nil || v.in.Bundle.Outcomes == nil {
		return "", skipf("no outcomes in the bundle")
	}
	o, err := transcript.ParseOutcomes(v.in.Bundle.Outcomes)
	if err != nil {
		return "", err
	}
	root, err := o.Root()
	if err := equal("outcomes_root", v.p.Body.Binding.OutcomesRoot, root, err); err != nil {
		return "", err
	}
	if o.Slots != v.p.Body.Shots {
		return "", fmt.Errorf("%d slots, body.shots is %d", o.Slots, v.p.Body.Shots)
	}
	v.outcomes = o
	return fmt.Sprintf("%d of %d slots executed", o.Executed(), o.Slots), nil
}

func (v *verifier) trapReport() (string, error) {
	if v.in.Bundle == nil || v.in.Bundle.Report == nil {
		return "", skipf("no trap report in the bundle")
	}
	raw := v.in.Bundle.Report
	b := &v.p.Body.Binding
	if err := equal("trap_report_hash", b.TrapReportHash, digest.Sum(raw), nil); err != nil {
		return "", err
	}
	r, err := guest.ParseVerdict(raw)
	if err != nil {
		return "", err
	}
	if r.Shots != v.p.Body.Shots || r.TrapPass != v.p.Body.TrapPass || r.TrapFail != v.p.Body.TrapFail {
		return "", fmt.Errorf("the report says %d + %d of %d shots, the body %d + %d of %d", r.TrapPass, r.TrapFail, r.Shots, v.p.Body.TrapPass, v.p.Body.TrapFail, v.p.Body.Shots)
	}
	var status bool
	switch r.Decision {
	case guest.DecisionPass:
		status = b.Status == transcript.StatusCompleted
	case guest.DecisionFail:
		status = b.Status == transcript.StatusFailed || b.Status == transcript.StatusAborted
	case guest.DecisionInsufficient:
		status = b.Status == transcript.StatusFailed
	}
	if !status || (r.Judged < r.Shots) != (b.Status == transcript.StatusAborted) {
		return "", fmt.Errorf("decision %d after %d of %d slots does not go with status %d", r.Decision, r.Judged, r.Shots, b.Status)
	}
	v.report = r
	return fmt.Sprintf("A %d of %d, B %d of %d", r.KA, r.NA, r.KB, r.NB), nil
}

// rejudge derives the traps again from the opened seed and judges the raw
// outcomes.
func (v *verifier) rejudge() (string, error) {
	if v.layered == nil || v.outcomes == nil || v.report == nil {
		return "", skipf("needs compiled circuit, outcomes and trap report that match their hashes")
	}
	b := &v.p.Body.Binding
	record, ok := v.in.TrapPolicies[b.Params.PolicyHash]
	if !ok {
		return "", skipf("not re-judged: trap policy %s is not known here", b.Params.PolicyHash)
	}
	m, ok := v.p.Module("traps")
	if !ok {
		return "", errors.New("no trap library")
	}
	root, err := seed.Root(m.SHA3, b.Seed, b.Digests.J)
	if err != nil {
		return "", err
	}
	out, err := v.in.Judge.Rejudge(v.ctx, JudgeInput{ModuleName: m.Name, ModuleVersion: m.Version, ModuleHash: m.SHA3, Layered: v.in.Bundle.Compiled,
		Shots: v.p.Body.Shots, RatioPPM: v.p.Body.TrapRatioPPM, Policy: record, Root: root, Outcomes: v.outcomes, Judged: v.report.Judged})
	if errors.Is(err, ErrUnknownModule) {
		return "", skipf("not re-judged: %v", err)
	}
	if err != nil {
		return "", err
	}
	return v.compareJudgement(out)
}

func (v *verifier) compareJudgement(out JudgeOutput) (string, error) {
	b := &v.p.Body.Binding
	d, err := transcript.TrapPlanHash(out.PlanSHA3, out.RowsRoot)
	if err := equal("trap_plan_hash", b.TrapPlanHash, d, err); err != nil {
		return "", err
	}
	if !bytes.Equal(out.Report, v.in.Bundle.Report) {
		return "", errors.New("the trap library gives another report on these outcomes")
	}
	h, err := transcript.HistOfRows(uint64(v.layered.Clbits), out.TargetRows)
	if err != nil {
		return "", err
	}
	g, err := h.Digest()
	if err := equal("hist_digest", v.p.Body.HistDigest, g, err); err != nil {
		return "", err
	}
	v.hist = h
	shots, _ := h.Shots()
	return fmt.Sprintf("re-judged; %d target shots", shots), nil
}
