package penalty

import (
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Windows lists at most limit windows of a provider, the newest first.
func Windows(t *store.Tx, provider digest.Digest, limit int) ([]aicf.Window, error) {
	rows, err := store.Select[windowRow](t, "WHERE provider_id = ? ORDER BY number DESC LIMIT ?", provider, limit)
	out := make([]aicf.Window, len(rows))
	for i, w := range rows {
		v := aicf.Window{Number: w.Number, Jobs: w.Jobs, Late: w.Late, Good: w.Good, Leases: w.Leases, Finished: w.Finished, Beats: w.Beats, Missed: w.Missed, Verdict: w.Verdict, ClosedMS: w.ClosedMS}
		if err := t.Scan("SELECT CAST(coalesce(sum(pass_a), 0) AS BIGINT), CAST(coalesce(sum(traps_a), 0) AS BIGINT), CAST(coalesce(sum(pass_b), 0) AS BIGINT), CAST(coalesce(sum(traps_b), 0) AS BIGINT) FROM sla_sample WHERE provider_id = ? AND number = ?",
			[]any{provider, w.Number}, &v.PassA, &v.TrapsA, &v.PassB, &v.TrapsB); err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, err
}
