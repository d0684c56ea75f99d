package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"github.com/vbauerster/mpb/v8"
)

// program is an App on buffers with one group and one verb that returns err.
func program(t *testing.T, env map[string]string, run func(*App, *cobra.Command) error) (*App, *cobra.Command, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, errs bytes.Buffer
	a := New("engine")
	a.In, a.Out, a.Err = strings.NewReader("from stdin"), &out, &errs
	a.Getenv = func(k string) string { return env[k] }
	root := a.Root("short", "long")
	verb := &cobra.Command{Use: "verb FILE", Args: Args("FILE"), RunE: func(cmd *cobra.Command, _ []string) error { return run(a, cmd) }}
	verb.Flags().Int("threads", 0, "")
	root.AddCommand(a.Group("noun", "words", verb))
	return a, root, &out, &errs
}

func TestErrorsHaveCodeNameFieldAndHint(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		args []string
		err  error
		want Body
	}{
		{[]string{"noun", "verb", "x"}, Errorf(JobInvalid, "spec.shots", "0: %w", cause).WithHint("one or more"), Body{10, "JobInvalid", "0: cause", "spec.shots", "one or more"}},
		{[]string{"noun", "verb", "x"}, fmt.Errorf("wrapped: %w", Errorf(ModuleRefused, "m", "bad").Named("LOAD_REJECTED")), Body{52, "LOAD_REJECTED", "bad", "m", ""}},
		{[]string{"noun", "verb", "x"}, fmt.Errorf("deep: %w", context.Canceled), Body{32, "Cancelled", "interrupted: deep: context canceled", "", ""}},
		{[]string{"noun", "verb", "x"}, context.DeadlineExceeded, Body{31, "DeadlineExceeded", "context deadline exceeded", "", ""}},
		{[]string{"noun", "verb"}, nil, Body{2, "Usage", "argument is missing", "FILE", "usage: engine noun verb FILE [flags]"}},
		{[]string{"noun", "verb", "x", "y"}, nil, Body{2, "Usage", `unexpected argument "y"`, "", "usage: engine noun verb FILE [flags]"}},
		{[]string{"noun", "verb", "x", "--thread=1"}, nil, Body{2, "Usage", "unknown flag", "--thread", "engine noun verb --help"}},
		{[]string{"noun", "verb", "x", "--threads=1.5"}, nil, Body{2, "Usage", `"1.5" is refused: strconv.ParseInt: parsing "1.5": invalid syntax`, "--threads", "engine noun verb --help"}},
		{[]string{"noun", "verb", "x", "--threads"}, nil, Body{2, "Usage", "needs a value", "--threads", "engine noun verb --help"}},
		{[]string{"noun", "verv"}, nil, Body{2, "Usage", `unknown command "verv" for "engine noun"`, "", "did you mean verb?"}},
		{[]string{"noun", "verv", "--threads", "1"}, nil, Body{2, "Usage", `unknown command "verv" for "engine noun"`, "", "did you mean verb?"}},
		{[]string{"noun", "--threads", "1"}, nil, Body{2, "Usage", "unknown flag", "--threads", "engine noun --help"}},
		{[]string{"noun"}, nil, Body{2, "Usage", `"engine noun" needs a command`, "", "one of verb"}},
		{[]string{"--log-level", "loud", "noun", "verb", "x"}, nil, Body{2, "Usage", `"loud" is not a level`, "--log-level", "debug, info, warn or error"}},
	} {
		a, root, out, errs := program(t, nil, func(*App, *cobra.Command) error { return c.err })
		code := a.Execute(context.Background(), root, append([]string{"--json"}, c.args...))
		var got struct{ Error Body }
		dec := json.NewDecoder(out)
		require.NoError(t, dec.Decode(&got), "%v", c.args)
		require.Equal(t, c.want, got.Error, "%v", c.args)
		require.Equal(t, int(c.want.Code), code)
		require.False(t, dec.More(), "one JSON value only")
		require.Empty(t, errs.String())

		a, root, out, errs = program(t, nil, func(*App, *cobra.Command) error { return c.err })
		words := a.Execute(context.Background(), root, c.args)
		if len(c.args) > 1 { // a group alone prints its help
			require.Equal(t, code, words)
			require.Empty(t, out.String())
			require.Contains(t, errs.String(), c.want.Message)
		}
	}
}

