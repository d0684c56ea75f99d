package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

type checkRow struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

type score struct {
	Passed int `json:"passed"`
	Failed int `json:"failed"`
}

func (e *program) moduleTest() *cobra.Command {
	return &cobra.Command{
		Use: "test FILE", Short: "Run the conformance suite of ABI qx1 on a module",
		Long: `Run every check that the ABI demands of the module's kind, in the sandbox, and
print the score. Exit 52 where one fails. A passing module keeps the contract; whether
it detects anything is another question.`,
		Example: "  engine module test traps.wasm --json",
		Args:    cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := e.readModule("FILE", args[0])
			if err != nil {
				return err
			}
			a, refusal := inspectModule(b, "auto")
			if refusal != nil {
				return refusal
			}
			kind, err := abi.ParseKind(a.Kind)
			if err != nil {
				return cli.Errorf(cli.Internal, "", "%w", err)
			}
			h, err := e.guestHost()
			if err != nil {
				return cli.Errorf(cli.Internal, "", "%w", err)
			}
			return e.conformance(cmd, args[0], a.SHA3, abitest.OnHost(h, b, kind))
		},
	}
}

func (e *program) conformance(cmd *cobra.Command, path string, sum digest.Digest, g abitest.Guest) error {
	out := struct {
		SHA3   digest.Digest `json:"sha3_256"`
		Kind   string        `json:"kind"`
		Score  score         `json:"score"`
		Checks []checkRow    `json:"checks"`
		Error  *cli.Body     `json:"error,omitempty"`
	}{SHA3: sum, Kind: g.Kind.String()}
	for _, c := range abitest.Checks(g.Kind) {
		err := c.Run(cmd.Context(), g)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		row := checkRow{Name: c.Name, OK: err == nil}
		if err != nil {
			row.Detail = err.Error()
			out.Score.Failed++
		} else {
			out.Score.Passed++
		}
		out.Checks = append(out.Checks, row)
	}
	var failed *cli.Error
	if n := out.Score.Failed; n > 0 {
		failed = cli.Errorf(cli.ModuleRefused, path, "%d of %d checks fail", n, len(out.Checks)).Named("Conformance").WithHint("abi/SPEC.md is the contract")
		out.Error, failed.Printed = failed.Body(), e.JSON
	}
	err := e.Print(out, func(w io.Writer) {
		for _, c := range out.Checks {
			word := "ok  "
			if !c.OK {
				word = "FAIL"
			}
			fmt.Fprintf(w, "%s  %s %s\n", word, c.Name, c.Detail)
		}
		fmt.Fprintf(w, "%d passed, %d failed\n", out.Score.Passed, out.Score.Failed)
	})
	if err != nil || failed == nil {
		return err
	}
	return failed
}
