package stats

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func loadKAT(t testing.TB, name string, v any) {
	raw, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, v))
}

// ppbOf turns the file's decimal into ppb; all of them are whole ppb.
func ppbOf(t testing.TB, p float64) uint64 {
	v := math.Round(p * Ppb)
	require.InDelta(t, v, p*Ppb, 1e-5)
	return uint64(v)
}

// near allows for the ten digits the files print and one ppb of rounding.
func near(t testing.TB, want float64, ppb uint64, what string, row any) {
	require.InDelta(t, want, float64(ppb)/Ppb, 1.2e-9, "%s of %+v", what, row)
}

// The file's rows of the ref device. Its pB leaves out the factor 4^w/(4^w-1) of
// narrow registers, which PassRates applies; there the file is an upper bound.
func TestPassRatesKAT(t *testing.T) {
	var f struct {
		Rows []struct {
			Device string
			Width  uint64
			N1     uint64 `json:"n1q"`
			N2     uint64 `json:"n2q"`
			PA     uint64 `json:"pA_floor_ppb"`
			PB     uint64 `json:"pB_floor_ppb"`
		} `json:"closed_form"`
	}
	loadKAT(t, "traps_noise_pass", &f)
	pol, seen := RefPolicy(), 0
	for _, r := range f.Rows {
		if r.Device != "ref" {
			continue
		}
		seen++
		pA, pB := PassRates(r.N1, r.N2, r.Width, pol)
		require.Equal(t, r.PA, pA, "%+v", r)
		require.Equal(t, r.PB, passRateB(r.N1, r.N2, r.Width, pol.P1, pol.P2, pol.RO, 1, 1), "%+v", r)
		if r.Width > 3 {
			require.Equal(t, r.PB, pB, "%+v", r)
		} else {
			require.Less(t, pB, r.PB, "%+v", r)
		}
	}
	require.Equal(t, 12, seen)
}

func TestIntervalsKAT(t *testing.T) {
	var f struct {
		Intervals []struct {
			K, N        uint64
			Alpha       float64
			Wilson      [2]float64
			CP          [2]float64 `json:"clopper_pearson"`
			Hoeffding   [2]float64
			CPLower     float64 `json:"cp_lower_1s"`
			CPUpper     float64 `json:"cp_upper_1s"`
			WilsonLower float64 `json:"wilson_lower_1s"`
		}
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Intervals, 60)
	for _, r := range f.Intervals {
		a := ppbOf(t, r.Alpha)
		lo, hi := ClopperPearson(r.K, r.N, a)
		near(t, r.CP[0], lo, "lower", r)
		near(t, r.CP[1], hi, "upper", r)
		near(t, r.CPLower, LowerBound(r.K, r.N, a), "one-sided lower", r)
		near(t, r.CPUpper, UpperBound(r.K, r.N, a), "one-sided upper", r)
		wl, wh := Wilson(r.K, r.N, r.Alpha)
		hl, hh := Hoeffding(r.K, r.N, r.Alpha)
		require.InDeltaSlice(t, []float64{r.Wilson[0], r.Wilson[1], r.Hoeffding[0], r.Hoeffding[1], r.WilsonLower},
			[]float64{wl, wh, hl, hh, WilsonLower(r.K, r.N, r.Alpha)}, 2e-10, "%+v", r)
	}
}

func TestTailsKAT(t *testing.T) {
	var f struct {
		Tails []struct {
			K, N  uint64
			P0    string
			Left  float64 `json:"p_lower_tail_le_k"`
			LogL  float64 `json:"log10_lower"`
			Right float64 `json:"p_upper_tail_ge_k"`
			LogR  float64 `json:"log10_upper"`
		} `json:"binomial_tails"`
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Tails, 15)
	for _, r := range f.Tails {
		num, den, _ := strings.Cut(r.P0, "/")
		a, err := strconv.ParseUint(num, 10, 64)
		require.NoError(t, err)
		b, err := strconv.ParseUint(den, 10, 64)
		require.NoError(t, err)
		p := a * Ppb / b
		left, right := LeftTail(r.K, r.N, p), RightTail(r.K, r.N, p)
		require.InEpsilon(t, r.Left, left.Float(), 1.1e-8, "%+v", r)
		require.InEpsilon(t, r.Right, right.Float(), 1.1e-8, "%+v", r)
		require.InDelta(t, r.LogL, left.Log10(), 1e-7, "%+v", r)
		require.InDelta(t, r.LogR, right.Log10(), 1e-7, "%+v", r)
	}
}

func TestCombineKAT(t *testing.T) {
	var f struct {
		Combine []struct {
			P       []float64
			Fisher  float64 `json:"fisher_p"`
			Tippett float64 `json:"tippett_p"`
		} `json:"combine_pvalues"`
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Combine, 6)
	for _, r := range f.Combine {
		require.InEpsilon(t, r.Fisher, Fisher(r.P...), 1e-9)
		require.InEpsilon(t, r.Tippett, Tippett(r.P...), 1e-8) // the file lost digits in 1-(1-p)^k
	}
	require.Equal(t, []float64{1, 0, 1, 0}, []float64{Fisher(), Fisher(0, 1), Tippett(), Tippett(0)})
}

