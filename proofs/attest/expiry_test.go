package attest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
)

// TestExpiryWarning holds each threshold at the second.
func TestExpiryWarning(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		left time.Duration
		days int
		due  bool
	}{
		{365 * day, 0, false}, {30*day + time.Second, 0, false}, {30 * day, 30, true}, {30*day - time.Second, 30, true},
		{14*day + time.Second, 30, true}, {14 * day, 14, true}, {7*day + time.Second, 14, true}, {7 * day, 7, true},
		{day + time.Second, 7, true}, {day, 1, true}, {time.Second, 1, true}, {0, 1, true}, {-time.Second, 0, true},
	} {
		days, due := attest.ExpiryWarning(now, now.Add(c.left))
		require.Equal(t, c.days, days, c.left)
		require.Equal(t, c.due, due, c.left)
	}
}

func TestCoversDeadline(t *testing.T) {
	require.NoError(t, attest.CoversDeadline(now, now.Add(-time.Second)))
	require.NoError(t, attest.CoversDeadline(now, now))
	err := attest.CoversDeadline(now, now.Add(time.Second))
	require.ErrorContains(t, err, "behind the end of the certificate")
	require.Equal(t, attest.BadTime, attest.AsRefusal(err).Reason)
}
