package zoo

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/animicaorg/engine/stats"
)

// referenceJSON are runs of another program (Python, floating point) for 4096
// shots at ratio 0.1 under ref@1: the share of jobs found out, the bound on a
// miss of the final tests, their limits, and the pass rates that went in. Its
// rows of omitted CZ take the pass rate of kind B for that of half faked slots.
//
//go:embed reference.json
var referenceJSON []byte

// Reference is a row of it.
type Reference struct {
	Strategy string   `json:"strategy"`
	Size     string   `json:"size"`
	Jobs     uint64   `json:"jobs"`
	Detect   float64  `json:"detect"`
	Miss     *float64 `json:"miss"` // nil where the slots are not all alike
	Accept   [2]int   `json:"accept"`
	PassA    float64  `json:"pass_a"`
	PassB    float64  `json:"pass_b"`
}

var references = sync.OnceValues(func() (rows []Reference, err error) {
	if err = json.Unmarshal(referenceJSON, &rows); err != nil {
		err = fmt.Errorf("zoo: reference.json: %w", err)
	}
	return rows, err
})

// References lists the embedded rows.
func References() ([]Reference, error) { return references() }

// Prediction says which share of the jobs should be found out.
type Prediction struct {
	Detected float64
	Jobs     uint64 // how many jobs the prediction comes from
	Source   string // SourceReference or SourceMonteCarlo
}

// Sources of a prediction.
const (
	SourceReference  = "reference"
	SourceMonteCarlo = "monte-carlo"
)

// Predict takes the reference row of a strategy where there is one for this very
// job, else plays jobs from the streams of Predicted.
func (s *Setup) Predict(ctx context.Context, st Strategy, jobs, threads int) (Prediction, error) {
	rows, err := references()
	if err != nil {
		return Prediction{}, err
	}
	p := s.Plan
	if s.Main() && p.Shots == Shots && p.RatioPPM == RatioPPM && stats.Policy(p.Policy) == stats.RefPolicy() {
		for _, r := range rows {
			if r.Strategy == st.Name && r.Size == s.Size() {
				return Prediction{r.Detect, r.Jobs, SourceReference}, nil
			}
		}
	}
	c, err := s.Run(ctx, st, jobs, Predicted, threads)
	if err != nil {
		return Prediction{}, err
	}
	return Prediction{c.Share(), c.Jobs, SourceMonteCarlo}, nil
}

// Share is the share of jobs that were found out.
func (c *Count) Share() float64 { return float64(c.Detected) / float64(max(c.Jobs, 1)) }

// Sigmas is how many standard deviations a count lies from a prediction that was
// itself counted. One job is added on either side, so that counts of all or none
// have a spread.
func (p *Prediction) Sigmas(c Count) float64 {
	n, m := float64(c.Jobs), float64(p.Jobs)
	pool := (float64(c.Detected) + float64(p.Detected*m) + 1) / (n + m + 2)
	return (c.Share() - p.Detected) / math.Sqrt(pool*(1-pool)*(1/n+1/m))
}

// MissUpper bounds from above the chance that the final tests alone pass the
// strategy: the product of two exact tails. ok is false where slots differ by
// their place. Frames take the pass rates of a count, raised to the upper ends of
// their one-sided intervals of confidence 1-1e-9.
func (s *Setup) MissUpper(st Strategy, c Count) (miss Bound, ok bool) {
	switch {
	case st.missing:
		return Bound{}, true
	case st.attack != nil:
		return s.bound(upper(c.PassA, c.TrapsA), upper(c.PassB, c.TrapsB)), c.TrapsA+c.TrapsB > 0
	case !st.constant:
		return Bound{}, false
	}
	a, b := s.Rates(st, 0)
	return s.bound(ceilPpb(a), ceilPpb(b)), true
}

// upper is the upper end for k of n; counts above what package stats takes are
// scaled down, which only widens the interval.
func upper(k, n uint64) uint64 {
	if n > stats.MaxTrials {
		k, n = uint64(math.Ceil(float64(k)*(stats.MaxTrials/float64(n))))+1, stats.MaxTrials
	}
	return stats.UpperBound(k, n, 1)
}

// ceilPpb is p in ppb, one ppb more than its ceiling for the rounding of float64.
func ceilPpb(p float64) uint64 {
	return min(uint64(math.Ceil(p*stats.Ppb))+1, stats.Ppb)
}

// Bound is a small number, the product of its factors, each rounded up. No
// factors are zero.
type Bound struct{ factors []stats.Decimal }

// bound is P[Bin(NA,a) >= CA]·P[Bin(NB,b) >= CB] for rates in ppb.
func (s *Setup) bound(a, b uint64) Bound {
	return Bound{[]stats.Decimal{stats.RightTail(s.Plan.CA, s.Plan.NA, a), stats.RightTail(s.Plan.CB, s.Plan.NB, b)}}
}

// Log10 is the decimal logarithm, minus infinity for zero.
func (b Bound) Log10() float64 {
	sum := 0.0
	if len(b.factors) == 0 {
		return math.Inf(-1)
	}
	for _, f := range b.factors {
		if f.Mant == 0 {
			return math.Inf(-1)
		}
		f.Mant++ // rounded down by package stats
		sum += f.Log10()
	}
	return min(sum, 0)
}

// Float is the bound as a float64, zero below its range.
func (b Bound) Float() float64 { return math.Pow(10, b.Log10()) }
