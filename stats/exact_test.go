package stats

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests of this file compare with exact rational arithmetic.

func ppbRat(p uint64) *big.Rat { return big.NewRat(int64(p), Ppb) }

// binomials returns P[Bin(n,p) = i] for i = 0..n.
func binomials(n uint64, p *big.Rat) []*big.Rat {
	q := new(big.Rat).Sub(big.NewRat(1, 1), p)
	out := make([]*big.Rat, n+1)
	for i := range out {
		c := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		c.Mul(c, power(p, uint64(i)))
		out[i] = c.Mul(c, power(q, n-uint64(i)))
	}
	return out
}

func power(x *big.Rat, n uint64) *big.Rat {
	e := new(big.Int).SetUint64(n)
	return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), e, nil), new(big.Int).Exp(x.Denom(), e, nil))
}

func sumRat(v []*big.Rat) *big.Rat {
	s := new(big.Rat)
	for _, x := range v {
		s.Add(s, x)
	}
	return s
}

func floorRat(x *big.Rat) *big.Int { return new(big.Int).Quo(x.Num(), x.Denom()) }

var probabilities = []uint64{1, 1000, 500_000, 100_000_000, 500_000_000, 750_000_000, 900_000_000, 999_000_000, 999_999_000, 999_999_999}

func TestTailsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + r.Uint64N(60)
		p := 1 + r.Uint64N(Ppb-1)
		if r.IntN(2) == 0 {
			p = probabilities[r.IntN(len(probabilities))]
		}
		b := binomials(n, ppbRat(p))
		for x := range n {
			tail := sumRat(b[:x+1])
			d := LeftTail(x, n, p)
			require.True(t, d.Mant >= 1e8 && d.Mant < 1e9, "%v", d)
			scaled := new(big.Rat).Mul(tail, power(big.NewRat(10, 1), uint64(-d.Exp)))
			require.Equal(t, d.Mant, floorRat(scaled).Uint64(), "n=%d p=%d x=%d", n, p, x)
			alpha := r.Uint64N(Ppb + 1)
			require.Equal(t, tail.Cmp(ppbRat(alpha)), compareTail(x, n, p, alpha), "n=%d p=%d x=%d a=%d", n, p, x, alpha)
		}
		require.Equal(t, Decimal{1e8, -8}, LeftTail(n, n, p))
		require.Equal(t, Decimal{1e8, -8}, RightTail(0, n, p))
		require.Equal(t, Decimal{}, RightTail(n+1, n, p))
	}
}

// A tail that equals alpha is at most alpha; only exact arithmetic sees it.
func TestTies(t *testing.T) {
	for _, c := range []struct{ x, n, p, alpha uint64 }{
		{0, 1, 999_000_000, 1_000_000},   // 1/1000
		{0, 3, 900_000_000, 1_000_000},   // 0.1^3
		{0, 9, 500_000_000, 1_953_125},   // 2^-9
		{4, 9, 500_000_000, 500_000_000}, // by symmetry
		{64, 129, 500_000_000, 500_000_000},
		{499, 999, 500_000_000, 500_000_000},
	} {
		require.Zero(t, compareTail(c.x, c.n, c.p, c.alpha), "%+v", c)
		require.Equal(t, 1, compareTail(c.x, c.n, c.p, c.alpha-1), "%+v", c)
		require.Equal(t, -1, compareTail(c.x, c.n, c.p, c.alpha+1), "%+v", c)
		require.Equal(t, c.x+1, AcceptThreshold(c.n, c.p, c.alpha), "%+v", c)
		require.Equal(t, c.x, AcceptThreshold(c.n, c.p, c.alpha-1), "%+v", c)
	}
	require.Equal(t, Decimal{5e8, -9}, LeftTail(4, 9, 500_000_000))
	require.Equal(t, Decimal{195_312_500, -11}, LeftTail(0, 9, 500_000_000))
	require.Equal(t, Decimal{1e8, -17}, LeftTail(0, 1, 999_999_999))
	require.Equal(t, Decimal{999_999_999, -9}, LeftTail(0, 1, 1), "1-1e-9")
	require.Equal(t, Decimal{999_999_999, -9}, LeftTail(9000, 10_000, 1), "less than 1 by 10^-80000")
	require.Equal(t, Decimal{1e8, -8}, LeftTail(10_000, 10_000, 1))
	require.EqualValues(t, 500_000_000, UpperBound(4, 9, 500_000_000))
}

func TestBoundsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + r.Uint64N(50)
		x, alpha := r.Uint64N(n), 1+r.Uint64N(Ppb-1)
		u := UpperBound(x, n, alpha)
		require.LessOrEqual(t, sumRat(binomials(n, ppbRat(u))[:x+1]).Cmp(ppbRat(alpha)), 0)
		if u > 0 {
			require.Positive(t, sumRat(binomials(n, ppbRat(u-1))[:x+1]).Cmp(ppbRat(alpha)))
		}
	}
}

func TestPassRatesAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	one := big.NewRat(1, 1)
	for range 300 {
		n1, n2, w := r.Uint64N(30), r.Uint64N(20), 1+r.Uint64N(8)
		p := Policy{P1: r.Uint64N(Ppb / 2), P2: r.Uint64N(Ppb / 2), RO: r.Uint64N(Ppb / 2)}
		if r.IntN(2) == 0 { // rates that give whole ppb now and then
			p = Policy{P1: 3 * r.Uint64N(4) * 1e7, P2: 5 * r.Uint64N(4) * 1e7, RO: r.Uint64N(4) * 1e8}
			n1, n2 = n1/8, n2/8
		}
		term := func(rate, num, den uint64, n uint64) *big.Rat {
			f := new(big.Rat).Mul(ppbRat(rate), big.NewRat(int64(num), int64(den)))
			return power(f.Sub(one, f), n)
		}
		v := term(p.P1, 2, 3, n1)
		v.Mul(v, term(p.P2, 4, 5, n2)).Mul(v, term(p.RO, 1, 1, w)).Mul(v, big.NewRat(Ppb, 1))
		num, den := uint64(1), uint64(1)
		if w <= 3 {
			num, den = 1<<(2*w), 1<<(2*w)-1
		}
		l := term(p.P1, num, den, n1)
		l.Mul(l, term(p.P2, num, den, n2))
		if ro := big.NewRat(int64(3*num*p.RO), int64(2*den*Ppb)); ro.Cmp(one) < 0 {
			l.Mul(l, power(ro.Sub(one, ro), w))
		} else {
			l.SetInt64(0)
		}
		l.Add(l, one).Mul(l, big.NewRat(Ppb/2, 1))
		pA, pB := PassRates(n1, n2, w, p)
		require.Equal(t, min(floorRat(v).Uint64(), MaxPassPpb), pA, "%d %d %d %+v", n1, n2, w, p)
		require.Equal(t, min(floorRat(l).Uint64(), MaxPassPpb), pB, "%d %d %d %+v", n1, n2, w, p)
	}
	for _, c := range [][3]uint64{{0, 0, 0}, {0, 0, 1}, {1 << 63, 1 << 63, 1 << 63}} {
		pA, pB := PassRates(c[0], c[1], c[2], Policy{})
		require.Equal(t, []uint64{MaxPassPpb, MaxPassPpb}, []uint64{pA, pB}, "no errors: the cap")
	}
	pA, pB := PassRates(1<<63, 1, 1, ExactPolicy())
	require.Zero(t, pA)
	require.EqualValues(t, Ppb/2, pB)
	pA, pB = PassRates(0, 0, 2, Policy{RO: ^uint64(0)})
	require.Zero(t, pA)
	require.EqualValues(t, Ppb/2, pB)
}

// tminByDefinition tries every n with exact tails.
func tminByDefinition(p, w, most uint64) uint64 {
	whole := new(big.Int).Lsh(big.NewInt(1), uint(w))
	rest := new(big.Int).Sub(whole, big.NewInt(1))
	for n := uint64(1); n <= most; n++ {
		c := AcceptThreshold(n, p, 1_000_000) // the largest c with P[Bin < c] <= 1e-3
		tail := new(big.Int)                  // times 2^(wn): sum of C(n,i)·(2^w-1)^(n-i)
		for i := c; i <= n; i++ {
			x := new(big.Int).Exp(rest, new(big.Int).SetUint64(n-i), nil)
			tail.Add(tail, x.Mul(x, new(big.Int).Binomial(int64(n), int64(i))))
		}
		if tail.Mul(tail, big.NewInt(1_000_000)).Cmp(new(big.Int).Exp(whole, new(big.Int).SetUint64(n), nil)) <= 0 {
			return 2 * n
		}
	}
	return NoTMin
}

