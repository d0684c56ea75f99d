// Package plan turns a circuit into the order in which numeric
// version 1 executes it.
//
// It promises that Program and Plan are functions of the circuit alone: no
// clock, no CPU, no memory size and no thread count enters. The tile sizes and
// the cost constants below are part of the numeric version, because they decide
// which phases share one complex multiplication (exec/SPEC.md, "Plan").
//
// It does not compute amplitudes and does not choose kernels.
package plan

// Sizes of the two levels of blocking, in qubits. The lanes are the qubits of
// one vector of 16 amplitudes.
const (
	Lanes    = 4
	ChunkMax = 12 // a chunk of 2^12 amplitudes, 32 KiB, stays in or near a first-level cache
	TileMax  = 16 // a tile of 2^16 amplitudes, 512 KiB, stays in a second-level cache
)

// MaxWidth is the widest program: 2^34 amplitudes are 128 GiB.
const MaxWidth = 34