func TestPanicIsInternal(t *testing.T) {
	a, root, out, _ := program(t, nil, func(*App, *cobra.Command) error { panic("boom") })
	require.Equal(t, 70, a.Execute(context.Background(), root, []string{"noun", "verb", "x", "--json"}))
	require.Contains(t, out.String(), `"message":"panic: boom"`)
}

func TestPrintedErrorsAreNotRepeated(t *testing.T) {
	a, root, out, _ := program(t, nil, func(a *App, _ *cobra.Command) error {
		e := Errorf(TrapMismatch, "", "no")
		e.Printed = true
		if err := a.Print(map[string]any{"shots": 7, "error": e.Body()}, nil); err != nil {
			return err
		}
		return e
	})
	require.Equal(t, 40, a.Execute(context.Background(), root, []string{"noun", "verb", "x", "--json"}))
	require.Equal(t, `{"error":{"code":40,"name":"TrapMismatch","message":"no","field":"","hint":""},"shots":7}`+"\n", out.String())
}

func TestControlCharactersStayOffTheTerminal(t *testing.T) {
	var b bytes.Buffer
	Errorf(JobInvalid, "", "%s", "a\x1b[2Jb\u009bc\nd").write(&b, func(_, s string) string { return s })
	require.Equal(t, "error: a [2Jb c d (JobInvalid, exit 10)\n", b.String())
}

func TestConfigLayers(t *testing.T) {
	type config struct {
		Threads string `yaml:"threads"`
		Plot    string `yaml:"plot"`
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "animica", "engine.yaml")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	run := func(env map[string]string, args ...string) (int, string) {
		env["XDG_CONFIG_HOME"] = dir
		got := ""
		a, root, out, _ := program(t, env, func(_ *App, cmd *cobra.Command) error {
			got = cmd.Flags().Lookup("threads").Value.String()
			return nil
		})
		a.Setup = func(cmd *cobra.Command) error {
			var c config
			if _, err := a.LoadConfig(&c); err != nil {
				return err
			}
			return a.ApplyDefaults(cmd, map[string]string{"threads": c.Threads, "plot": c.Plot})
		}
		code := a.Execute(context.Background(), root, append([]string{"noun", "verb", "x", "--json"}, args...))
		return code, got + out.String()
	}
	write := func(s string) { require.NoError(t, os.WriteFile(file, []byte(s), 0o600)) }

	code, got := run(map[string]string{})
	require.Equal(t, 0, code)
	require.Equal(t, "0", got)
	write("# comment\nthreads: 3\nplot: svg\n")
	_, got = run(map[string]string{})
	require.Equal(t, "3", got)
	_, got = run(map[string]string{"ENGINE_THREADS": "4"})
	require.Equal(t, "4", got)
	_, got = run(map[string]string{"ENGINE_THREADS": "4"}, "--threads", "5")
	require.Equal(t, "5", got)
	for text, field := range map[string]string{
		"thread: 3\n": `"field":"thread","hint":"did you mean threads?"`, "zz: 1\n": `"hint":"keys: threads, plot"`,
		"threads: x\n": `"field":"threads"`, "threads: 1\n---\nthreads: 2\n": "more than one document",
		"threads: 1\nthreads: 2\n": "already", "[": `"code":50`, strings.Repeat("#", MaxConfigBytes+1): "more than 65536 bytes",
	} {
		write(text)
		code, got = run(map[string]string{})
		require.Equal(t, 50, code, text)
		require.Contains(t, got, field)
	}
	code, got = run(map[string]string{}, "--config", filepath.Join(dir, "none"))
	require.Equal(t, 50, code)
	require.Contains(t, got, `"field":"--config"`)
}

