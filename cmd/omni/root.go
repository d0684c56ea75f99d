package main

import (
	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
)

// program is one run of the command.
type program struct{ *cli.App }

const long = `omni is the network side of verifiable quantum jobs.

  omni aicf policy show policy.yaml
  omni aicf policy simulate --cases cases.json

Results go to stdout, words and progress to stderr. Every verb takes --json.`

func (o *program) root() *cobra.Command {
	root := o.Root("Rules of the quantum job network", long)
	o.Setup = func(*cobra.Command) error {
		_, err := o.LoadConfig(&struct{}{})
		return err
	}
	root.AddCommand(o.Group("aicf", "The job network", o.policyVerb()))
	return root
}
