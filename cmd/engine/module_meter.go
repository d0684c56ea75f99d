package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

// meterAnswer is the JSON answer of "engine module meter".
type meterAnswer struct {
	SHA3 digest.Digest `json:"sha3_256"` // of the artifact
	Kind string        `json:"kind"`
	*meteredForm
	Out string `json:"out,omitempty"`
}

func (e *program) moduleMeter() *cobra.Command {
	var out string
	kind := cli.Choice{Value: "auto", Allowed: []string{"auto", "traps", "compiler"}}
	c := &cobra.Command{
		Use: "meter FILE", Short: "Compile fuel, depth and memory limits into a module, as the sandbox does",
		Long: `Write the metered form of a module, which is what the engines of the sandbox
run, and print its hash. It is a pure function of the module and of the meter's
version: a proof names its hash beside the module's, and everyone can derive it
again. host/meter/SPEC.md is the definition. A module that the validator or the
meter refuses ends in exit 52, LOAD_REJECTED, with the rule.`,
		Example: "  engine module meter traps.wasm --out traps.metered.wasm",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := e.readModule("FILE", args[0])
			if err != nil {
				return err
			}
			a, refusal := inspectModule(b, kind.Value)
			if refusal != nil {
				refusal.Field = args[0]
				return refusal
			}
			if out != "" {
				if err := e.WriteOutput(out, a.wasm, 0o644); err != nil {
					return err
				}
			}
			return e.Print(meterAnswer{a.SHA3, a.Kind, a.meteredForm, out}, func(w io.Writer) {
				fmt.Fprintf(w, "module    %s, %d bytes\nmetered   %s, %d bytes\nmeter     %s\nload      %d fuel\n", a.SHA3, a.Size, a.MeteredSHA3, a.MeteredSize, a.Meter, a.LoadFuel)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "`FILE` for the metered module (default none)")
	c.Flags().Var(&kind, "kind", "what the module is to be; auto looks at its exports")
	return c
}
