package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

type checkRow struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Skipped bool   `json:"skipped,omitempty"` // the guest does not offer it and need not
	Detail  string `json:"detail,omitempty"`
}

type score struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

// costRow is a call of the guide's job.
type costRow struct {
	Export      string  `json:"export"`
	Fuel        uint64  `json:"fuel"`   // used
	Budget      uint64  `json:"budget"` // fuel that every provider gives the call
	OutputBytes int     `json:"output_bytes"`
	MemoryPages uint32  `json:"memory_pages"` // of 64 KiB
	Millis      float64 `json:"ms"`           // on this machine
}

type conformAnswer struct {
	SHA3   digest.Digest `json:"sha3_256"`
	Kind   string        `json:"kind"`
	Score  score         `json:"score"`
	Checks []checkRow    `json:"checks"`
	Costs  []costRow     `json:"costs"`
	Error  *cli.Body     `json:"error,omitempty"`
}

func (e *program) moduleTest() *cobra.Command {
	var vectors string
	c := &cobra.Command{
		Use: "test FILE", Short: "Run the conformance suite of ABI qx1 on a module",
		Long: `Run every check that the ABI demands of the module's kind, in the sandbox, and
print the score and what the guide's job costs (20 qubits, 120 layers, 4096 slots).
Exit 52 where a check fails. A passing module keeps the contract; whether it detects
anything is another question.

With --vectors the module must also give the answers that the file has under the
name in its manifest: modules in several languages that share a name give the same
bytes.`,
		Example: "  engine module test traps.wasm --json\n  engine module test echo.wasm --vectors examples/guests/vectors.json",
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
			checks := abitest.Checks(kind)
			if vectors != "" {
				v, err := e.readVectors(vectors)
				if err != nil {
					return err
				}
				checks = append(checks, v.Check())
			}
			return e.conformance(cmd, args[0], a.SHA3, abitest.OnHost(h, b, kind), checks)
		},
	}
	c.Flags().StringVar(&vectors, "vectors", "", "`FILE` of known answers by module name")
	return c
}

func (e *program) readVectors(path string) (abitest.Vectors, error) {
	b, err := e.ReadInput("--vectors", path, abitest.MaxVectorFile, cli.ChecksumMismatch)
	if err != nil {
		return nil, err
	}
	v, err := abitest.ParseVectors(b)
	if err != nil {
		return nil, cli.Errorf(cli.ChecksumMismatch, "--vectors", "%w", err)
	}
	return v, nil
}

// add runs a check and notes how it went.
func (a *conformAnswer) add(cmd *cobra.Command, c abitest.Check, g abitest.Guest) {
	err := c.Run(cmd.Context(), g)
	row := checkRow{Name: c.Name, OK: err == nil, Skipped: errors.Is(err, abitest.ErrSkip)}
	if err != nil {
		row.Detail = err.Error()
	}
	switch {
	case row.Skipped:
		row.OK = true
		a.Score.Skipped++
	case row.OK:
		a.Score.Passed++
	default:
		a.Score.Failed++
	}
	a.Checks = append(a.Checks, row)
}

// cost is the check that runs the guide's job.
func (a *conformAnswer) cost(ctx context.Context, g abitest.Guest) error {
	costs, err := abitest.Costs(ctx, g)
	for _, c := range costs {
		a.Costs = append(a.Costs, costRow{c.Export, c.Fuel, c.Budget, c.OutputBytes, c.MemoryPages, c.Duration.Seconds() * 1e3})
	}
	return err
}

func (a *conformAnswer) write(w io.Writer) {
	for _, c := range a.Checks {
		word := "ok  "
		if c.Skipped {
			word = "skip"
		} else if !c.OK {
			word = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s %s\n", word, c.Name, c.Detail)
	}
	for _, c := range a.Costs {
		fmt.Fprintf(w, "cost  %-12s %5.1f %% of the fuel, %d pages of memory, %d bytes out, %.1f ms here\n", c.Export, 100*float64(c.Fuel)/float64(max(c.Budget, 1)), c.MemoryPages, c.OutputBytes, c.Millis)
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", a.Score.Passed, a.Score.Failed, a.Score.Skipped)
}

func (e *program) conformance(cmd *cobra.Command, path string, sum digest.Digest, g abitest.Guest, checks []abitest.Check) error {
	out := conformAnswer{SHA3: sum, Kind: g.Kind.String(), Costs: []costRow{}}
	for _, c := range checks {
		if c.Name == abitest.GuideCheck { // keep what it measures
			c.Run = out.cost
		}
		out.add(cmd, c, g)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
	}
	var failed *cli.Error
	if n := out.Score.Failed; n > 0 {
		failed = cli.Errorf(cli.ModuleRefused, path, "%d of %d checks fail", n, len(out.Checks)).Named("Conformance").WithHint("abi/SPEC.md is the contract")
		out.Error, failed.Printed = failed.Body(), e.JSON
	}
	err := e.Print(out, out.write)
	if err != nil || failed == nil {
		return err
	}
	return failed
}
