package statevector

import (
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/seed"
)

// accumulate fills cum: each block summed in index order, the blocks in block
// order (SPEC.md, "Sampling").
func (r *run[T]) accumulate() error {
	v := r.v
	size := min(len(v.re), 1<<blockBits)
	const blocksPerTask = 1 << 8
	tasks := (len(v.cum) + blocksPerTask - 1) / blocksPerTask
	err := r.each(tasks, func(_ *worker[T], t int) {
		for b := t * blocksPerTask; b < min((t+1)*blocksPerTask, len(v.cum)); b++ {
			sum, im := 0.0, v.im[b*size:][:size]
			for i, x := range v.re[b*size:][:size] {
				sum += probability(x, im[i])
			}
			v.cum[b] = sum
		}
	})
	if err != nil {
		return err
	}
	sum := 0.0
	for b, x := range v.cum {
		sum += x
		v.cum[b] = sum
	}
	return nil
}

// probability is |x+iy|². The squares of float32 are exact in float64.
func probability[T float](x, y T) float64 {
	a, b := float64(x), float64(y)
	return float64(a*a) + float64(b*b)
}

// index returns the stored index that word selects: the first one whose running
// sum of probabilities exceeds word/2^64 of the total.
func (v *vector[T]) index(word uint64) int {
	last := len(v.cum) - 1
	at := float64(float64(word>>11) * 0x1p-53 * v.cum[last])
	b := sort.Search(last, func(b int) bool { return v.cum[b] > at })
	if b > 0 {
		at -= v.cum[b-1]
	}
	size := min(len(v.re), 1<<blockBits)
	re, im := v.re[b*size:][:size], v.im[b*size:][:size]
	sum, seen := 0.0, 0
	for i, x := range re {
		if p := probability(x, im[i]); p > 0 {
			seen = i // rounding may leave at above the sum; then the last possible index is taken
			if sum += p; sum > at {
				break
			}
		}
	}
	return b*size + seen
}

// Outcome returns the bits, qubit q at bit q, that one random word selects. It
// is safe for many goroutines at once.
func (s *State) Outcome(word uint64) uint64 {
	if s.v64 != nil {
		return uint64(s.v64.index(word)) ^ s.p.frame
	}
	return uint64(s.v32.index(word)) ^ s.p.frame
}

// Sample returns the rows of shots first, …, first+n-1: guest.RowBytes(width)
// bytes each, qubit i at byte i>>3, mask 1<<(i&7). Shot i depends on the state and
// on word i·k of key's stream alone, k = backends.ShotWords(width).
func (s *State) Sample(key [16]byte, first uint64, n int) ([]byte, error) {
	words, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	k, rb := backends.ShotWords(s.p.width), guest.RowBytes(s.p.width)
	rows := make([]byte, n*rb)
	buf := make([]uint64, min(n, 512)*k)
	for i := 0; i < n; {
		m := min(n-i, 512)
		words.Fill(buf[:m*k], (first+uint64(i))*uint64(k))
		for j := range m {
			putRow(rows[(i+j)*rb:][:rb], s.Outcome(buf[j*k]))
		}
		i += m
	}
	return rows, nil
}

// putRow writes the low bits of x little-endian.
func putRow(row []byte, x uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	copy(row, b[:])
}

// Norm is the sum of all probabilities before normalisation; it differs from 1
// by rounding only.
func (s *State) Norm() float64 {
	if s.v64 != nil {
		return s.v64.cum[len(s.v64.cum)-1]
	}
	return s.v32.cum[len(s.v32.cum)-1]
}

func parity(x uint64) bool { return bits.OnesCount64(x)&1 == 1 }
