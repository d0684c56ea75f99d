package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/plot"
)

func (e *program) circuitConvert() *cobra.Command {
	var s sourceFlags
	var out string
	to := cli.Choice{}
	for _, f := range circuit.Formats() {
		to.Allowed = append(to.Allowed, string(f))
	}
	c := &cobra.Command{
		Use: "convert FILE", Short: "Write a circuit in another format",
		Long: `Write a circuit in another format. openqasm2, openqasm3 and json read back to a
circuit with the same hash. A feature that the target lacks is refused (exit 11),
never dropped, except barriers in ionq and qir, and the global phase.`,
		Example: "  engine circuit convert bell.qasm --to json --out bell.json\n  engine circuit convert bell.qasm --to qir",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if to.Value == "" {
				return cli.Errorf(cli.Usage, "--to", "is needed").WithHint("one of %s", strings.Join(to.Allowed, ", "))
			}
			c, err := e.readCircuit("FILE", args[0], &s)
			if err != nil {
				return err
			}
			b, err := c.Export(circuit.Format(to.Value))
			if errors.Is(err, circuit.ErrUnsupported) {
				return cli.Errorf(cli.Unsupported, args[0], "%w", err).Named("FeatureUnsupported").WithHint("--to openqasm3 or --to json can say everything")
			}
			if err != nil {
				return circuitError(err, args[0])
			}
			return e.writeConverted(out, b, to.Value)
		},
	}
	c.Flags().Var(&to, "to", "the `FORMAT` to write: "+strings.Join(to.Allowed, ", "))
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is stdout")
	s.add(c.Flags())
	return c
}

type drawAnswer struct {
	Format  string `json:"format"`
	Drawing string `json:"drawing"`
}

func (e *program) circuitDraw() *cobra.Command {
	var s sourceFlags
	var out string
	format := cli.Choice{Value: "text", Allowed: []string{"text", "svg"}}
	c := &cobra.Command{
		Use: "draw FILE", Short: "Draw a circuit as text or SVG",
		Long: `Draw a circuit. Text is cut into blocks that fit the terminal (or COLUMNS); SVG is
one row and loads nothing.`,
		Example: "  engine circuit draw bell.qasm\n  engine circuit draw bell.qasm --format svg --out bell.svg",
		Args:    cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(out, ".svg") && !cmd.Flags().Changed("format") {
				format.Value = "svg"
			}
			c, err := e.readCircuit("FILE", args[0], &s)
			if err != nil {
				return err
			}
			d := plot.Draw(c)
			b := d.Text(e.term())
			if format.Value == "svg" {
				b = d.SVG()
			}
			if out != "-" {
				return e.writeConverted(out, b, format.Value)
			}
			return e.Print(drawAnswer{format.Value, string(b)}, func(w io.Writer) { _, _ = w.Write(b) })
		},
	}
	c.Flags().Var(&format, "format", "`FORMAT`: text or svg; by --out where that ends in .svg")
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is stdout")
	s.add(c.Flags())
	return c
}
