package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver/scaffold"
)

type newDriver struct {
	Name  string   `json:"name"`
	Lang  string   `json:"lang"`
	Files []string `json:"files"`
}

func (e *program) driverNew() *cobra.Command {
	var lang, name string
	c := &cobra.Command{
		Use: "new DIR", Short: "Write a first driver that passes the conformance kit",
		Long: `Write a driver into DIR: one that passes engine driver test against a small
simulator, to be replaced by the vendor's interface. No file is written over, and
nothing is started.`,
		Example: "  engine driver new --lang go acme\n  engine driver new --lang python acme",
		Args:    cli.Args("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return cli.Errorf(cli.Usage, "DIR", "%w", err)
			}
			if name == "" {
				name = filepath.Base(dir)
			}
			files, err := scaffold.Write(dir, lang, name)
			switch {
			case errors.Is(err, scaffold.ErrLanguage):
				return cli.Errorf(cli.Usage, "--lang", "%w", err)
			case errors.Is(err, scaffold.ErrName):
				return cli.Errorf(cli.Usage, "--name", "%w", err)
			case errors.Is(err, fs.ErrExist):
				return cli.Errorf(cli.Usage, "DIR", "%w", err).WithHint("choose an empty folder")
			case err != nil:
				return cli.Errorf(cli.Internal, "DIR", "%w", err)
			}
			return e.Print(newDriver{Name: name, Lang: lang, Files: files}, func(w io.Writer) {
				for _, f := range files {
					fmt.Fprintln(w, f)
				}
				fmt.Fprint(w, nextSteps(lang, dir, name))
			})
		},
	}
	c.Flags().StringVar(&lang, "lang", "go", "`LANGUAGE`: go or python")
	c.Flags().StringVar(&name, "name", "", "`NAME` of the driver (default the folder's)")
	return c
}

// nextSteps says how to build and check what was written.
func nextSteps(lang, dir, name string) string {
	if lang == "python" {
		return fmt.Sprintf("next: python3 -m venv %s/.venv\n      %s/.venv/bin/pip install CHECKOUT/plugins/driver/python\n      engine driver test %s/engine-driver-%s\n", dir, dir, dir, name)
	}
	return fmt.Sprintf("next: cd %s\n      go mod edit -replace github.com/animicaorg/engine=CHECKOUT && go mod tidy\n      go build -o engine-driver-%s .\n      engine driver test ./engine-driver-%s\n", dir, name, name)
}
