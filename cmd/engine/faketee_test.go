//go:build faketee

package main

import (
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/faketee"
)

// TestFakeTEE runs jobs in the environment that does not exist.
func TestFakeTEE(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/faketee",
		Setup: func(env *testscript.Env) error {
			home := env.Getenv("WORK") + "/home"
			env.Setenv("HOME", home)
			for _, name := range []string{"policy.json", "over.json"} {
				b, err := os.ReadFile(env.Getenv("WORK") + "/" + name)
				if err != nil {
					return err
				}
				b = []byte(strings.ReplaceAll(string(b), "MEASUREMENT", hex.EncodeToString(faketee.Measurement())))
				if err := os.WriteFile(env.Getenv("WORK")+"/"+name, b, 0o600); err != nil {
					return err
				}
			}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer},
	})
	require.Contains(t, evidence.PublishedRoots(), faketee.Fingerprint())
}

// TestFakeTEEIsInTheTag makes sure that TestNoFakeTEE can fail.
func TestFakeTEEIsInTheTag(t *testing.T) {
	out, err := exec.Command("go", "list", "-tags", "faketee", "-deps", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "proofs/attest/faketee")
}
