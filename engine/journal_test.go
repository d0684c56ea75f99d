package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the workers' runtime
	"github.com/stretchr/testify/require"
)

// crashEnv makes the test binary plan a job, tell so, and wait to be killed.
const crashEnv = "ENGINE_TEST_CRASH_JOURNAL"

func TestMain(m *testing.M) {
	host.MaybeWorker()
	if path := os.Getenv(crashEnv); path != "" {
		waitToBeKilled(path)
	}
	os.Exit(m.Run())
}

func waitToBeKilled(path string) {
	t := &testing.T{}
	cfg := config(t, rows{"hang", func(ctx context.Context, _ *backends.Batch, _ backends.Emit) error {
		fmt.Println("running")
		<-ctx.Done()
		return ctx.Err()
	}})
	j, err := engine.OpenJournal(path)
	if err != nil {
		panic(err)
	}
	cfg.Journal = j
	e, err := engine.New(cfg)
	if err != nil {
		panic(err)
	}
	p, err := e.Plan(context.Background(), task(t, 4, 8, 512, 200_000))
	if err != nil {
		panic(err)
	}
	_, err = e.Run(context.Background(), p)
	panic(err)
}

func TestKillAfterPlanLeavesDigests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running\n", line)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	recs, err := engine.ReadJournal(path)
	require.NoError(t, err)
	p, err := newEngine(t, config(t, bits(silent))).Plan(context.Background(), task(t, 4, 8, 512, 200_000))
	require.NoError(t, err)
	require.Len(t, recs, 2)
	require.Equal(t, engine.RecordJob, recs[0].Kind)
	require.Equal(t, p.J, recs[0].Digest)
	require.Equal(t, engine.RecordExec, recs[1].Kind)
	require.Equal(t, p.X, recs[1].Digest)
	require.Equal(t, p.Task.Lease.LeaseID, recs[1].LeaseID)
}

func TestJournalSurvivesACutLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	rec := func(s string) engine.Record {
		return engine.Record{Kind: engine.RecordJob, Digest: digest.Sum([]byte(s)), Frame: fmt.Sprintf("%x", s)}
	}
	j, err := engine.OpenJournal(path)
	require.NoError(t, err)
	require.NoError(t, j.Append(context.Background(), rec("one")))
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range whole {
		require.NoError(t, os.WriteFile(path, append(append([]byte(nil), whole...), whole[:cut]...), 0o600))
		j, err := engine.OpenJournal(path)
		require.NoError(t, err, cut)
		require.NoError(t, j.Append(context.Background(), rec("two")))
		require.NoError(t, j.Close())
		recs, err := engine.ReadJournal(path)
		require.NoError(t, err)
		require.Equal(t, []engine.Record{rec("one"), rec("two")}, recs)
	}
	require.NoError(t, os.WriteFile(path, append([]byte("{}\n"), whole...), 0o600))
	_, err = engine.OpenJournal(path)
	require.ErrorContains(t, err, "line 1 is not a valid record")
}

func FuzzReadJournal(f *testing.F) {
	f.Add([]byte("{\"kind\":\"J\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		recs, err := engine.ReadJournal(path)
		if err != nil {
			return
		}
		for _, r := range recs {
			require.True(t, r.Valid())
		}
	})
}
