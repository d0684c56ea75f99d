package cheat

import (
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// omitting empties the CZ layers [from, to) that span names.
func omitting(span func(layers int) (from, to int)) func(*backends.Batch, *seed.ShotWords) (*backends.Batch, outcomes, error) {
	return func(b *backends.Batch, _ *seed.ShotWords) (*backends.Batch, outcomes, error) {
		c := *b
		c.Skeleton.Layers = slices.Clone(b.Skeleton.Layers)
		from, to := span(len(c.Skeleton.Layers))
		for j := from; j < to; j++ {
			c.Skeleton.Layers[j] = []circuit.Pair{}
		}
		return &c, nil, nil
	}
}

// oneCZ leaves out the first CZ of the middle layer.
func oneCZ(b *backends.Batch, _ *seed.ShotWords) (*backends.Batch, outcomes, error) {
	c := *b
	c.Skeleton.Layers = slices.Clone(b.Skeleton.Layers)
	if j := len(c.Skeleton.Layers) / 2; j < len(c.Skeleton.Layers) && len(c.Skeleton.Layers[j]) > 0 {
		c.Skeleton.Layers[j] = c.Skeleton.Layers[j][1:]
	}
	return &c, nil, nil
}

// conjugate replaces every gate u of the middle qubit by Y·u·Y, its complex
// conjugate up to phase. Between two gates the two Y are a Z on the partner of
// each CZ.
func conjugate(b *backends.Batch, _ *seed.ShotWords) (*backends.Batch, outcomes, error) {
	e := newEditor(b)
	w := b.Skeleton.Width
	for i := range b.Rows.N {
		for l := w / 2; l < b.Rows.Locations; l += w {
			if err := e.multiply(i, l, circuit.PauliY, circuit.PauliY); err != nil {
				return nil, nil, err
			}
		}
	}
	return e.batch, nil, nil
}

// trapsHonest invents the slots of the largest group with the same circuit modulo
// Paulis: the pads do not hide that the target slots are all the same, and of the
// traps no more than a few share a circuit. It needs no secret. The pads do hide
// which outcome the target has, but inventing does not need it.
func trapsHonest(b *backends.Batch, r *seed.ShotWords) (*backends.Batch, outcomes, error) {
	t := circuit.NewFrameTable(b.Palette)
	loc := b.Rows.Locations
	row, out, frame := make([]uint32, loc), make([]uint32, loc), make([]circuit.Pauli, b.Skeleton.Width)
	class, seen := make([]string, b.Rows.N), make(map[string]int)
	bytes := make([]byte, 0, 4*loc)
	for i := range class {
		b.Rows.Expand(i, row)
		t.Slot(&b.Skeleton, row, out, frame)
		bytes = bytes[:0]
		for _, v := range out {
			bytes = append(bytes, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
		}
		class[i] = string(bytes)
		seen[class[i]]++
	}
	target := class[0]
	for _, c := range class {
		if seen[c] > seen[target] {
			target = c
		}
	}
	return b, func(o *guest.Outcomes) {
		for i := range o.N {
			if class[o.First+uint64(i)-b.Rows.First] == target {
				invent(o, r, i)
			}
		}
	}, nil
}
