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
	if rows.First != first || rows.N != n || hidden.First != first || hidden.N != n {
		return nil, nil, violation(ExportGenerate, fmt.Errorf("rows %d + %d and hidden %d + %d for slots %d + %d", rows.First, rows.N, hidden.First, hidden.N, first, n))
	}
	return rows, hidden, nil
}

// Judge returns the verdict on slots 0..o.N-1 and its bytes, which
// trap_report_hash hashes.
func (t TrapLibrary) Judge(ctx context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
	in := map[int][]byte{StreamPlan: plan, StreamHidden: h.Append(nil), StreamOutcomes: o.Append(nil)}
	out, err := run(ctx, t.Caller, ExportJudge, []uint64{uint64(o.N)}, in, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	v, err := guest.ParseVerdict(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportJudge, fmt.Errorf("verdict: %w", err))
	}
	if v.Judged != uint64(o.N) {
		return nil, nil, violation(ExportJudge, fmt.Errorf("verdict is about %d slots, not %d", v.Judged, o.N))
	}
	return v, out[StreamResult], nil
}
