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

// rows describes how a set of positions lies in memory: in rows of consecutive
// amplitudes at byte offsets.
type rows struct {
	off  []uint64
	size int // floats in a row

	pieces []uint64 // offsets of equal parts, no longer than a row
	piece  int      // floats in a part
}

// pieceFloats is the longest part of a row that is asked for at once, 512 bytes.
const pieceFloats = 128

// rowsOf takes positions that begin with the lanes; offset is stateOffset, or
// twice that.
func rowsOf(positions []uint8, offset func(index uint64) uint64) rows {
	run := 0
	for run < min(len(positions), plan.ChunkMax) && int(positions[run]) == run {
		run++
	}
	r := rows{size: kernel.Block << (run - plan.Lanes)}
	for i := range uint64(1) << (len(positions) - run) {
		r.off = append(r.off, offset(deposit(i, positions[run:])))
	}
	r.piece = min(r.size, pieceFloats)
	for _, off := range r.off {
		for i := 0; i < r.size; i += r.piece {
			r.pieces = append(r.pieces, off+uint64(4*i))
		}
	}
	return r
}

// stateOffset is the byte offset in the state of an amplitude whose lane bits
// are 0. One block in 257 stays unused, so that blocks a power of two apart do
// not fall into the same sets of a first-level cache; one more in 2^farBlocks does
// the same for a second-level cache (128 KiB a way) and rows of the highest qubits,
// 2 MiB apart. It is linear: the offset of i|j is the sum of both where i and j
// share no bit.
func stateOffset(index uint64) uint64 {
	b := index >> plan.Lanes
	return (b + b>>(plan.ChunkMax-plan.Lanes) + b>>farBlocks) * kernel.Block * 4
}

const farBlocks = 14

// stateFloats is the size of a state of 2^width amplitudes.
func stateFloats(width int) int { return int(stateOffset(1<<width) / 4) }

// whole reports whether the set is one row.
func (r *rows) whole() bool { return len(r.off) == 1 }
