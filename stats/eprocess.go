package stats

// Grid is the number of alternatives an e-process bets on at once.
const Grid = 5

// gridPercent are the alternatives g: under alternative g a trap of kind A passes
// with q = g·pA and one of kind B with q = 1/2 + g·(pB - 1/2).
var gridPercent = [Grid]uint64{2, 25, 50, 75, 90}

// Increments are the log-likelihood ratios of one trap for each alternative, in
// Q32 and rounded down, which only lowers evidence: ln(q/p0) for a pass and
// ln((1-q)/(1-p0)) for a failure.
type Increments struct{ Pass, Fail [Grid]int64 }

// IncrementsA returns the increments of kind A at pass rate p0 in ppb. p0 counts
// as at least 1 and at most MaxPassPpb.
func IncrementsA(p0 uint64) Increments { return incrementsA(p0, &gridPercent) }

func incrementsA(p0 uint64, grid *[Grid]uint64) (t Increments) {
	p0 = min(max(p0, 1), MaxPassPpb)
	for i, g := range grid {
		t.Pass[i] = LnQ32Floor(g, 100)
		t.Fail[i] = LnQ32Floor(100*Ppb-g*p0, 100*(Ppb-p0))
	}
	return t
}

// IncrementsB returns the increments of kind B at pass rate p0 in ppb. p0 counts
// as at least one half, where every increment is zero, and at most MaxPassPpb.
func IncrementsB(p0 uint64) Increments { return incrementsB(p0, &gridPercent) }

func incrementsB(p0 uint64, grid *[Grid]uint64) (t Increments) {
	p0 = min(max(p0, Ppb/2), MaxPassPpb)
	for i, g := range grid {
		d := g * (2*p0 - Ppb) // q = (100e9 + d) / 200e9
		t.Pass[i] = LnQ32Floor(100*Ppb+d, 200*p0)
		t.Fail[i] = LnQ32Floor(100*Ppb-d, 200*(Ppb-p0))
	}
	return t
}

// ThresholdGlobal returns ceil(2^32 ln(2G/alpha)), the evidence from the start of
// the job that condemns a window. alpha is in ppb; 0 counts as 1.
func ThresholdGlobal(alpha uint64) int64 {
	return LnQ32Ceil(2*Grid*Ppb, max(alpha, 1))
}

// ThresholdCusum returns ceil(2^32 ln(2GW/alpha)), the evidence since the best
// starting window that condemns a window of a job with W windows.
func ThresholdCusum(alpha, windows uint64) int64 {
	return LnQ32Ceil(2*Grid*Ppb*min(max(windows, 1), MaxWindows), max(alpha, 1))
}

// EProcess accumulates the evidence of a job window by window. For an honest
// device every running product is a supermartingale, and the weighted mean over
// starting windows and alternatives has expectation at most one, so by Ville's
// inequality the probability that any window is ever bad is at most alpha.
type EProcess struct {
	a, b          Increments
	global, cusum int64

	l, c    [Grid]int64
	windows int
	bad     int
	first   int
}

// NewEProcess returns the process of a job with the given window count at pass
// rates pA, pB and false-alarm chance alpha, all in ppb.
func NewEProcess(pA, pB, alpha, windows uint64) *EProcess {
	return &EProcess{
		a: IncrementsA(pA), b: IncrementsB(pB),
		global: ThresholdGlobal(alpha), cusum: ThresholdCusum(alpha, windows),
		first: -1,
	}
}

// Add takes the next window, kA of nA traps of kind A and kB of nB of kind B
// passed, and reports whether the evidence at its end is against the device. A
// missing outcome is a failure; passes above the count count as all. A job's
// traps may not exceed MaxTrials.
func (e *EProcess) Add(kA, nA, kB, nB uint64) bool {
	kA, kB = min(kA, nA), min(kB, nB)
	over := false
	for i := range Grid {
		d := int64(kA)*e.a.Pass[i] + int64(nA-kA)*e.a.Fail[i] +
			int64(kB)*e.b.Pass[i] + int64(nB-kB)*e.b.Fail[i]
		e.l[i] += d
		e.c[i] = max(e.c[i], 0) + d
		over = over || e.l[i] >= e.global || e.c[i] >= e.cusum
	}
	if over {
		if e.bad++; e.first < 0 {
			e.first = e.windows
		}
	}
	e.windows++
	return over
}

// FirstBad returns the number of the first bad window, counted from 0, or -1.
func (e *EProcess) FirstBad() int { return e.first }

// BadWindows returns how many windows were bad.
func (e *EProcess) BadWindows() int { return e.bad }

// Evidence returns the largest log evidence from the start, in Q32, and the
// largest since the best starting window.
func (e *EProcess) Evidence() (global, cusum int64) {
	global, cusum = e.l[0], e.c[0]
	for i := range Grid {
		global, cusum = max(global, e.l[i]), max(cusum, e.c[i])
	}
	return global, cusum
}

// Thresholds returns the two limits of Evidence, in Q32.
func (e *EProcess) Thresholds() (global, cusum int64) { return e.global, e.cusum }
