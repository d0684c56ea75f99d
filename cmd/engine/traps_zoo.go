package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/animicaorg/engine/traps/zoo"
)

const (
	maxZooJobs  = 1_000_000
	maxZooSizes = 16
	zooSigmas   = 4 // a row further from its prediction does not agree
)

type zooFlags struct {
	jobs       int
	sizes      []string
	strategies []string
	policy     string
	family     string
	threads    int
}

// zooAnswer is the JSON answer of "engine traps zoo".
type zooAnswer struct {
	Policy    string   `json:"policy"`
	Family    string   `json:"family"`
	Shots     uint64   `json:"shots"`
	TrapRatio float64  `json:"trap_ratio"`
	Jobs      int      `json:"jobs"` // per row
	Disagree  int      `json:"disagree"`
	Rows      []zooRow `json:"rows"`
}

type zooRow struct {
	Row       int      `json:"row"`
	Strategy  string   `json:"strategy"`
	What      string   `json:"what"`
	Size      string   `json:"size"`
	Detected  uint64   `json:"detected"` // of so many jobs
	Jobs      uint64   `json:"jobs"`
	Share     float64  `json:"detected_share"`
	Predicted float64  `json:"predicted"` // share
	Source    string   `json:"source"`    // reference or monte-carlo
	Sigmas    float64  `json:"sigmas"`    // detected_share less predicted, in standard deviations
	Agrees    bool     `json:"agrees"`
	PassRateA float64  `json:"pass_rate_a"` // measured
	PassRateB float64  `json:"pass_rate_b"`
	Miss      *float64 `json:"miss_upper,omitempty"` // chance that the final tests pass a job, rounded up
	MissLog10 *float64 `json:"miss_log10,omitempty"` // absent for zero
	Note      string   `json:"note,omitempty"`
}

func (e *program) trapsZoo() *cobra.Command {
	f := &zooFlags{}
	c := &cobra.Command{
		Use: "zoo", Short: "Play the cheating strategies against the judge and the predictions",
		Long: `Play each known way to cheat in many jobs of 4096 shots with a tenth of traps, and
count how many the judge finds out. Row numbers are those of docs/traps.md.

In a row, detected is the number of jobs found out, of jobs; predicted the share
that should be, from another program's run (source reference: policy ref@1 and the
three default sizes) or from a run with another seed (monte-carlo), never from the
run that is shown. agrees is false beyond four standard deviations. miss_upper
bounds from above the chance that the exact final tests alone pass a job; it is
absent where a strategy depends on the place in the job.

The same command counts the same on every machine, with any --threads. To
lie in a whole run, take engine run --backend cheat:STRATEGY.`,
		Example: `  engine traps zoo
  engine traps zoo --size 8x16 --jobs 1000 --strategy fake-10,traps-honest --json`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.runZoo(cmd.Context(), f) },
	}
	p := c.Flags()
	p.IntVar(&f.jobs, "jobs", 20_000, "`N` jobs per row")
	p.StringSliceVar(&f.sizes, "size", []string{"8x16", "20x20", "20x120"}, "`WxD,…`: width and depth of the jobs")
	p.StringSliceVar(&f.strategies, "strategy", nil, "`NAME,…`: only these strategies")
	p.StringVar(&f.policy, "policy", "ref@1", "`NAME` of an embedded trap policy (exact, ref) or a policy file")
	p.StringVar(&f.family, "family", "accredit", "`NAME` of a shipped trap library; strategies that change the circuit are played for accredit only")
	p.IntVar(&f.threads, "threads", 0, "goroutines; 0 is one per CPU")
	return c
}

