package mockqpu

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Configure implements driver.Driver.
func (b *broken) Configure(ctx context.Context, c *driver.Config) ([]string, error) {
	if b.name == "secrets-stay-secret" {
		fmt.Fprintln(os.Stderr, "configured with", c.Secrets)
	}
	w, err := b.plain.Configure(ctx, c)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.refused = string(c.JSON) == "[1]"
		return w, err
	case b.reloads == 0:
		_, statErr := os.Stat(filepath.Join(b.dir, "began"))
		b.restarted = statErr == nil
		if err := os.WriteFile(filepath.Join(b.dir, "began"), nil, 0o600); err != nil {
			return nil, err
		}
	case b.name == "hot-reload":
		return nil, &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "once is enough"}
	}
	b.reloads++
	return w, nil
}

// Device implements driver.Driver.
func (b *broken) Device(ctx context.Context, id string) (*driverv1.Device, error) {
	b.mu.Lock()
	lost := b.name == "refusal-keeps-the-old" && b.refused
	b.mu.Unlock()
	if lost {
		return nil, &driver.Error{Code: driver.NotConfigured, VendorMessage: "the refused configuration took the old one with it"}
	}
	return b.plain.Device(ctx, id)
}

// Submit implements driver.Driver.
func (b *broken) Submit(ctx context.Context, s *driver.Submission) (*driverv1.SubmitResponse, error) {
	b.mu.Lock()
	b.seen[s.Key] = true
	switch b.name {
	case "memory-is-flat":
		page := make([]byte, 1<<20)
		for i := range page {
			page[i] = 1
		}
		b.leak = append(b.leak, page)
	case "files-are-closed":
		if f, err := os.Open("/dev/null"); err == nil {
			b.files = append(b.files, f)
		}
	}
	b.mu.Unlock()
	switch {
	case b.name == "five-megabytes" && len(s.Batch.Rows.Data) > 2<<20:
		return nil, errors.New("out of memory")
	case b.name == "time-has-passed-leaves-no-job" && !s.NotAfter.IsZero():
		late := *s
		late.NotAfter = time.Time{}
		if _, err := b.plain.Submit(ctx, &late); err != nil {
			return nil, err
		}
	}
	r, err := b.plain.Submit(ctx, s)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.mine[r.JobId] = b.mine[r.JobId] || !r.Deduplicated
	b.mu.Unlock()
	switch b.name {
	case "same-key-same-batch":
		if r.Deduplicated {
			r.JobId = "another"
		}
	case "says-deduplicated":
		r.Deduplicated = false
	}
	return r, nil
}

// Validate implements driver.Validator.
func (b *broken) Validate(ctx context.Context, s *driver.Submission) ([]*driver.Error, error) {
	b.mu.Lock()
	b.seen[s.Key] = true
	b.mu.Unlock()
	switch b.name {
	case "validate-accepts":
		return []*driver.Error{{Code: driver.ProgramInvalid, VendorMessage: "I do not like it"}}, nil
	case "validate-submits-nothing":
		_, err := b.plain.Submit(ctx, s)
		return nil, err
	}
	return nil, nil
}

// Get implements driver.Driver.
func (b *broken) Get(ctx context.Context, id string, wait time.Duration) (*driverv1.Job, error) {
	if b.name == "many-calls-at-once" {
		defer b.busy.Add(-1)
		if b.busy.Add(1) > 4 {
			return nil, &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "one at a time"}
		}
		time.Sleep(5 * time.Millisecond)
	}
	j, err := b.plain.Get(ctx, id, wait)
	if err != nil {
		return nil, err
	}
	switch b.name {
	case "submit":
		j.AcceptedAt = nil
	case "get-after-the-end":
		if wait == driver.MaxWait {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	case "ends-stay":
		if wait == 0 {
			j.State = driverv1.JobState_JOB_STATE_RUNNING
		}
	case "slots-done":
		j.SlotsDone = 0
	case "times-in-order":
		j.FinishedAt = timestamppb.New(time.Unix(1, 0))
	}
	return j, nil
}

// Cancel implements driver.Driver.
func (b *broken) Cancel(ctx context.Context, id string) (driverv1.CancelState, error) {
	s, err := b.plain.Cancel(ctx, id)
	switch {
	case b.name == "cancel-unknown" && s == driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB:
		s = driverv1.CancelState_CANCEL_STATE_TOO_LATE
	case b.name == "cancel-too-late" && s == driverv1.CancelState_CANCEL_STATE_TOO_LATE:
		s = driverv1.CancelState_CANCEL_STATE_CANCELLED
	}
	return s, err
}

