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

// byteTables[g][v] is the sum of the basis vectors 8g, 8g+1, … that the bits of v
// select, w words each.
func (a *Affine) byteTables() [][]uint64 {
	w := len(a.Ref)
	t := make([][]uint64, (len(a.Basis)+7)/8)
	for g := range t {
		t[g] = make([]uint64, 256*w)
		for b := range 8 {
			add := make([]uint64, w) // bits beyond the basis select nothing
			if 8*g+b < len(a.Basis) {
				add = a.Basis[8*g+b]
			}
			for v := range 1 << b {
				for i, x := range add {
					t[g][(1<<b+v)*w+i] = t[g][v*w+i] ^ x
				}
			}
		}
	}
	return t
}

// tableShots is how many shots pay for byte tables; results do not depend on it.
const tableShots = 512

// Sample returns the rows of shots first, …, first+n-1, guest.RowBytes(Width)
// bytes each, little-endian. Shot i uses words [i·k, (i+1)·k) of key's stream,
// k = backends.ShotWords(Width).
func (a *Affine) Sample(ctx context.Context, key [16]byte, first uint64, n int) ([]byte, error) {
	words, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	w, rb := backends.ShotWords(a.Width), guest.RowBytes(a.Width)
	rows, out, buf := make([]byte, n*rb), make([]uint64, w), make([]uint64, tableShots*w)
	var tables [][]uint64
	if n >= tableShots {
		tables = a.byteTables()
	}
	for i := 0; i < n; i += tableShots {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := min(n-i, tableShots)
		words.Fill(buf[:m*w], (first+uint64(i))*uint64(w))
		for j := range m {
			shot := buf[j*w:][:w]
			if tables != nil {
				a.lookup(tables, shot, out)
			} else {
				a.Outcome(shot, out)
			}
			putRow(rows[(i+j)*rb:][:rb], out)
		}
	}
	return rows, nil
}

// lookup is Outcome by tables.
func (a *Affine) lookup(tables [][]uint64, words, out []uint64) {
	copy(out, a.Ref)
	w := len(out)
	for g, t := range tables {
		v := int(words[g/8] >> (8 * (g % 8)) & 0xff)
		for i := range out {
			out[i] ^= t[v*w+i]
		}
	}
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