func TestSizeAndChoice(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "123": 123, "8GiB": 8 << 30, "1 KiB": 1024, "5TiB": 5 << 40} {
		var s Size
		require.NoError(t, s.Set(text))
		require.Equal(t, want, uint64(s))
		var back Size
		require.NoError(t, back.Set(s.String()))
		require.Equal(t, s, back)
	}
	for _, text := range []string{"", "-1", "1GB", "1.5GiB", "99999999999999999999", "9999999999TiB", "GiB"} {
		require.Error(t, new(Size).Set(text), text)
	}
	c := Choice{"a", []string{"a", "b"}}
	require.EqualError(t, c.Set("c"), "want one of a, b")
	require.NoError(t, c.Set("b"))
	require.Equal(t, "b", c.String())
}

func TestInputsAreBounded(t *testing.T) {
	a, _, _, _ := program(t, nil, nil)
	b, err := a.ReadInput("JOB", "-", 10, JobInvalid)
	require.NoError(t, err)
	require.Equal(t, "from stdin", string(b))
	for path, want := range map[string]Code{"/dev/zero": JobInvalid, t.TempDir(): Usage, "/nonexistent": Usage} {
		_, err = a.ReadInput("JOB", path, 10, JobInvalid)
		require.Equal(t, want, asError(err).Code, path)
		require.Equal(t, "JOB", asError(err).Field)
	}
}

func TestOutputReplacesWholeFiles(t *testing.T) {
	a, _, out, _ := program(t, nil, nil)
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, a.WriteOutput(path, []byte("one"), 0o600))
	require.NoError(t, a.WriteOutput(path, []byte("two"), 0o600))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(b))
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".tmp-*"))
	require.Empty(t, left)
	require.NoError(t, a.WriteOutput("-", []byte("three"), 0o600))
	require.Equal(t, "three", out.String())
	require.Equal(t, Usage, asError(a.WriteOutput("/nonexistent/x", nil, 0o600)).Code)
}

func TestCompletionAndCodes(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		a, root, out, _ := program(t, nil, nil)
		require.Zero(t, a.Execute(context.Background(), root, []string{"completion", shell}))
		require.Contains(t, out.String(), "engine")
	}
	a, root, out, _ := program(t, nil, nil)
	require.Zero(t, a.Execute(context.Background(), root, []string{"exit-codes", "--json"}))
	var got struct{ Codes []struct{ Code int } }
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Codes, len(Codes))
	for i := 1; i < len(Codes); i++ {
		require.Less(t, Codes[i-1].Code, Codes[i].Code)
	}
}

func TestProgressOnlyOnTerminals(t *testing.T) {
	a, _, _, errs := program(t, nil, nil)
	p := a.Progress(context.Background())
	bar := p.Bar("execute", "shots", 10)
	bar.Set(5, 10)
	bar.Done()
	p.Close()
	require.Empty(t, errs.String())

	var b bytes.Buffer
	p = newProgress(context.Background(), &b, mpb.WithAutoRefresh())
	bar = p.Bar("execute", "shots", 0)
	bar.Set(5, 10)
	p.Close()
	require.Contains(t, b.String(), "execute")
}

func TestLocaleAndColumns(t *testing.T) {
	a, _, _, _ := program(t, map[string]string{"LC_ALL": "C", "LANG": "en_US.UTF-8", "COLUMNS": "1000"}, nil)
	require.False(t, a.Unicode(), "LC_ALL wins")
	require.Equal(t, 400, a.Columns(io.Discard))
	a.Getenv = func(k string) string { return map[string]string{"LANG": "de_DE.utf8"}[k] }
	require.True(t, a.Unicode())
	require.Equal(t, 80, a.Columns(io.Discard))
	require.False(t, a.ColorOn(a.Err), "a buffer is no terminal")
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("threads: 3\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("{}\n---\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c struct {
			Threads string `yaml:"threads"`
		}
		if err := decodeConfig(b, "f", &c); err != nil {
			require.Equal(t, BadConfig, asError(err).Code)
		}
	})
}
