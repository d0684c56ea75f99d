// Package workloads is the set of measured works W1 to W9, the engine's side of
// each, and the runner that alternates engine and peers.
//
// It promises that both sides do the same circuit, which was compared before it
// was timed; that engine and peers alternate in one run, each peer at the best
// setting that a trial found, with the same number of threads; and that times
// are minimum and median over rounds, a round being the median of its
// repetitions. The engine's time runs from the parsed circuit to packed outcomes,
// planning included; a peer's from its prebuilt circuit to its own outcomes. It
// does not promise the same figures twice: they describe a machine at a moment.
package workloads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/bench/report"
	"github.com/animicaorg/engine/circuit"
)

// Workload is one row of the table. Its fields say what is measured; how is the
// business of Runner.
type Workload struct {
	ID            string // W1, W1b/24, …
	Work          string // one line for people
	Target        float64
	TargetSeconds float64

	kind      peers.Kind // "" where there is no peer for it
	precision statevector.Precision
	shots     int
	errors    float64                            // chance of a depolarizing error, of Noise
	threads   int                                // most threads, 0: as many as asked
	memory    bool                               // measure resident memory too
	sized     bool                               // measure resident memory alone
	alone     bool                               // no peer takes part
	circuits  func() ([]*circuit.Circuit, error) // several: a batch
	native    func() (peers.Circuit, error)      // the peers' form; nil: translated
	phases    []statevector.Phase                // between the gates of the only circuit
	floor     func(w *Workload) counts
	job       bool // the whole of "engine run"
}

// group is the part of the id before the slash.
func (w *Workload) group() string {
	g, _, _ := strings.Cut(w.ID, "/")
	return g
}

// Select finds workloads by id or by the part of the id before the slash, "W1c"
// standing for W1c-batch too; "all" is all of them. The word "curves", which stands
// for no workload, is passed over.
func Select(names []string) ([]Workload, error) {
	all := table()
	var out []Workload
	for _, w := range all {
		if slices.ContainsFunc(names, func(n string) bool {
			return n == "all" || n == w.ID || n == w.group() || n+"-batch" == w.group()
		}) {
			out = append(out, w)
		}
	}
	for _, n := range names {
		if n == "curves" {
			continue
		}
		known := slices.ContainsFunc(all, func(w Workload) bool { return n == "all" || n == w.ID || n == w.group() })
		if !known {
			return nil, fmt.Errorf("%q is no workload; known are all, curves, %s", n, strings.Join(IDs(), ", "))
		}
	}
	return out, nil
}

// IDs lists all workloads.
func IDs() []string {
	var out []string
	for _, w := range table() {
		out = append(out, w.ID)
	}
	return out
}

// row starts the row of a workload.
func (w *Workload) row() report.Row {
	return report.Row{ID: w.ID, Work: w.Work, Status: report.Measured, Target: w.Target, TargetSeconds: w.TargetSeconds}
}
