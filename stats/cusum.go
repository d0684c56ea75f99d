package stats

// cusumPercent are the alternatives over jobs, as in gridPercent: a drift too small
// for one job shows over many.
var cusumPercent = [Grid]uint64{50, 75, 90, 95, 98}

// Cusum watches a device over jobs: for each alternative of an e-process the
// evidence of the jobs since the best starting job, in Q32. Evidence of one job is
// that of all its traps at the pass rates its plan expects.
//
// Each running maximum is that of a sequence with conditional mean at most one
// factor per job, so for an honest device the mean number of jobs before the
// largest of the Grid maxima reaches ln(Grid·A) is at least A (Lorden, Ann. Math.
// Stat. 42, 1971; the mean of the Grid detectors is a detector too).
type Cusum struct {
	limit int64
	c     [Grid]int64
	jobs  int
	first int // first job that alarmed, -1

	pA, pB uint64 // that a and b are for
	a, b   Increments
}

// NewCusum returns a watch whose false alarms are at least meanJobs jobs apart on
// average; 0 counts as 1, more than 2^40 as that.
func NewCusum(meanJobs uint64) *Cusum {
	return &Cusum{limit: LnQ32Ceil(Grid*min(max(meanJobs, 1), 1<<40), 1), first: -1}
}

// Add takes a job: kA of nA and kB of nB traps passed, where pA and pB ppb were
// expected. It reports an alarm; the watch then starts anew.
func (c *Cusum) Add(pA, pB, kA, nA, kB, nB uint64) bool {
	kA, kB = min(kA, nA), min(kB, nB)
	if c.jobs == 0 || pA != c.pA || pB != c.pB {
		c.pA, c.pB, c.a, c.b = pA, pB, incrementsA(pA, &cusumPercent), incrementsB(pB, &cusumPercent)
	}
	a, b := &c.a, &c.b
	alarm := false
	for i := range Grid {
		d := int64(kA)*a.Pass[i] + int64(nA-kA)*a.Fail[i] + int64(kB)*b.Pass[i] + int64(nB-kB)*b.Fail[i]
		c.c[i] = max(c.c[i], 0) + d
		alarm = alarm || c.c[i] >= c.limit
	}
	if alarm {
		c.c = [Grid]int64{}
		if c.first < 0 {
			c.first = c.jobs
		}
	}
	c.jobs++
	return alarm
}

// Evidence returns the largest evidence since the best starting job, at least 0,
// and the limit, both in Q32.
func (c *Cusum) Evidence() (now, limit int64) {
	for _, v := range c.c {
		now = max(now, v)
	}
	return now, c.limit
}

// FirstAlarm returns the number of the first job that alarmed, from 0, or -1.
func (c *Cusum) FirstAlarm() int { return c.first }
