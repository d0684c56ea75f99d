package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

func (e *program) circuitVerb() *cobra.Command {
	return e.Group("circuit", "Hash, show, draw and convert circuits", e.circuitHash(), e.circuitShow(), e.circuitDraw(), e.circuitConvert())
}

func hashOf(c *circuit.Circuit, path string) (digest.Digest, error) {
	h, err := c.Hash()
	if err != nil {
		return h, circuitError(err, path)
	}
	return h, nil
}

func (e *program) circuitHash() *cobra.Command {
	var s sourceFlags
	c := &cobra.Command{
		Use: "hash FILE", Short: "Print the circuit_hash",
		Long: `Print the circuit_hash: SHA3-256 over the canonical bytes. Comments, spaces,
register names, gate spellings and the way angles are written do not change it.`,
		Example: "  engine circuit hash bell.qasm", Args: cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := e.readCircuit("FILE", args[0], &s)
			if err != nil {
				return err
			}
			h, err := hashOf(c, args[0])
			if err != nil {
				return err
			}
			return e.Print(map[string]digest.Digest{"hash": h}, func(w io.Writer) { fmt.Fprintln(w, h) })
		},
	}
	s.add(c.Flags())
	return c
}

type circuitAnswer struct {
	Hash     digest.Digest  `json:"hash"`
	Width    int            `json:"width"`
	Clbits   int            `json:"clbits"`
	Depth    int            `json:"depth"`
	Gates    map[string]int `json:"gates"`
	Clifford bool           `json:"clifford"`
	Measured bool           `json:"measured"`

	Plan *statevector.Outline `json:"plan,omitempty"`
}

func (e *program) circuitShow() *cobra.Command {
	var s sourceFlags
	var plan bool
	precision := cli.Choice{Value: "32", Allowed: []string{"32", "64"}}
	c := &cobra.Command{
		Use: "show FILE", Short: "Print hash, width, depth and gate counts",
		Long: `Print hash, width, depth and gate counts. Depth counts layers of gates; measure,
reset and barrier add nothing.

With --plan the order in which the state vector samples the circuit is printed too:
passes over the state, the qubits that each brings together, diagonals and
rotations, the bytes and operations that follow from them, and the gates and qubits
that no measured qubit depends on, which are cut. It depends on the circuit alone.
Circuits that go on after a measurement have no plan (exit 11).`,
		Example: "  engine circuit show bell.qasm --json\n  engine circuit show qft.qasm --plan", Args: cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.readCircuit("FILE", args[0], &s)
			if err != nil {
				return err
			}
			h, err := hashOf(c, args[0])
			if err != nil {
				return err
			}
			a := circuitAnswer{h, c.Width(), c.Clbits, c.Depth(), c.GateCounts(), c.IsClifford(), c.Measured(), nil}
			if plan {
				if a.Plan, err = e.outline(cmd.Context(), c, args[0], precision.Value); err != nil {
					return err
				}
			}
			return e.Print(a, func(w io.Writer) { a.write(w) })
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "print how the state vector runs the circuit")
	c.Flags().Var(&precision, "precision", "`BITS` of the numbers that --plan counts bytes of: 32 or 64")
	s.add(c.Flags())
	return c
}

func (a *circuitAnswer) write(w io.Writer) {
	fmt.Fprintf(w, "hash     %s\nwidth    %d qubits\nclbits   %d\ndepth    %d\nclifford %v\n", a.Hash, a.Width, a.Clbits, a.Depth, a.Clifford)
	if !a.Measured {
		fmt.Fprintln(w, "measured at the end, qubit i into bit i")
	}
	for _, g := range slices.Sorted(maps.Keys(a.Gates)) {
		fmt.Fprintf(w, "%8d %s\n", a.Gates[g], g)
	}
	if a.Plan != nil {
		writeOutline(w, a.Plan)
	}
}
