package guest

import "fmt"

// AuditVerdict is what a score says of the target slots.
type AuditVerdict uint64

// The verdicts of a score.
const (
	AuditPass         AuditVerdict = 0
	AuditFail         AuditVerdict = 1
	AuditVacuous      AuditVerdict = 2 // uniform bits would pass as well
	AuditInsufficient AuditVerdict = 3 // too few slots have an outcome
)

// String names a verdict.
func (v AuditVerdict) String() string {
	return [...]string{"pass", "fail", "vacuous", "insufficient"}[min(v, AuditInsufficient)]
}

// The statistics of a score.
const (
	StatBounded uint64 = 1 // sum p(x) / sum p²: no assumption on wrong shots
	StatLinear  uint64 = 2 // linear cross entropy: wrong shots score at least 2^-w on average
)

// Audit is the output of qx_audit, integers only: how the target slots that have an
// outcome score against the ideal distribution of the circuit.
type Audit struct {
	Statistic  uint64
	Shots      uint64 // slots scored
	F0         uint64 // fidelity of an honest device at least, ppb
	Score      uint64 // ppb, at least 0
	Limit      uint64 // a score below it fails, ppb
	FraudLimit uint64 // a score below it is evidence of fraud, ppb
	Verdict    AuditVerdict
	Fraud      bool
	SumP       [2]uint64 // sum of the ideal chances of the outcomes, units 2^-60, low word first
}

// Append writes the audit, n_items = 1:
//
//	1 u64[10]  statistic, shots, f0, score, limit, fraud_limit, verdict, fraud (0 or 1), low and high word of the sum of p
func (a *Audit) Append(b []byte) []byte {
	fraud := uint64(0)
	if a.Fraud {
		fraud = 1
	}
	m := Columns{Kind: KindAudit, Items: 1, Cols: []Column{
		colU64(1, []uint64{a.Statistic, a.Shots, a.F0, a.Score, a.Limit, a.FraudLimit, uint64(a.Verdict), fraud, a.SumP[0], a.SumP[1]})}}
	return m.Append(b)
}

// ParseAudit is the inverse of Append; the verdict must follow from score and
// limits.
func ParseAudit(b []byte) (*Audit, error) {
	r := newReader(b, KindAudit)
	h := r.u64s(1, 10)
	if err := r.done(); err != nil {
		return nil, err
	}
	a := &Audit{Statistic: h[0], Shots: h[1], F0: h[2], Score: h[3], Limit: h[4], FraudLimit: h[5], Verdict: AuditVerdict(h[6]), Fraud: h[7] == 1, SumP: [2]uint64{h[8], h[9]}}
	decided := a.Verdict == AuditPass || a.Verdict == AuditFail
	if r.c.Items != 1 || a.Statistic < StatBounded || a.Statistic > StatLinear || a.Shots > MaxShots || a.F0 > 1_000_000_000 || a.Verdict > AuditInsufficient || h[7] > 1 ||
		decided && (a.Verdict == AuditFail) != (a.Score < a.Limit) || a.Fraud != (decided && a.Score < a.Limit && a.Score < a.FraudLimit) {
		return nil, fmt.Errorf("audit: statistic %d, verdict %d, score %d, limits %d and %d: %w", a.Statistic, h[6], a.Score, a.Limit, a.FraudLimit, ErrForm)
	}
	return a, nil
}
