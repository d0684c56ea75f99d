package drivertest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

var pair01 = []circuit.Pair{{A: 0, B: 1}}

// row is one layer of gates.
func row(g ...circuit.U3Angles) []circuit.U3Angles { return g }

// shots wraps a check that needs single outcomes of a width.
func shots(width int, f func(context.Context, *bench) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		if err := b.needShots(width); err != nil {
			return err
		}
		return f(ctx, b)
	}
}

// numbers asks for the outcomes of n circuits that give their own number.
func numbers(width int, list ...int) func(context.Context, *bench) error {
	return shots(width, func(ctx context.Context, b *bench) error {
		p := newProgram(width)
		for _, n := range list {
			p.number(n)
		}
		return b.exact(ctx, p, list)
	})
}

// always asks for circuits on two qubits that have one outcome each; the skeleton
// has one CZ between two layers of gates when cz is set.
func always(cz bool, want int, layers ...[]circuit.U3Angles) func(context.Context, *bench) error {
	return shots(2, func(ctx context.Context, b *bench) error {
		var skeleton [][]circuit.Pair
		for range len(layers) - 1 {
			skeleton = append(skeleton, nil)
		}
		if cz {
			skeleton[0] = pair01
		}
		p := newProgram(2, skeleton...)
		var list []int
		for range 64 {
			p.slot(layers...)
			list = append(list, want)
		}
		return b.exact(ctx, p, list)
	})
}

var resultChecks = []check{
	{"results", "bit-0-of-3", 0, numbers(3, 1, 1, 1, 1)},
	{"results", "bit-2-of-3", 0, numbers(3, 4, 4, 4, 4)},
	{"results", "bits-over-a-byte", 0, numbers(9, 1, 2, 4, 8, 16, 32, 64, 128, 256)},
	{"results", "slots-in-order", 0, numbers(4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)},
	{"results", "gate-h", 0, always(false, 0, row(gateH, gateI), row(gateH, gateI))},
	{"results", "gate-z", 0, always(false, 1, row(gateH, gateI), row(gateZ, gateI), row(gateH, gateI))},
	{"results", "gate-s", 0, always(false, 1, row(gateH, gateI), row(gateS, gateI), row(gateS, gateI), row(gateH, gateI))},
	{"results", "phases-in-order", 0, always(false, 0,
		// u3(θ, φ, λ) turns by λ first: |+⟩ to |+i⟩, which the rest leaves, then to
		// |0⟩. By φ first it ends on the equator.
		row(gateH, gateI), row(gateHS, gateI), row(gateHS, gateI))},
	{"results", "gate-cz", 0, always(true, 3, row(gateX, gateH), row(gateI, gateH))},
	{"results", "gate-cz-idle", 0, always(true, 0, row(gateI, gateH), row(gateI, gateH))},
	{"results", "declared-kind", 0, func(ctx context.Context, b *bench) error {
		s, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		_, h, _, err := b.outcomes(ctx, j.JobId, 0, 0)
		if err == nil && h.Kind != s.Kind {
			err = fmt.Errorf("%s was asked for, %s came", s.Kind, h.Kind)
		}
		return err
	}},
	{"results", "shots-are-not-constant", 0, shots(1, func(ctx context.Context, b *bench) error {
		p := newProgram(1)
		for range min(256, max(1, b.device.GetLimits().GetMaxSlotsPerSubmit())) {
			p.slot(row(gateH))
		}
		if len(p.slots) < 32 {
			return skip("too few slots at once")
		}
		n, err := b.wrong(ctx, p, make([]int, len(p.slots)))
		if err == nil && (n < len(p.slots)/4 || n > len(p.slots)*3/4) {
			err = fmt.Errorf("%d of %d shots of an even coin are 1", n, len(p.slots))
		}
		return err
	})},
	{"results", "same-again", 0, resumed(func(whole []byte, again []byte, _ int) error {
		if !bytes.Equal(whole, again) {
			return errors.New("the outcomes of one job differ between two readings")
		}
		return nil
	}, 0, 0)},
	{"results", "resume-from-slot-7", 0, resumed(tail, 7, 0)},
	{"results", "resume-at-the-end", 0, resumed(tail, 16, 0)},
	{"results", "small-messages", 0, resumed(tail, 0, 8)},
	{"results", "slot-beyond-the-end", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		_, _, _, err = b.outcomes(ctx, j.JobId, 1_000_000, 0)
		return wantCode(err, driver.ProgramInvalid)
	}},
	{"results", "results-of-unknown-job", 0, func(ctx context.Context, b *bench) error {
		_, _, _, err := b.outcomes(ctx, "no-such-job", 0, 0)
		return wantCode(err, driver.UnknownJob)
	}},
	{"results", "calibration-in-trailer", 0, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		c, err := b.client().Calibration(ctx, b.device.Id, "")
		if err != nil {
			return skip("the device has no calibration data")
		}
		_, _, t, err := b.outcomes(ctx, j.JobId, 0, 0)
		if err == nil && t.CalibrationId != c.Id {
			err = fmt.Errorf("the trailer names calibration %q, the present one is %q", t.CalibrationId, c.Id)
		}
		return err
	}},
	{"results", "counts-add-up", 0, func(ctx context.Context, b *bench) error {
		for _, k := range b.device.ResultKinds {
			if k == driverv1.ResultKind_RESULT_KIND_COUNTS {
				return b.counts(ctx)
			}
		}
		return skip("the device gives no counts")
	}},
}

