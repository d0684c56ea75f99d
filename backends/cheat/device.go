package cheat

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// The noise that policy ref@1 expects, in ppb: depolarizing after a one-qubit
// gate and after a CZ, and symmetric readout flips.
const (
	refP1 = 100_000
	refP2 = 1_000_000
	refRO = 5_000_000
)

// noisy is a device with a multiple of that noise, one error pattern per slot:
// Paulis are multiplied into the rows, and bits of outcomes are flipped.
func noisy(times uint64) func(*backends.Batch, *seed.ShotWords) (*backends.Batch, outcomes, error) {
	return func(b *backends.Batch, r *seed.ShotWords) (*backends.Batch, outcomes, error) {
		d := dice{from: r}
		e := newEditor(b)
		w := b.Skeleton.Width
		for i := range b.Rows.N {
			for j := range len(b.Skeleton.Layers) + 1 {
				for q := range w {
					if d.hits(times * refP1) {
						if err := e.multiply(i, j*w+q, circuit.Pauli(1+d.below(3)), circuit.PauliI); err != nil {
							return nil, nil, err
						}
					}
				}
				if j == len(b.Skeleton.Layers) {
					break
				}
				for _, p := range b.Skeleton.Layers[j] {
					if !d.hits(times * refP2) {
						continue
					}
					pair := 1 + d.below(15)
					for k, q := range [2]uint16{p.A, p.B} {
						if err := e.multiply(i, (j+1)*w+int(q), circuit.PauliI, circuit.Pauli(pair>>(2*k)&3)); err != nil {
							return nil, nil, err
						}
					}
				}
			}
		}
		return e.batch, func(o *guest.Outcomes) {
			for i := range o.N {
				for q := range o.Width {
					if d.hits(times*refRO) && o.Has(i) {
						o.Row(i)[q>>3] ^= 1 << (q & 7)
					}
				}
			}
		}, nil
	}
}

// dice reads the words of a stream one after the other.
type dice struct {
	from *seed.ShotWords
	buf  [512]uint64
	next uint64
	left int
}

func (d *dice) word() uint64 {
	if d.left == 0 {
		d.from.Fill(d.buf[:], d.next)
		d.next += uint64(len(d.buf))
		d.left = len(d.buf)
	}
	d.left--
	return d.buf[len(d.buf)-1-d.left]
}

// hits is true with a chance in ppb.
func (d *dice) hits(ppb uint64) bool { return d.word()>>4 < ppb*((1<<60)/1_000_000_000) }

// below is an integer below a small n.
func (d *dice) below(n uint64) uint64 { return (d.word() >> 32) * n >> 32 }

// editor changes rows of a copy of a batch by Paulis. A trap plan's palette holds
// every gate with any Pauli on either side, so that nothing is added to it.
type editor struct {
	batch *backends.Batch
	known map[edit]int
}

// edit is L·palette[at]·R.
type edit struct {
	at   uint32
	l, r circuit.Pauli
}

func newEditor(b *backends.Batch) *editor {
	c, rows := *b, *b.Rows
	rows.Data = slices.Clone(rows.Data)
	c.Rows = &rows
	return &editor{&c, make(map[edit]int)}
}

// multiply replaces the gate u of slot i at a location by L·u·R.
func (e *editor) multiply(i, loc int, left, right circuit.Pauli) error {
	rows := e.batch.Rows
	key := edit{rows.Index(i, loc), left, right}
	to, ok := e.known[key]
	if !ok {
		u := e.batch.Palette[key.at].Right(right)
		if to, ok = slices.BinarySearchFunc(e.batch.Palette, u.Left(left), circuit.U3Angles.Compare); !ok {
			return fmt.Errorf("the palette lacks a gate times a Pauli, as one of a trap plan does not: %w", backends.ErrUnsupported)
		}
		e.known[key] = to
	}
	row := rows.Row(i)
	if rows.ElemSize == 4 {
		binary.LittleEndian.PutUint32(row[4*loc:], uint32(to))
	} else {
		binary.LittleEndian.PutUint16(row[2*loc:], uint16(to))
	}
	return nil
}
