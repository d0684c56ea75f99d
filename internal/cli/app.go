// Package cli is what the module's programs have in common at the command line:
// exit codes, errors as JSON or words, the flags that every verb takes, strict
// configuration files, and the rule that results go to stdout and everything
// else to stderr.
//
// It promises that with --json stdout holds one JSON value and nothing else,
// that colour and progress reach terminals only, and that no error ends without
// an exit code of the table in code.go. It knows nothing about circuits, jobs or
// proofs.
package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// App is one run of a program.
type App struct {
	Name string
	In   io.Reader
	Out  io.Writer // results
	Err  io.Writer // words, logs, progress

	JSON       bool   // --json
	ConfigPath string // --config
	LogLevel   string // --log-level
	Log        *slog.Logger

	// Getenv reads the environment; tests replace it.
	Getenv func(string) string
	// Setup runs after the flags are parsed and before the verb, with the verb's
	// command: the place to load the configuration.
	Setup func(*cobra.Command) error

	args []string // of Execute
}

// New returns an App on the standard streams.
func New(name string) *App {
	return &App{Name: name, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Log: slog.New(slog.DiscardHandler)}
}

// Root builds the root command with the flags that every verb takes.
func (a *App) Root(short, long string) *cobra.Command {
	root := &cobra.Command{
		Use: a.Name, Short: short, Long: long,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs, RunE: a.groupRun,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(a.flagError)
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) { a.help(cmd, args, help) })
	p := root.PersistentFlags()
	p.BoolVar(&a.JSON, "json", a.JSON, "print one JSON value on stdout and nothing else, errors too")
	p.StringVar(&a.ConfigPath, "config", "", "configuration `FILE` (YAML; default $XDG_CONFIG_HOME/animica/"+a.Name+".yaml where it exists)")
	p.StringVar(&a.LogLevel, "log-level", "warn", "least `LEVEL` logged on stderr: debug, info, warn, error")
	root.AddCommand(a.exitCodes(), a.completion())
	return root
}

func (a *App) prepare(cmd *cobra.Command) error {
	if a.Setup != nil {
		if err := a.Setup(cmd); err != nil {
			return err
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.LogLevel)); err != nil {
		return Errorf(Usage, "--log-level", "%q is not a level", a.LogLevel).WithHint("debug, info, warn or error")
	}
	a.Log = slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: level}))
	return nil
}

// Execute runs the command line and returns the exit code. SIGINT and SIGTERM
// cancel ctx, which ends in code 32; a second signal ends the process at once.
func (a *App) Execute(ctx context.Context, root *cobra.Command, args []string) (code int) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	a.JSON = wantsJSON(args)
	defer func() {
		if p := recover(); p != nil {
			code = a.fail(Errorf(Internal, "", "panic: %v", p).WithHint("a bug; please report it with the input"))
			a.Log.Error("panic", "stack", string(debug.Stack()))
		}
	}()
	a.args = args
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.fail(asError(err))
	}
	return int(OK)
}

// wantsJSON looks for --json before the flags are parsed, so that a flag error
// is JSON too.
func wantsJSON(args []string) bool {
	for _, s := range args {
		switch s {
		case "--":
			return false
		case "--json", "--json=true", "--json=1":
			return true
		}
	}
	return false
}

// fail prints the error where it belongs and returns its exit code.
func (a *App) fail(e *Error) int {
	switch {
	case !a.JSON:
		e.write(a.Err, a.paintFor(a.Err))
	case !e.Printed:
		if err := a.writeJSON(struct {
			Error *Body `json:"error"`
		}{e.Body()}); err != nil {
			fmt.Fprintln(a.Err, err)
		}
	}
	return int(e.Code)
}

// Print writes a result to stdout: v as JSON with --json, else what words
// writes.
func (a *App) Print(v any, words func(w io.Writer)) error {
	if a.JSON {
		return a.writeJSON(v)
	}
	w := bufio.NewWriter(a.Out)
	words(w)
	return writeError(w.Flush())
}

func (a *App) writeJSON(v any) error {
	w := bufio.NewWriter(a.Out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return Errorf(Internal, "", "answer: %w", err)
	}
	return writeError(w.Flush())
}

func writeError(err error) error {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return nil // the reader of a pipe went away
	}
	return Errorf(Internal, "stdout", "%w", err)
}

// Warn prints words on stderr, also with --json.
func (a *App) Warn(format string, args ...any) {
	fmt.Fprintf(a.Err, "%s %s\n", a.paintFor(a.Err)(bold, "warning:"), oneLine(fmt.Sprintf(format, args...)))
}

// Say prints words on stderr where a person reads: not with --json.
func (a *App) Say(format string, args ...any) {
	if !a.JSON {
		fmt.Fprintln(a.Err, oneLine(strings.TrimRight(fmt.Sprintf(format, args...), "\n")))
	}
}
