// Package deploytest holds the files of deploy/ against the program that they start:
// its verbs and flags, and systemd's own opinion of the unit. For tests of commands.
package deploytest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Files are what deploy/ has for one program.
type Files struct {
	Program  string // base name of the binary, such as "engine"
	Unit     string // path of the systemd unit
	Manifest string // path of the Kubernetes manifest
}

// deployed are the commands that the files start, by where they stand.
func (f Files) deployed(t *testing.T) map[string][]string {
	out := map[string][]string{}
	unit, err := os.ReadFile(f.Unit)
	require.NoError(t, err)
	for _, line := range strings.Split(string(unit), "\n") {
		if rest, ok := strings.CutPrefix(line, "ExecStart="); ok {
			out[filepath.Base(f.Unit)] = strings.Fields(rest)
		}
	}
	raw, err := os.ReadFile(f.Manifest)
	require.NoError(t, err)
	for d := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var doc any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err, f.Manifest)
		commandsIn(doc, filepath.Base(f.Manifest), out)
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

// Commands holds that what the files start are verbs and flags of the program. root makes its
// command tree, anew for each line.
func (f Files) Commands(t *testing.T, root func() *cobra.Command) {
	found := f.deployed(t)
	require.GreaterOrEqual(t, len(found), 2)
	for file, line := range found {
		require.Equal(t, f.Program, filepath.Base(line[0]), file)
		verb, args, err := root().Find(line[1:])
		require.NoError(t, err, file)
		require.True(t, verb.Runnable(), "%s: %v", file, line)
		require.NoError(t, verb.ParseFlags(args), file)
		require.Empty(t, verb.Flags().Args(), "%s: %v", file, line)
	}
}

// Systemd asks systemd about the unit, where it is installed.
func (f Files) Systemd(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	raw, err := os.ReadFile(f.Unit)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), filepath.Base(f.Unit)) // the program is not installed here
	require.NoError(t, os.WriteFile(unit, bytes.ReplaceAll(raw, []byte("/usr/local/bin/"+f.Program), []byte(self)), 0o644))
	out, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), filepath.Base(f.Unit)+":", "a warning about a line")
}
