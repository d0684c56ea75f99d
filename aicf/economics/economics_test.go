package economics

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		total uint64
		bps   Shares
		rule  Remainder
		want  Shares
	}{
		{1001, DefaultShares, Largest, Shares{851, 100, 50}},
		{15, Shares{3333, 3334, 3333}, ToTreasury, Shares{4, 7, 4}},
		{1_000_000, DefaultShares, ToProvider, Shares{850_000, 100_000, 50_000}},
		{1, Shares{0, 5000, 5000}, Largest, Shares{0, 1, 0}},
		{1, DefaultShares, ToMiner, Shares{0, 0, 1}},
		{0, DefaultShares, Largest, Shares{}},
	} {
		got, err := Split(c.total, c.bps, c.rule)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, bad := range []func() error{
		func() error { _, err := Split(MaxAmount+1, DefaultShares, Largest); return err },
		func() error { _, err := Split(1, Shares{8500, 1000, 501}, Largest); return err },
		func() error { _, err := Split(1, Shares{1<<64 - 1, 10_001, 0}, Largest); return err },
		func() error { _, err := Split(1, DefaultShares, "dust"); return err },
	} {
		require.ErrorIs(t, bad(), ErrRange)
	}
}

func TestSplitLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a := r.Uint64N(BPS + 1)
		b := r.Uint64N(BPS + 1 - a)
		total := r.Uint64N(MaxAmount) >> r.UintN(53)
		for _, rule := range []Remainder{ToProvider, ToTreasury, ToMiner, Largest} {
			s, err := Split(total, Shares{a, b, BPS - a - b}, rule)
			require.NoError(t, err)
			require.Equal(t, total, s.Provider+s.Treasury+s.Miner)
		}
	}
}

var (
	aiShares      = Shares{8000, 500, 1500}
	quantumShares = Shares{7000, 500, 2500}
)

func epoch(claims []Claim, slashes []Slash, limit *uint64) Epoch {
	return Epoch{Claims: claims, Slashes: slashes, Remainder: ToTreasury, CapRule: ProRata, Cap: limit}
}

func TestSettle(t *testing.T) {
	s, err := Settle(epoch([]Claim{{"1", "A", "m1", 1200, 1000, aiShares}, {"2", "B", "m2", 150, 5000, quantumShares}, {"3", "A", "m1", 500, 1000, aiShares}}, nil, nil))
	require.NoError(t, err)
	require.Equal(t, uint64(2_450_000), s.Total)
	require.Equal(t, map[string]uint64{"A": 1_360_000, "B": 525_000}, s.Providers)
	require.Equal(t, map[string]uint64{"m1": 255_000, "m2": 187_500}, s.Miners)
	require.Equal(t, uint64(122_500), s.Treasury)
	require.Equal(t, Scale{1, 1}, s.Scale)

	limit := uint64(600_000)
	s, err = Settle(epoch([]Claim{{"1", "A", "m1", 400, 1000, aiShares}, {"2", "B", "m2", 120, 5000, quantumShares}}, nil, &limit))
	require.NoError(t, err)
	require.Equal(t, Scale{3, 5}, s.Scale)
	require.Equal(t, []Paid{{"1", 240_000, Shares{192_000, 12_000, 36_000}}, {"2", 360_000, Shares{252_000, 18_000, 90_000}}}, s.Claims)
	require.Equal(t, uint64(30_000), s.Treasury)

	s, err = Settle(epoch([]Claim{{"1", "S", "m", 100, 1000, aiShares}, {"2", "T", "m", 20, 1000, aiShares}}, []Slash{{"S", 30_000}, {"T", 30_000}, {"U", 5}}, nil))
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"S": 50_000, "T": 0}, s.Providers)
	require.Equal(t, map[string]uint64{"T": 14_000, "U": 5}, s.Debits)
	require.Equal(t, uint64(6000+60_005), s.Treasury)
}

