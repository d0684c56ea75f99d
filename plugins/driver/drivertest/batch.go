package drivertest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Gates by their u3 triples; 2^61 is π/2.
var (
	gateI = circuit.U3Angles{}
	gateX = circuit.U3Angles{Theta: 1 << 62, Lambda: 1 << 62}.Normal()
	gateH = circuit.U3Angles{Theta: 1 << 61, Lambda: 1 << 62}.Normal()
	gateS = circuit.U3Angles{Lambda: 1 << 61}.Normal()
	// gateHS is u3(π/2, 0, π/2).
	gateHS = circuit.U3Angles{Theta: 1 << 61, Lambda: 1 << 61}.Normal()
	gateZ  = circuit.U3Angles{Lambda: 1 << 62}.Normal()
)

// program is a batch in the making: gates[slot][location].
type program struct {
	width  int
	layers [][]circuit.Pair
	slots  [][]circuit.U3Angles
}

func newProgram(width int, layers ...[]circuit.Pair) *program {
	return &program{width: width, layers: layers}
}

// slot adds a circuit: one row of gates per layer, missing ones are identities.
func (p *program) slot(rows ...[]circuit.U3Angles) *program {
	s := make([]circuit.U3Angles, (len(p.layers)+1)*p.width)
	for j, r := range rows {
		copy(s[j*p.width:(j+1)*p.width], r)
	}
	p.slots = append(p.slots, s)
	return p
}

// number adds a circuit that gives the bits of n with certainty.
func (p *program) number(n int) *program {
	row := make([]circuit.U3Angles, p.width)
	for q := range row {
		if n>>q&1 == 1 {
			row[q] = gateX
		}
	}
	return p.slot(row)
}

func (p *program) batch() *backends.Batch {
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: p.width, Layers: p.layers}, Meta: backends.Meta{JobID: "conformance", LeaseID: "conformance"}}
	for _, s := range p.slots {
		b.Palette = append(b.Palette, s...)
	}
	slices.SortFunc(b.Palette, circuit.U3Angles.Compare)
	b.Palette = slices.Compact(b.Palette)
	b.Rows = &guest.Rows{N: len(p.slots), Locations: b.Skeleton.Locations(), ElemSize: 2}
	for _, s := range p.slots {
		for _, u := range s {
			i, _ := slices.BinarySearchFunc(b.Palette, u, circuit.U3Angles.Compare)
			b.Rows.Data = binary.LittleEndian.AppendUint16(b.Rows.Data, uint16(i))
		}
	}
	return b
}

// submission of a program under a fresh key.
func (b *bench) submission(p *program) *driver.Submission {
	s := &driver.Submission{Device: b.device.Id, Batch: p.batch(), ShotsPerSlot: 1, Kind: b.kind(), Verbatim: b.device.Verbatim, Meta: &driverv1.Meta{EngineJobId: "conformance", LeaseId: "conformance"}}
	rand.Read(s.Key[:])
	b.keys++
	return s
}

// kind is the best that the device gives.
func (b *bench) kind() driverv1.ResultKind {
	if slices.Contains(b.device.ResultKinds, driverv1.ResultKind_RESULT_KIND_PER_SHOT) {
		return driverv1.ResultKind_RESULT_KIND_PER_SHOT
	}
	if len(b.device.ResultKinds) > 0 {
		return b.device.ResultKinds[0]
	}
	return driverv1.ResultKind_RESULT_KIND_PER_SHOT
}

// needShots skips checks that look at single outcomes.
func (b *bench) needShots(width int) error {
	switch {
	case b.kind() != driverv1.ResultKind_RESULT_KIND_PER_SHOT:
		return skip("the device gives no single shots")
	case int(b.device.Width) < width:
		return skip(fmt.Sprintf("the device has fewer than %d qubits", width))
	}
	return nil
}

// end follows a job to its end.
func (b *bench) end(ctx context.Context, id string) (*driverv1.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	for {
		j, err := b.client().Get(ctx, id, 5*time.Second)
		if err != nil {
			return nil, fmt.Errorf("Get %s: %w", id, err)
		}
		if j.State >= driverv1.JobState_JOB_STATE_SUCCEEDED {
			return j, nil
		}
		if d := j.NextPoll.AsDuration(); d > 0 {
			t := time.NewTimer(min(d, time.Second))
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return nil, ctx.Err()
			}
		}
	}
}

// submit hands a program over and waits until it succeeded.
func (b *bench) submit(ctx context.Context, p *program) (*driver.Submission, *driverv1.Job, error) {
	s := b.submission(p)
	r, err := b.client().Submit(ctx, s)
	if err != nil {
		return s, nil, fmt.Errorf("SubmitBatch: %w", err)
	}
	j, err := b.end(ctx, r.JobId)
	if err != nil {
		return s, nil, err
	}
	if j.State != driverv1.JobState_JOB_STATE_SUCCEEDED {
		return s, j, fmt.Errorf("job %s is %s: %v", j.JobId, j.State, driver.FromDetail(j.Error))
	}
	return s, j, nil
}

// outcomes fetches all rows of a job from a slot on.
func (b *bench) outcomes(ctx context.Context, id string, from uint64, maxBytes int) (rows []byte, header *driverv1.ResultHeader, trailer *driverv1.ResultTrailer, err error) {
	err = b.client().Results(ctx, id, from, maxBytes, func(c *driverv1.ResultChunk) error {
		switch {
		case c.GetHeader() != nil:
			header = c.GetHeader()
		case c.GetTrailer() != nil:
			trailer = c.GetTrailer()
		default:
			rows = append(rows, c.GetBody().Rows...)
		}
		return nil
	})
	return rows, header, trailer, err
}

// upTo cuts a program to the slots that the device takes at once.
func (b *bench) upTo(p *program) *program {
	if limit := max(1, b.device.GetLimits().GetMaxSlotsPerSubmit()); uint64(len(p.slots)) > limit {
		p.slots = p.slots[:limit]
	}
	return p
}

// wrong runs a program and counts the slots whose outcome, as a number, is not the
// wanted one: a device with noise may give others now and then.
func (b *bench) wrong(ctx context.Context, p *program, want []int) (int, error) {
	p = b.upTo(p)
	want = want[:len(p.slots)]
	_, j, err := b.submit(ctx, p)
	if err != nil {
		return 0, err
	}
	rows, _, _, err := b.outcomes(ctx, j.JobId, 0, 0)
	if err != nil {
		return 0, err
	}
	n, rb := 0, guest.RowBytes(p.width)
	if len(rows) != len(want)*rb {
		return 0, fmt.Errorf("%d bytes of outcomes for %d slots of %d", len(rows), len(want), rb)
	}
	for i, w := range want {
		got := 0
		for k := range rb {
			got |= int(rows[i*rb+k]) << (8 * k)
		}
		if got != w {
			n++
		}
	}
	return n, nil
}

// exact demands outcomes that circuits give with certainty, allowing for noise in
// a third of them; a wrong convention spoils nearly all.
func (b *bench) exact(ctx context.Context, p *program, want []int) error {
	n, err := b.wrong(ctx, p, want)
	if err == nil && 3*n > len(want) {
		err = fmt.Errorf("%d of %d slots gave another outcome than the circuit's only one", n, len(want))
	}
	return err
}
