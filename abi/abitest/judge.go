package abitest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
)

func (r *run) judge(ctx context.Context, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
	return r.lib.Judge(ctx, r.raw, r.hidden.Prefix(o.N), o)
}

// judged is a job with enough traps for a verdict.
func judged() *job { return newJob(5, 3, 800, 250_000) }

// judge: an ideal device passes; wrong traps, absent outcomes and constant answers
// fail; below the least number of traps the verdict is "insufficient".
func judge(ctx context.Context, g Guest) error {
	err := g.generated(ctx, judged(), func(r *run) error {
		if r.plan.Insufficient() {
			return fmt.Errorf("%d traps are insufficient for 5 qubits without errors (t_min %d)", r.plan.Traps, r.plan.TMin)
		}
		bad := ideal(r.hidden)
		for i, k := range r.hidden.Kind {
			if guest.SlotKind(k) != guest.SlotTarget {
				flip(r.hidden, bad, i)
			}
		}
		zero := ideal(r.hidden)
		clear(zero.Rows)
		absent := ideal(r.hidden)
		clear(absent.Rows)
		clear(absent.Present)
		one := ideal(r.hidden)
		rb := guest.RowBytes(one.Width)
		clear(one.Rows[100*rb : 101*rb])
		one.Present[100>>3] &^= 1 << (100 & 7)
		for _, c := range []struct {
			name string
			o    *guest.Outcomes
			want guest.Decision
		}{{"ideal", ideal(r.hidden), guest.DecisionPass}, {"all traps wrong", bad, guest.DecisionFail}, {"all zeros", zero, guest.DecisionFail},
			{"nothing measured", absent, guest.DecisionFail}, {"one outcome absent", one, guest.DecisionFail}} {
			v, _, err := r.judge(ctx, c.o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if v.Decision != c.want {
				return fmt.Errorf("%s: decision %d, want %d", c.name, v.Decision, c.want)
			}
			if v.Decision == guest.DecisionPass && v.TrapPass != v.Shots || v.Decision == guest.DecisionFail && v.TrapPass == v.Shots {
				return fmt.Errorf("%s: %d of %d shots certified with decision %d", c.name, v.TrapPass, v.Shots, v.Decision)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.generated(ctx, newJob(5, 3, 100, 0), func(r *run) error {
		v, _, err := r.judge(ctx, ideal(r.hidden))
		if err == nil && (v.Decision != guest.DecisionInsufficient || v.TrapPass != 0) {
			err = fmt.Errorf("without traps: decision %d, %d shots certified", v.Decision, v.TrapPass)
		}
		return err
	})
}

// judgeTraps: what target slots measured does not enter the report.
func judgeTraps(ctx context.Context, g Guest) error {
	return g.generated(ctx, judged(), func(r *run) error {
		o := ideal(r.hidden)
		_, want, err := r.judge(ctx, o)
		if err != nil {
			return err
		}
		rb := guest.RowBytes(o.Width)
		for i, k := range r.hidden.Kind {
			if guest.SlotKind(k) == guest.SlotTarget {
				o.Rows[i*rb] ^= 1
			}
		}
		_, got, err := r.judge(ctx, o)
		if err == nil && !bytes.Equal(want, got) {
			err = fmt.Errorf("the report changes with the outcomes of target slots")
		}
		return err
	})
}

// judgeWindows: after whole windows of a good run the verdict is pending and
// repeats in a fresh instance.
func judgeWindows(ctx context.Context, g Guest) error {
	return g.generated(ctx, judged(), func(r *run) error {
		return g.with(ctx, func(c abi.Caller) error {
			fresh := *r
			fresh.lib.Caller = c
			for j := range len(r.plan.WindowTraps) + 1 {
				n := r.plan.WindowStart(j)
				o := ideal(r.hidden.Prefix(int(n)))
				v, a, err := r.judge(ctx, o)
				if err != nil {
					return fmt.Errorf("%d slots: %w", n, err)
				}
				_, b, err := fresh.judge(ctx, o)
				if err != nil {
					return err
				}
				want := guest.DecisionPending
				if n == r.plan.Shots {
					want = guest.DecisionPass
				}
				if v.Decision != want || !bytes.Equal(a, b) {
					return fmt.Errorf("%d of %d slots: decision %d, want %d; equal in a fresh instance: %t", n, r.plan.Shots, v.Decision, want, bytes.Equal(a, b))
				}
			}
			return nil
		})
	})
}

// judgeHostile: hidden data that no generator writes gives no passing verdict.
func judgeHostile(ctx context.Context, g Guest) error {
	return g.generated(ctx, judged(), func(r *run) error {
		copies := func(edit func(h *guest.Hidden)) *guest.Hidden {
			h := &guest.Hidden{Width: r.hidden.Width}
			h.Extend(r.hidden)
			edit(h)
			return h
		}
		rb := guest.RowBytes(r.hidden.Width)
		for name, h := range map[string]*guest.Hidden{
			"no traps": copies(func(h *guest.Hidden) { clear(h.Kind); clear(h.Mask); clear(h.Parity) }),
			"all traps": copies(func(h *guest.Hidden) {
				for i := range h.Kind {
					h.Kind[i] = byte(guest.SlotMatch)
				}
			}),
			"empty masks":        copies(func(h *guest.Hidden) { clear(h.Mask) }),
			"all in window 0":    copies(func(h *guest.Hidden) { clear(h.Window) }),
			"windows reversed":   copies(func(h *guest.Hidden) { h.Window[0] = h.Window[h.N-1] + 1 }),
			"one trap less":      copies(func(h *guest.Hidden) { dropTrap(h, rb) }),
			"last window's last": copies(func(h *guest.Hidden) { h.Window[h.N-1] = guest.MaxWindows - 1 }),
		} {
			in := map[int][]byte{abi.StreamPlan: r.raw, abi.StreamHidden: h.Append(nil), abi.StreamOutcomes: ideal(h).Append(nil)}
			o, err := r.caller.Call(ctx, abi.ExportJudge, []uint64{uint64(h.N)}, in)
			if err != nil {
				return err
			}
			if o.Class == abi.DomainError {
				continue
			}
			if o.Class != abi.OK {
				return fmt.Errorf("hidden data with %s: ended as %v: %s", name, o.Class, o.Message)
			}
			v, err := guest.ParseVerdict(o.Out[abi.StreamResult])
			if err != nil {
				return fmt.Errorf("hidden data with %s: %w", name, err)
			}
			if v.Decision == guest.DecisionPass {
				return fmt.Errorf("hidden data with %s passes", name)
			}
		}
		return nil
	})
}

// dropTrap turns the first trap into a target.
func dropTrap(h *guest.Hidden, rb int) {
	for i, k := range h.Kind {
		if guest.SlotKind(k) != guest.SlotTarget {
			h.Kind[i], h.Parity[i] = 0, 0
			clear(h.Mask[i*rb : (i+1)*rb])
			return
		}
	}
}
