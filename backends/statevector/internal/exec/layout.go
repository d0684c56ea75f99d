package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

func odd(x uint32) bool { return bits.OnesCount32(x)&1 == 1 }

// deposit spreads the low bits of n over positions, ascending.
func deposit(n uint64, positions []uint8) uint64 {
	var out uint64
	for i, p := range positions {
		out |= n >> i & 1 << p
	}
	return out
}

// without returns what is in all and not in part; both ascend.
func without(all, part []uint8) []uint8 {
	var out []uint8
	for _, p := range all {
		if local(part).index(int(p)) < 0 {
			out = append(out, p)
		}
	}
	return out
}

// upTo returns 0, 1, …, n-1.
func upTo(n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(i)
	}
	return out
}

// rows describes how a set of positions lies in a memory of 2^of amplitudes: in
// rows of consecutive amplitudes at byte offsets.
type rows struct {
	off  []uint64
	size int // floats in a row
}

// rowsOf takes positions that begin with the lanes.
func rowsOf(positions []uint8) rows {
	run := 0
	for run < len(positions) && int(positions[run]) == run {
		run++
	}
	r := rows{size: kernel.Block << (run - plan.Lanes)}
	for i := range uint64(1) << (len(positions) - run) {
		r.off = append(r.off, bytesOf(deposit(i, positions[run:])))
	}
	return r
}

// bytesOf is the byte offset of an amplitude whose lane bits are 0.
func bytesOf(index uint64) uint64 { return index * 8 }

// whole reports whether the set is one row.
func (r *rows) whole() bool { return len(r.off) == 1 }