func TestTMinIsExact(t *testing.T) {
	for _, w := range []uint64{1, 2, 3, 5, 8, 20, 32, 43, 44, 70, 1000} {
		for _, p := range []uint64{30_000_000, 400_000_000, 700_000_000, 900_000_000, 990_000_000, 999_000_000, MaxPassPpb, Ppb} {
			want := tminByDefinition(p, w, 60)
			got := TMin(p, 1, w, true)
			if want == NoTMin {
				require.Greater(t, got, uint64(120), "p=%d w=%d", p, w)
				continue
			}
			require.Equal(t, want, got, "p=%d w=%d", p, w)
		}
	}
	require.Equal(t, tminByDefinition(980_000_000, 1, 60), TMin(1, 980_000_000, 20, false))
	for _, p := range []uint64{0, 1, 2, 500_000_000} {
		require.Equal(t, NoTMin, TMin(p, Ppb, 1, true), "no better than the faker, or hopeless")
	}
	require.Equal(t, NoTMin, TMin(Ppb, Ppb, 0, true))
	require.Equal(t, NoTMin, TMin(0, 500_700_000, 20, false), "certainly hopeless")
	require.False(t, ExactPolicy().hopeless(501_000_000, 1))
	require.False(t, ExactPolicy().hopeless(MaxPassPpb, 60))
	require.Equal(t, NoTMin, Policy{TMinAlpha: 0, TMinBeta: 1000}.TMin(Ppb, Ppb, 9, true))
	require.Equal(t, NoTMin, Policy{TMinAlpha: 1000, TMinBeta: 0}.TMin(Ppb, Ppb, 9, true))
	require.Equal(t, NoTMin, Policy{TMinAlpha: Ppb, TMinBeta: 10}.TMin(Ppb, Ppb, 9, true))
}

func TestLnQ32(t *testing.T) {
	for _, c := range []struct {
		num, den uint64
		want     int64
	}{ // by 90-digit decimal arithmetic
		{2, 1, 2977044471},
		{3, 1, 4718503850},
		{1, 3, -4718503851},
		{1, 2, -2977044472},
		{20000, 1, 42535155154},
		{1280000, 1, 60397421985},
		{1000000001, 1000000000, 4},
		{999999999, 1000000000, -5},
		{4611686018427387904, 1, 184576757252},
		{1, 4611686018427387904, -184576757253},
		{4611686018427387903, 4611686018427387904, -1},
		{4611686018427387904, 4611686018427387903, 0},
		{98999999020, 1000, 79073055459},
		{3, 2, 1741459378},
		{4, 3, 1235585092},
		{2, 3, -1741459379},
		{5, 4, 958394255},
		{1987817, 405, 36501469090},
		{318034968529, 847850320662571, -33879982146},
		{9777561, 15, 57499091241},
		{922121677, 27, 74502009723},
		{9375837, 5945, 31625307052},
		{1823296039, 1115109082632911, -57225357914},
		{1454124362283495513, 2085563091185, 57788250579},
		{9, 14588631573, -91080295501},
		{1527, 12277028555, -68289702770},
		{219749, 553, 25704877886},
		{147, 587473, -35618820829},
		{1627838484036245, 75, 131892180732},
		{28513916231, 1634613, 41947835145},
		{7353459747, 81860363701, -10350201159},
		{8133, 7522771456355, -88670762013},
		{524219287597807, 128520202119, 35706551019},
		{5029255, 52061, 19630624908},
		{2863, 92158161656827, -103916313079},
		{70009036885, 3758686919, 12560866617},
		{3059515, 154585409, -16846967755},
		{42864524601, 131, 84207614416},
		{22140839, 85557217654831, -65142937642},
		{486185103096852355, 7, 166556493849},
		{6721957195655, 54000735219, 20719510555},
		{45215782824549067, 2916281, 100778842929},
		{4985935, 2490630939, -26687511148},
		{309681986330475, 17017859124619319, -17207669168},
		{124283, 2287775113499, -71847434386},
		{11, 22768951389643, -121798931725},
		{94459627787, 2563410194957169, -43845931761},
	} {
		require.Equal(t, c.want, LnQ32Floor(c.num, c.den), "%d/%d", c.num, c.den)
		require.Equal(t, -c.want, LnQ32Ceil(c.den, c.num), "%d/%d", c.den, c.num)
		require.Equal(t, c.want+1, LnQ32Ceil(c.num, c.den), "%d/%d", c.num, c.den)
	}
	require.Zero(t, LnQ32Floor(7, 7))
	require.Zero(t, LnQ32Ceil(7, 7))
	require.Zero(t, LnQ32Floor(0, 1))
	require.Zero(t, LnQ32Floor(1<<63, 1<<62))
}

