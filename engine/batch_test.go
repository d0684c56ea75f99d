package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// batchDevice answers zeros on up to width qubits, coupled along a line, and can stop
// early.
type batchDevice struct {
	width, stop int
	seen        *backends.Batch
}

func (d *batchDevice) Name() string { return "line" }
func (d *batchDevice) Close() error { return nil }
func (d *batchDevice) Capabilities(context.Context) (backends.Capabilities, error) {
	c := backends.Capabilities{MaxWidth: d.width, MaxShots: 1000, Device: transcript.DeviceFrame{Vendor: "test"}}
	for q := range d.width - 1 {
		c.Edges = append(c.Edges, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
	}
	return c, nil
}

func (d *batchDevice) Run(_ context.Context, b *backends.Batch, emit backends.Emit) error {
	d.seen = b
	n := b.Rows.N - d.stop
	o := &guest.Outcomes{N: n, Width: b.Skeleton.Width, Rows: make([]byte, n*guest.RowBytes(b.Skeleton.Width)), Present: make([]byte, (n+7)/8)}
	o.Present[0] = 1
	return emit(o)
}

// memoryJournal keeps records.
type memoryJournal struct{ records []Record }

func (j *memoryJournal) Append(_ context.Context, r Record) error {
	j.records = append(j.records, r)
	return nil
}

func (j *memoryJournal) kinds() (out []RecordKind) {
	for _, r := range j.records {
		out = append(out, r.Kind)
	}
	return out
}

// TestRunBatch: a device that cannot run the batch is refused before X is logged; X is
// logged before the first shot, the raw result after the last.
func TestRunBatch(t *testing.T) {
	task := func(pair circuit.Pair) BatchTask {
		b := &guest.Batch{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{pair}}}, Palette: []circuit.U3Angles{{}},
			Rows: &guest.Rows{N: 10, Locations: 6, ElemSize: 2, Data: make([]byte, 120)}}
		return BatchTask{Frame: transcript.BatchFrame{JobID: digest.Sum([]byte("job")), LeaseID: digest.Sum([]byte("lease")), JobDigest: digest.Sum([]byte("J")),
			Modules: transcript.ModuleSet{{Slot: "traps", Name: "accredit", Version: "1.0.0"}}, Width: 3, Shots: 10}, Digest: digest.Sum([]byte("batch")), Batch: b}
	}
	run := func(d *batchDevice, b BatchTask) (*RawOutcome, *memoryJournal, error) {
		j := &memoryJournal{}
		o, err := RunBatch(t.Context(), Config{Backend: d, Journal: j, Now: func() time.Time { return time.UnixMilli(1_763_830_000_000) }, ProviderID: digest.Sum([]byte("p")), Version: "engine/0.0.0 numeric/1 meter/1",
			Modules: transcript.ModuleSet{{Slot: "driver", Name: "line", Version: "1"}}}, b)
		return o, j, err
	}
	d := &batchDevice{width: 3}
	o, j, err := run(d, task(circuit.Pair{A: 1, B: 2}))
	require.NoError(t, err)
	require.Equal(t, uint64(1), o.Raw.Executed)
	require.Equal(t, []RecordKind{RecordExec, RecordRaw}, j.kinds())
	require.Equal(t, o.X, j.records[0].Digest)
	require.Equal(t, "line", o.Raw.Driver.Name)
	require.NotZero(t, d.seen.Key)
	x, err := transcript.BatchExec(task(circuit.Pair{A: 1, B: 2}).Frame, o.Raw)
	require.NoError(t, err)
	sum, err := transcript.Sum(x)
	require.NoError(t, err)
	require.Equal(t, o.X, sum)

	for name, c := range map[string]struct {
		d *batchDevice
		p circuit.Pair
	}{"not coupled": {&batchDevice{width: 3}, circuit.Pair{A: 0, B: 2}}, "too wide": {&batchDevice{width: 2}, circuit.Pair{A: 0, B: 1}}} {
		_, j, err := run(c.d, task(c.p))
		require.ErrorIs(t, err, ErrRefused, name)
		require.ErrorIs(t, err, backends.ErrUnsupported, name)
		require.Empty(t, j.records, name)
	}
	_, j, err = run(&batchDevice{width: 3, stop: 1}, task(circuit.Pair{A: 0, B: 1}))
	require.ErrorContains(t, err, "9 of 10 slots")
	require.Equal(t, []RecordKind{RecordExec}, j.kinds())
}
