package plan

import "math/bits"

// A tuning steers the search: costs in quarters of the time of a fused
// multiply-add per vector of the state. It is not an estimate of time; it was
// chosen for the plans it leads to, and is frozen with the numeric version.
type tuning struct {
	tile, chunk, diag int
	perLane           bool // each rotating lane costs, not all together
}

var tunings = [2]tuning{
	{tile: 12, chunk: 24, diag: 4, perLane: true},
	{tile: 12, chunk: 24, diag: 2},
}

// smallWidth is the widest plan for which tunings[0] was never beaten.
const smallWidth = 20

// blockCost[k] is the cost of rotating k qubits that are not lanes, in sweeps of
// up to four.
var blockCost = [ChunkMax - Lanes + 1]int{0, 3, 3, 4, 5, 8, 9, 9, 10}

// pairCost[k] is the cost of an exchange with k lanes. Without lanes half of the
// amplitudes are touched; with one, the halves of two vectors make one; with two,
// every vector is read and half of the results are kept.
var pairCost = [3]int{2, 3, 4}

// step is the cost of a step that rotates a set of qubits and does exchanges of
// so many lanes.
func (t *tuning) step(rot, lanes uint64, pairs [3]int) int {
	extra := 0
	for k, n := range pairs {
		extra += n * pairCost[k]
	}
	return extra + t.single(rot, lanes)
}

// single is step without exchanges.
func (t *tuning) single(rot, lanes uint64) int {
	c, n := t.diag+blockCost[bits.OnesCount64(rot&^lanes)], bits.OnesCount64(rot&lanes)
	if n > 0 && !t.perLane {
		n = Lanes
	}
	return c + n
}

// The estimate that chooses between two plans, in the same unit, after
// measurements on one machine.
const (
	passCost     = 4  // sweeps from and to a last-level cache
	widePassCost = 24 // the same from and to memory
	tileCost     = 12 // copy of a tile and back
	subCost      = 6  // copy of a chunk of a tile and back
	wide         = 22 // the widest state that last-level caches hold
)

var estimate = tuning{diag: 4, perLane: true}

// passCostOf is the estimate for a pass without its steps.
func passCostOf(p *Pass, width int) int {
	c := passCost
	if width > wide {
		c = widePassCost
	}
	if len(p.Subs) > 1 {
		c += tileCost + subCost*len(p.Subs)
	}
	return c
}

// trial is what a choice would do.
type trial struct{ gain, cost int }

// better compares gain per cost; the first of equals wins.
func (t trial) better(u trial) bool { return t.gain*u.cost > u.gain*t.cost }
