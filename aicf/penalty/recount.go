package penalty

import (
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/sla"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// LateJobs are the late jobs of the window that a proposal is about.
func LateJobs(t *store.Tx, s *Row) ([]Sample, error) {
	rows, err := store.Select[sampleRow](t, "WHERE provider_id = ? AND number = ? AND late = 1 ORDER BY job_id", s.Provider, s.Window)
	out := make([]Sample, 0, len(rows))
	for _, r := range rows {
		out = append(out, Sample{Job: r.Job, LatencyMS: r.LatencyMS, MaxMS: r.MaxMS, Good: r.Good})
	}
	return out, err
}

// Recount judges the window of a proposal again as if the named jobs had been on time.
func Recount(t *store.Tx, term *epoch.Term, s *Row, onTime map[digest.Digest]bool) (finding string, err error) {
	w, err := store.Get[windowRow](t, "WHERE provider_id = ? AND number = ?", s.Provider, s.Window)
	if err != nil {
		return "", err
	}
	samples, err := store.Select[sampleRow](t, "WHERE provider_id = ? AND number = ? ORDER BY job_id", s.Provider, s.Window)
	if err != nil {
		return "", err
	}
	for _, r := range samples {
		if r.Late && onTime[r.Job] {
			w.Late--
		}
	}
	return sla.Judge(w.sum(samples), sla.LimitsOf(term.Policy)), nil
}
