// Package sim is the simulator as a backend: batches of slots, each slot run by
// the stabilizer simulator where its circuit is Clifford and by the state-vector
// simulator where it is not.
//
// Slots whose circuits are equal up to Paulis share one simulation (decision
// C2): every slot is rewritten to its Pauli-canonical form, and the frame that is
// left over flips the bits that are measured. The package promises that slot i
// depends on its own circuit and its own random words alone: not on threads, on
// the other slots, on their order or grouping. It knows nothing of roles.
package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// Name is the backend's name.
const Name = "simulator"

// NumericVersion is the arithmetic of batches: state vectors in complex64.
const NumericVersion = 0

// emitSlots is how many slots one call of Emit gets at the most.
const emitSlots = 256

// Backend is the simulator.
type Backend struct{}

// New returns the simulator.
func New() *Backend { return &Backend{} }

// Name is "simulator".
func (*Backend) Name() string { return Name }

// Close does nothing: a Backend holds no memory between runs.
func (*Backend) Close() error { return nil }

// Capabilities: any width that fits in memory, all pairs coupled.
func (*Backend) Capabilities(context.Context) (backends.Capabilities, error) {
	return backends.Capabilities{MaxShots: guest.MaxShots, Simulator: true, NumericVersion: NumericVersion,
		Device: transcript.SimulatorDevice(fmt.Sprintf("numeric/%d", NumericVersion))}, nil
}

// Run implements backends.Backend. Groups of equal circuits are simulated in
// the order of their first slots, so outcomes are emitted as soon as no earlier
// slot is missing; one state vector is held at a time.
func (*Backend) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	if err := validate(b); err != nil {
		return err
	}
	words, err := seed.NewShotWords(b.Key)
	if err != nil {
		return err
	}
	g, err := group(ctx, b)
	if err != nil {
		return err
	}
	r := &run{b: b, groups: g, words: words, emit: emit, rb: guest.RowBytes(b.Skeleton.Width), done: make([]bool, b.Rows.N)}
	r.rows = make([]byte, b.Rows.N*r.rb)
	return r.all(ctx)
}

// validate refuses a batch that no engine makes.
func validate(b *backends.Batch) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("batch: %s: %w", fmt.Sprintf(format, args...), backends.ErrUnsupported)
	}
	if err := b.Skeleton.Validate(); err != nil {
		return bad("%v", err)
	}
	loc := b.Skeleton.Locations()
	switch r := b.Rows; {
	case r == nil || r.N < 1 || r.N > guest.MaxShots || r.First != 0:
		return bad("rows do not begin at slot 0 or are not 1..%d", guest.MaxShots)
	case r.ElemSize != 2 && r.ElemSize != 4, r.Locations != loc, len(r.Data) != r.N*loc*r.ElemSize:
		return bad("%d bytes of rows for %d slots of %d locations", len(r.Data), r.N, loc)
	case len(b.Palette) == 0:
		return bad("no palette")
	}
	for i, u := range b.Palette {
		if !u.IsNormal() {
			return bad("palette entry %d is not in normal form", i)
		}
	}
	for i := range b.Rows.N * loc {
		if x := b.Rows.Index(0, i); int(x) >= len(b.Palette) {
			return bad("slot %d location %d: index %d of %d", i/loc, i%loc, x, len(b.Palette))
		}
	}
	return nil
}

// run is one execution of a batch.
type run struct {
	b      *backends.Batch
	groups *groups
	words  *seed.ShotWords
	emit   backends.Emit
	rb     int
	rows   []byte // outcomes of all slots
	done   []bool
	sent   int // slots emitted
	state  *statevector.State
}

// all simulates group after group; runs of small Clifford groups go in parallel.
func (r *run) all(ctx context.Context) error {
	for i := 0; i < len(r.groups.list); {
		n := 1
		var err error
		if r.groups.list[i].clifford {
			for n < cliffordRun && i+n < len(r.groups.list) && r.groups.list[i+n].clifford {
				n++
			}
			err = r.clifford(ctx, r.groups.list[i:i+n])
		} else {
			err = r.vector(ctx, r.groups.list[i])
		}
		if err != nil {
			return err
		}
		if err := r.flush(ctx); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// flush emits the slots that are complete from the front.
func (r *run) flush(ctx context.Context) error {
	for {
		n := 0
		for n < emitSlots && r.sent+n < len(r.done) && r.done[r.sent+n] {
			n++
		}
		if n == 0 || n < emitSlots && r.sent+n < len(r.done) {
			return nil // wait for a full piece
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		o := &guest.Outcomes{First: uint64(r.sent), N: n, Width: r.b.Skeleton.Width, Rows: r.rows[r.sent*r.rb : (r.sent+n)*r.rb], Present: transcript.AllPresent(uint64(n))}
		if err := r.emit(o); err != nil {
			return err
		}
		r.sent += n
	}
}
