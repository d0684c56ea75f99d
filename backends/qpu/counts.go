package qpu

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// maxCountSubmissions bounds what a batch may become on a device that counts.
const maxCountSubmissions = 10_000

func (b *Backend) gives(k driverv1.ResultKind) bool {
	return slices.Contains(b.device.ResultKinds, k)
}

// countsOnly tells that the device runs circuits many times and gives histograms.
func (b *Backend) countsOnly() bool {
	return !b.gives(driverv1.ResultKind_RESULT_KIND_PER_SHOT) && b.gives(driverv1.ResultKind_RESULT_KIND_COUNTS)
}

func kindNames(kinds []driverv1.ResultKind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, strings.ToLower(strings.TrimPrefix(k.String(), "RESULT_KIND_")))
	}
	return strings.Join(names, ", ")
}

// runCounts runs a batch on a device that gives histograms only: slots with equal
// circuits are one submission of one circuit with that many shots. Which of them
// gave which outcome is not known, nor does it matter for equal circuits of a job
// without traps; a job with traps is refused before it gets here
// (Capabilities.CountsOnly).
func (b *Backend) runCounts(ctx context.Context, batch *backends.Batch, emit backends.Emit) error {
	groups := equalRows(batch.Rows)
	if len(groups) > maxCountSubmissions {
		return fmt.Errorf("device %s gives counts only, and the batch has %d different circuits, at most %d: %w", b.device.Id, len(groups), maxCountSubmissions, backends.ErrUnsupported)
	}
	if len(groups) > 1 {
		b.cfg.Note(fmt.Sprintf("%s gives counts only: the job becomes %d submissions of one circuit each", b.device.Id, len(groups)))
	}
	w := batch.Skeleton.Width
	out := &guest.Outcomes{First: batch.Rows.First, N: batch.Rows.N, Width: w, Rows: make([]byte, batch.Rows.N*guest.RowBytes(w)), Present: make([]byte, (batch.Rows.N+7)/8)}
	most := int(min(max(1, b.device.GetLimits().GetMaxShotsPerSlot()), guest.MaxShots))
	for _, slots := range groups {
		for part := range slices.Chunk(slots, most) {
			s := b.submission(batch, part[0], 1, uint64(len(part)), driverv1.ResultKind_RESULT_KIND_COUNTS)
			err := b.part(ctx, s, 0, func(o *guest.Outcomes) error {
				for k, i := range part {
					copy(out.Row(i), o.Row(k))
					out.Present[i>>3] |= 1 << (i & 7)
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("slot %d and %d like it: %w", part[0], len(part)-1, err)
			}
		}
	}
	return emit(out)
}

// equalRows groups slots whose rows are equal, in the order of their first slots.
func equalRows(r *guest.Rows) (groups [][]int) {
	at := map[string]int{}
	for i := range r.N {
		g, ok := at[string(r.Row(i))]
		if !ok {
			g = len(groups)
			at[string(r.Row(i))] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// fetchCounts reads a histogram and emits it as that many outcomes, in the order of
// the histogram.
func (b *Backend) fetchCounts(ctx context.Context, c *driver.Client, s *driver.Submission, jobID string, emit backends.Emit) error {
	w, n := s.Batch.Skeleton.Width, s.ShotsPerSlot
	o := &guest.Outcomes{Width: w}
	rb := guest.RowBytes(w)
	err := c.Results(ctx, jobID, 0, driver.ChunkBytes, func(chunk *driverv1.ResultChunk) error {
		if h := chunk.GetHeader(); h != nil {
			switch {
			case h.Kind != driverv1.ResultKind_RESULT_KIND_COUNTS:
				return fmt.Errorf("job %s: %s: %w", jobID, h.Kind, ErrResultKind)
			case int(h.Width) != w || h.Total != n:
				return fmt.Errorf("job %s: %d shots of %d bits, want %d of %d: %w", jobID, h.Total, h.Width, n, w, driver.ErrBroken)
			}
		}
		for i, k := range chunk.GetBody().GetCounts() {
			o.N += int(k) // the client bounds the sum by h.Total
			o.Rows = append(o.Rows, slices.Repeat(chunk.GetBody().Rows[i*rb:(i+1)*rb], int(k))...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if uint64(o.N) != n {
		return fmt.Errorf("job %s: counts add up to %d of %d shots: %w", jobID, o.N, n, driver.ErrBroken)
	}
	o.Present = make([]byte, (o.N+7)/8)
	for i := range o.N {
		o.Present[i>>3] |= 1 << (i & 7)
	}
	return emit(o)
}
