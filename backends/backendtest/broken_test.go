package backendtest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/sim"
)

// broken is the simulator with one fault.
type broken struct {
	*sim.Simulator
	caps func(*backends.Capabilities)
	run  func(ctx context.Context, b *backends.Batch, emit backends.Emit) error
}

func (x broken) Capabilities(ctx context.Context) (backends.Capabilities, error) {
	c, err := x.Simulator.Capabilities(ctx)
	if x.caps != nil {
		x.caps(&c)
	}
	return c, err
}

func (x broken) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	if x.run == nil {
		return x.Simulator.Run(ctx, b, emit)
	}
	return x.run(ctx, b, emit)
}

// recorder notes that a check failed, and ends its goroutine as *testing.T would.
type recorder struct {
	ctx    context.Context
	failed bool
}

func (r *recorder) Errorf(string, ...any)    { r.failed = true }
func (r *recorder) FailNow()                 { r.failed = true; runtime.Goexit() }
func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }

// failures runs all checks and names those that fail.
func failures(t *testing.T, be backends.Backend) (names []string) {
	for _, c := range checks {
		r, done := &recorder{ctx: t.Context()}, make(chan struct{})
		go func() {
			defer close(done)
			c.run(r, be)
		}()
		<-done
		if r.failed {
			names = append(names, c.name)
		}
	}
	return names
}

// TestEachFaultIsFound: every check fails for some fault, and a sound backend
// fails none.
func TestEachFaultIsFound(t *testing.T) {
	s := sim.New()
	edit := func(change func(b *backends.Batch, o *guest.Outcomes)) func(context.Context, *backends.Batch, backends.Emit) error {
		return func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			return s.Run(ctx, b, func(o *guest.Outcomes) error {
				change(b, o)
				return emit(o)
			})
		}
	}
	require.Empty(t, failures(t, broken{Simulator: s}))
	found := map[string]bool{}
	for name, c := range map[string]struct {
		be   broken
		want string // a check that must fail
	}{
		"no vendor": {broken{caps: func(c *backends.Capabilities) { c.Device.Vendor = "" }}, "capabilities"},
		"flipped bit": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			o.Rows[0] ^= 1
		})}, "known outcomes"},
		"reversed chunk": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			if b.Skeleton.Width <= 8 {
				slices.Reverse(o.Rows)
			}
			if b.Skeleton.Width == 9 {
				copy(o.Rows, o.Rows[2:])
			}
		})}, "slot order"},
		"missing outcome": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			o.Present[0] &^= 1
			clear(o.Rows[:guest.RowBytes(o.Width)])
		})}, "slot order"},
		"lost chunk": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			return s.Run(ctx, b, func(o *guest.Outcomes) error {
				if o.First > b.Rows.First {
					return nil
				}
				return emit(o)
			})
		}}, "slot order"},
		"forgiving": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			err := s.Run(ctx, b, emit)
			if errors.Is(err, backends.ErrBatch) {
				return nil
			}
			return err
		}}, "malformed batches"},
		"stubborn": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			var last error
			if err := s.Run(ctx, b, func(o *guest.Outcomes) error {
				last = errors.Join(last, emit(o))
				return nil
			}); err != nil {
				return err
			}
			return last
		}}, "emit error"},
		"deaf": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			return s.Run(context.WithoutCancel(ctx), b, emit)
		}}, "cancellation"},
		"threads matter": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			if b.Threads == 8 {
				o.Rows[0] ^= 1
			}
		})}, "threads"},
		"slot numbers ignored": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			if b.Validate() != nil {
				return s.Run(ctx, b, emit)
			}
			c, first := Slice(b, 0, b.Rows.N), b.Rows.First
			c.Rows.First = 0
			return s.Run(ctx, c, func(o *guest.Outcomes) error {
				o.First += first
				return emit(o)
			})
		}}, "chunks"},
		"row matters": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			for i := range o.N {
				o.Row(i)[0] ^= b.Rows.Row(int(o.First-b.Rows.First) + i)[0] & 1
			}
		})}, "pads"},
		"key ignored": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			c := *b
			c.Key = [16]byte{}
			return s.Run(ctx, &c, emit)
		}}, "key"},
		"labels matter": {broken{run: edit(func(b *backends.Batch, o *guest.Outcomes) {
			if b.Meta.JobID == "11" {
				o.Rows[0] ^= 1
			}
		})}, "key"},
		"memory ignored": {broken{run: func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
			if b.MemoryBytes > 0 {
				return backends.ErrTooLarge // without the width that fits
			}
			return s.Run(ctx, b, emit)
		}}, "memory"},
	} {
		c.be.Simulator = s
		got := failures(t, c.be)
		require.Contains(t, got, c.want, name)
		found[c.want] = true
	}
	for _, c := range checks {
		require.True(t, found[c.name], "no fault shows that %q can fail", c.name)
	}
}
