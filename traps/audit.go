package traps

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
)

// The statistics of an audit (SPEC.md, "Target audit").
const (
	StatBounded = 1 // sum p(x) / sum p²: no assumption on wrong shots
	StatLinear  = 2 // linear cross entropy: wrong shots score at least 2^-w on average
)

// AuditVerdict is what an audit says of the target shots.
type AuditVerdict uint64

// The verdicts of an audit.
const (
	AuditPass         AuditVerdict = 0
	AuditFail         AuditVerdict = 1
	AuditVacuous      AuditVerdict = 2 // uniform bits would pass as well
	AuditInsufficient AuditVerdict = 3 // fewer than MinAuditShots shots
)

// String names a verdict.
func (v AuditVerdict) String() string {
	return [...]string{"pass", "fail", "vacuous", "insufficient"}[min(v, AuditInsufficient)]
}

// MinAuditShots is the least number of shots of an audit.
const MinAuditShots = 256

// AuditInput is a finished job and the beacon drawn after its outcomes were
// committed.
type AuditInput struct {
	Mix      Mix
	Layered  []byte // the compiler's stream 16
	Header   guest.Header
	Policy   guest.Policy
	Root     [32]byte
	Outcomes *transcript.Outcomes
	Result   digest.Digest // R
	Round    uint64        // beacon round, later than the lease's
	Value    [32]byte      // beacon value
	Leaves   uint64        // leaves of outcomes to open; 0: all
}

// Audit is the score of the target shots in the opened leaves.
type Audit struct {
	Statistic  int
	Leaves     []uint32      // opened, ascending
	Openings   digest.Digest // RFC 6962 root over the opened leaves
	Shots      uint64        // target shots in them
	F0         uint64        // fidelity of an honest device at least, ppb
	Score      uint64        // ppb, at least 0
	Limit      uint64        // a score below it fails, ppb
	FraudLimit uint64        // a score below it is evidence of fraud, ppb
	Verdict    AuditVerdict
	Fraud      bool
}

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

// RunAudit opens the leaves that the beacon draws and scores their target shots.
func RunAudit(in AuditInput) (*Audit, error) {
	l, err := guest.ParseLayered(in.Layered)
	if err != nil {
		return nil, err
	}
	o := in.Outcomes
	if o.Slots != in.Header.Shots || o.Width != uint64(l.Width) {
		return nil, domain("outcomes of %d slots at width %d for %d shots at width %d", o.Slots, o.Width, in.Header.Shots, l.Width)
	}
	plan, err := Plan(l, in.Header, in.Policy, in.Mix)
	if err != nil {
		return nil, err
	}
	d, err := newIdeal(l)
	if err != nil {
		return nil, err
	}
	a := &Audit{Leaves: drawLeaves(&in), F0: stats.NoError(plan.N1, plan.N2, uint64(l.Width), stats.Policy(in.Policy))}
	sum, err := a.open(&in, l, plan, d)
	if err != nil {
		return nil, err
	}
	a.judge(d, sum)
	return a, nil
}

// drawLeaves chooses the leaves by R and the beacon alone.
func drawLeaves(in *AuditInput) []uint32 {
	total := int(in.Outcomes.Leaves())
	k := total
	if in.Leaves > 0 {
		k = int(min(in.Leaves, uint64(total)))
	}
	root := digest.SumParts([]byte("qprov/v1/audit-draw"), in.Result[:], binary.BigEndian.AppendUint64(nil, in.Round), in.Value[:])
	return seed.NewStream(root, "leaf", 0).Choose(k, total)
}

// open un-pads the target shots of the leaves and sums p over them.
func (a *Audit) open(in *AuditInput, l *circuit.Layered, plan *guest.Plan, d *ideal) (*big.Int, error) {
	g, err := NewGenerator(l, plan, in.Root)
	if err != nil {
		return nil, err
	}
	o, sum := in.Outcomes, new(big.Int)
	stride := uint64(guest.RowBytes(l.Width))
	var tree transcript.Tree
	for _, k := range a.Leaves {
		tree.Append(o.Leaf(uint64(k)))
		first := uint64(k) * transcript.SlotsPerLeaf
		n := min(transcript.SlotsPerLeaf, o.Slots-first)
		_, hid, err := g.Slots(first, int(n))
		if err != nil {
			return nil, err
		}
		for i := range n {
			if hid.Kind[i] != byte(guest.SlotTarget) || !o.Present(first+i) {
				continue
			}
			x := uint64(0)
			for b := range stride {
				x |= uint64(o.Rows[(first+i)*stride+b]^hid.Pad[i*stride+b]) << (8 * b)
			}
			sum.Add(sum, new(big.Int).SetUint64(d.p(x)))
			a.Shots++
		}
	}
	a.Openings = tree.Root()
	return sum, nil
}

// judge applies the statistic. All quantities are rationals; nothing is rounded
// but the results.
func (a *Audit) judge(d *ideal, sum *big.Int) {
	q := rat(&d.sum2, 120)
	u := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(d.width)))
	a.Statistic = StatLinear
	if q.Cmp(new(big.Rat).Mul(u, big.NewRat(4, 1))) > 0 {
		a.Statistic = StatBounded
	}
	if a.Shots < MinAuditShots {
		a.Verdict = AuditInsufficient
		return
	}
	mean := rat(sum, 60)
	mean.Quo(mean, new(big.Rat).SetInt(new(big.Int).SetUint64(a.Shots)))
	var ok bool
	if a.Statistic == StatLinear {
		ok = a.linear(d, mean, q, u)
	} else {
		ok = a.bounded(d, mean, q, u)
	}
	switch {
	case !ok:
		a.Verdict = AuditVacuous
	case a.Score < a.Limit:
		a.Verdict, a.Fraud = AuditFail, a.Score < a.FraudLimit
	}
}

// linear is statistic 2: F = (mean - u)/(q - u) against F0 - z·sqrt(V/N)/(q - u),
// V the variance of p(x) where a share F0 of the shots is ideal and the rest
// uniform (Boixo et al., Nature Physics 14, 595, 2018).
func (a *Audit) linear(d *ideal, mean, q, u *big.Rat) bool {
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
func (a *Audit) bounded(d *ideal, mean, q, u *big.Rat) bool {
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

// Frame is the document qprov/v1/audit over a result.
func (a *Audit) Frame(in *AuditInput) transcript.AuditFrame {
	return transcript.AuditFrame{Result: in.Result, Round: in.Round, Beacon: digest.Digest(in.Value), OpeningsRoot: a.Openings, Leaves: uint64(len(a.Leaves)), Shots: a.Shots,
		Statistic: uint64(a.Statistic), F0: a.F0, Score: a.Score, Limit: a.Limit, FraudLimit: a.FraudLimit, Verdict: uint64(a.Verdict)}
}

// String is one line for people.
func (a *Audit) String() string {
	return fmt.Sprintf("%s: score %.6f, limit %.6f, honest at least %.6f, %d shots, statistic %d", a.Verdict, float64(a.Score)/stats.Ppb, float64(a.Limit)/stats.Ppb, float64(a.F0)/stats.Ppb, a.Shots, a.Statistic)
}
