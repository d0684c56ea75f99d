package traps

import (
	"math/big"
	"math/bits"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// MinAuditShots is the least number of shots of an audit.
const MinAuditShots = 256

// level is a false-alarm chance: its natural logarithm and the square of the
// standard normal quantile, rounded up.
type level struct {
	inverse uint64 // 1/alpha
	z2      int64  // millionths
}

var (
	levelSLA   = level{1_000, 9_549_536}
	levelFraud = level{1_000_000, 22_595_043}
)

// Score is what qx_audit computes: the score of the target slots that have an
// outcome, out of all slots of the job. Slots that are not to be looked at are
// given without an outcome. It is defined for every family up to MaxIdealWidth;
// the module of xeb_small, the one that exports qx_audit, takes fewer qubits.
func Score(layered *circuit.Layered, plan *guest.Plan, hidden *guest.Hidden, outcomes *guest.Outcomes) (*guest.Audit, error) {
	if err := checkCircuit(layered); err != nil {
		return nil, err
	}
	if err := checkPlan(plan); err != nil {
		return nil, err
	}
	if !sameSkeleton(&layered.Skeleton, &plan.Skeleton) {
		return nil, domain("the plan is for another CZ skeleton")
	}
	if _, err := checkFamily(mixOf(plan), &plan.Skeleton); err != nil {
		return nil, err
	}
	if err := checkShapes(plan, hidden, outcomes, int(plan.Shots)); err != nil {
		return nil, err
	}
	for j := range plan.WindowTraps {
		if _, err := countWindow(plan, hidden, outcomes, j); err != nil {
			return nil, err
		}
	}
	d, err := newIdeal(layered)
	if err != nil {
		return nil, err
	}
	s := newScorer(plan, d)
	rb := guest.RowBytes(layered.Width)
	for i := range outcomes.N {
		if hidden.Kind[i] == byte(guest.SlotTarget) && outcomes.Has(i) {
			s.add(outcomes.Row(i), hidden.Pad[i*rb:(i+1)*rb])
		}
	}
	return s.judge(), nil
}

// scorer sums the ideal chances of outcomes.
type scorer struct {
	ideal *ideal
	audit guest.Audit
}

func newScorer(p *guest.Plan, d *ideal) *scorer {
	return &scorer{ideal: d, audit: guest.Audit{F0: stats.NoError(p.N1, p.N2, uint64(p.Skeleton.Width), stats.Policy(p.Policy))}}
}

// add takes the outcome of a target slot and its pad.
func (s *scorer) add(row, pad []byte) {
	x := uint64(0)
	for b := range row {
		x |= uint64(row[b]^pad[b]) << (8 * b)
	}
	s.audit.Shots++
	low, carry := bits.Add64(s.audit.SumP[0], s.ideal.p(x), 0)
	s.audit.SumP = [2]uint64{low, s.audit.SumP[1] + carry}
}

// judge applies the statistic. All quantities are rationals; nothing is rounded
// but the results.
func (s *scorer) judge() *guest.Audit {
	d, a := s.ideal, &s.audit
	q := rat(&d.sum2, 120)
	u := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(d.width)))
	a.Statistic = guest.StatLinear
	if q.Cmp(new(big.Rat).Mul(u, big.NewRat(4, 1))) > 0 {
		a.Statistic = guest.StatBounded
	}
	if a.Shots < MinAuditShots {
		a.Verdict = guest.AuditInsufficient
		return a
	}
	var sum big.Int
	setWords(&sum, a.SumP[:])
	mean := rat(&sum, 60)
	mean.Quo(mean, new(big.Rat).SetInt(new(big.Int).SetUint64(a.Shots)))
	var ok bool
	if a.Statistic == guest.StatLinear {
		ok = s.linear(mean, q, u)
	} else {
		ok = s.bounded(mean, q, u)
	}
	switch {
	case !ok:
		a.Verdict = guest.AuditVacuous
	case a.Score < a.Limit:
		a.Verdict, a.Fraud = guest.AuditFail, a.Score < a.FraudLimit
	}
	return a
}

