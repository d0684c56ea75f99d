package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/modules/trust/trusttest"
)

// TestRevokedWhileRunning: governance takes the trap library back between plan and
// signature. A job that started under the set before ends, and its proof stands;
// after a hard revocation nothing is signed.
func TestRevokedWhileRunning(t *testing.T) {
	a := newAttacks(t)
	e1, err := trust.ParseSet(a.one.Frame)
	require.NoError(t, err)
	hard := trusttest.Next(*e1, a.one, func(s *trust.Set) {
		for i := range s.Records {
			if s.Records[i].Name == "accredit" {
				s.Records[i].Status = trust.RevokedHard
			}
		}
	})
	a.sites["base"] = []*trust.Signed{a.root, a.one}
	a.sites["hard"] = []*trust.Signed{a.root, a.one, trusttest.Sign(t, hard, 1, 2)}
	dir := t.TempDir()
	require.NoError(t, a.write(dir))
	jobFile := filepath.Join(dir, "job.json")
	require.NoError(t, os.WriteFile(jobFile, []byte(smallJob), 0o600))
	run := func(args ...string) (int, string) {
		code, out, errs := runHere(t, "", args...)
		return code, out + errs
	}
	for _, site := range []string{"revoked", "hard"} {
		node, out := filepath.Join(dir, "node-"+site), filepath.Join(dir, "out-"+site)
		for _, args := range [][]string{{"pin", filepath.Join(dir, "root.json")}, {"pull", "--from", filepath.Join(dir, "site-base"), "--height", "150"}} {
			code, said := run(append(append([]string{"module"}, args...), "--data-dir", node)...)
			require.Zero(t, code, said)
		}
		e := &program{App: cli.New("engine"), dataDir: node}
		e.Out, e.Err = &bytes.Buffer{}, &bytes.Buffer{}
		e.Getenv = func(string) string { return "" }
		f := &runFlags{out: out, backend: "simulator", policy: "exact@1", traps: "accredit", plot: plotChoice()}
		task, err := e.readTask(jobFile, f, job.TrapModeProcess)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(out, 0o755))
		s, err := e.openSession(t.Context(), f, newStopwatch(time.Now), 0)
		require.NoError(t, err)
		t.Cleanup(s.Close)
		plan, err := s.engine.Plan(t.Context(), *task)
		require.NoError(t, err)

		code, said := run("module", "pull", "--from", filepath.Join(dir, "site-"+site), "--height", "250", "--data-dir", node)
		require.Zero(t, code, said)

		done, err := s.engine.Run(t.Context(), plan)
		require.NoError(t, err)
		err = e.finishRun(t.Context(), s, plan, done, f)
		proof := filepath.Join(out, "proof.json")
		if site == "hard" {
			var refused *cli.Error
			require.True(t, errors.As(err, &refused), "%v", err)
			require.Equal(t, "Revoked", refused.Name)
			require.Equal(t, cli.ModuleRefused, refused.Code)
			require.NoFileExists(t, proof)
			continue
		}
		require.NoError(t, err)
		code, said = run("proof", "verify", proof, "--bundle", out, "--data-dir", node, "--require", "governance_set")
		require.Zero(t, code, said)
		code, said = run("proof", "verify", proof, "--sets", filepath.Join(dir, "site-hard"), "--sets-root", a.root.Digest().String(), "--height", "250", "--json")
		require.Equal(t, 42, code, said)
		require.Contains(t, said, `"failed_check":"governance_set"`, "a verifier that knows of a hard revocation")
		require.Contains(t, said, `"name":"Revoked"`)
	}
}