// counts runs one circuit with shots.
func (b *bench) counts(ctx context.Context) error {
	s := b.submission(newProgram(2).slot(row(gateH, gateX)))
	s.Kind, s.ShotsPerSlot = driverv1.ResultKind_RESULT_KIND_COUNTS, min(200, b.device.GetLimits().GetMaxShotsPerSlot())
	r, err := b.client().Submit(ctx, s)
	if err != nil {
		return err
	}
	if _, err := b.end(ctx, r.JobId); err != nil {
		return err
	}
	var sum uint64
	err = b.client().Results(ctx, r.JobId, 0, 0, func(c *driverv1.ResultChunk) error {
		for _, n := range c.GetBody().GetCounts() {
			sum += n
		}
		return nil
	})
	if err == nil && sum != s.ShotsPerSlot {
		err = fmt.Errorf("%d shots counted of %d", sum, s.ShotsPerSlot)
	}
	return err
}

// resumed reads a job of sixteen slots whole and again from a slot on.
func resumed(compare func(whole, again []byte, from int) error, from uint64, maxBytes int) func(context.Context, *bench) error {
	return shots(3, func(ctx context.Context, b *bench) error {
		if b.device.GetLimits().GetMaxSlotsPerSubmit() < 16 {
			return skip("fewer than 16 slots at once")
		}
		p := newProgram(3)
		for i := range 16 {
			p.number(i & 7)
		}
		_, j, err := b.submit(ctx, p)
		if err != nil {
			return err
		}
		whole, _, _, err := b.outcomes(ctx, j.JobId, 0, 0)
		if err != nil {
			return err
		}
		again, _, _, err := b.outcomes(ctx, j.JobId, from, maxBytes)
		if err != nil {
			return err
		}
		return compare(whole, again, int(from))
	})
}

func tail(whole, again []byte, from int) error {
	if !bytes.Equal(whole[from:], again) {
		return fmt.Errorf("from slot %d on other outcomes than before", from)
	}
	return nil
}