// The largest job has as many traps as it has slots.
func TestLargeCounts(t *testing.T) {
	const n = MaxTrials
	c := AcceptThreshold(n, 826_175_210, 1_000_000)
	require.Equal(t, -1, compareTail(c-1, n, 826_175_210, 1_000_000))
	require.Equal(t, 1, compareTail(c, n, 826_175_210, 1_000_000))
	require.InDelta(t, 0.826175210*n-3.09*1198, float64(c), 10) // sd 1198
	// P[Bin <= 0] is one power, (1-p)^n.
	d := LeftTail(0, n, 826_175_210)
	require.Less(t, d.Exp, int64(-7_000_000))
	k := prec(4)
	var q, v enclosure
	k.setRatio(&q, Ppb-826_175_210, Ppb)
	k.pow(&v, &q, n)
	var ten, s enclosure
	k.setUint(&ten, 10)
	k.pow(&s, &ten, uint64(-d.Exp))
	k.mul(&v, &v, &s)
	lo, hi := k.floor(&v)
	require.Equal(t, [2]uint64{d.Mant, d.Mant}, [2]uint64{lo, hi})

	require.Equal(t, ^uint64(0), AcceptThreshold(n+1, 1, 1))
	require.Equal(t, Decimal{}, LeftTail(0, n+1, 1))
	require.EqualValues(t, Ppb, UpperBound(0, n+1, 1))
	require.EqualValues(t, Ppb, Eps95Markov(0, 0))
	require.EqualValues(t, Ppb, Eps95Hidden(n+1, 5, 0, 1))
	require.EqualValues(t, Ppb, Eps95Hidden(5, 5, 0, 1))
	require.EqualValues(t, Ppb, Eps95Hidden(5, 0, 0, 1))
	require.EqualValues(t, Ppb, Eps95Hidden(50, 10, 3, 0), "traps that never see an error certify nothing")
}

func TestTrivialTails(t *testing.T) {
	require.EqualValues(t, 0, AcceptThreshold(10, 0, 1_000_000))
	require.EqualValues(t, 10, AcceptThreshold(10, Ppb, 1_000_000))
	require.EqualValues(t, 10, AcceptThreshold(10, ^uint64(0), 1_000_000))
	require.EqualValues(t, 0, AcceptThreshold(10, 500_000_000, 0))
	require.EqualValues(t, 11, AcceptThreshold(10, 500_000_000, Ppb))
	require.EqualValues(t, 0, AcceptThreshold(0, 500_000_000, 1_000_000))
	require.Equal(t, Decimal{}, LeftTail(9, 10, Ppb))
	require.Equal(t, Decimal{1e8, -8}, LeftTail(0, 10, 0))
	require.EqualValues(t, Ppb, UpperBound(3, 10, 0))
	require.EqualValues(t, 0, UpperBound(3, 10, Ppb))
	require.EqualValues(t, 0, LowerBound(0, 10, 1000))
	require.EqualValues(t, LowerBound(10, 10, 1000), LowerBound(12, 10, 1000))
}
