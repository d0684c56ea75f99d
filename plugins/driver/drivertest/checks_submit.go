package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// refused submits what edit made and demands one of the codes.
func refused(edit func(b *bench, s *driver.Submission) error, codes ...driver.Code) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(0))
		if err := edit(b, s); err != nil {
			return err
		}
		_, err := b.client().Submit(ctx, s)
		return wantCode(err, codes...)
	}
}

var submitChecks = []check{
	{"submit", "submit", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, b.upTo(newProgram(1).number(0).number(1)))
		if err == nil && j.AcceptedAt == nil {
			err = errors.New("the job has no accepted_at")
		}
		return err
	}},
	{"submit", "same-key-same-batch", 0, func(ctx context.Context, b *bench) error {
		s, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		r, err := b.client().Submit(ctx, s)
		if err == nil && r.JobId != j.JobId {
			err = fmt.Errorf("a second job %s beside %s", r.JobId, j.JobId)
		}
		return err
	}},
	{"submit", "says-deduplicated", 0, func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(1))
		first, err := b.client().Submit(ctx, s)
		if err != nil {
			return err
		}
		second, err := b.client().Submit(ctx, s)
		if err == nil && (first.Deduplicated || !second.Deduplicated) {
			err = fmt.Errorf("deduplicated is %t, then %t", first.Deduplicated, second.Deduplicated)
		}
		return err
	}},
	{"submit", "same-key-other-batch", 0, func(ctx context.Context, b *bench) error {
		s, _, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		other := b.submission(newProgram(1).number(0))
		other.Key = s.Key
		_, err = b.client().Submit(ctx, other)
		return wantCode(err, driver.KeyReused)
	}},
	{"submit", "other-device", 0, refused(func(_ *bench, s *driver.Submission) error { s.Device = "no-such-device"; return nil }, driver.UnknownDevice)},
	{"submit", "index-outside-palette", 0, refused(func(_ *bench, s *driver.Submission) error { s.Batch.Rows.Data[0] = 200; return nil }, driver.ProgramInvalid)},
	{"submit", "palette-out-of-order", 0, refused(func(_ *bench, s *driver.Submission) error {
		s.Batch.Palette = []circuit.U3Angles{gateX, gateI}
		return nil
	}, driver.ProgramInvalid)},
	{"submit", "rows-too-few", 0, refused(func(_ *bench, s *driver.Submission) error { s.Batch.Rows.N = 2; return nil }, driver.ProgramInvalid, driver.TooManyShots)},
	{"submit", "too-many-qubits", 0, refused(func(b *bench, s *driver.Submission) error {
		*s = *b.submission(newProgram(int(b.device.Width) + 1).number(0))
		return nil
	}, driver.TooManyQubits)},
	{"submit", "too-many-slots", 0, refused(func(b *bench, s *driver.Submission) error {
		m := b.device.GetLimits().GetMaxSlotsPerSubmit()
		if m > 1_000_000 {
			return skip("the limit is beyond what is tried here")
		}
		p := newProgram(1)
		for range m + 1 {
			p.number(0)
		}
		*s = *b.submission(p)
		return nil
	}, driver.TooManyShots)},
	{"submit", "too-many-shots", 0, refused(func(b *bench, s *driver.Submission) error {
		m := b.device.GetLimits().GetMaxShotsPerSlot()
		if m >= 10_000_000 {
			return skip("the device takes as many as a job can have")
		}
		s.ShotsPerSlot = m + 1
		return nil
	}, driver.TooManyShots)},
	{"submit", "shots-for-many-slots", 0, refused(func(b *bench, s *driver.Submission) error {
		*s = *b.submission(newProgram(1).number(0).number(1))
		s.ShotsPerSlot = 2
		return nil
	}, driver.TooManyShots)},
	{"submit", "not-coupled", 0, func(ctx context.Context, b *bench) error {
		has := map[[2]uint32]bool{}
		for _, e := range b.device.Edges {
			has[[2]uint32{e.A, e.B}] = true
		}
		for x := uint32(0); x < b.device.Width && len(has) > 0; x++ {
			for y := x + 1; y < b.device.Width; y++ {
				if !has[[2]uint32{x, y}] {
					p := newProgram(int(b.device.Width), []circuit.Pair{{A: uint16(x), B: uint16(y)}}).slot()
					_, err := b.client().Submit(ctx, b.submission(p))
					return wantCode(err, driver.Connectivity)
				}
			}
		}
		return skip("all pairs are coupled")
	}},
	{"submit", "unknown-kind", 0, refused(func(_ *bench, s *driver.Submission) error { s.Kind = 77; return nil }, driver.NotSupported)},
	{"submit", "kind-not-offered", 0, func(ctx context.Context, b *bench) error {
		for k := driverv1.ResultKind_RESULT_KIND_PER_SHOT; k <= driverv1.ResultKind_RESULT_KIND_RESAMPLED; k++ {
			offered := false
			for _, o := range b.device.ResultKinds {
				offered = offered || o == k
			}
			if !offered {
				s := b.submission(newProgram(1).number(0))
				s.Kind = k
				_, err := b.client().Submit(ctx, s)
				return wantCode(err, driver.NotSupported)
			}
		}
		return skip("the device offers all kinds")
	}},
	{"submit", "time-has-passed", 0, refused(func(b *bench, s *driver.Submission) error { s.NotAfter = b.o.Now().Add(-time.Hour); return nil }, driver.Deadline, driver.SubmitUncertain)},
	{"submit", "time-has-passed-leaves-no-job", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(0))
		s.NotAfter = b.o.Now().Add(-time.Hour)
		_, _ = b.client().Submit(ctx, s) // another check demands the refusal
		n, err := b.jobsOf(ctx, s.Key)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d jobs at the vendor", n)
		}
		return err
	}},
	{"submit", "five-megabytes", 0, func(ctx context.Context, b *bench) error {
		// Deep rather than many: slots of a device may be few.
		w := min(int(b.device.Width), 24)
		p := newProgram(w, make([][]circuit.Pair, 60_000)...)
		for i := 0; i*w < 48 && uint64(i) < max(1, b.device.GetLimits().GetMaxSlotsPerSubmit()); i++ {
			p.slots = append(p.slots, make([]circuit.U3Angles, 60_001*w))
		}
		s := b.submission(p)
		r, err := b.client().Submit(ctx, s)
		if err != nil {
			return wantCode(err, driver.ProgramTooLarge, driver.TooManyShots)
		}
		_, err = b.client().Cancel(ctx, r.JobId)
		return err
	}},
	{"submit", "validate-accepts", 0, func(ctx context.Context, b *bench) error {
		problems, err := b.client().Validate(ctx, b.submission(newProgram(1).number(1)))
		if err == nil && len(problems) > 0 {
			err = problems[0]
		}
		return err
	}},
	{"submit", "validate-refuses", 0, func(ctx context.Context, b *bench) error {
		problems, err := b.client().Validate(ctx, b.submission(newProgram(int(b.device.Width)+1).number(1)))
		if err == nil && len(problems) == 0 {
			err = errors.New("has no objection to a qubit too many")
		}
		return err
	}},
	{"submit", "validate-submits-nothing", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(1))
		if _, err := b.client().Validate(ctx, s); err != nil {
			return err
		}
		n, err := b.jobsOf(ctx, s.Key)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d jobs at the vendor", n)
		}
		return err
	}},
	{"submit", "estimate", driverv1.Feature_FEATURE_ESTIMATE, func(ctx context.Context, b *bench) error {
		e, err := b.client().Estimate(ctx, &driverv1.EstimateRequest{DeviceId: b.device.Id, Slots: 1, ShotsPerSlot: 1, Width: 1, GatesPerSlot: 2})
		if err == nil && e.Cost != nil && len(e.Cost.Currency) != 3 {
			err = fmt.Errorf("currency %q", e.Cost.Currency)
		}
		return err
	}},
}

