package stats

import "math/bits"

// MaxWindows is the largest number of windows of a job, and WindowSlots the size
// a window has where there are fewer.
const (
	MaxWindows  = 64
	WindowSlots = 64
)

// Layout says how many of a job's slots are traps and how they spread over its
// windows. The zero Layout is not valid; use NewLayout.
type Layout struct {
	Slots   uint64 // S, all slots of the job
	Traps   uint64 // T = ceil(S·ratio), at most S
	Windows uint64 // W = S/64 rounded down, kept within 1 to MaxWindows
}

// Million is one whole in parts per million.
const Million = 1_000_000

// NewLayout returns the layout of a job with the given slots and trap ratio in
// parts per million; a ratio above 1e6 counts as 1e6.
func NewLayout(slots, ratioPpm uint64) Layout {
	ratioPpm = min(ratioPpm, Million)
	hi, lo := bits.Mul64(slots, ratioPpm)
	t, rest := bits.Div64(hi, lo, Million)
	if rest > 0 {
		t++
	}
	return Layout{Slots: slots, Traps: t, Windows: min(max(slots/WindowSlots, 1), MaxWindows)}
}

// share returns floor(j·x/W), or x for j >= W.
func (l Layout) share(x, j uint64) uint64 {
	if j >= l.Windows {
		return x
	}
	hi, lo := bits.Mul64(x, j)
	q, _ := bits.Div64(hi, lo, l.Windows) // below x, so it does not overflow
	return q
}

// Window returns the slots of window j as [lo, hi): lo = floor(jS/W), hi =
// floor((j+1)S/W). A j of Windows or more gives the empty range at the end.
func (l Layout) Window(j uint64) (lo, hi uint64) {
	j = min(j, l.Windows)
	return l.share(l.Slots, j), l.share(l.Slots, min(j+1, l.Windows))
}

// TrapsIn returns the number of traps in window j, floor((j+1)T/W) -
// floor(jT/W), except that a window never holds more traps than slots: the excess,
// one trap at most and only where nearly every slot is a trap, moves on to later
// windows. The sum over all windows is Traps.
func (l Layout) TrapsIn(j uint64) uint64 {
	j = min(j, l.Windows)
	return l.trapsBefore(min(j+1, l.Windows)) - l.trapsBefore(j)
}

// trapsBefore returns the traps in windows 0..j-1.
func (l Layout) trapsBefore(j uint64) uint64 {
	placed := uint64(0)
	for i := range j {
		lo, hi := l.Window(i)
		placed = min(placed+hi-lo, l.share(l.Traps, i+1))
	}
	return placed
}