func TestCapRules(t *testing.T) {
	limit := uint64(100)
	e := epoch([]Claim{{"1", "A", "m", 60, 1, aiShares}, {"2", "A", "m", 50, 1, aiShares}, {"3", "A", "m", 40, 1, aiShares}}, nil, &limit)
	e.CapRule = FirstCome
	s, err := Settle(e)
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, s.Carried)
	e.CapRule = Carry
	s, err = Settle(e)
	require.NoError(t, err)
	require.Equal(t, []string{"2", "3"}, s.Carried)
	e.CapRule = "other"
	_, err = Settle(e)
	require.ErrorIs(t, err, ErrRange)
	_, err = Settle(epoch([]Claim{{TaskID: "1"}, {TaskID: "1"}}, nil, nil))
	require.ErrorContains(t, err, "twice")
	_, err = Settle(epoch([]Claim{{"1", "A", "m", MaxAmount, MaxAmount, aiShares}}, nil, nil))
	require.ErrorIs(t, err, ErrRange)
}

// Whatever the claims, slashes and cap: providers + miners + treasury = paid +
// debits, the cap holds, and the same epoch settles the same again.
func TestSettleLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		e := Epoch{Remainder: []Remainder{ToProvider, ToTreasury, ToMiner, Largest}[r.IntN(4)], CapRule: []CapRule{ProRata, FirstCome, Carry}[r.IntN(3)]}
		for i := range r.IntN(8) {
			e.Claims = append(e.Claims, Claim{strconv.Itoa(i), strconv.Itoa(r.IntN(3)), strconv.Itoa(r.IntN(2)), r.Uint64N(1 << 20), r.Uint64N(1 << 20), DefaultShares})
		}
		for range r.IntN(3) {
			e.Slashes = append(e.Slashes, Slash{strconv.Itoa(r.IntN(4)), r.Uint64N(1 << 41)})
		}
		limit := r.Uint64N(1 << 42)
		e.Cap = &limit
		s, err := Settle(e)
		require.NoError(t, err)
		sum := func(m map[string]uint64) (n uint64) {
			for _, v := range m {
				n += v
			}
			return n
		}
		require.Equal(t, s.Paid+sum(s.Debits), sum(s.Providers)+sum(s.Miners)+s.Treasury)
		require.LessOrEqual(t, s.Paid, limit)
		require.Len(t, e.Claims, len(s.Claims)+len(s.Carried))
		again, err := Settle(e)
		require.NoError(t, err)
		require.Equal(t, s, again)
	}
}

