// Package cheat holds backends that lie, each seeing no more than any backend
// sees: skeleton, palette, rows. They exist to show what the traps catch. A
// proof made with one carries the dev flag.
//
// The package promises that each strategy is deterministic for one batch and
// that it wraps an honest simulator for the parts that it does not fake.
package cheat

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Prefix marks the name of a cheating backend on the command line.
const Prefix = "cheat:"

// strategy changes the batch on the way in or the outcomes on the way out;
// either may be nil.
type strategy struct {
	name string
	what string
	in   func(*backends.Batch) *backends.Batch
	out  func(o *guest.Outcomes, random *seed.ShotWords)
}

// strategies, by name.
var strategies = []strategy{
	{name: "constant", what: "answers all zeros without running anything", out: func(o *guest.Outcomes, _ *seed.ShotWords) { clear(o.Rows) }},
	{name: "drop", what: "loses every eighth slot", out: drop},
	{name: "fake-half", what: "runs half of the slots and invents the rest", out: fakeHalf},
	{name: "half-depth", what: "leaves out the CZ layers of the second half", in: func(b *backends.Batch) *backends.Batch { return omitCZ(b, len(b.Skeleton.Layers)/2) }},
	{name: "omit-cz", what: "leaves out every CZ", in: func(b *backends.Batch) *backends.Batch { return omitCZ(b, 0) }},
	{name: "replay", what: "answers each group of 64 slots with the outcome of its first", out: replay},
	{name: "uniform", what: "answers uniformly random bits", out: func(o *guest.Outcomes, r *seed.ShotWords) { invent(o, r, 0, o.N) }},
}

// Names lists the strategies, sorted.
func Names() []string {
	out := make([]string, len(strategies))
	for i, s := range strategies {
		out[i] = s.name
	}
	return out
}

// Backend is a cheating backend over an honest one.
type Backend struct {
	s     strategy
	inner backends.Backend
}

// New wraps inner with the named strategy.
func New(name string, inner backends.Backend) (*Backend, error) {
	i := slices.IndexFunc(strategies, func(s strategy) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("no cheating strategy %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	return &Backend{strategies[i], inner}, nil
}

// Name is Prefix and the strategy.
func (b *Backend) Name() string { return Prefix + b.s.name }

// Describe says in a few words what the strategy does.
func (b *Backend) Describe() string { return b.s.what }

// Capabilities are those of the honest backend.
func (b *Backend) Capabilities(ctx context.Context) (backends.Capabilities, error) {
	return b.inner.Capabilities(ctx)
}

// Close closes the honest backend.
func (b *Backend) Close() error { return b.inner.Close() }

// Run runs the honest backend on what the strategy leaves and changes its outcomes.
func (b *Backend) Run(ctx context.Context, batch *backends.Batch, emit backends.Emit) error {
	key := batch.Key
	for i := range key {
		key[i] ^= 0xc5 // not the honest stream
	}
	random, err := seed.NewShotWords(key)
	if err != nil {
		return err
	}
	if b.s.in != nil {
		batch = b.s.in(batch)
	}
	return b.inner.Run(ctx, batch, func(o *guest.Outcomes) error {
		if b.s.out != nil {
			o.Rows, o.Present = slices.Clone(o.Rows), slices.Clone(o.Present)
			b.s.out(o, random)
		}
		return emit(o)
	})
}

// omitCZ empties the CZ layers from the given one on.
func omitCZ(b *backends.Batch, from int) *backends.Batch {
	c := *b
	c.Skeleton.Layers = slices.Clone(b.Skeleton.Layers)
	for j := from; j < len(c.Skeleton.Layers); j++ {
		c.Skeleton.Layers[j] = []circuit.Pair{}
	}
	return &c
}

// invent replaces slots [first, last) of o by random bits.
func invent(o *guest.Outcomes, r *seed.ShotWords, first, last int) {
	rb := guest.RowBytes(o.Width)
	for i := first; i < last; i++ {
		row := o.Row(i)
		for k := range row {
			row[k] = byte(r.At((o.First+uint64(i))*uint64(rb/8+1)+uint64(k/8)) >> (8 * (k % 8)))
		}
		if o.Width%8 != 0 {
			row[rb-1] &= 1<<(o.Width%8) - 1
		}
	}
}

func fakeHalf(o *guest.Outcomes, r *seed.ShotWords) {
	for i := range o.N {
		if r.At((1<<40)+o.First+uint64(i))&1 == 1 {
			invent(o, r, i, i+1)
		}
	}
}

func replay(o *guest.Outcomes, _ *seed.ShotWords) {
	for i := range o.N {
		copy(o.Row(i), o.Row(i/64*64))
	}
}

func drop(o *guest.Outcomes, _ *seed.ShotWords) {
	for i := range o.N {
		if (o.First+uint64(i))%8 == 7 {
			o.Present[i>>3] &^= 1 << (i & 7)
			clear(o.Row(i))
		}
	}
}