var recoverChecks = []check{
	{"recover", "recover-by-key", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		s, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		var found []string
		err = b.client().Recover(ctx, b.device.Id, s.Key, time.Time{}, func(x *driverv1.Job) error { found = append(found, x.JobId); return nil })
		if err == nil && (len(found) != 1 || found[0] != j.JobId) {
			err = fmt.Errorf("found %q, want %q", found, j.JobId)
		}
		return err
	}},
	{"recover", "recover-nothing", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		n, err := b.jobsOf(ctx, b.submission(newProgram(1).number(1)).Key)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d jobs carry a key that was never used", n)
		}
		return err
	}},
	{"recover", "recover-since", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(1).number(1))
		if err != nil {
			return err
		}
		found := false
		err = b.client().Recover(ctx, b.device.Id, [32]byte{}, j.AcceptedAt.AsTime().Add(-time.Minute), func(x *driverv1.Job) error { found = found || x.JobId == j.JobId; return nil })
		if err == nil && !found {
			err = errors.New("a job of this minute is not found by time")
		}
		return err
	}},
	{"recover", "killed-after-acceptance", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(1))
		r, err := b.client().Submit(ctx, s)
		if err != nil {
			return err
		}
		b.discard()
		if err := b.shared(ctx); err != nil {
			return err
		}
		n, err := b.jobsOf(ctx, s.Key)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d jobs after kill -9, want 1", n)
		}
		if err != nil {
			return err
		}
		_, err = b.end(ctx, r.JobId)
		return err
	}},
	{"recover", "killed-while-submitting", driverv1.Feature_FEATURE_RECOVER, func(ctx context.Context, b *bench) error {
		s := b.submission(newProgram(1).number(1))
		done := make(chan struct{})
		p := b.proc
		go func() {
			defer close(done)
			_, _ = p.Client().Submit(ctx, s)
		}()
		b.discard() // at whatever point that is
		<-done
		if err := b.shared(ctx); err != nil {
			return err
		}
		n, err := b.jobsOf(ctx, s.Key)
		if errors.Is(err, &driver.Error{Code: driver.SubmitUncertain}) { // the vendor has no way to look: the driver must not submit again
			_, err = b.client().Submit(ctx, s)
			return wantCode(err, driver.SubmitUncertain)
		}
		if err != nil || n > 1 {
			return fmt.Errorf("%d jobs after kill -9 (%v), want at most 1", n, err)
		}
		if _, err := b.client().Submit(ctx, s); err != nil {
			return fmt.Errorf("the same key again: %w", err)
		}
		n, err = b.jobsOf(ctx, s.Key)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d jobs after the same key again, want 1", n)
		}
		return err
	}},
	{"recover", "results-survive-kill", 0, shots(3, func(ctx context.Context, b *bench) error {
		_, j, err := b.submit(ctx, newProgram(3).number(5))
		if err != nil {
			return err
		}
		before, _, _, err := b.outcomes(ctx, j.JobId, 0, 0)
		if err != nil {
			return err
		}
		b.discard()
		if err := b.shared(ctx); err != nil {
			return err
		}
		after, _, _, err := b.outcomes(ctx, j.JobId, 0, 0)
		if err == nil && !bytes.Equal(before, after) {
			err = errors.New("other outcomes after a restart")
		}
		return err
	})},
}

// sign asks for one signature and verifies it.
func (b *bench) sign(ctx context.Context, purpose driverv1.Purpose, d [32]byte) (*driverv1.Signature, error) {
	s, err := b.client().Sign(ctx, b.device.Id, purpose, d)
	if err != nil {
		return nil, err
	}
	for _, k := range b.device.Keys {
		if k.Id == s.KeyId && k.Algorithm == "ed25519" && len(k.PublicKey) == 32 {
			if !ed25519.Verify(k.PublicKey, driver.SignedMessage(purpose, d), s.Signature) {
				return nil, errors.New("the signature does not verify")
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("signed with key %q, which GetDevice does not list", s.KeyId)
}

var signChecks = []check{
	{"sign", "signature-verifies", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		_, err := b.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, [32]byte{1})
		return err
	}},
	{"sign", "purpose-is-signed", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		_, err := b.sign(ctx, driverv1.Purpose_PURPOSE_RESULT, [32]byte{2})
		return err
	}},
	{"sign", "counter-rises", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		one, err := b.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, [32]byte{3})
		if err != nil {
			return err
		}
		two, err := b.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, [32]byte{3})
		if err == nil && two.Counter <= one.Counter {
			err = fmt.Errorf("counter %d after %d", two.Counter, one.Counter)
		}
		return err
	}},
	{"sign", "counter-survives-kill", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		one, err := b.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, [32]byte{4})
		if err != nil {
			return err
		}
		b.discard()
		if err := b.shared(ctx); err != nil {
			return err
		}
		two, err := b.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, [32]byte{4})
		if err == nil && two.Counter <= one.Counter {
			err = fmt.Errorf("counter %d after %d and kill -9", two.Counter, one.Counter)
		}
		return err
	}},
	{"sign", "sign-unknown-device", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		_, err := b.client().Sign(ctx, "no-such-device", driverv1.Purpose_PURPOSE_EXEC, [32]byte{1})
		return wantCode(err, driver.UnknownDevice)
	}},
	{"sign", "sign-unknown-purpose", driverv1.Feature_FEATURE_SIGN, func(ctx context.Context, b *bench) error {
		_, err := b.client().Sign(ctx, b.device.Id, 9, [32]byte{1})
		return wantCode(err, driver.ProgramInvalid)
	}},
}

