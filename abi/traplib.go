package abi

import (
	"context"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// TrapLibrary calls a trap library guest. Only Generate gives it the root of the
// job's secrets.
type TrapLibrary struct{ Caller Caller }

// policyStream is root32 ‖ policy record.
func policyStream(root [32]byte, p guest.Policy) []byte { return p.Append(root[:]) }

// Plan returns the plan for a compiled circuit and its bytes. The plan is about
// the circuit, shots, ratio and policy given, or it is an ABI_VIOLATION.
func (t TrapLibrary) Plan(ctx context.Context, layered []byte, h guest.Header, p guest.Policy) (*guest.Plan, []byte, error) {
	l, err := guest.ParseLayered(layered)
	if err != nil {
		return nil, nil, err
	}
	in := map[int][]byte{StreamHeader: h.Append(nil), StreamCircuit: layered, StreamPolicy: policyStream([32]byte{}, p)}
	out, err := run(ctx, t.Caller, ExportPlan, nil, in, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	plan, err := guest.ParsePlan(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportPlan, fmt.Errorf("plan: %w", err))
	}
	if plan.Shots != h.Shots || plan.RatioPPM != h.RatioPPM || plan.Policy != p || plan.Traps != (h.Shots*h.RatioPPM+999_999)/1_000_000 {
		return nil, nil, violation(ExportPlan, fmt.Errorf("plan is for %d shots, %d ppm, %d traps or another policy", plan.Shots, plan.RatioPPM, plan.Traps))
	}
	if plan.N1 != uint64(l.Locations()) || plan.N2 != uint64(l.NumCZ()) {
		return nil, nil, violation(ExportPlan, fmt.Errorf("plan counts %d u3 and %d cz, the circuit has %d and %d", plan.N1, plan.N2, l.Locations(), l.NumCZ()))
	}
	if plan.Skeleton.Width != l.Width || !slices.EqualFunc(plan.Skeleton.Layers, l.Layers, slices.Equal[[]circuit.Pair]) {
		return nil, nil, violation(ExportPlan, fmt.Errorf("plan has another skeleton than the compiled circuit"))
	}
	return plan, out[StreamResult], nil
}

// Generate returns slots [first, first+n), n at most guest.MaxGenerate.
func (t TrapLibrary) Generate(ctx context.Context, layered, plan []byte, h guest.Header, p guest.Policy, root [32]byte, first uint64, n int) (*guest.Rows, *guest.Hidden, error) {
	parsed, err := guest.ParsePlan(plan)
	if err != nil {
		return nil, nil, err
	}
	if n < 1 || n > guest.MaxGenerate || first > parsed.Shots || uint64(n) > parsed.Shots-first {
		return nil, nil, fmt.Errorf("slots %d + %d of %d, at most %d a call", first, n, parsed.Shots, guest.MaxGenerate)
	}
	in := map[int][]byte{StreamHeader: h.Append(nil), StreamCircuit: layered, StreamPlan: plan, StreamPolicy: policyStream(root, p)}
	out, err := run(ctx, t.Caller, ExportGenerate, []uint64{first, uint64(n)}, in, StreamResult, StreamHiddenOut)
	if err != nil {
		return nil, nil, err
	}
	rows, err := guest.ParseRows(out[StreamResult], parsed)
	if err != nil {
		return nil, nil, violation(ExportGenerate, fmt.Errorf("rows: %w", err))
	}
	hidden, err := guest.ParseHidden(out[StreamHiddenOut], parsed.Skeleton.Width)
	if err != nil {
		return nil, nil, violation(ExportGenerate, fmt.Errorf("hidden: %w", err))
	}
	if err := checkHidden(hidden, parsed); err != nil {
		return nil, nil, violation(ExportGenerate, err)
	}
	if rows.First != first || rows.N != n || hidden.First != first || hidden.N != n {
		return nil, nil, violation(ExportGenerate, fmt.Errorf("rows %d + %d and hidden %d + %d for slots %d + %d", rows.First, rows.N, hidden.First, hidden.N, first, n))
	}
	return rows, hidden, nil
}

// checkHidden checks what the message form cannot say: each slot names the window
// that the plan puts it in, and only trap slots carry a predicate.
func checkHidden(h *guest.Hidden, p *guest.Plan) error {
	rb, j := guest.RowBytes(h.Width), 0
	for i := range h.N {
		for slot := h.First + uint64(i); j+1 < len(p.WindowTraps) && p.WindowStart(j+1) <= slot; {
			j++
		}
		mask := slices.ContainsFunc(h.Mask[i*rb:(i+1)*rb], func(b byte) bool { return b != 0 })
		kind := guest.SlotKind(h.Kind[i])
		if h.Window[i] != uint32(j) || mask != (kind != guest.SlotTarget) || h.Parity[i] != 0 && kind != guest.SlotParity {
			return fmt.Errorf("hidden: slot %d of window %d has kind %d, window %d, parity %d, mask %t", h.First+uint64(i), j, kind, h.Window[i], h.Parity[i], mask)
		}
	}
	return nil
}

// Judge returns the verdict on slots 0..o.N-1 and its bytes, which
// trap_report_hash hashes. The verdict is the module's; that it is about this plan
// and these slots is checked.
func (t TrapLibrary) Judge(ctx context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
	parsed, err := guest.ParsePlan(plan)
	if err != nil {
		return nil, nil, err
	}
	if h.First != 0 || o.First != 0 || h.N != o.N || uint64(o.N) > parsed.Shots {
		return nil, nil, fmt.Errorf("hidden %d + %d and outcomes %d + %d of %d slots: want both from slot 0 and equally many", h.First, h.N, o.First, o.N, parsed.Shots)
	}
	in := map[int][]byte{StreamPlan: plan, StreamHidden: h.Append(nil), StreamOutcomes: o.Append(nil)}
	out, err := run(ctx, t.Caller, ExportJudge, []uint64{uint64(o.N)}, in, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	v, err := guest.ParseVerdict(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportJudge, fmt.Errorf("verdict: %w", err))
	}
	if err := checkVerdict(v, parsed, o); err != nil {
		return nil, nil, violation(ExportJudge, err)
	}
	return v, out[StreamResult], nil
}

// checkVerdict compares a verdict with what it is about.
func checkVerdict(v *guest.Verdict, p *guest.Plan, o *guest.Outcomes) error {
	if v.Judged != uint64(o.N) || v.Shots != p.Shots || v.Traps != p.Traps || len(v.WindowTraps) != len(p.WindowTraps) {
		return fmt.Errorf("verdict is about %d of %d slots with %d traps in %d windows, want %d of %d, %d in %d",
			v.Judged, v.Shots, v.Traps, len(v.WindowTraps), o.N, p.Shots, p.Traps, len(p.WindowTraps))
	}
	if v.CA != p.CA || v.CB != p.CB || v.TMin != p.TMin || v.PA != p.PA || v.PB != p.PB || v.NA > p.NA || v.NB > p.NB {
		return fmt.Errorf("verdict has other bounds than the plan, or more traps than its %d and %d", p.NA, p.NB)
	}
	for j, t := range v.WindowTraps {
		if t > p.WindowTraps[j] {
			return fmt.Errorf("verdict has %d traps in window %d, the plan %d", t, j, p.WindowTraps[j])
		}
	}
	missing := uint64(0)
	for i := range o.N {
		if !o.Has(i) {
			missing++
		}
	}
	if v.Missing != missing {
		return fmt.Errorf("verdict misses %d outcomes, %d are absent", v.Missing, missing)
	}
	return nil
}

// Audit returns the score of the target slots that have an outcome and its bytes,
// of a library that exports qx_audit. h and o are of all slots; slots that are not
// to be scored are given without an outcome.
func (t TrapLibrary) Audit(ctx context.Context, layered, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Audit, []byte, error) {
	parsed, err := guest.ParsePlan(plan)
	if err != nil {
		return nil, nil, err
	}
	if h.First != 0 || o.First != 0 || h.N != o.N || uint64(o.N) != parsed.Shots {
		return nil, nil, fmt.Errorf("hidden %d + %d and outcomes %d + %d of %d slots: want all of both", h.First, h.N, o.First, o.N, parsed.Shots)
	}
	in := map[int][]byte{StreamCircuit: layered, StreamPlan: plan, StreamHidden: h.Append(nil), StreamOutcomes: o.Append(nil)}
	out, err := run(ctx, t.Caller, ExportAudit, []uint64{uint64(o.N)}, in, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	a, err := guest.ParseAudit(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportAudit, err)
	}
	scored := uint64(0)
	for i := range o.N {
		if guest.SlotKind(h.Kind[i]) == guest.SlotTarget && o.Has(i) {
			scored++
		}
	}
	if a.Shots != scored {
		return nil, nil, violation(ExportAudit, fmt.Errorf("audit of %d slots, %d target slots have an outcome", a.Shots, scored))
	}
	return a, out[StreamResult], nil
}
