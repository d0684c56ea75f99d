package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// TestUnclaimedPayIsCountedInSettlements: from when it was first seen; a claim starts anew.
func TestUnclaimedPayIsCountedInSettlements(t *testing.T) {
	var before *Standing
	for i, step := range []struct {
		claimable aicf.Amount
		epoch     uint64
		want      uint64
	}{{0, 4, 0}, {85, 5, 0}, {85, 6, 1}, {170, 8, 3}, {85, 9, 0}, {85, 10, 1}, {0, 11, 0}, {85, 12, 0}} {
		s := &Standing{Balance: &aicf.Balance{Claimable: step.claimable, LastSettlementEpoch: step.epoch}}
		s.follow(before)
		require.Equal(t, step.want, s.UnclaimedEpochs, "step %d", i)
		before = s
	}
}

// TestTheOldestProofSaysHowLongItWaits: by its bundle, which attempts do not touch.
func TestTheOldestProofSaysHowLongItWaits(t *testing.T) {
	a := &Agent{cfg: Config{Dir: t.TempDir()}}
	require.NoError(t, os.Mkdir(filepath.Join(a.cfg.Dir, "bundles"), 0o700))
	now := time.UnixMilli(1_800_000_000_000)
	entry := func(label string, state State, age time.Duration) Entry {
		name := digest.Sum([]byte(label))
		require.NoError(t, os.WriteFile(a.bundlePath(name), nil, 0o600))
		require.NoError(t, os.Chtimes(a.bundlePath(name), now.Add(-age), now.Add(-age)))
		return Entry{State: state, Bundle: name, UpdatedMS: now.UnixMilli()}
	}
	open := []Entry{entry("young", Proved, time.Second), entry("old", Proved, time.Minute), entry("runs", Running, time.Hour)}
	require.Equal(t, 60., a.outboxAge(open, now.UnixMilli()))
	require.Zero(t, a.outboxAge(nil, now.UnixMilli()))
	require.Zero(t, a.outboxAge([]Entry{{State: Proved}}, now.UnixMilli()), "its bundle is gone")
}
