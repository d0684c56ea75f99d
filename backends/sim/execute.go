package sim

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// cliffordRun is how many Clifford groups are compiled between two emissions.
const cliffordRun = 128

// vector simulates one group by state vector and samples its slots.
func (r *run) vector(ctx context.Context, g *oneGroup) error {
	u := make([]circuit.U3Angles, len(g.row))
	for l, id := range g.row {
		u[l] = r.groups.canon[id]
	}
	p, err := statevector.FromSkeleton(&r.b.Skeleton, u)
	if err != nil {
		return err
	}
	r.state, err = statevector.Simulate(ctx, p, statevector.Options{Threads: r.b.Threads, MemoryBytes: r.b.MemoryBytes, Reuse: r.state})
	if err != nil {
		return err
	}
	k := uint64(backends.ShotWords(r.b.Skeleton.Width))
	return r.split(ctx, len(g.slots), func(first, last int) {
		var out [8]byte
		for _, slot := range g.slots[first:last] {
			binary.LittleEndian.PutUint64(out[:], r.state.Outcome(r.words.At(uint64(slot)*k)))
			r.put(slot, out[:])
		}
	})
}

// clifford simulates groups by affine subspaces.
func (r *run) clifford(ctx context.Context, list []*oneGroup) error {
	k := backends.ShotWords(r.b.Skeleton.Width)
	return r.split(ctx, len(list), func(first, last int) {
		var c stabilizer.Compiler
		words, out, raw := make([]uint64, k), make([]uint64, k), make([]byte, 8*k)
		for _, g := range list[first:last] {
			if ctx.Err() != nil {
				return
			}
			a := c.Row(&r.b.Skeleton, r.groups.gates, g.row)
			for _, slot := range g.slots {
				r.words.Fill(words, uint64(slot)*uint64(k))
				a.Outcome(words, out)
				for i, x := range out {
					binary.LittleEndian.PutUint64(raw[8*i:], x)
				}
				r.put(slot, raw)
			}
		}
	})
}

// put stores the outcome of a slot, its frame applied. Bits above the width are
// zero in raw.
func (r *run) put(slot uint32, raw []byte) {
	at := int(slot) * r.rb
	for i := range r.rb {
		r.rows[at+i] = raw[i] ^ r.groups.flips[at+i]
	}
	r.done[slot] = true
}

// split runs f over [0, n) in as many pieces as there are threads.
func (r *run) split(ctx context.Context, n int, f func(first, last int)) error {
	k := min(backends.Threads(r.b.Threads), n)
	var wg sync.WaitGroup
	for i := range k {
		wg.Go(func() { f(i*n/k, (i+1)*n/k) })
	}
	wg.Wait()
	return ctx.Err()
}
