package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/animicaorg/engine/internal/cli"
)

// deployed are the commands that files of deploy/ start.
func deployed(t *testing.T) map[string][]string {
	out := map[string][]string{}
	unit, err := os.ReadFile("../../deploy/systemd/omni-aicf.service")
	require.NoError(t, err)
	for _, line := range strings.Split(string(unit), "\n") {
		if rest, ok := strings.CutPrefix(line, "ExecStart="); ok {
			out["omni-aicf.service"] = strings.Fields(rest)
		}
	}
	raw, err := os.ReadFile("../../deploy/k8s/service.yaml")
	require.NoError(t, err)
	for d := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var doc any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err, "service.yaml")
		commandsIn(doc, "service.yaml", out)
	}
}

// commandsIn collects every list under the key command, with the args beside it.
func commandsIn(v any, path string, out map[string][]string) {
	switch v := v.(type) {
	case map[string]any:
		var line []string
		for _, key := range []string{"command", "args"} {
			list, _ := v[key].([]any)
			for _, x := range list {
				line = append(line, x.(string)) // a number in the list is no argument
			}
		}
		if len(line) > 0 {
			out[path] = line
		}
		for k, x := range v {
			commandsIn(x, path+"/"+k, out)
		}
	case []any:
		for _, x := range v {
			commandsIn(x, path, out)
		}
	}
}

// TestDeployedCommands: what the files of deploy/ start are verbs and flags of this program.
func TestDeployedCommands(t *testing.T) {
	found := deployed(t)
	require.GreaterOrEqual(t, len(found), 2)
	for file, line := range found {
		require.Equal(t, "omni", filepath.Base(line[0]), file)
		verb, args, err := (&program{App: cli.New("omni")}).root().Find(line[1:])
		require.NoError(t, err, file)
		require.True(t, verb.Runnable(), "%s: %v", file, line)
		require.NoError(t, verb.ParseFlags(args), file)
		require.Empty(t, verb.Flags().Args(), "%s: %v", file, line)
	}
}

// TestUnit asks systemd about the unit where it is installed.
func TestUnit(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	raw, err := os.ReadFile("../../deploy/systemd/omni-aicf.service")
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), "omni-aicf.service") // the program is not installed here
	require.NoError(t, os.WriteFile(unit, bytes.ReplaceAll(raw, []byte("/usr/local/bin/omni"), []byte(self)), 0o644))
	out, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "omni-aicf.service:", "a warning about a line")
}
