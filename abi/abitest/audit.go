package abitest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/host/wasmbin"
)

// offersAudit tells whether the artifact exports qx_audit.
func offersAudit(g Guest) bool {
	p := wasmbin.TrapLibrary()
	m, err := wasmbin.ReadWithFloats(g.Wasm, &p)
	if err != nil {
		return false
	}
	_, ok := m.Export(abi.ExportAudit)
	return ok
}

// audit: where a library offers qx_audit, target slots of the circuit pass, invented
// ones fail, too few say nothing, traps do not enter, and hostile inputs are
// answered in order.
func audit(ctx context.Context, g Guest) error {
	if !offersAudit(g) {
		return fmt.Errorf("%s is not exported: %w", abi.ExportAudit, ErrSkip)
	}
	var good call
	err := g.generated(ctx, newJob(5, 4, 4000, 100_000), func(r *run) error {
		right, wrong := r.sampled(), r.sampled()
		rb := guest.RowBytes(right.Width)
		for i := range wrong.N {
			wrong.Rows[i*rb] = byte(mix64(uint64(i))) & 31
		}
		few := r.sampled()
		for i := 200; i < few.N; i++ {
			few.Rows[i*rb] = 0
			few.Present[i>>3] &^= 1 << (i & 7)
		}
		traps := r.sampled()
		for i, k := range r.hidden.Kind {
			if guest.SlotKind(k) != guest.SlotTarget {
				traps.Rows[i*rb] ^= 1
			}
		}
		var first []byte
		for _, c := range []struct {
			name string
			o    *guest.Outcomes
			want guest.AuditVerdict
		}{{"the circuit's outcomes", right, guest.AuditPass}, {"invented outcomes", wrong, guest.AuditFail}, {"200 outcomes", few, guest.AuditInsufficient}, {"other traps", traps, guest.AuditPass}} {
			a, raw, err := r.lib.Audit(ctx, r.bytes, r.raw, r.hidden, c.o)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if a.Verdict != c.want {
				return fmt.Errorf("%s: %s, want %s (score %d, limit %d ppb)", c.name, a.Verdict, c.want, a.Score, a.Limit)
			}
			switch c.o {
			case right:
				first = raw
			case traps:
				if !bytes.Equal(first, raw) {
					return fmt.Errorf("the audit changes with the outcomes of trap slots")
				}
			}
		}
		err := g.with(ctx, func(c abi.Caller) error {
			_, raw, err := abi.TrapLibrary{Caller: c}.Audit(ctx, r.bytes, r.raw, r.hidden, right)
			if err == nil && !bytes.Equal(first, raw) {
				err = fmt.Errorf("the audit of one job has different bytes")
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, n := range []uint64{0, 1, 3999, 4001, 1 << 31, 1<<32 - 1} {
			in := map[int][]byte{abi.StreamCircuit: r.bytes, abi.StreamPlan: r.raw, abi.StreamHidden: r.hidden.Append(nil), abi.StreamOutcomes: right.Append(nil)}
			if err := refused(ctx, r.caller, call{export: abi.ExportAudit, args: []uint64{n}, in: in}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = g.generated(ctx, newJob(3, 2, 320, 100_000), func(r *run) error {
		in := map[int][]byte{abi.StreamCircuit: r.bytes, abi.StreamPlan: r.raw, abi.StreamHidden: r.hidden.Append(nil), abi.StreamOutcomes: r.sampled().Append(nil)}
		good = call{abi.ExportAudit, []uint64{320}, in, func(out map[int][]byte) error { _, err := guest.ParseAudit(out[abi.StreamResult]); return err }}
		return nil
	})
	if err != nil {
		return err
	}
	return lies(ctx, g, good)
}

// sampled is what an ideal device measures: traps right, target slots drawn from the
// circuit's own results.
func (r *run) sampled() *guest.Outcomes {
	l := *r.layered
	l.Clbits, l.Measure = l.Width, make([]int, l.Width)
	for q := range l.Measure {
		l.Measure[q] = q
	}
	return sampleTargets(&l, r.hidden)
}

func sampleTargets(l *circuit.Layered, h *guest.Hidden) *guest.Outcomes {
	chances := layeredResults(l)
	var keys []int
	for k := range chances {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	o, rb := ideal(h), guest.RowBytes(h.Width)
	for i, k := range h.Kind {
		if guest.SlotKind(k) != guest.SlotTarget {
			continue
		}
		u, at := float64(mix64(uint64(i)+77)>>11)/(1<<53), 0
		for at < len(keys)-1 && u >= chances[keys[at]] {
			u -= chances[keys[at]]
			at++
		}
		o.Rows[i*rb] ^= byte(keys[at])
	}
	return o
}
