package stats

// Verdict is the state of a sequential test.
type Verdict int

// A sequential test goes on while Undecided.
const (
	Undecided Verdict = iota
	Good
	Bad
)

// SPRT is Wald's sequential probability ratio test of two pass rates (Ann. Math.
// Stat. 16, 1945) in integers: evidence for bad over good in Q32, every
// increment rounded down.
type SPRT struct {
	pass, fail   int64
	lower, upper int64
	evidence     int64
}

// NewSPRT returns the test of pass rate good against bad < good, with chance
// alpha to call a good device bad and beta to call a bad one good; all in ppb,
// each counted as at least 1 and at most 1e9-1.
func NewSPRT(good, bad, alpha, beta uint64) *SPRT {
	in := func(p uint64) uint64 { return min(max(p, 1), Ppb-1) }
	good, bad, alpha, beta = in(good), in(bad), in(alpha), in(beta)
	return &SPRT{
		pass:  LnQ32Floor(bad, good),
		fail:  LnQ32Floor(Ppb-bad, Ppb-good),
		upper: LnQ32Ceil(Ppb-beta, alpha),
		lower: LnQ32Floor(beta, Ppb-alpha),
	}
}

// Add takes n more trials of which k passed, and returns the verdict so far. k
// above n counts as n; the trials of one test may not exceed MaxTrials.
func (s *SPRT) Add(k, n uint64) Verdict {
	k = min(k, n)
	s.evidence += int64(k)*s.pass + int64(n-k)*s.fail
	switch {
	case s.evidence >= s.upper:
		return Bad
	case s.evidence <= s.lower:
		return Good
	}
	return Undecided
}

// Evidence returns the log-likelihood ratio of bad over good, in Q32.
func (s *SPRT) Evidence() int64 { return s.evidence }
