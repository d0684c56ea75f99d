package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
)

var update = flag.Bool("update", false, "rewrite docs/cli.md")

const docsHead = `# engine: the command line

This page is written by ` + "`go test ./cmd/engine -run TestCommandPage -update`" + ` from the help texts; do not edit it.

Results go to stdout, words and progress to stderr. Every verb takes ` + "`--json`" + `, which prints one JSON value on stdout and nothing else; an error is
` + "`" + `{"error":{"code","name","message","field","hint"}}` + "`" + `. Colour and progress bars appear on terminals only, colour never with ` + "`NO_COLOR`" + `.

Defaults of flags come from, in this order: the command line, the environment (` + "`ENGINE_THREADS`" + ` for ` + "`--threads`" + `, and so on), the
configuration file. The file is YAML with the keys log_level, data_dir, backend, threads, memory, plot; unknown keys are refused. None of them
changes the bytes of a result. An example:

` + "```yaml" + `
# ~/.config/animica/engine.yaml
data_dir: /srv/engine
threads: 2
memory: 8GiB
` + "```" + `

## Exit codes

| code | name | meaning |
|---|---|---|
`

// TestCommandPage keeps docs/cli.md and the help texts the same.
func TestCommandPage(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(docsHead)
	for _, r := range cli.Codes {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", r.Code, r.Name, r.Meaning)
	}
	e := &program{App: cli.New("engine")}
	describe(&b, e.root())
	path := filepath.Join("..", "..", "docs", "cli.md")
	if *update {
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "run the test with -update")
}

// TestHelpTeaches demands of every verb what a reader needs.
func TestHelpTeaches(t *testing.T) {
	e := &program{App: cli.New("engine")}
	walk(e.root(), func(c *cobra.Command) {
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.Less(t, len(c.Short), 80, c.CommandPath())
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			require.NotEmpty(t, f.Usage, "%s --%s", c.CommandPath(), f.Name)
		})
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 100, "%s: %s", c.CommandPath(), line)
		}
	})
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			walk(sub, visit)
		}
	}
}

func describe(b *bytes.Buffer, root *cobra.Command) {
	fmt.Fprintf(b, "\n## Flags of every verb\n\n")
	flags(b, root.PersistentFlags())
	walk(root, func(c *cobra.Command) {
		if c == root || c.HasAvailableSubCommands() {
			return
		}
		fmt.Fprintf(b, "\n## %s\n\n`%s`\n\n", c.CommandPath(), c.UseLine())
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		fmt.Fprintf(b, "```text\n%s\n```\n", strings.TrimSpace(text))
		if c.Example != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", strings.TrimRight(c.Example, "\n"))
		}
		if c.HasAvailableLocalFlags() {
			fmt.Fprintln(b)
			flags(b, c.LocalNonPersistentFlags())
		}
	})
}

func flags(b *bytes.Buffer, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		arg, usage := pflag.UnquoteUsage(f)
		if arg != "" {
			arg = " " + arg
		}
		fmt.Fprintf(b, "- `--%s%s`: %s", f.Name, arg, usage)
		if d := f.DefValue; d != "" && d != "false" && d != "[]" && strings.Trim(d, "0") != "" {
			fmt.Fprintf(b, " (default %s)", d)
		}
		fmt.Fprintln(b)
	})
}
