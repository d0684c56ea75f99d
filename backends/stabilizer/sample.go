package stabilizer

import (
	"context"
	"encoding/binary"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/seed"
)

// Outcome writes the outcome that the words of a shot select into out, which has
// one word per 64 qubits: bit j of words (bit j%64 of word j/64) adds basis
// vector j. len(words) is backends.ShotWords(Width).
func (a *Affine) Outcome(words, out []uint64) {
	copy(out, a.Ref)
	for j, b := range a.Basis {
		m := -(words[j/64] >> (j % 64) & 1)
		for i, v := range b {
			out[i] ^= v & m
		}
	}
}

// Sampler draws many shots. It may be used by many goroutines at once.
type Sampler struct {
	a *Affine
	// table holds, for each byte of randomness g and value v, the sum of the basis
	// vectors 8g, 8g+1, … that v selects, at word (256·g+v)·words. It is empty
	// where it does not pay; outcomes do not depend on it.
	table []uint64
}

// tableShots is how many shots pay for a table.
const tableShots = 512

// Sampler prepares for about as many shots as given.
func (a *Affine) Sampler(shots int) *Sampler {
	s := &Sampler{a: a}
	if shots < tableShots {
		return s
	}
	w := len(a.Ref)
	s.table = make([]uint64, (len(a.Basis)+7)/8*256*w)
	for g := 0; 8*g < len(a.Basis); g++ {
		t := s.table[256*g*w:]
		for b := range 8 {
			add := make([]uint64, w) // bits beyond the basis select nothing
			if 8*g+b < len(a.Basis) {
				add = a.Basis[8*g+b]
			}
			for v := range 1 << b {
				for i, x := range add {
					t[(1<<b+v)*w+i] = t[v*w+i] ^ x
				}
			}
		}
	}
	return s
}

// Outcome is Affine.Outcome.
func (s *Sampler) Outcome(words, out []uint64) {
	switch {
	case s.table == nil:
		s.a.Outcome(words, out)
	case len(out) == 1:
		x, r := s.a.Ref[0], words[0]
		for t := s.table; len(t) >= 256; t = t[256:] {
			x ^= t[byte(r)]
			r >>= 8
		}
		out[0] = x
	default:
		copy(out, s.a.Ref)
		w := len(out)
		for g := 0; 8*g < len(s.a.Basis); g++ {
			v := int(words[g/8] >> (8 * (g % 8)) & 0xff)
			for i, x := range s.table[(256*g+v)*w:][:w] {
				out[i] ^= x
			}
		}
	}
}

// Sample returns the rows of shots first, …, first+n-1, guest.RowBytes(Width)
// bytes each, little-endian. Shot i uses words [i·k, (i+1)·k) of key's stream,
// k = backends.ShotWords(Width).
func (a *Affine) Sample(ctx context.Context, key [16]byte, first uint64, n int) ([]byte, error) {
	words, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	w, rb, sampler := backends.ShotWords(a.Width), guest.RowBytes(a.Width), a.Sampler(n)
	const chunk = 512 // shots between looks at ctx
	rows, out, buf := make([]byte, n*rb), make([]uint64, w), make([]uint64, chunk*w)
	for i := 0; i < n; i += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := min(n-i, chunk)
		words.Fill(buf[:m*w], (first+uint64(i))*uint64(w))
		for j := range m {
			sampler.Outcome(buf[j*w:][:w], out)
			putRow(rows[(i+j)*rb:][:rb], out)
		}
	}
	return rows, nil
}

func putRow(row []byte, out []uint64) {
	for i, x := range out {
		if len(row) >= 8*i+8 {
			binary.LittleEndian.PutUint64(row[8*i:], x)
			continue
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], x)
		copy(row[8*i:], b[:])
	}
}