// Recover implements driver.Driver.
func (b *broken) Recover(ctx context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error {
	found := 0
	err := b.plain.Recover(ctx, device, key, since, func(j *driverv1.Job) error {
		found++
		b.mu.Lock()
		mine := b.mine[j.JobId]
		b.mu.Unlock()
		switch {
		case b.name == "recover-by-key" && mine && key != [32]byte{}:
			j = proto.CloneOf(j)
			j.JobId = "another"
		case b.name == "recover-since" && key == [32]byte{}, b.name == "killed-after-acceptance" && !mine:
			return nil
		case b.name == "killed-while-submitting" && b.restarted && key != [32]byte{} && mine:
			if err := send(j); err != nil {
				return err
			}
		}
		return send(j)
	})
	b.mu.Lock()
	known := b.seen[key]
	b.mu.Unlock()
	if err == nil && found == 0 && !known && b.name == "recover-nothing" && key != [32]byte{} {
		return send(&driverv1.Job{JobId: "invented", IdempotencyKey: key[:], State: driverv1.JobState_JOB_STATE_RUNNING})
	}
	return err
}

// Sign implements driver.Signer.
func (b *broken) Sign(ctx context.Context, device string, purpose driverv1.Purpose, digest [32]byte) (*driverv1.Signature, error) {
	if b.name == "purpose-is-signed" {
		purpose = driverv1.Purpose_PURPOSE_EXEC
	}
	s, err := b.plain.Sign(ctx, device, purpose, digest)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signed++
	switch {
	case b.name == "counter-rises" && digest[0] == 3:
		s.Counter = 7
	case b.name == "counter-survives-kill" && digest[0] == 4:
		s.Counter = b.signed
		b.signed = 0
	}
	return s, nil
}

// Watch implements driver.Watcher.
func (b *broken) Watch(ctx context.Context, device string, send func(*driverv1.DeviceStatus) error) error {
	if b.name == "watch-begins-with-now" {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.plain.Watch(ctx, device, send)
}

// Drain implements driver.Drainer.
func (b *broken) Drain(ctx context.Context, grace time.Duration, send func(uint64) error) error {
	if b.name == "drain-ends" && grace == 5*time.Second {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.plain.Drain(ctx, grace, send)
}

// Results implements driver.Driver: outcomes are read from the device, changed,
// and sent on.
func (b *broken) Results(ctx context.Context, id string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	s, err := b.store.submission(id)
	if err != nil {
		if b.name == "results-of-unknown-job" {
			return &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "something went wrong"}
		}
		return b.plain.Results(ctx, id, from, maxBytes, send)
	}
	if s.Kind == driverv1.ResultKind_RESULT_KIND_COUNTS {
		return b.counts(ctx, id, s, from, maxBytes, send)
	}
	o, err := b.store.outcomes(id, s.Batch.Skeleton.Width, int(s.Slots()))
	if err != nil {
		return err
	}
	b.mu.Lock()
	mine := b.mine[id]
	if from == 0 && maxBytes > 64 {
		b.reads[id]++
	}
	again := b.reads[id]
	b.mu.Unlock()
	w, n := o.Width, o.N
	flip := func(mask byte) {
		for i := range n {
			o.Row(i)[0] ^= mask
		}
	}
	cz := s.Batch.Skeleton.NumCZ() > 0
	layers := len(s.Batch.Skeleton.Layers)
	has := func(u circuit.U3Angles) bool { return slices.Contains(s.Batch.Palette, u.Normal()) }
	x, gs, hs := circuit.U3Angles{Theta: 1 << 62, Lambda: 1 << 62}, circuit.U3Angles{Lambda: 1 << 61}, circuit.U3Angles{Theta: 1 << 61, Lambda: 1 << 61}
	finish := driver.Finished{CalibrationID: b.calibrationID()}
	switch {
	case b.name == "bit-0-of-3" && w == 3 && n == 4 && o.Rows[0] == 1, b.name == "bit-2-of-3" && w == 3 && n == 4 && o.Rows[0] == 4:
		flip(5)
	case b.name == "bits-over-a-byte" && w == 9:
		for i := range n {
			slices.Reverse(o.Row(i))
			o.Row(i)[1] &= 1
		}
	case b.name == "slots-in-order" && w == 4 && n == 16:
		for i := range n {
			o.Row(i)[0] = bits.Reverse8(o.Row(i)[0]) >> 4
		}
	case b.name == "gate-h" && w == 2 && n == 64 && layers == 1 && !cz,
		b.name == "gate-z" && w == 2 && n == 64 && layers == 2 && !has(hs),
		b.name == "gate-s" && w == 2 && n == 64 && layers == 3 && has(gs),
		b.name == "phases-in-order" && w == 2 && n == 64 && layers == 2 && has(hs),
		b.name == "gate-cz" && w == 2 && n == 64 && cz && has(x),
		b.name == "gate-cz-idle" && w == 2 && n == 64 && cz && !has(x),
		b.name == "same-again" && w == 3 && n == 16 && again == 2 && from == 0 && maxBytes > 64,
		b.name == "resume-from-slot-7" && from == 7,
		b.name == "small-messages" && maxBytes <= 8,
		b.name == "results-survive-kill" && w == 3 && n == 1 && !mine:
		flip(1)
	case b.name == "shots-are-not-constant" && w == 1 && n >= 32:
		clear(o.Rows)
	case b.name == "resume-at-the-end" && from == 16 && n == 16, b.name == "slot-beyond-the-end" && from > uint64(n):
		return &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "something went wrong"}
	case b.name == "calibration-in-trailer":
		finish.CalibrationID = "another"
	case b.name == "declared-kind" && w == 1 && n == 1:
		return driver.SendPairs(send, driverv1.ResultKind_RESULT_KIND_COUNTS, w, uint64(n), driver.Count(o), from, finish)
	}
	return driver.SendRows(send, o, from, maxBytes, finish)
}

// counts leaves one outcome out.
func (b *broken) counts(ctx context.Context, id string, s *driver.Submission, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	if b.name != "counts-add-up" {
		return b.plain.Results(ctx, id, from, maxBytes, send)
	}
	o, err := b.store.outcomes(id, s.Batch.Skeleton.Width, int(s.Slots()*s.ShotsPerSlot))
	if err != nil {
		return err
	}
	return driver.SendPairs(send, s.Kind, o.Width, uint64(o.N), driver.Count(o)[1:], from, driver.Finished{})
}
