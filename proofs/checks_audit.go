package proofs

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

// auditLog checks that the operator's log holds this claim, and takes the time
// of the policy's witnesses where enough of them signed the checkpoint.
func (v *verifier) auditLog() (string, error) {
	b := v.in.Bundle
	if b == nil || b.Audit == nil || b.AuditKey == nil {
		return "", skipf("no proof of inclusion in the operator's log")
	}
	st, err := keys.ParseKeyStatementUnder(b.AuditKey, v.chain())
	if err != nil {
		return "", fmt.Errorf("audit.key.json: %w", err)
	}
	if st.ProviderID != v.p.Body.ProviderID || st.Role != keys.Log {
		return "", fmt.Errorf("audit.key.json is of provider %s for the %s key, want %s and log", st.ProviderID, st.Role, v.p.Body.ProviderID)
	}
	in, err := auditlog.ParseInclusion(b.Audit)
	if err != nil {
		return "", fmt.Errorf("audit.tlog-proof: %w", err)
	}
	e, c, err := in.Verify(auditlog.Origin(st.ProviderID), st.Public)
	if err != nil {
		return "", fmt.Errorf("audit.tlog-proof: %w", err)
	}
	if err := v.sameEntry(e); err != nil {
		return "", fmt.Errorf("audit.tlog-proof: %w", err)
	}
	detail := fmt.Sprintf("entry %d of %d", in.Index, c.Size)
	unix, ok, err := auditlog.WitnessedTime(in.Checkpoint, v.in.Policy.Witnesses, v.in.Policy.WitnessQuorum)
	switch {
	case err != nil:
		return "", fmt.Errorf("audit.tlog-proof: %w", err)
	case ok && v.in.ReceiptMS == 0: // a witness comes before the caller's clock
		v.time, v.witnessed = 1000*unix, true
		detail += fmt.Sprintf(", witnessed at %d", unix)
	case v.in.Policy.WitnessQuorum > 0 && !ok:
		detail += ", not witnessed by enough"
	}
	return detail, nil
}

// sameEntry compares a log entry with the proof.
func (v *verifier) sameEntry(e *auditlog.Entry) error {
	want, err := v.p.LogEntry()
	if err != nil {
		return err
	}
	if e.Kind != want.Kind {
		return fmt.Errorf("is an entry of kind %s, want %s", e.Kind, want.Kind)
	}
	for _, d := range []struct {
		name      string
		got, want digest.Digest
	}{{"lease_id", e.LeaseID, want.LeaseID}, {"J", e.Job, want.Job}, {"X", e.Exec, want.Exec}, {"R", e.Result, want.Result},
		{"evidence", e.Evidence, want.Evidence}, {"C", e.Proof, want.Proof}} {
		if d.got != d.want {
			return fmt.Errorf("the log has %s %s, the proof %s", d.name, d.got, d.want)
		}
	}
	if e.TimeMS+skewMS < v.p.Body.Binding.FinishedUnixMS {
		return fmt.Errorf("logged at %d ms, finished at %d ms", e.TimeMS, v.p.Body.Binding.FinishedUnixMS)
	}
	return nil
}

// LogEntry is what the operator's log says about a proof; the caller adds the
// time.
func (p *Proof) LogEntry() (auditlog.Entry, error) {
	b := &p.Body.Binding
	e := auditlog.Entry{Kind: auditlog.Proof, LeaseID: b.LeaseID, Job: b.Digests.J, Exec: b.Digests.X, Result: b.Digests.R}
	var err error
	if e.Evidence, err = p.Body.Attest.ID(); err != nil {
		return e, err
	}
	e.Proof, err = p.Claim()
	return e, err
}

// ID is SHA3-256 of the evidence as deterministic CBOR, zero where there is
// none.
func (a Attest) ID() (digest.Digest, error) {
	v := transcript.MapValue()
	for _, m := range []struct {
		key   string
		value *transcript.Value
	}{{"qpu", a.QPU}, {"tee", a.TEE}} {
		if m.value != nil {
			v.Members = append(v.Members, transcript.Member{Key: m.key, Value: *m.value})
		}
	}
	if len(v.Members) == 0 {
		return digest.Digest{}, nil
	}
	b, err := transcript.EncodeCBOR(v, transcript.Limits{Depth: keys.EvidenceLimits.Depth + 1, Bytes: 2*keys.EvidenceLimits.Bytes + 64, Text: keys.EvidenceLimits.Text})
	return digest.Sum(b), err
}
