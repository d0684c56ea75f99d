// Package cheat holds backends that lie, each seeing no more than any backend
// sees: skeleton, palette, rows. They exist to show what the traps catch and what
// they do not. A proof made with one carries the dev flag.
//
// The package promises that each strategy is deterministic for one batch (retry:
// for one batch and the number of runs before) and that it wraps an honest
// simulator for the parts that it does not fake. It does not promise that a
// strategy is found out: Caught says which are beyond what traps can see. The
// models of package traps/zoo say how often.
package cheat

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/seed"
)

// Prefix marks the name of a cheating backend on the command line.
const Prefix = "cheat:"

// outcomes changes what the honest backend measured; nil changes nothing.
type outcomes func(o *guest.Outcomes)

// strategy looks at the batch, gives the batch that is really run, and what is
// done to its outcomes. random is its own stream.
type strategy struct {
	name  string
	what  string
	begin func(b *backends.Batch, random *seed.ShotWords) (*backends.Batch, outcomes, error)
	again bool // another stream in every run
	blind bool // traps cannot see it
}

// strategies, by name.
var strategies = []strategy{
	{name: "burst", what: "invents the outcomes of 8 of 64 windows in a row", begin: inventing(burst)},
	{name: "classical", what: "simulates everything: right results, no device", begin: nothing, blind: true},
	{name: "conjugate", what: "complex-conjugates every gate of one qubit", begin: conjugate},
	{name: "constant", what: "answers all zeros without running anything", begin: changing(func(o *guest.Outcomes) { clear(o.Rows) })},
	{name: "drop", what: "loses every eighth slot", begin: changing(drop)},
	{name: "fake-10", what: "invents a tenth of the slots", begin: inventing(part(10))},
	{name: "fake-25", what: "invents a quarter of the slots", begin: inventing(part(25))},
	{name: "fake-30", what: "invents 30 % of the slots", begin: inventing(part(30))},
	{name: "fake-half", what: "runs half of the slots and invents the rest", begin: inventing(part(50))},
	{name: "half-depth", what: "leaves out the CZ layers of the second half", begin: omitting(func(layers int) (int, int) { return layers / 2, layers })},
	{name: "hand-counts", what: "runs nothing; its owner writes the counts by hand", begin: inventing(all)},
	{name: "honest", what: "a device as noisy as ref@1 expects", begin: noisy(1)},
	{name: "noise-2", what: "a device twice as noisy as ref@1 expects", begin: noisy(2)},
	{name: "noise-3", what: "a device three times as noisy as ref@1 expects", begin: noisy(3)},
	{name: "omit-cz", what: "leaves out every CZ", begin: omitting(func(layers int) (int, int) { return 0, layers })},
	{name: "one-cz", what: "leaves out one CZ in the middle, as a dead coupler does", begin: oneCZ},
	{name: "replay", what: "answers each group of 64 slots with the outcome of its first", begin: changing(replay)},
	{name: "retry", what: "invents a tenth of the slots, others in every run", begin: inventing(part(10)), again: true},
	{name: "shuffle", what: "hands outcomes out in another order", begin: changing(shuffle)},
	{name: "stop-75", what: "stops after three quarters and invents the rest", begin: inventing(stop)},
	{name: "traps-honest", what: "compares slots to tell traps from targets, runs the traps and invents the targets", begin: trapsHonest, blind: true},
	{name: "uniform", what: "answers uniformly random bits", begin: inventing(all)},
}

// Names lists the strategies, sorted.
func Names() []string {
	out := make([]string, len(strategies))
	for i, s := range strategies {
		out[i] = s.name
	}
	return out
}

// Caught reports whether traps can find out the named strategy at all.
func Caught(name string) bool {
	i := slices.IndexFunc(strategies, func(s strategy) bool { return s.name == name })
	return i >= 0 && !strategies[i].blind
}

// Backend is a cheating backend over an honest one.
type Backend struct {
	s     strategy
	inner backends.Backend
	runs  atomic.Uint64
}

// New wraps inner with the named strategy. honest, noise-2 and noise-3 bring
// their noise along; inner is then a noiseless simulator.
func New(name string, inner backends.Backend) (*Backend, error) {
	i := slices.IndexFunc(strategies, func(s strategy) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("no cheating strategy %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	return &Backend{s: strategies[i], inner: inner}, nil
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
	if err := batch.Validate(); err != nil {
		return err
	}
	material := append([]byte(b.Name()), batch.Key[:]...) // not the stream of the honest backend, nor of another strategy
	if n := b.runs.Add(1); b.s.again {
		material = binary.LittleEndian.AppendUint64(material, n)
	}
	sum := sha3.Sum256(material)
	random, err := seed.NewShotWords([16]byte(sum[:16]))
	if err != nil {
		return err
	}
	run, change, err := b.s.begin(batch, random)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Name(), err)
	}
	return b.inner.Run(ctx, run, func(o *guest.Outcomes) error {
		if change != nil {
			c := *o
			c.Rows, c.Present = slices.Clone(o.Rows), slices.Clone(o.Present)
			change(&c)
			o = &c
		}
		return emit(o)
	})
}

func nothing(b *backends.Batch, _ *seed.ShotWords) (*backends.Batch, outcomes, error) {
	return b, nil, nil
}

// changing runs the batch as it is and changes the outcomes.
func changing(f outcomes) func(*backends.Batch, *seed.ShotWords) (*backends.Batch, outcomes, error) {
	return func(b *backends.Batch, _ *seed.ShotWords) (*backends.Batch, outcomes, error) { return b, f, nil }
}