func (e *program) runZoo(ctx context.Context, f *zooFlags) error {
	if f.jobs < 1 || f.jobs > maxZooJobs {
		return cli.Errorf(cli.Usage, "--jobs", "%d, allowed are 1..%d", f.jobs, maxZooJobs)
	}
	if f.threads < 0 {
		return cli.Errorf(cli.Usage, "--threads", "%d is negative", f.threads).WithHint("0 means one per CPU")
	}
	policy, err := e.judgePolicy(f.policy)
	if err != nil {
		return err
	}
	chosen, err := chosenStrategies(f.strategies)
	if err != nil {
		return err
	}
	mix, err := traps.MixOf(f.family, "1.0.0")
	if err != nil {
		return cli.Errorf(cli.Usage, "--family", "%.40q is not a shipped trap library", f.family).WithHint("%s", strings.Join(trapLibraries(), ", "))
	}
	if chosen, err = playable(chosen, f, mix); err != nil {
		return err
	}
	setups, err := zooSetups(f.sizes, policy, mix)
	if err != nil {
		return err
	}
	a := &zooAnswer{Policy: policy.Name, Family: f.family, Shots: zoo.Shots, TrapRatio: zoo.RatioPPM / 1e6, Jobs: f.jobs}
	progress := e.Progress(ctx)
	defer progress.Close()
	bar := progress.Bar("zoo", "rows", int64(len(setups)*len(chosen)))
	for _, s := range setups {
		for _, st := range chosen {
			r, err := playRow(ctx, s, st, f)
			if err != nil {
				return err
			}
			if !r.Agrees {
				a.Disagree++
			}
			a.Rows = append(a.Rows, r)
			bar.Set(int64(len(a.Rows)), int64(len(setups)*len(chosen)))
		}
	}
	bar.Done()
	progress.Close()
	return e.Print(a, a.words)
}

func playRow(ctx context.Context, s *zoo.Setup, st zoo.Strategy, f *zooFlags) (zooRow, error) {
	c, err := s.Run(ctx, st, f.jobs, zoo.Measured, f.threads)
	if err != nil {
		return zooRow{}, err
	}
	p, err := s.Predict(ctx, st, f.jobs, f.threads)
	if err != nil {
		return zooRow{}, err
	}
	r := zooRow{Row: st.Row, Strategy: st.Name, What: st.What, Size: s.Size(), Detected: c.Detected, Jobs: c.Jobs, Share: c.Share(), Predicted: p.Detected,
		Source: p.Source, Sigmas: p.Sigmas(c), Note: st.Notes()}
	r.Agrees = math.Abs(r.Sigmas) <= zooSigmas
	r.PassRateA, r.PassRateB = float64(c.PassA)/float64(max(c.TrapsA, 1)), float64(c.PassB)/float64(max(c.TrapsB, 1))
	if m, ok := s.MissUpper(st, c); ok {
		v, log := m.Float(), m.Log10()
		r.Miss = &v
		if !math.IsInf(log, -1) {
			r.MissLog10 = &log
		}
	}
	return r, nil
}

// words is a line per row.
func (a *zooAnswer) words(w io.Writer) {
	fmt.Fprintf(w, "%d jobs a row, %d shots at trap ratio %g, policy %s, traps %s\n\n", a.Jobs, a.Shots, a.TrapRatio, a.Policy, a.Family)
	fmt.Fprintf(w, "%3s %-13s %-7s %-18s %-10s %-11s %6s  %7s %7s  %s\n", "row", "strategy", "size", "found out", "share", "predicted", "sigma", "pass A", "pass B", "miss at most")
	for _, r := range a.Rows {
		miss := "-"
		switch {
		case r.Miss != nil && r.MissLog10 == nil:
			miss = "0"
		case r.MissLog10 != nil:
			miss = scientific(*r.MissLog10)
		}
		if r.Note != "" {
			miss += "; " + r.Note
		}
		fmt.Fprintf(w, "%3d %-13s %-7s %-18s %-10.6f %-11.6f %+6.2f  %7.4f %7.4f  %s\n", r.Row, r.Strategy, r.Size,
			fmt.Sprintf("%d of %d", r.Detected, r.Jobs), r.Share, r.Predicted, r.Sigmas, r.PassRateA, r.PassRateB, miss)
	}
	if a.Disagree > 0 {
		fmt.Fprintf(w, "\n%d rows lie more than %d standard deviations from their predictions.\n", a.Disagree, zooSigmas)
	}
}

