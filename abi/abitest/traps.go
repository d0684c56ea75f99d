package abitest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
)

var trapChecks = []Check{
	{"plan is a function of its inputs", planPure},
	{"edges of jobs", planEdges},
	{"slots do not depend on chunks", chunks},
	{"slots replay in a fresh instance", replay},
	{"another root, other slots", roots},
	{"roles fit the plan", roles},
	{"target slots are the circuit", targets},
	{"a device without errors passes every trap", honest},
	{"slot numbers outside the job", arguments},
	{"judge knows good from bad", judge},
	{"judge reads traps only", judgeTraps},
	{"judge at every window", judgeWindows},
	{"judge and hostile counts", judgeHostile},
	{"plan and lying inputs", func(ctx context.Context, g Guest) error { return liesTo(ctx, g, abi.ExportPlan) }},
	{"generate and lying inputs", func(ctx context.Context, g Guest) error { return liesTo(ctx, g, abi.ExportGenerate) }},
	{"calls leave no memory behind", leaks},
	{GuideCheck, guide},
	{"judge and lying inputs", func(ctx context.Context, g Guest) error { return liesTo(ctx, g, abi.ExportJudge) }},
	{"audit knows good from bad", audit},
}

// run is a job with its plan and all its slots.
type run struct {
	*job
	lib    abi.TrapLibrary
	caller abi.Caller
	plan   *guest.Plan
	raw    []byte // the plan's bytes
	rows   []byte // of all slots, without header
	hidden *guest.Hidden
}

func (j *job) planned(ctx context.Context, c abi.Caller) (*run, error) {
	r := &run{job: j, lib: abi.TrapLibrary{Caller: c}, caller: c}
	var err error
	r.plan, r.raw, err = r.lib.Plan(ctx, j.bytes, j.header, j.policy)
	return r, err
}

// generated also makes all slots, with the most slots a call.
func (j *job) generated(ctx context.Context, c abi.Caller) (*run, error) {
	r, err := j.planned(ctx, c)
	if err != nil {
		return nil, err
	}
	r.rows, r.hidden, err = r.slots(ctx, guest.MaxGenerate, false)
	return r, err
}

func (r *run) generate(ctx context.Context, first uint64, n int) (*guest.Rows, *guest.Hidden, error) {
	return r.lib.Generate(ctx, r.bytes, r.raw, r.header, r.policy, r.root, first, n)
}

// slots makes all slots in chunks, from the first on or from the last back.
func (r *run) slots(ctx context.Context, chunk int, back bool) ([]byte, *guest.Hidden, error) {
	total := int(r.header.Shots)
	k := (total + chunk - 1) / chunk
	rows, hidden := make([][]byte, k), make([]*guest.Hidden, k)
	for step := range k {
		i := step
		if back {
			i = k - 1 - step
		}
		x, h, err := r.generate(ctx, uint64(i*chunk), min(chunk, total-i*chunk))
		if err != nil {
			return nil, nil, err
		}
		rows[i], hidden[i] = x.Data, h
	}
	all := &guest.Hidden{Width: r.layered.Width}
	for _, h := range hidden {
		all.Extend(h)
	}
	return bytes.Join(rows, nil), all, nil
}

func (g Guest) planned(ctx context.Context, j *job, f func(*run) error) error {
	return g.with(ctx, func(c abi.Caller) error {
		r, err := j.planned(ctx, c)
		if err != nil {
			return err
		}
		return f(r)
	})
}

func (g Guest) generated(ctx context.Context, j *job, f func(*run) error) error {
	return g.with(ctx, func(c abi.Caller) error {
		r, err := j.generated(ctx, c)
		if err != nil {
			return err
		}
		return f(r)
	})
}