func TestPrice(t *testing.T) {
	n := func(v uint64) *uint64 { return &v }
	for _, c := range []struct {
		q    Quote
		want uint64
	}{
		{Quote{Units: 1200, PerUnit: DefaultPerUnit}, 960_000_000},
		{Quote{Units: 3, PerUnit: 900_000, Surge: big.NewRat(12, 10)}, 3_240_000},
		{Quote{Units: 1, PerUnit: 3, Quality: big.NewRat(1, 2)}, 1},
		{Quote{Units: 1, PerUnit: 3, Quality: big.NewRat(1, 2), Rounding: "ceil"}, 2},
		{Quote{Units: 1, PerUnit: 3, Quality: big.NewRat(1, 2), Rounding: "nearest"}, 2},
		{Quote{Units: 1, PerUnit: 5, Quality: big.NewRat(1, 2), Rounding: "nearest"}, 2},
		{Quote{Units: 2, PerUnit: 5, Surge: big.NewRat(99, 1)}, 100},
		{Quote{Units: 2, PerUnit: 5, Min: n(11)}, 11},
		{Quote{Units: 2, PerUnit: 5, Max: n(9)}, 9},
		{Quote{Units: 0, PerUnit: 5, Min: n(11)}, 0},
		{Quote{Units: 2001, Tiers: []aicf.Tier{{Upto: n(2000), PerUnit: 140_000}, {PerUnit: 100_000}}}, 280_100_000},
	} {
		got, err := Price(c.q)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, q := range []Quote{{Units: 1, PerUnit: 1, Surge: new(big.Rat)}, {Units: 1, Rounding: "up"}, {Units: MaxAmount, PerUnit: 2}} {
		_, err := Price(q)
		require.ErrorIs(t, err, ErrRange)
	}
}

func TestUnits(t *testing.T) {
	for _, c := range [][5]uint64{{20, 120, 4096, UnitsDivisor, 1200}, {20, 120, 4096, LineageDivisor, 9831}, {8, 24, 1000, LineageDivisor, 192}, {1, 1, 1, UnitsDivisor, 1}, {maxWidth, maxDepth, maxShots, UnitsDivisor, 12_207_031_250_000}} {
		got, err := Units(c[0], c[1], c[2], c[3])
		require.NoError(t, err)
		require.Equal(t, c[4], got)
	}
	for _, c := range [][3]uint64{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {maxWidth + 1, 1, 1}, {1, maxDepth + 1, 1}, {1, 1, maxShots + 1}} {
		_, err := Units(c[0], c[1], c[2], UnitsDivisor)
		require.ErrorIs(t, err, ErrRange)
	}
	u, err := CalibratedUnits(20, 120, 4096, "superconducting_nisq_v1")
	require.NoError(t, err)
	adjusted, _ := u.Adjusted.Float64()
	quality, _ := u.Quality.Float64()
	require.InDelta(t, 0.0016167520, adjusted, 1e-10)
	require.InDelta(t, 0.082, quality, 5e-4)
	_, err = CalibratedUnits(1, 1, 1, "other")
	require.ErrorIs(t, err, ErrRange)
}

func TestSlashPlan(t *testing.T) {
	p, err := PlanSlash("fraud_proof", 5000, 5000, 1003, 7)
	require.NoError(t, err)
	require.Equal(t, &SlashPlan{2500, 501, [][2]uint64{{8, 126}, {9, 125}, {10, 125}, {11, 125}}}, p)
	for _, reason := range []string{"fraud_proof", "invalid_attestation", "unavailable", "deadline_miss", "double_submit", "unknown"} {
		p, err := PlanSlash(reason, 0, 5000, 5000, 0)
		require.NoError(t, err)
		require.Equal(t, &SlashPlan{Schedule: [][2]uint64{}}, p, "severity 0 costs nothing")
		p, err = PlanSlash(reason, BPS, MaxAmount, MaxAmount, 1)
		require.NoError(t, err)
		require.LessOrEqual(t, p.Immediate, uint64(MaxAmount))
		sum := uint64(0)
		for _, x := range p.Schedule {
			sum += x[1]
		}
		require.Equal(t, p.Clawback, sum)
	}
	_, err = PlanSlash("fraud_proof", BPS+1, 1, 1, 1)
	require.ErrorIs(t, err, ErrRange)
}

func TestSeverity(t *testing.T) {
	r := big.NewRat
	for _, c := range []struct {
		m      Metrics
		reason string
		want   *big.Rat
	}{
		{Metrics{TrapsRatio: r(95, 100), QoSScore: r(1, 10)}, "invalid_attestation", r(5, 100)},
		{Metrics{TrapsRatio: r(98, 100), QoSScore: r(70, 100)}, "deadline_miss", r(10, 100)},
		{Metrics{LatencyP99MS: r(2500, 1)}, "deadline_miss", r(1, 4)},
		{Metrics{LatencyP99MS: r(9000, 1)}, "deadline_miss", r(1, 1)},
		{Metrics{LatencyP99MS: r(2000, 1), Availability: r(90, 100)}, "unavailable", r(5, 100)},
		{Metrics{}, DefaultReason, new(big.Rat)},
	} {
		reason, got := Severity(c.m)
		require.Equal(t, c.reason, reason)
		require.Zero(t, c.want.Cmp(got))
	}
}

func TestAssign(t *testing.T) {
	r := big.NewRat
	p := func(id string, quota, inflight uint64) Provider {
		return Provider{ID: id, Region: "us", Stake: 400_000, Health: r(1, 1), Caps: []string{"AI"}, Quota: quota, Inflight: inflight}
	}
	jobs := []Job{{"2", "AI", "", r(1, 2)}, {"1", "AI", "", r(1, 1)}}
	a, err := Assign([]byte{0xde, 0xad, 0xbe, 0xef}, []Provider{p("provD", 1, 0), p("provE", 1, 0)}, jobs)
	require.NoError(t, err)
	require.Equal(t, []Assigned{{"1", "provE"}, {"2", "provD"}}, a.Assignments)
	b, err := Assign([]byte{0xde, 0xad, 0xbe, 0xef}, []Provider{p("provE", 1, 0), p("provD", 1, 0)}, []Job{jobs[1], jobs[0]})
	require.NoError(t, err)
	require.Equal(t, a, b, "the order of the input plays no part")
	a, err = Assign(nil, []Provider{p("provD", 1, 1)}, append(jobs, Job{"3", "QUANTUM", "", r(1, 3)}, Job{"4", "AI", "eu", r(1, 4)}))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"1": "quota", "2": "quota", "3": "capability", "4": "region"}, a.Reasons)
	sick := p("provD", 1, 0)
	sick.Health = new(big.Rat)
	a, err = Assign(nil, []Provider{sick}, jobs[:1])
	require.NoError(t, err)
	require.Equal(t, "health", a.Reasons["2"])
	_, err = Assign(nil, []Provider{sick, sick}, nil)
	require.ErrorContains(t, err, "twice")
	_, err = Assign(nil, nil, append(jobs, jobs...))
	require.ErrorContains(t, err, "twice")
}

