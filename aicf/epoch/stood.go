package epoch

import (
	"github.com/animicaorg/engine/aicf/store"
)

// maxStood bounds the rounds that StoodStill looks at.
const maxStood = 4096

// StoodStill is for how many of the milliseconds between from and to the network did
// nothing, by its own rounds: a round that lasted more than twice its time was not closed
// because no service ran, and what it lasted beyond its time is counted, at its end. first
// is a round that began before from.
func StoodStill(t *store.Tx, first uint64, from, to, roundMS int64) (int64, error) {
	rows, err := store.Select[roundRow](t, "WHERE number >= ? ORDER BY number LIMIT ?", first, maxStood)
	if err != nil {
		return 0, err
	}
	var stood int64
	for _, r := range rows {
		end := r.ClosedMS
		if end == 0 {
			end = t.NowMS()
		}
		if r.StartedMS >= to {
			break
		}
		if end-r.StartedMS > 2*roundMS {
			stood += max(0, min(end, to)-max(r.StartedMS+roundMS, from))
		}
	}
	return stood, nil
}
