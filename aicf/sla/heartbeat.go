package sla

import "math/big"

// Constants of the health score.
const (
	halfLifeS     = 900
	staleAfterS   = 300
	latencyGoodMS = 250
	latencySpanMS = 750
	downFailures  = 5
)

var (
	downScore    = big.NewRat(22, 100)
	healthyScore = big.NewRat(55, 100)
	half         = big.NewRat(1, 2)
	unit         = big.NewRat(1, 1)
)

// Beat is one heartbeat or probe. T is in seconds, LatencyMS nil if unknown.
type Beat struct {
	T         *big.Rat
	OK        bool
	LatencyMS *big.Rat
}

// Outcome says what became of a beat.
type Outcome int

// Outcomes of a beat.
const (
	Counted Outcome = iota
	Refused         // impossible, or contradicts an earlier beat of that time
	Ignored         // older than, or equal to, what is known
)

// Health is a provider's decaying score.
type Health struct {
	score    *big.Rat
	last     *Beat
	success  *big.Rat // time of the last good beat; nil: none
	failures int      // consecutive
}

// NewHealth starts at score 0.
func NewHealth() *Health { return &Health{score: new(big.Rat)} }

// Add counts a beat. Time goes forward only: an older beat or the same beat
// again is ignored, another beat of the same time is refused, and neither
// changes the score.
func (h *Health) Add(b Beat) Outcome {
	if b.T.Sign() < 0 || b.LatencyMS != nil && b.LatencyMS.Sign() < 0 {
		return Refused
	}
	if h.last != nil {
		switch c := b.T.Cmp(h.last.T); {
		case c < 0 || c == 0 && same(b, *h.last):
			return Ignored
		case c == 0:
			return Refused
		}
		h.score.Mul(h.score, decay(new(big.Rat).Sub(b.T, h.last.T)))
	}
	h.last = &b
	if b.OK {
		h.good(b)
	} else {
		h.failures++
		penalty := big.NewRat(min(90, 18+8*int64(min(h.failures, 100)-1)), 100)
		h.score.Mul(h.score, penalty.Sub(unit, penalty))
	}
	h.score = rounded(h.score)
	return Counted
}

func same(a, b Beat) bool {
	if a.OK != b.OK || (a.LatencyMS == nil) != (b.LatencyMS == nil) {
		return false
	}
	return a.LatencyMS == nil || a.LatencyMS.Cmp(b.LatencyMS) == 0
}

// good moves the score up by half of (1-score) × (1/2 + L/2); L is 1 up to 250
// ms, falls to 0 at 1000 ms, and is 0 where the latency is unknown.
func (h *Health) good(b Beat) {
	h.success, h.failures = b.T, 0
	impulse := new(big.Rat)
	if b.LatencyMS != nil {
		over := new(big.Rat).Sub(b.LatencyMS, big.NewRat(latencyGoodMS, 1))
		switch over.Quo(over, big.NewRat(latencySpanMS, 1)); {
		case over.Sign() <= 0:
			impulse.Set(unit)
		case over.Cmp(unit) < 0:
			impulse.Sub(unit, over)
		}
	}
	impulse.Mul(impulse.Add(impulse, unit), half)
	room := new(big.Rat).Sub(unit, h.score)
	h.score.Add(h.score, room.Mul(room, impulse).Mul(room, half))
}

// Score is 0..1, exact to 10^-40.
func (h *Health) Score() *big.Rat { return new(big.Rat).Set(h.score) }

// Status at the time of the last counted beat.
func (h *Health) Status() string {
	if h.failures >= downFailures || h.score.Cmp(downScore) <= 0 {
		return "UNRESPONSIVE"
	}
	if h.success == nil || h.score.Cmp(healthyScore) <= 0 || new(big.Rat).Sub(h.last.T, h.success).Cmp(big.NewRat(staleAfterS, 1)) > 0 {
		return "DEGRADED"
	}
	return "HEALTHY"
}

// fixedBits is the resolution of a score.
const fixedBits = 160

var fixedOne = new(big.Int).Lsh(big.NewInt(1), fixedBits)

func rounded(r *big.Rat) *big.Rat {
	n := new(big.Int).Mul(r.Num(), fixedOne)
	return new(big.Rat).SetFrac(n.Quo(n, r.Denom()), fixedOne)
}

// ln2 is floor(ln 2 × 2^160) by ln 2 = Σ 1/(k 2^k).
var ln2 = func() *big.Int {
	sum := new(big.Int)
	for k := uint(1); k <= fixedBits+32; k++ {
		t := new(big.Int).Lsh(fixedOne, 32)
		t.Rsh(t, k)
		sum.Add(sum, t.Quo(t, big.NewInt(int64(k))))
	}
	return sum.Rsh(sum, 32)
}()

// decay is 2^(-dt/900): the whole half lives as a shift, the rest as the Taylor
// series of exp(-f ln 2).
func decay(dt *big.Rat) *big.Rat {
	lives := new(big.Rat).Quo(dt, big.NewRat(halfLifeS, 1))
	whole, rem := new(big.Int).QuoRem(lives.Num(), lives.Denom(), new(big.Int))
	if whole.BitLen() > 8 {
		return new(big.Rat)
	}
	x := new(big.Int).Mul(rem, ln2)
	x.Quo(x, lives.Denom())
	sum, term := new(big.Int).Set(fixedOne), new(big.Int).Set(fixedOne)
	for k := int64(1); term.Sign() != 0; k++ {
		term.Mul(term, x)
		term.Rsh(term, fixedBits)
		term.Quo(term, big.NewInt(k))
		if k%2 == 1 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	return new(big.Rat).SetFrac(sum.Rsh(sum, uint(whole.Uint64())), fixedOne)
}
