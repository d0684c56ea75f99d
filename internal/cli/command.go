package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Group is a noun with verbs below it. Alone it prints its help.
func (a *App) Group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: a.groupRun}
	g.AddCommand(verbs...)
	return g
}

func (a *App) groupRun(cmd *cobra.Command, args []string) error {
	verbs := verbNames(cmd)
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	if a.JSON {
		return Errorf(Usage, "", "%q needs a command", cmd.CommandPath()).WithHint("one of %s", strings.Join(verbs, ", "))
	}
	return cmd.Help()
}

func unknownCommand(group *cobra.Command, word string) *Error {
	e := Errorf(Usage, "", "unknown command %q for %q", word, group.CommandPath())
	group.SuggestionsMinimumDistance = 2
	if s := group.SuggestionsFor(word); len(s) > 0 {
		return e.WithHint("did you mean %s?", strings.Join(s, " or "))
	}
	return e.WithHint("one of %s", strings.Join(verbNames(group), ", "))
}

func verbNames(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c.Name())
		}
	}
	return out
}

// Args demands exactly the named arguments. A last name in brackets may be
// absent.
func Args(names ...string) cobra.PositionalArgs {
	need := len(names)
	if need > 0 && strings.HasPrefix(names[need-1], "[") {
		need--
	}
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < need {
			return Errorf(Usage, names[len(args)], "argument is missing").WithHint("usage: %s", cmd.UseLine())
		}
		if len(args) > len(names) {
			return Errorf(Usage, "", "unexpected argument %q", args[len(names)]).WithHint("usage: %s", cmd.UseLine())
		}
		return nil
	}
}

// flagError turns what pflag says into an Error that names the flag. Behind an
// unknown command every flag is unknown: then it names the command.
func (a *App) flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if _, rest, findErr := cmd.Root().Find(a.args); findErr == nil && cmd.HasAvailableSubCommands() {
		if word := firstWord(cmd, rest); word != "" {
			return unknownCommand(cmd, word)
		}
	}
	e := Errorf(Usage, "", "%w", err).WithHint("%s --help", cmd.CommandPath())
	var (
		unknown *pflag.NotExistError
		bad     *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
	)
	switch {
	case errors.As(err, &unknown):
		e.Field, e.Message = flagName(unknown.GetSpecifiedName()), "unknown flag"
	case errors.As(err, &bad):
		e.Field, e.Message = "--"+bad.GetFlag().Name, fmt.Sprintf("%q is refused: %v", bad.GetValue(), errors.Unwrap(bad))
	case errors.As(err, &missing):
		e.Field, e.Message = "--"+missing.GetFlag().Name, "needs a value"
	}
	return e
}

// firstWord is the first argument that is neither a known flag nor its value;
// empty where an unknown flag comes first.
func firstWord(cmd *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			return args[i]
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		f := cmd.Flag(name)
		if f == nil {
			return ""
		}
		if !hasValue && f.NoOptDefVal == "" {
			i++
		}
	}
	return ""
}

func flagName(n string) string {
	if len(n) == 1 {
		return "-" + n
	}
	return "--" + n
}

// help prints help to stdout; with --json as {"help": …}.
func (a *App) help(cmd *cobra.Command, args []string, plain func(*cobra.Command, []string)) {
	if !a.JSON {
		plain(cmd, args)
		return
	}
	var b bytes.Buffer
	cmd.SetOut(&b)
	plain(cmd, args)
	cmd.SetOut(a.Out)
	_ = a.writeJSON(map[string]string{"help": b.String()})
}

// exitCodes is a help topic that is also a verb, so that scripts can read it.
func (a *App) exitCodes() *cobra.Command {
	return &cobra.Command{
		Use: "exit-codes", Short: "List the exit codes and their error names", Args: Args(),
		RunE: func(*cobra.Command, []string) error {
			type row struct {
				Code    Code   `json:"code"`
				Name    string `json:"name"`
				Meaning string `json:"meaning"`
			}
			rows := make([]row, len(Codes))
			for i, r := range Codes {
				rows[i] = row(r)
			}
			return a.Print(map[string]any{"codes": rows}, func(w io.Writer) {
				for _, r := range Codes {
					fmt.Fprintf(w, "%3d  %-18s %s\n", r.Code, r.Name, r.Meaning)
				}
			})
		},
	}
}

// completion prints the completion script of a shell.
func (a *App) completion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script of bash, zsh, fish or powershell",
		Example:   fmt.Sprintf("  %[1]s completion bash > ~/.local/share/bash-completion/completions/%[1]s", a.Name),
		ValidArgs: shells, Args: Args("SHELL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var b bytes.Buffer
			var err error
			switch root := cmd.Root(); args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&b, true)
			case "zsh":
				err = root.GenZshCompletion(&b)
			case "fish":
				err = root.GenFishCompletion(&b, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&b)
			default:
				return Errorf(Usage, "SHELL", "%q is not known", args[0]).WithHint("one of %s", strings.Join(shells, ", "))
			}
			if err != nil {
				return err
			}
			return a.Print(map[string]string{"shell": args[0], "script": b.String()}, func(w io.Writer) { _, _ = w.Write(b.Bytes()) })
		},
	}
}
