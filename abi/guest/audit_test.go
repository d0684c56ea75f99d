package guest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func sampleAudit() *Audit {
	return &Audit{Statistic: StatLinear, Shots: 3686, F0: 900_000_000, Score: 10, Limit: 800_000_000, FraudLimit: 700_000_000, Verdict: AuditFail, Fraud: true, SumP: [2]uint64{5, 6}}
}

func TestAuditForm(t *testing.T) {
	b := sampleAudit().Append(nil)
	got, err := ParseAudit(b)
	require.NoError(t, err)
	require.Equal(t, sampleAudit(), got)
	for i := range b {
		for _, x := range []byte{1, 0x80, 0xff} {
			c := append([]byte(nil), b...)
			c[i] ^= x
			if got, err := ParseAudit(c); err == nil {
				require.Equal(t, c, got.Append(nil), "byte %d", i)
			}
		}
	}
	for name, change := range map[string]func(*Audit){
		"statistic":                 func(a *Audit) { a.Statistic = 3 },
		"verdict":                   func(a *Audit) { a.Verdict = 4 },
		"pass below the limit":      func(a *Audit) { a.Verdict, a.Fraud = AuditPass, false },
		"fail above the limit":      func(a *Audit) { a.Score, a.Fraud = 900_000_000, false },
		"fraud that is not said":    func(a *Audit) { a.Fraud = false },
		"fraud without a verdict":   func(a *Audit) { a.Verdict = AuditVacuous },
		"more shots than a job has": func(a *Audit) { a.Shots = MaxShots + 1 },
		"fidelity above one":        func(a *Audit) { a.F0 = 1_000_000_001 },
	} {
		bad := sampleAudit()
		change(bad)
		_, err := ParseAudit(bad.Append(nil))
		require.ErrorIs(t, err, ErrForm, name)
	}
	require.Equal(t, "insufficient", AuditInsufficient.String())
}

func FuzzParseAuditMessage(f *testing.F) {
	f.Add(sampleAudit().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := ParseAudit(b); err == nil {
			require.Equal(t, b, got.Append(nil))
		}
	})
}
