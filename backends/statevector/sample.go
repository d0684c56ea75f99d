package statevector

import (
	"encoding/binary"
	"math/bits"
	"runtime"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/seed"
)

// probability is |x+iy|². The squares of float32 are exact in float64.
func probability[T float](x, y T) float64 {
	a, b := float64(x), float64(y)
	return float64(a*a) + float64(b*b)
}

// Outcome returns the bits, qubit q at bit q, that one random word selects.
func (s *State) Outcome(word uint64) uint64 {
	defer runtime.KeepAlive(s) // of memory that the collector does not see
	if s.fast != nil {
		return s.fast.Outcome(word)
	}
	return s.wide.Outcome(word)
}

// Outcomes sets out[i] to Outcome(words[i]); many at once take less time each.
// The slices have equal length.
func (s *State) Outcomes(out, words []uint64) {
	defer runtime.KeepAlive(s)
	if s.fast != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fast.Sample(out, words)
		return
	}
	s.wide.Sample(out, words)
}

// sampleChunk is the most words that Sample holds, 16 bytes each.
const sampleChunk = 1 << 19

// draws is the scratch memory of Sample.
type draws struct{ words, out []uint64 }

// size makes room for n draws.
func (d *draws) size(n int) {
	if cap(d.words) < n {
		d.words, d.out = make([]uint64, n), make([]uint64, n)
	}
	d.words, d.out = d.words[:n], d.out[:n]
}

// Sample returns the rows of shots first, …, first+n-1: guest.RowBytes(width)
// bytes each, qubit i at byte i>>3, mask 1<<(i&7). Shot i depends on the state and
// on word i of key's stream alone: backends.ShotWords(width) is 1.
func (s *State) Sample(key [16]byte, first uint64, n int) ([]byte, error) {
	rows := make([]byte, n*guest.RowBytes(s.Width()))
	return rows, s.SampleInto(rows, key, first)
}

// SampleInto is Sample into rows, as many as they hold.
func (s *State) SampleInto(rows []byte, key [16]byte, first uint64) error {
	stream, err := seed.NewShotWords(key)
	if err != nil {
		return err
	}
	rb := guest.RowBytes(s.Width())
	n := len(rows) / rb
	s.mu.Lock()
	d := s.draws
	s.draws = draws{} // another goroutine makes its own
	s.mu.Unlock()
	for i := 0; i < n; i += sampleChunk {
		d.size(min(n-i, sampleChunk))
		stream.Fill(d.words, first+uint64(i))
		if to := rows[i*rb:][:len(d.words)*rb]; rb != 2 || !s.pairs(to, d.words) {
			s.Outcomes(d.out, d.words)
			putRows(to, d.out, rb)
		}
	}
	s.mu.Lock()
	s.draws = d
	s.mu.Unlock()
	return nil
}

// pairs draws rows of two bytes, or reports that it cannot.
func (s *State) pairs(rows []byte, words []uint64) bool {
	if s.fast == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer runtime.KeepAlive(s)
	return s.fast.SampleRows(rows, words)
}

// putRows writes rows of rb bytes.
func putRows(rows []byte, out []uint64, rb int) {
	switch rb {
	case 1:
		for j, x := range out {
			rows[j] = byte(x)
		}
	case 2:
		for len(out) >= 4 && len(rows) >= 8 { // four rows are one word
			binary.LittleEndian.PutUint64(rows, out[0]&0xffff|out[1]&0xffff<<16|out[2]&0xffff<<32|out[3]<<48)
			out, rows = out[4:], rows[8:]
		}
		for j, x := range out {
			rows[2*j], rows[2*j+1] = byte(x), byte(x>>8)
		}
	default:
		for j, x := range out {
			putRow(rows[j*rb:][:rb], x)
		}
	}
}

// putRow writes the low bits of x little-endian.
func putRow(row []byte, x uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	copy(row, b[:])
}

// Norm is the sum of all probabilities before normalisation; it differs from 1
// by rounding only. In complex64 it may fall by about 2.5e-8 a step where the
// same u3 come again and again; samples do not suffer from it.
func (s *State) Norm() float64 {
	defer runtime.KeepAlive(s)
	if s.fast != nil {
		return s.fast.Total()
	}
	return s.wide.Total()
}

func parity(x uint64) bool { return bits.OnesCount64(x)&1 == 1 }