// planPure: the same inputs give the same plan, in any instance, before and after
// other calls.
func planPure(ctx context.Context, g Guest) error {
	j := newJob(4, 3, 200, 300_000)
	var first []byte
	for range 2 {
		err := g.generated(ctx, j, func(r *run) error {
			again, err := j.planned(ctx, r.caller)
			if err != nil {
				return err
			}
			if first == nil {
				first = r.raw
			}
			if !bytes.Equal(first, r.raw) || !bytes.Equal(first, again.raw) {
				return fmt.Errorf("the plan of one job has different bytes")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// planEdges: the smallest jobs and the extreme ratios are planned and generated,
// or refused in order.
func planEdges(ctx context.Context, g Guest) error {
	return g.with(ctx, func(c abi.Caller) error {
		for _, j := range []*job{newJob(1, 0, 1, 0), newJob(1, 0, 1, 1_000_000), newJob(2, 1, 1, 1), newJob(3, 2, 500, 0), newJob(3, 2, 500, 1_000_000), newJob(9, 4, 65, 500_000)} {
			if _, err := j.generated(ctx, c); err != nil && abi.ClassOf(err) != abi.DomainError {
				return fmt.Errorf("width %d, %d shots, %d ppm: %w", j.layered.Width, j.header.Shots, j.header.RatioPPM, err)
			}
		}
		return nil
	})
}

// chunks: any split of the slots into calls, in any order, gives the same bytes.
func chunks(ctx context.Context, g Guest) error {
	return g.generated(ctx, newJob(5, 4, 4100, 200_000), func(r *run) error {
		want := r.hidden.Append(nil)
		for _, c := range []struct {
			chunk int
			back  bool
		}{{1000, true}, {64, false}, {7, true}, {guest.MaxGenerate, true}} {
			rows, hidden, err := r.slots(ctx, c.chunk, c.back)
			if err != nil {
				return err
			}
			if !bytes.Equal(rows, r.rows) || !bytes.Equal(hidden.Append(nil), want) {
				return fmt.Errorf("slots in chunks of %d (from the back: %t) differ from those in chunks of %d", c.chunk, c.back, guest.MaxGenerate)
			}
		}
		for i := 4099; i > 3900; i-- {
			rows, _, err := r.generate(ctx, uint64(i), 1)
			if err != nil {
				return err
			}
			if size := len(rows.Data); !bytes.Equal(rows.Data, r.rows[i*size:(i+1)*size]) {
				return fmt.Errorf("slot %d alone differs from slot %d in chunks of %d", i, i, guest.MaxGenerate)
			}
		}
		return nil
	})
}

// replay: single slots, each in an instance that did nothing else, are those of
// the whole job.
func replay(ctx context.Context, g Guest) error {
	j := newJob(4, 3, 300, 300_000)
	return g.generated(ctx, j, func(r *run) error {
		for _, i := range []int{299, 0, 150} {
			err := g.with(ctx, func(c abi.Caller) error {
				fresh := *r
				fresh.lib.Caller = c
				rows, hidden, err := fresh.generate(ctx, uint64(i), 1)
				if err != nil {
					return err
				}
				size := len(rows.Data)
				rb := guest.RowBytes(j.layered.Width)
				if !bytes.Equal(rows.Data, r.rows[i*size:(i+1)*size]) || hidden.Kind[0] != r.hidden.Kind[i] || hidden.Parity[0] != r.hidden.Parity[i] ||
					!bytes.Equal(hidden.Pad, r.hidden.Pad[i*rb:(i+1)*rb]) || !bytes.Equal(hidden.Mask, r.hidden.Mask[i*rb:(i+1)*rb]) {
					return fmt.Errorf("slot %d alone differs from slot %d of the whole job", i, i)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// roots: the slots depend on every byte of the root.
func roots(ctx context.Context, g Guest) error {
	return g.generated(ctx, newJob(4, 3, 100, 300_000), func(r *run) error {
		for i := range r.root {
			other := *r
			j := *r.job
			j.root[i] ^= 1
			other.job = &j
			rows, _, err := other.slots(ctx, 100, false)
			if err != nil {
				return err
			}
			if bytes.Equal(rows, r.rows) {
				return fmt.Errorf("a root with another byte %d gives the same slots", i)
			}
		}
		return nil
	})
}

// arguments: slot numbers and counts outside the job are refused.
func arguments(ctx context.Context, g Guest) error {
	return g.generated(ctx, newJob(3, 2, 5000, 100_000), func(r *run) error {
		in := r.inputs()
		for _, a := range [][]uint64{{0, 0}, {0, guest.MaxGenerate + 1}, {4999, 2}, {5000, 1}, {1 << 63, 1}, {^uint64(0), 1}, {^uint64(0), 2}, {0, 1<<32 - 1}, {1 << 32, 1}} {
			if err := refused(ctx, r.caller, call{export: abi.ExportGenerate, args: a, in: in}); err != nil {
				return err
			}
		}
		o := ideal(r.hidden)
		in = map[int][]byte{abi.StreamPlan: r.raw, abi.StreamHidden: r.hidden.Append(nil), abi.StreamOutcomes: o.Append(nil)}
		for _, n := range []uint64{1, 4999, 5001, 1 << 31, 1<<32 - 1} {
			if err := refused(ctx, r.caller, call{export: abi.ExportJudge, args: []uint64{n}, in: in}); err != nil {
				return err
			}
		}
		return nil
	})
}

// inputs of qx_generate.
func (r *run) inputs() map[int][]byte {
	return map[int][]byte{abi.StreamHeader: r.header.Append(nil), abi.StreamCircuit: r.bytes, abi.StreamPlan: r.raw, abi.StreamPolicy: r.policy.Append(r.root[:])}
}

// liesTo feeds changed inputs to one export.
func liesTo(ctx context.Context, g Guest, export string) error {
	var good call
	err := g.generated(ctx, newJob(5, 2, 140, 400_000), func(r *run) error {
		switch export {
		case abi.ExportPlan:
			in := r.inputs()
			delete(in, abi.StreamPlan)
			in[abi.StreamPolicy] = r.policy.Append(make([]byte, guest.RootSize))
			good = call{export, nil, in, func(out map[int][]byte) error { _, err := guest.ParsePlan(out[abi.StreamResult]); return err }}
		case abi.ExportGenerate:
			good = call{export, []uint64{60, 30}, r.inputs(), func(out map[int][]byte) error {
				_, err := guest.ParseHidden(out[abi.StreamHiddenOut], r.layered.Width)
				return err
			}}
		case abi.ExportJudge:
			in := map[int][]byte{abi.StreamPlan: r.raw, abi.StreamHidden: r.hidden.Append(nil), abi.StreamOutcomes: ideal(r.hidden).Append(nil)}
			good = call{export, []uint64{r.header.Shots}, in, func(out map[int][]byte) error { _, err := guest.ParseVerdict(out[abi.StreamResult]); return err }}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return lies(ctx, g, good)
}
