package traps

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/stretchr/testify/require"
)

// honest returns outcomes that pass every trap.
func honest(h *guest.Hidden) *guest.Outcomes {
	o := outcomesOf(h.Width, make([]int, h.N))
	copy(o.Rows, h.Pad)
	for i := range h.N {
		if h.Parity[i] == 1 {
			flip(h, o, i)
		}
	}
	return o
}

// flip changes the predicate of trap slot i.
func flip(h *guest.Hidden, o *guest.Outcomes, i int) {
	rb := guest.RowBytes(h.Width)
	for k := range rb {
		if m := h.Mask[i*rb+k]; m != 0 {
			o.Rows[i*rb+k] ^= m & -m
			return
		}
	}
}

func lose(o *guest.Outcomes, i int) {
	rb := guest.RowBytes(o.Width)
	clear(o.Rows[i*rb : (i+1)*rb])
	o.Present[i>>3] &^= 1 << (i & 7)
}

// prefix cuts hidden data and outcomes to n slots.
func prefix(h *guest.Hidden, o *guest.Outcomes, n int) (*guest.Hidden, *guest.Outcomes) {
	rb := guest.RowBytes(h.Width)
	ch := &guest.Hidden{N: n, Width: h.Width, Kind: h.Kind[:n], Window: h.Window[:n], Pad: h.Pad[:n*rb], Mask: h.Mask[:n*rb], Parity: h.Parity[:n]}
	co := &guest.Outcomes{N: n, Width: o.Width, Rows: o.Rows[:n*rb], Present: append([]byte(nil), o.Present[:(n+7)/8]...)}
	if n%8 != 0 {
		co.Present[n/8] &= 1<<(n%8) - 1
	}
	return ch, co
}

func judge(t testing.TB, p *guest.Plan, h *guest.Hidden, o *guest.Outcomes) *guest.Verdict {
	v, err := Judge(p, h, o, h.N)
	require.NoError(t, err)
	again, err := guest.ParseVerdict(v.Append(nil))
	require.NoError(t, err)
	require.Equal(t, v, again)
	require.Equal(t, v.Shots, v.TrapPass+v.TrapFail)
	return v
}

func TestVerdicts(t *testing.T) {
	l := randomLayered(rand.New(rand.NewPCG(11, 1)), 10, 4)
	p, _, h := job(t, l, 4096, 100_000, Accredit, 8)
	trapIn := func(j int) int {
		for i := j * 64; ; i++ {
			if h.Kind[i] != 0 {
				return i
			}
		}
	}

	v := judge(t, p, h, honest(h))
	require.Equal(t, guest.DecisionPass, v.Decision)
	require.Equal(t, [3]uint64{4096, 0, guest.NoWindow}, [3]uint64{v.TrapPass, v.TrapFail, v.FirstBad})
	require.Equal(t, [2]guest.Tail{one, one}, [2]guest.Tail{v.TailA, v.TailB})
	require.Less(t, v.EpsMarkov, uint64(16_000_000))
	require.Less(t, v.EpsHidden, uint64(16_000_000))
	require.Zero(t, v.Reasons)

	// One bad window of 64 by a lost target: 63/64, as in the provider guide.
	o := honest(h)
	target := 63 * 64
	for h.Kind[target] != 0 {
		target++
	}
	lose(o, target)
	v = judge(t, p, h, o)
	require.Equal(t, guest.DecisionFail, v.Decision)
	require.Equal(t, [4]uint64{4032, 64, 63, 1}, [4]uint64{v.TrapPass, v.TrapFail, v.FirstBad, v.Missing})
	require.Equal(t, uint64(guest.ReasonMissing), v.Reasons)

	// A lost trap is a failed one.
	o = honest(h)
	lose(o, trapIn(10))
	v = judge(t, p, h, o)
	require.Equal(t, uint64(640), v.TrapPass)
	require.Equal(t, p.Traps-1, v.KA+v.KB)

	// A burst crosses the change-point bound where the totals stay acceptable.
	o = honest(h)
	for i := 20 * 64; i < 24*64; i++ {
		flip(h, o, i)
	}
	v = judge(t, p, h, o)
	require.Equal(t, uint64(guest.ReasonEProcess), v.Reasons)
	require.GreaterOrEqual(t, v.FirstBad, uint64(20))
	require.Less(t, v.FirstBad, uint64(24))
	require.Equal(t, v.FirstBad*64, v.TrapPass)
	require.Positive(t, v.MaxCusum)

	// Nothing right: the final tests take everything.
	o = honest(h)
	for i := range h.N {
		flip(h, o, i)
	}
	v = judge(t, p, h, o)
	require.Equal(t, [4]uint64{0, 4096, 0, 0}, [4]uint64{v.TrapPass, v.TrapFail, v.KA, v.KB})
	require.Equal(t, uint64(guest.ReasonEProcess|guest.ReasonFinalA|guest.ReasonFinalB), v.Reasons)
	require.Equal(t, uint64(1e9), v.EpsMarkov)

	// Prefixes: pending while good, fail once a window is bad.
	good := honest(h)
	ch, co := prefix(h, good, 640)
	v = judge(t, p, ch, co)
	require.Equal(t, guest.DecisionPending, v.Decision)
	require.Equal(t, [3]uint64{640, 3456, 640}, [3]uint64{v.TrapPass, v.TrapFail, v.Judged})
	lose(co, 600)
	v = judge(t, p, ch, co)
	require.Equal(t, guest.DecisionFail, v.Decision)
	require.Equal(t, uint64(576), v.TrapPass)
	ch, co = prefix(h, good, 0)
	require.Equal(t, guest.DecisionPending, judge(t, p, ch, co).Decision)
	ch, co = prefix(h, good, 100)
	_, err := Judge(p, ch, co, 100)
	require.ErrorIs(t, err, ErrDomain)
}