// jobsOf counts the vendor's jobs that carry a key.
func (b *bench) jobsOf(ctx context.Context, key [32]byte) (n int, err error) {
	err = b.client().Recover(ctx, b.device.Id, key, time.Time{}, func(*driverv1.Job) error { n++; return nil })
	return n, err
}

var jobChecks = []check{
	{"job", "unknown-job", 0, func(ctx context.Context, b *bench) error {
		_, err := b.client().Get(ctx, "no-such-job", 0)
		return wantCode(err, driver.UnknownJob)
	}},
	{"job", "get-after-the-end", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := b.client().Get(ctx, j.JobId, driver.MaxWait); err != nil {
			return fmt.Errorf("a job that has ended is waited for: %w", err)
		}
		return nil
	}},
	{"job", "ends-stay", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		again, err := b.client().Get(ctx, j.JobId, 0)
		if err == nil && again.State != j.State {
			err = fmt.Errorf("state %s became %s", j.State, again.State)
		}
		return err
	}},
	{"job", "slots-done", 0, func(ctx context.Context, b *bench) error {
		s, j, err := b.submit(ctx, b.upTo(newProgram(1).number(1).number(0)))
		if err == nil && j.SlotsDone != s.Slots() {
			err = fmt.Errorf("%d of %d slots done at the end", j.SlotsDone, s.Slots())
		}
		return err
	}},
	{"job", "times-in-order", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		at := []time.Time{j.AcceptedAt.AsTime(), j.StartedAt.AsTime(), j.FinishedAt.AsTime()}
		if j.StartedAt != nil && at[1].Before(at[0].Add(-time.Minute)) || j.FinishedAt != nil && j.StartedAt != nil && at[2].Before(at[1]) {
			return fmt.Errorf("accepted %s, started %s, finished %s", at[0], at[1], at[2])
		}
		return nil
	}},
	{"job", "deadline-is-honoured", 0, func(ctx context.Context, b *bench) error {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, _ = b.client().Get(short, "no-such-job", time.Second) // how it ends does not matter
		_, err := b.client().Device(ctx, b.device.Id)
		return err
	}},
	{"job", "many-calls-at-once", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		errs := make(chan error, 32)
		for range cap(errs) {
			go func() {
				_, err := b.client().Get(ctx, j.JobId, 0)
				errs <- err
			}()
		}
		for range cap(errs) {
			err = errors.Join(err, <-errs)
		}
		return err
	}},
	{"job", "cancel-unknown", driverv1.Feature_FEATURE_CANCEL, func(ctx context.Context, b *bench) error {
		state, err := b.client().Cancel(ctx, "no-such-job")
		if err == nil && state != driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB {
			err = fmt.Errorf("answered %s", state)
		}
		return err
	}},
	{"job", "cancel-too-late", driverv1.Feature_FEATURE_CANCEL, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		state, err := b.client().Cancel(ctx, j.JobId)
		if err == nil && state != driverv1.CancelState_CANCEL_STATE_TOO_LATE {
			err = fmt.Errorf("a job that succeeded answered %s", state)
		}
		return err
	}},
	{"job", "money", 0, about(func(d *driverv1.Device) error {
		for _, m := range []*driverv1.Money{d.Pricing.GetPerSubmission(), d.Pricing.GetPerSlot(), d.Pricing.GetPerShot(), d.Pricing.GetPerSecond()} {
			if m != nil && (len(m.Currency) != 3 || m.Micro > math.MaxInt64) {
				return fmt.Errorf("price %v", m)
			}
		}
		return nil
	})},
}
