package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
)

// TestNoSignatureAtAWrongClock runs a lease whose job finishes while the clock is a minute
// off the service's: nothing is signed. Measured right again, the same lease gives a proof.
func TestNoSignatureAtAWrongClock(t *testing.T) {
	home := t.TempDir()
	e := &program{App: cli.New("engine"), dataDir: filepath.Join(home, "data")}
	e.Out, e.Err = &bytes.Buffer{}, &bytes.Buffer{}
	e.Getenv = func(k string) string { return map[string]string{"HOME": home}[k] }
	store, err := keys.Open(filepath.Join(home, "data", "keys"))
	require.NoError(t, err)
	held, err := store.InitDev(rand.Reader, 1)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	l, err := job.ParseLease(signedLease(t, held.ProviderID))
	require.NoError(t, err)

	clock := &agent.Clock{}
	x := &sessionExecutor{e, runFlags{backend: "simulator", policy: job.ExactPolicy, quiet: true, clock: clock}}
	now := time.Now()
	clock.Heard(now, now, now.Add(-time.Minute))
	_, err = x.Execute(context.Background(), l)
	require.ErrorIs(t, err, agent.ErrClockSkew)
	var coded *cli.Error
	require.ErrorAs(t, err, &coded)
	require.Equal(t, "ClockSkew", coded.Name)

	now = time.Now()
	clock.Heard(now, now, now)
	b, err := x.Execute(context.Background(), l)
	require.NoError(t, err)
	require.NotEmpty(t, b.Proof)
}
