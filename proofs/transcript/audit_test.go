package transcript

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func TestAuditFrame(t *testing.T) {
	a := AuditFrame{Result: digest.Digest{1}, Round: 2, Beacon: digest.Digest{3}, OpeningsRoot: digest.Digest{4}, Leaves: 5, Shots: 6, Statistic: 2, F0: 8, Score: 9, Limit: 10, FraudLimit: 11, Verdict: 1}
	b, err := Encode(a)
	require.NoError(t, err)
	got, err := ParseAudit(b)
	require.NoError(t, err)
	require.Equal(t, a, got)
	for i := range b {
		c := append([]byte(nil), b...)
		c[i] ^= 1
		if got, err := ParseAudit(c); err == nil {
			require.NotEqual(t, a, got, "byte %d", i)
		}
	}
	a.Verdict = 4
	_, err = Encode(a)
	require.ErrorIs(t, err, ErrFrame)
	for _, reason := range []uint64{0, 4} {
		_, err = Encode(FraudFrame{Reason: reason})
		require.ErrorIs(t, err, ErrFrame)
	}
	_, err = Encode(FraudFrame{Reason: FraudTail})
	require.NoError(t, err)
}

func FuzzParseAudit(f *testing.F) {
	b, err := Encode(AuditFrame{Statistic: 1})
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAudit(b)
		if err != nil {
			return
		}
		again, err := Encode(a)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}