// scientific writes 10^x, rounded up.
func scientific(x float64) string {
	if x >= -3 {
		return strconv.FormatFloat(min(math.Ceil(math.Pow(10, x+4))/1e4, 1), 'f', 4, 64)
	}
	exp := math.Floor(x)
	mant := math.Ceil(math.Pow(10, x-exp)*10) / 10
	if mant >= 10 {
		mant, exp = 1, exp+1
	}
	return strconv.FormatFloat(mant, 'f', 1, 64) + "e" + strconv.FormatFloat(exp, 'f', 0, 64)
}

func chosenStrategies(names []string) ([]zoo.Strategy, error) {
	all := zoo.Strategies()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, st := range all {
		known = append(known, st.Name)
	}
	var out []zoo.Strategy
	seen := map[string]bool{}
	for _, n := range names {
		st, ok := zoo.Find(n)
		if !ok {
			return nil, cli.Errorf(cli.Usage, "--strategy", "%.40q is not known", n).WithHint("%s", strings.Join(known, ", "))
		}
		if !seen[n] {
			out = append(out, st)
		}
		seen[n] = true
	}
	return out, nil
}

// playable drops the strategies that are modelled on the circuit's own frames,
// for libraries other than accredit; asked for by name they are refused.
func playable(all []zoo.Strategy, f *zooFlags, mix traps.Mix) (out []zoo.Strategy, err error) {
	for _, st := range all {
		switch {
		case mix == traps.Accredit || !st.Frames():
			out = append(out, st)
		case len(f.strategies) > 0:
			return nil, cli.Errorf(cli.Usage, "--strategy", "%s is played for accredit only", st.Name).WithHint("docs/traps.md has a table of omissions for every family")
		}
	}
	return out, nil
}

// zooSetups plans a job of each size.
func zooSetups(sizes []string, policy *job.TrapPolicy, mix traps.Mix) ([]*zoo.Setup, error) {
	if len(sizes) < 1 || len(sizes) > maxZooSizes {
		return nil, cli.Errorf(cli.Usage, "--size", "%d sizes, allowed are 1..%d", len(sizes), maxZooSizes)
	}
	var out []*zoo.Setup
	for _, text := range sizes {
		w, d, ok := strings.Cut(text, "x")
		width, err1 := strconv.ParseUint(w, 10, 31)
		depth, err2 := strconv.ParseUint(d, 10, 31)
		if !ok || err1 != nil || err2 != nil {
			return nil, cli.Errorf(cli.Usage, "--size", "%.40q is no size", text).WithHint("width x depth, such as 8x16")
		}
		s, err := zoo.NewOf(mix, int(width), int(depth), zoo.Shots, zoo.RatioPPM, stats.Policy(policy.Record))
		if err != nil {
			return nil, cli.Errorf(cli.Usage, "--size", "%s: %w", text, err)
		}
		if s.Plan.Insufficient() {
			return nil, cli.Errorf(cli.Usage, "--size", "%s: %d traps are too few for a verdict under %s, %d are needed", text, s.Plan.Traps, policy.Name, s.Plan.TMin).
				WithHint("a shallower or narrower size")
		}
		out = append(out, s)
	}
	return out, nil
}

// judgePolicy reads --policy, where exact and ref are short for version 1.
func (e *program) judgePolicy(name string) (*job.TrapPolicy, error) {
	if name == "exact" || name == "ref" {
		name += "@1"
	}
	p, err := e.trapPolicy(name, nil, false)
	if err != nil {
		var coded *cli.Error
		if errors.As(err, &coded) {
			coded.Field = "--policy"
		}
		return nil, err
	}
	return p, nil
}