func TestSPRTKAT(t *testing.T) {
	var f struct {
		Rows []struct {
			K, N uint64
			Good float64 `json:"p_good"`
			Bad  float64 `json:"p_bad"`
			LLR  float64 `json:"log_e_bad_vs_good"`
		} `json:"log_likelihood_ratio"`
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Rows, 7)
	for _, r := range f.Rows {
		s := NewSPRT(ppbOf(t, r.Good), ppbOf(t, r.Bad), 1_000_000, 1_000_000)
		v := s.Add(r.K, r.N)
		got := EvidenceFloat(s.Evidence())
		require.LessOrEqual(t, got, r.LLR+1e-9)
		require.InDelta(t, r.LLR, got, float64(r.N)/Q32+1e-8)
		want := Undecided
		if limit := math.Log(0.999 / 0.001); r.LLR > limit {
			want = Bad
		} else if r.LLR < -limit {
			want = Good
		}
		require.Equal(t, want, v, "%+v", r)
	}
}

func TestAcceptKAT(t *testing.T) {
	var f struct {
		Rows []struct {
			N        uint64
			P        float64 `json:"p_h"`
			Alpha    float64
			C        uint64  `json:"accept_if_pass_ge"`
			Achieved float64 `json:"achieved_alpha"`
		} `json:"exact_binomial_accept_thresholds"`
		Raw []struct {
			Traps uint64
			Need  uint64  `json:"need_pass_ge"`
			Max   float64 `json:"max_honest_error_for_false_alarm_1e3"`
		} `json:"raw_ratio_098_rule"`
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Rows, 198)
	for _, r := range f.Rows {
		c := AcceptThreshold(r.N, ppbOf(t, r.P), ppbOf(t, r.Alpha))
		require.Equal(t, r.C, c, "%+v", r)
		if c > 0 {
			require.InEpsilon(t, r.Achieved, LeftTail(c-1, r.N, ppbOf(t, r.P)).Float(), 1e-5)
		}
	}
	require.Len(t, f.Raw, 7)
	for _, r := range f.Raw { // P[Bin(n,p) >= need] >= 0.999 from that p on
		require.InDelta(t, 1-r.Max, float64(LowerBound(r.Need, r.Traps, 999_000_000))/Ppb, 6e-8, "%+v", r)
	}
}

// Kind A at 4e-4 on 308 traps and kind B at 1e-4 on 102, as published for three
// sizes under ref@1.
func TestAcceptOfTheMix(t *testing.T) {
	pol := RefPolicy()
	for _, r := range []struct{ n1, n2, w, cA, cB uint64 }{
		{72, 28, 8, 272, 88}, {220, 95, 20, 231, 77}, {1220, 570, 20, 133, 55},
	} {
		pA, pB := PassRates(r.n1, r.n2, r.w, pol)
		require.Equal(t, r.cA, AcceptThreshold(308, pA, pol.AlphaA))
		require.Equal(t, r.cB, AcceptThreshold(102, pB, pol.AlphaB))
	}
	for _, r := range [][2]uint64{{530200000, 186}, {690500000, 254}, {826100000, 314}, {883800000, 341}, {935500000, 367}, {974100000, 388}, {989200000, 398}} {
		require.Equal(t, r[1], AcceptThreshold(410, r[0], 1_000_000))
	}
}

func TestAccreditationKAT(t *testing.T) {
	var f struct {
		Eps []struct {
			Traps, Fails uint64
			Markov       float64 `json:"eps_markov_cp"`
		} `json:"epsilon_95"`
		Hidden []struct {
			Slots, Traps, Fails uint64
			D                   float64
			Max                 uint64  `json:"max_corrupted_slots"`
			UB                  float64 `json:"target_fraction_ub"`
		} `json:"finite_population_95"`
	}
	loadKAT(t, "traps_accreditation", &f)
	require.Len(t, f.Eps, 56)
	for _, r := range f.Eps {
		require.InDelta(t, r.Markov, float64(Eps95Markov(r.Fails, r.Traps))/Ppb, 6e-7, "%+v", r)
	}
	require.Len(t, f.Hidden, 144)
	for _, r := range f.Hidden {
		got := Eps95Hidden(r.Slots, r.Traps, r.Fails, ppbOf(t, r.D))
		want := min((r.Max*Ppb+r.Slots-r.Traps-1)/(r.Slots-r.Traps), Ppb)
		require.Equal(t, want, got, "%+v", r)
		require.InDelta(t, r.UB, float64(got)/Ppb, 6e-6, "%+v", r)
	}
}

func TestTMinKAT(t *testing.T) {
	var f struct {
		Rows []struct {
			P     float64 `json:"p_pass"`
			Faker string
			Min   *uint64 `json:"min_traps"`
		} `json:"min_traps_total_fake"`
	}
	loadKAT(t, "traps_detection", &f)
	require.NotEmpty(t, f.Rows)
	for _, r := range f.Rows {
		p := ppbOf(t, r.P)
		var got uint64
		switch r.Faker {
		case "A_w20":
			got = TMin(p, 0, 20, true)
		case "A_w4":
			got = TMin(p, 0, 4, true)
		case "B_parity":
			got = TMin(0, p, 20, false)
		}
		if r.Min == nil {
			require.Greater(t, got, uint64(2*3000), "%+v", r)
			continue
		}
		require.Equal(t, 2**r.Min, got, "%+v", r)
	}
}

// json10 reads a number printed as a string.
type json10 float64

func (x *json10) UnmarshalText(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	*x = json10(v)
	return err
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