func TestShuffleAndBackoff(t *testing.T) {
	seed, order := Shuffle([]byte{1}, 3, []byte("Q"), []string{"b", "a", "c", "a"})
	require.Equal(t, "fdc0353a40bba5c4cf2c44d705b94d98038deb1f7222de7a84cffa149154e39e", seed.String())
	require.Equal(t, []string{"b", "a", "c"}, order)
	for attempt, want := range map[uint64]*big.Rat{1: big.NewRat(2, 1), 3: big.NewRat(648, 100), 7: big.NewRat(60, 1), MaxAmount: big.NewRat(60, 1)} {
		got, err := Backoff(attempt)
		require.NoError(t, err)
		require.Zero(t, want.Cmp(got))
	}
	_, err := Backoff(0)
	require.ErrorIs(t, err, ErrRange)
}

func TestStages(t *testing.T) {
	const ppb = 1_000_000_000
	for _, c := range []struct {
		amount    uint64
		ppb, want []uint64
	}{
		{2000, []uint64{ppb / 4, ppb / 2, ppb / 4}, []uint64{500, 1000, 500}},
		{7, []uint64{ppb / 4, ppb / 2, ppb / 4}, []uint64{3, 3, 1}},
		{1, []uint64{0, ppb}, []uint64{0, 1}},
		{0, []uint64{ppb}, []uint64{0}},
		{MaxAmount, []uint64{ppb / 2, ppb / 2}, []uint64{MaxAmount/2 + 1, MaxAmount / 2}},
	} {
		got, err := Stages(c.amount, c.ppb)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, bad := range [][]uint64{nil, {ppb + 1}, {ppb, ppb}, {ppb / 2}} {
		_, err := Stages(1, bad)
		require.ErrorIs(t, err, ErrRange)
	}
	_, err := Stages(MaxAmount+1, []uint64{ppb})
	require.ErrorIs(t, err, ErrRange)
}

func TestRolledCap(t *testing.T) {
	for _, c := range [][3]uint64{{100, 0, 100}, {100, 40, 140}, {100, 100, 200}, {100, 500, 200}, {0, 500, 0}, {MaxAmount, MaxAmount, MaxAmount}} {
		got, err := RolledCap(c[0], c[1])
		require.NoError(t, err)
		require.Equal(t, c[2], got)
	}
	_, err := RolledCap(MaxAmount+1, 0)
	require.ErrorIs(t, err, ErrRange)
}

// The rounds of the fairness shuffle: none keeps the order of equals for ever, each more is
// another order, all of them functions of the beacon value.
func TestAssignmentSeed(t *testing.T) {
	require.Empty(t, AssignmentSeed([]byte{1}, 0))
	require.Equal(t, []byte{1}, AssignmentSeed([]byte{1}, 1))
	seen := map[string]bool{}
	for rounds := range uint64(5) {
		seen[string(AssignmentSeed([]byte{1}, rounds))] = true
	}
	require.Len(t, seen, 5)
	require.Equal(t, AssignmentSeed([]byte{1}, 3), AssignmentSeed(AssignmentSeed([]byte{1}, 2), 2))
	require.NotEqual(t, AssignmentSeed([]byte{1}, 2), AssignmentSeed([]byte{2}, 2))
}