var endChecks = []check{
	{"end", "watch-begins-with-now", driverv1.Feature_FEATURE_WATCH, func(ctx context.Context, b *bench) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		got := errors.New("enough")
		err := b.client().Watch(ctx, b.device.Id, func(s *driverv1.DeviceStatus) error {
			if s.DeviceId != b.device.Id || s.State == 0 {
				return fmt.Errorf("status %v", s)
			}
			return got
		})
		if errors.Is(err, got) {
			return nil
		}
		return fmt.Errorf("no state within 10 s: %w", err)
	}},
	{"end", "memory-is-flat", 0, func(ctx context.Context, b *bench) error {
		round := func(n int) error {
			for range n {
				_, j, err := b.submit(ctx, newProgram(1).number(1))
				if err == nil {
					_, _, _, err = b.outcomes(ctx, j.JobId, 0, 0)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := round(b.o.Jobs / 2); err != nil {
			return err
		}
		before := resident(b.proc.PID())
		if err := round(b.o.Jobs); err != nil {
			return err
		}
		after := resident(b.proc.PID())
		if before == 0 {
			return skip("this system does not tell a process's memory")
		}
		if after > before+before/10+8<<20 {
			return fmt.Errorf("resident memory grew from %d to %d bytes over %d jobs", before, after, b.o.Jobs)
		}
		return nil
	}},
	{"end", "files-are-closed", 0, func(ctx context.Context, b *bench) error {
		count := func() int {
			list, err := os.ReadDir("/proc/" + b.proc.PID() + "/fd")
			if err != nil {
				return -1
			}
			return len(list)
		}
		before := count()
		if before < 0 {
			return skip("this system does not tell a process's files")
		}
		for range 20 {
			if _, _, err := b.submit(ctx, newProgram(1).number(1)); err != nil {
				return err
			}
		}
		if after := count(); after > before+8 {
			return fmt.Errorf("%d open files became %d over 20 jobs", before, after)
		}
		return nil
	}},
	{"end", "quiet-log", 0, func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		if err := p.Stop(ctx, 0); err != nil {
			return err
		}
		if r := p.Report().Stderr; strings.Contains(r, "panic:") || len(r) > 100_000 {
			return fmt.Errorf("%d bytes of log for a start, or a panic", len(r))
		}
		return nil
	}},
	{"end", "drain-ends", 0, func(ctx context.Context, b *bench) error {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		defer b.discard() // it takes no more work
		return b.client().Drain(ctx, 5*time.Second, func(uint64) error { return nil })
	}},
	{"end", "drain-refuses-work", 0, func(ctx context.Context, b *bench) error {
		defer b.discard()
		if err := b.client().Drain(ctx, time.Second, func(uint64) error { return nil }); err != nil {
			return err
		}
		_, err := b.client().Submit(ctx, b.submission(newProgram(1).number(1)))
		return wantCode(err, driver.Draining)
	}},
}

// resident is a process's memory in bytes; 0 where the system does not tell.
func resident(pid string) uint64 {
	b, err := os.ReadFile("/proc/" + pid + "/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return n * uint64(os.Getpagesize())
}
