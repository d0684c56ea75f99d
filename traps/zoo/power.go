package zoo

import (
	"math"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/stats"
)

// Miss is the chance that a job passes whose maker invented the share f (in ppm)
// of the slots, blind to roles: an upper bound, from the final tests alone. The
// evidence of the windows finds out a little more than they do.
func Miss(p *guest.Plan, f uint64) Bound {
	f = min(f, stats.Million)
	u := uint64(1)
	if p.Skeleton.Width < 30 {
		u = (stats.Ppb >> p.Skeleton.Width) + 1
	}
	s := Setup{Plan: p}
	return s.bound(shareUp(f, p.PA, u), shareUp(f, p.PB, stats.Ppb/2))
}

// shareUp is ceil((1-f)·honest + f·invented) in ppb.
func shareUp(f, honest, invented uint64) uint64 {
	return min(((stats.Million-f)*honest+f*invented+stats.Million-1)/stats.Million, stats.Ppb)
}

// None says that not even a job without one honest slot is found out that surely.
const None = ^uint64(0)

// Smallest is the smallest share in ppm of invented slots that is found out with
// a chance of at least 1-miss, or None. A plan with too few traps certifies
// nothing: None.
func Smallest(p *guest.Plan, miss float64) uint64 {
	limit := math.Log10(miss)
	if p.Insufficient() || Miss(p, stats.Million).Log10() > limit {
		return None
	}
	lo, hi := uint64(0), uint64(stats.Million) // hi is found out
	for lo < hi {
		if mid := (lo + hi) / 2; Miss(p, mid).Log10() <= limit {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return hi
}

// Levels are the chances of a miss that the tables print: found out with 50 %,
// 99 % and 1-1e-6.
var Levels = [3]float64{0.5, 0.01, 1e-6}