func TestInsufficientWhateverTheOutcomes(t *testing.T) {
	l := randomLayered(rand.New(rand.NewPCG(12, 1)), 4, 4)
	for _, c := range [][2]uint64{{4096, 0}, {64, 100_000}, {1, 1_000_000}} {
		p, _, h := job(t, l, c[0], c[1], Accredit, 8)
		require.True(t, p.Insufficient())
		bad := honest(h)
		for i := range h.N {
			lose(bad, i)
		}
		for _, o := range []*guest.Outcomes{honest(h), bad} {
			v := judge(t, p, h, o)
			require.Equal(t, guest.DecisionInsufficient, v.Decision)
			require.Equal(t, [2]uint64{0, c[0]}, [2]uint64{v.TrapPass, v.TrapFail})
		}
	}
}

// TestEvidenceKAT runs the published e-process vectors, all of one kind, through
// the plan's integers.
func TestEvidenceKAT(t *testing.T) {
	raw, err := os.ReadFile("testdata/traps_stats_kat.json")
	require.NoError(t, err)
	var kat struct {
		Cases []struct {
			P0      string
			IncPass []int64 `json:"inc_pass_Q32"`
			IncFail []int64 `json:"inc_fail_Q32"`
			Global  int64   `json:"h_global_Q32"`
			Cusum   int64   `json:"h_cusum_Q32"`
			Runs    []struct {
				Passes string
				First  *int `json:"first_failed_window"`
				Failed int  `json:"failed_windows_without_abort"`
			}
		} `json:"integer_eprocess"`
	}
	require.NoError(t, json.Unmarshal(raw, &kat))
	require.NotEmpty(t, kat.Cases)
	l := randomLayered(rand.New(rand.NewPCG(13, 1)), 4, 4)
	base, err := Plan(l, guest.Header{Shots: 4096, RatioPPM: 100_000}, refPolicy(), Accredit)
	require.NoError(t, err)
	for _, c := range kat.Cases {
		p := *base
		p.PA, err = strconv.ParseUint(strings.TrimPrefix(c.P0, "0."), 10, 64)
		require.NoError(t, err)
		require.Equal(t, [2]int64{c.Global, c.Cusum}, [2]int64{p.HGlobal, p.HCusum})
		copy(p.IncPassA[:], c.IncPass)
		copy(p.IncFailA[:], c.IncFail)
		for _, run := range c.Runs {
			e, first, failed := evidence{plan: &p}, -1, 0
			for j, n := range p.WindowTraps {
				k := map[string]uint32{"all_fail": 0, "all_pass": n, "half_rounddown": n / 2, "one_pass_per_window": 1, "burst_fail_24_31": n}[run.Passes]
				if run.Passes == "burst_fail_24_31" && j >= 24 && j <= 31 {
					k = 0
				}
				if e.add(counts{nA: uint64(n), kA: uint64(k)}) {
					if failed++; first < 0 {
						first = j
					}
				}
			}
			want := -1
			if run.First != nil {
				want = *run.First
			}
			require.Equal(t, [2]int{want, run.Failed}, [2]int{first, failed}, "%s %s", c.P0, run.Passes)
		}
	}
}

// TestPublishedThresholds pins (cA, cB) of the guide's sizes under ref@1.
func TestPublishedThresholds(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	for _, c := range []struct {
		w, cycles int
		pA        uint64
	}{{8, 8, 934_905_841}, {20, 10, 826_175_210}, {20, 60, 528_469_926}} {
		p, err := Plan(brickwork(r, c.w, c.cycles), guest.Header{Shots: 4096, RatioPPM: 100_000}, refPolicy(), Accredit)
		require.NoError(t, err)
		require.Equal(t, c.pA, p.PA)
		require.Equal(t, map[int][2]uint64{8: {272, 88}, 10: {231, 77}, 60: {133, 55}}[c.cycles], [2]uint64{p.CA, p.CB})
		require.False(t, p.Insufficient())
		if c.cycles == 60 {
			require.Equal(t, [2]uint64{1220, 570}, [2]uint64{p.N1, p.N2})
			require.InDelta(t, 19_500, len(p.Palette), 100)
		}
	}
}

