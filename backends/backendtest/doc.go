// Package backendtest is the conformance suite of backends.Backend.
//
// A backend that passes Run takes batches as the engine makes them, gives every
// slot one outcome in slot order, computes what the circuit says, refuses what is
// malformed, and stops when told to. A simulator (Capabilities.Simulator) is also
// held to decision C3: rows are a function of circuit, key and slot number.
//
// The suite does not measure speed, and it cannot tell a device that cheats from
// one that is honest; that is the business of traps.
package backendtest

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Build makes a batch of one slot per circuit: slots[i] holds one triple per
// location of s. Palette and rows are in the form that Batch.Validate demands.
func Build(s circuit.Skeleton, slots [][]circuit.U3Angles) *backends.Batch {
	var all []circuit.U3Angles
	for _, u := range slots {
		all = append(all, u...)
	}
	b := &backends.Batch{Skeleton: s, Palette: circuit.NewPalette(all), Meta: backends.Meta{JobID: "00", LeaseID: "00"}}
	index := map[circuit.U3Angles]uint32{}
	for i, u := range b.Palette {
		index[u] = uint32(i)
	}
	r := &guest.Rows{N: len(slots), Locations: s.Locations(), ElemSize: 2}
	if len(b.Palette) > 1<<16 {
		r.ElemSize = 4
	}
	for _, u := range all {
		if r.ElemSize == 2 {
			r.Data = binary.LittleEndian.AppendUint16(r.Data, uint16(index[u.Normal()]))
		} else {
			r.Data = binary.LittleEndian.AppendUint32(r.Data, index[u.Normal()])
		}
	}
	b.Rows = r
	return b
}

// Slice returns the batch of slots [from, to) of b, which keep their numbers.
func Slice(b *backends.Batch, from, to int) *backends.Batch {
	out, r := *b, *b.Rows
	size := r.Locations * r.ElemSize
	r.First, r.N, r.Data = r.First+uint64(from), to-from, r.Data[from*size:to*size]
	out.Rows = &r
	return &out
}

// Collect runs a batch and returns all rows. It refuses outcomes that leave
// slot order, miss a slot or set bits above the width.
func Collect(ctx context.Context, be backends.Backend, b *backends.Batch) ([]byte, error) {
	var rows []byte
	next := b.Rows.First
	err := be.Run(ctx, b, func(o *guest.Outcomes) error {
		if o.First != next || o.Width != b.Skeleton.Width || o.N < 1 {
			return fmt.Errorf("outcomes of %d slots from %d at width %d, want slot %d at width %d", o.N, o.First, o.Width, next, b.Skeleton.Width)
		}
		if _, err := guest.ParseOutcomes(o.Append(nil), o.Width); err != nil {
			return err
		}
		for i := range o.N {
			if !o.Has(i) {
				return fmt.Errorf("slot %d has no outcome", o.First+uint64(i))
			}
		}
		rows = append(rows, o.Rows...)
		next += uint64(o.N)
		return nil
	})
	if want := b.Rows.First + uint64(b.Rows.N); err == nil && next != want {
		err = fmt.Errorf("outcomes end before slot %d, want %d", next, want)
	}
	return rows, err
}

// Brickwork is the skeleton of CZ layers on neighbours, alternating.
func Brickwork(width, layers int) circuit.Skeleton {
	s := circuit.Skeleton{Width: width, Layers: make([][]circuit.Pair, layers)}
	for j := range s.Layers {
		for q := j % 2; q+1 < width; q += 2 {
			s.Layers[j] = append(s.Layers[j], circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
	}
	return s
}

// Stream is the source of a test's draws: the same ones every time.
func Stream(n uint64) *seed.Stream { return seed.NewStream([32]byte{}, "backendtest", n) }

// RandomTriples draws one triple per location, Clifford or any.
func RandomTriples(r *seed.Stream, s circuit.Skeleton, clifford bool) []circuit.U3Angles {
	u, b := make([]circuit.U3Angles, s.Locations()), make([]byte, 8)
	for i := range u {
		for _, a := range []*circuit.Angle{&u[i].Theta, &u[i].Phi, &u[i].Lambda} {
			r.Fill(b)
			if *a = circuit.Angle(binary.LittleEndian.Uint64(b)) &^ 0xfff; clifford {
				*a &^= circuit.HalfPi - 1
			}
		}
		u[i] = u[i].Normal()
	}
	return u
}

// Pad returns u with a random Pauli put behind every gate and undone in front of
// the next ones, and the row that un-pads its outcome: the X parts of the last
// Paulis.
func Pad(r *seed.Stream, s circuit.Skeleton, u []circuit.U3Angles) (padded []circuit.U3Angles, row []byte) {
	padded, frame := make([]circuit.U3Angles, len(u)), make([]circuit.Pauli, s.Width)
	row = make([]byte, guest.RowBytes(s.Width))
	for j := 0; ; j++ {
		for q := range frame {
			p := circuit.PauliDraw[r.Uniform(4)]
			padded[j*s.Width+q] = u[j*s.Width+q].Right(frame[q]).Left(p)
			frame[q] = p
		}
		if j == len(s.Layers) {
			break
		}
		s.PushFrame(j, frame)
	}
	for q, p := range frame {
		row[q>>3] |= byte(p&circuit.PauliX) << (q & 7)
	}
	return padded, row
}
