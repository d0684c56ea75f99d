package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
)

// TestClockCheck gives the check clocks that are wrong.
func TestClockCheck(t *testing.T) {
	e := &program{App: cli.New("engine"), dataDir: t.TempDir()}
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	require.True(t, e.checkClock(now).OK)
	old := e.checkClock(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC))
	require.False(t, old.OK)
	require.NotEmpty(t, old.Fix)
	journal := filepath.Join(e.dataDir, "journal.jsonl")
	require.NoError(t, os.WriteFile(journal, nil, 0o600))
	require.NoError(t, os.Chtimes(journal, now.Add(time.Hour), now.Add(time.Hour)))
	back := e.checkClock(now)
	require.False(t, back.OK)
	require.Contains(t, back.Detail, "the clock went back")
	require.True(t, e.checkClock(now.Add(2*time.Hour)).OK)
}