// linear is statistic 2: F = (mean - u)/(q - u) against F0 - z·sqrt(V/N)/(q - u),
// V the variance of p(x) where a share F0 of the shots is ideal and the rest
// uniform (Boixo et al., Nature Physics 14, 595, 2018).
func (s *scorer) linear(mean, q, u *big.Rat) bool {
	d, a := s.ideal, &s.audit
	span := new(big.Rat).Sub(q, u)
	if span.Sign() <= 0 || new(big.Rat).Quo(span, u).Cmp(big.NewRat(1, 1000)) < 0 {
		return false // a flat distribution: nothing to tell apart
	}
	f0 := new(big.Rat).SetFrac64(int64(a.F0), stats.Ppb)
	mu := new(big.Rat).Mul(f0, span)
	mu.Add(mu, u)
	v := new(big.Rat).Mul(f0, rat(&d.sum3, 180))
	rest := new(big.Rat).Sub(big.NewRat(1, 1), f0)
	v.Add(v, rest.Mul(rest, new(big.Rat).Mul(q, u)))
	v.Sub(v, new(big.Rat).Mul(mu, mu))
	if v.Sign() < 0 { // by the rounding of p only
		v.SetInt64(0)
	}
	a.Score = ppbOf(new(big.Rat).Quo(new(big.Rat).Sub(mean, u), span))
	v.Quo(v, new(big.Rat).SetInt(new(big.Int).SetUint64(a.Shots)))
	v.Quo(v, new(big.Rat).Mul(span, span))
	a.Limit, a.FraudLimit = a.F0-min(sigmas(v, levelSLA.z2), a.F0), a.F0-min(sigmas(v, levelFraud.z2), a.F0)
	return a.Limit > 0
}

// sigmas is ceil(10^9·sqrt(z2·v)) for z2 in millionths.
func sigmas(v *big.Rat, z2 int64) uint64 {
	t := new(big.Rat).Mul(v, big.NewRat(z2, 1_000_000))
	t.Mul(t, new(big.Rat).SetInt(big.NewInt(1_000_000_000_000_000_000)))
	i := new(big.Int).Quo(t.Num(), t.Denom())
	i.Sqrt(i)
	if !i.IsUint64() || i.Uint64() >= stats.Ppb {
		return stats.Ppb
	}
	return i.Uint64() + 1
}

// bounded is statistic 1: the mean of p(x)/pmax against F0·q/pmax by the bound of
// Hoeffding (J. Am. Stat. Assoc. 58, 1963, theorem 1), exp(-N·KL), for independent
// shots that score between 0 and 1.
func (s *scorer) bounded(mean, q, u *big.Rat) bool {
	d, a := s.ideal, &s.audit
	pmax := rat(new(big.Int).SetUint64(d.max), 60)
	f0 := new(big.Rat).SetFrac64(int64(a.F0), stats.Ppb)
	m := ppbOf(new(big.Rat).Quo(new(big.Rat).Mul(f0, q), pmax))
	scale := new(big.Rat).Quo(pmax, q) // from shares of pmax to scores
	score := func(x uint64) uint64 {
		return ppbOf(new(big.Rat).Mul(new(big.Rat).SetFrac64(int64(x), stats.Ppb), scale))
	}
	a.Score = ppbOf(new(big.Rat).Quo(mean, q))
	a.Limit, a.FraudLimit = score(leastAccepted(m, a.Shots, levelSLA)), score(leastAccepted(m, a.Shots, levelFraud))
	return a.Limit > ppbOf(new(big.Rat).Quo(u, q))
}

// leastAccepted is the smallest x with n·KL(x, m) < ln(1/alpha), or x >= m.
func leastAccepted(m, n uint64, l level) uint64 {
	m = min(m, stats.MaxPassPpb)
	limit := stats.LnQ32Ceil(l.inverse, 1)
	lo, hi := uint64(0), m
	for lo < hi {
		mid := (lo + hi) / 2
		kl := klQ32(mid, m)
		if kl.Mul(kl, new(big.Int).SetUint64(n)).Cmp(big.NewInt(limit)) < 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// klQ32 is a lower bound of KL(x, m) in units of 2^-32, for x < m in ppb.
func klQ32(x, m uint64) *big.Int {
	kl := new(big.Int)
	if x > 0 {
		kl.Mul(new(big.Int).SetUint64(x), big.NewInt(stats.LnQ32Floor(x, m)))
	}
	t := new(big.Int).Mul(new(big.Int).SetUint64(stats.Ppb-x), big.NewInt(stats.LnQ32Floor(stats.Ppb-x, stats.Ppb-m)))
	kl.Add(kl, t)
	return kl.Div(kl, big.NewInt(stats.Ppb))
}

func rat(i *big.Int, bits uint) *big.Rat {
	return new(big.Rat).SetFrac(i, new(big.Int).Lsh(big.NewInt(1), bits))
}

// ppbOf is floor(10^9·r), kept within 0 and 2^63.
func ppbOf(r *big.Rat) uint64 {
	if r.Sign() <= 0 {
		return 0
	}
	i := new(big.Int).Mul(r.Num(), big.NewInt(stats.Ppb))
	i.Quo(i, r.Denom())
	if !i.IsInt64() {
		return 1 << 63
	}
	return i.Uint64()
}