func TestJudgeRefusesForgedHidden(t *testing.T) {
	l := randomLayered(rand.New(rand.NewPCG(15, 1)), 4, 4)
	p, _, h := job(t, l, 640, 200_000, Accredit, 8)
	var trap, target int
	for i, k := range h.Kind {
		if k == 1 {
			trap = i
		} else if k == 0 {
			target = i
		}
	}
	for name, forge := range map[string]func(h *guest.Hidden){
		"window":        func(h *guest.Hidden) { h.Window[3]++ },
		"target mask":   func(h *guest.Hidden) { h.Mask[target] = 1 },
		"target parity": func(h *guest.Hidden) { h.Parity[target] = 1 },
		"trap dropped":  func(h *guest.Hidden) { h.Kind[trap], h.Mask[trap] = 0, 0 },
		"trap added":    func(h *guest.Hidden) { h.Kind[target], h.Mask[target] = 2, 1 },
		"kind swapped":  func(h *guest.Hidden) { h.Kind[trap], h.Mask[trap] = 2, 1 },
		"match mask":    func(h *guest.Hidden) { h.Mask[trap] = 1 },
		"kind 3":        func(h *guest.Hidden) { h.Kind[trap] = 3 },
		"short":         func(h *guest.Hidden) { h.Pad = h.Pad[1:] },
		"width":         func(h *guest.Hidden) { h.Width = 5 },
	} {
		c := *h
		c.Kind, c.Window, c.Mask, c.Parity = append([]byte(nil), h.Kind...), append([]uint32(nil), h.Window...), append([]byte(nil), h.Mask...), append([]byte(nil), h.Parity...)
		forge(&c)
		_, err := Judge(p, &c, honest(h), h.N)
		require.ErrorIs(t, err, ErrDomain, name)
	}
	o := honest(h)
	o.Present = o.Present[1:]
	_, err := Judge(p, h, o, h.N)
	require.ErrorIs(t, err, ErrDomain)
	_, err = Judge(p, h, honest(h), -1)
	require.ErrorIs(t, err, ErrDomain)
}

// FuzzJudge feeds arbitrary messages: a defined verdict or an error, no panic.
func FuzzJudge(f *testing.F) {
	l := randomLayered(rand.New(rand.NewPCG(16, 1)), 3, 2)
	p, _, h := job(f, l, 130, 300_000, Accredit, 8)
	f.Add(p.Append(nil), h.Append(nil), honest(h).Append(nil), 130)
	f.Add(p.Append(nil), h.Append(nil), honest(h).Append(nil), 65)
	f.Fuzz(func(t *testing.T, pb, hb, ob []byte, n int) {
		p, err := guest.ParsePlan(pb)
		if err != nil {
			return
		}
		h, err1 := guest.ParseHidden(hb, p.Skeleton.Width)
		o, err2 := guest.ParseOutcomes(ob, p.Skeleton.Width)
		if err1 != nil || err2 != nil {
			return
		}
		v, err := Judge(p, h, o, n)
		if err != nil {
			require.ErrorIs(t, err, ErrDomain)
			return
		}
		_, err = guest.ParseVerdict(v.Append(nil))
		require.NoError(t, err)
	})
}

// FuzzGenerate makes jobs of arbitrary shape: all messages parse, all ideal
// outcomes pass.
func FuzzGenerate(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(2), uint16(100), uint32(100_000), false)
	f.Add(uint64(2), uint8(1), uint8(0), uint16(1), uint32(1_000_000), true)
	f.Fuzz(func(t *testing.T, s uint64, w, m uint8, shots uint16, ppm uint32, parity bool) {
		l := randomLayered(rand.New(rand.NewPCG(s, 1)), 1+int(w%20), int(m%8))
		mix := Accredit
		if parity {
			mix = CliffordParity
		}
		p, _, h := job(t, l, 1+uint64(shots%1000), uint64(ppm%1_000_001), mix, byte(s))
		v := judge(t, p, h, honest(h))
		require.Equal(t, p.NA+p.NB, v.KA+v.KB)
	})
}

func BenchmarkGuideGenerate(b *testing.B) {
	l := brickwork(rand.New(rand.NewPCG(17, 1)), 20, 60)
	p, err := Plan(l, guest.Header{Shots: 4096, RatioPPM: 100_000}, refPolicy(), Accredit)
	require.NoError(b, err)
	for b.Loop() {
		_, _, err := Generate(l, p, testRoot(1), 0, 4096)
		require.NoError(b, err)
	}
}

func BenchmarkGuidePlan(b *testing.B) {
	l := brickwork(rand.New(rand.NewPCG(17, 1)), 20, 60)
	for b.Loop() {
		_, err := Plan(l, guest.Header{Shots: 4096, RatioPPM: 100_000}, refPolicy(), Accredit)
		require.NoError(b, err)
	}
}

func BenchmarkGuideJudge(b *testing.B) {
	l := brickwork(rand.New(rand.NewPCG(17, 1)), 20, 60)
	p, _, h := job(b, l, 4096, 100_000, Accredit, 1)
	o := honest(h)
	for b.Loop() {
		_, err := Judge(p, h, o, 4096)
		require.NoError(b, err)
	}
}
