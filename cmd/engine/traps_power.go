package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/plot"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/animicaorg/engine/traps/zoo"
)

type powerFlags struct {
	width, depth int
	shots        uint64
	ratio        string
	policy       string
	family       string
	plot         plotFlags
}

// powerAnswer is the JSON answer of "engine traps power".
type powerAnswer struct {
	Width        int          `json:"width"`
	Depth        int          `json:"depth"`
	Shots        uint64       `json:"shots"`
	TrapRatio    float64      `json:"trap_ratio"`
	Policy       string       `json:"policy"`
	Family       string       `json:"family"`
	N1           uint64       `json:"n1"` // u3 locations
	N2           uint64       `json:"n2"` // CZ
	T            uint64       `json:"T"`
	NA           uint64       `json:"nA"`
	NB           uint64       `json:"nB"`
	TMin         uint64       `json:"t_min"`
	Insufficient bool         `json:"insufficient"`
	PassRateA    float64      `json:"honest_pass_rate_a"`
	PassRateB    float64      `json:"honest_pass_rate_b"`
	Exact        *float64     `json:"exact_pass_rate"` // of the family's one kind; null where only the floor is known
	AcceptA      uint64       `json:"accept_a"`        // fewer passes are a failed final test
	AcceptB      uint64       `json:"accept_b"`
	Smallest     []powerLevel `json:"smallest"`
	Curve        []powerPoint `json:"curve"`
	Sentence     string       `json:"sentence"`
	Noise        []powerNoise `json:"noise"` // how a noisier device passes
}

// powerNoise is the honest pass rate of each kind at a multiple of the policy's
// noise, and the chance that the final tests find such a device out.
type powerNoise struct {
	Multiple  uint64  `json:"multiple"`
	PassRateA float64 `json:"pass_rate_a"`
	PassRateB float64 `json:"pass_rate_b"`
}

// powerLevel is the smallest fraction of invented slots that is found out with a
// chance; null where not even a job without an honest slot is.
type powerLevel struct {
	FoundOut float64  `json:"found_out"`
	Fraction *float64 `json:"fraction"`
}

// powerPoint is the chance, at least, that a fraction is found out.
type powerPoint struct {
	Fraction float64 `json:"fraction"`
	FoundOut float64 `json:"found_out"`
}

func (e *program) trapsPower() *cobra.Command {
	f := &powerFlags{}
	c := &cobra.Command{
		Use: "power", Short: "Say how much cheating a width, depth, shots and ratio find out",
		Long: `Say which fraction of invented slots the traps of a job find out with a chance of
50 %, 99 % and 1-1e-6, before anything is bought. The job is the brickwork circuit
animica.quantum.trapset.v1; the maker of the outcomes is as noisy as the policy
expects and invents slots without knowing which are traps.

The chances are those of the exact final tests of one job; the evidence that is
weighed during the run finds out a little more, and evidence adds up over jobs. A
device that compares slots can tell traps from targets: against it traps say
nothing, whatever the ratio (docs/traps.md).`,
		Example: `  engine traps power --width 20 --depth 120 --shots 4096 --ratio 0.1 --policy ref
  engine traps power --width 8 --depth 16 --ratio 0.2 --plot svg --out power.svg
  engine traps power --family iqp --width 8 --depth 16 --policy ref`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.plot.changed = cmd.Flags().Changed("plot")
			return e.runPower(f)
		},
	}
	p := c.Flags()
	p.IntVar(&f.width, "width", 20, "qubits")
	p.IntVar(&f.depth, "depth", 120, "layers of one-qubit gates and CZ in turn")
	p.Uint64Var(&f.shots, "shots", 4096, "`N` slots, traps included")
	p.StringVar(&f.ratio, "ratio", "0.1", "share of trap slots, at most six decimals")
	p.StringVar(&f.family, "family", "accredit", "`NAME` of a shipped trap library; for mirror the second half of the CZ layers mirrors the first")
	p.StringVar(&f.policy, "policy", "exact@1", "`NAME` of an embedded trap policy (exact, ref) or a policy file")
	f.plot.add(p)
	return c
}

func (e *program) runPower(f *powerFlags) error {
	if err := f.plot.check(e); err != nil {
		return err
	}
	ppm, err := transcript.ParseRatio(f.ratio)
	if err != nil {
		return cli.Errorf(cli.Usage, "--ratio", "%.40q is refused", f.ratio).WithHint("from 0 to 1 with at most six decimals")
	}
	if f.shots < 1 || f.shots > job.MaxShots {
		return cli.Errorf(cli.Usage, "--shots", "%d, allowed are 1..%d", f.shots, job.MaxShots)
	}
	policy, err := e.judgePolicy(f.policy)
	if err != nil {
		return err
	}
	mix, err := traps.MixOf(f.family, "1.0.0")
	if err != nil {
		return cli.Errorf(cli.Usage, "--family", "%.40q is not a shipped trap library", f.family).WithHint("%s", strings.Join(trapLibraries(), ", "))
	}
	s, err := zoo.NewOf(mix, f.width, f.depth, f.shots, ppm, stats.Policy(policy.Record))
	if err != nil {
		return cli.Errorf(cli.Usage, "--width", "%w", err)
	}
	a := powerOf(s.Plan)
	if x := s.Exact(); x > 0 {
		a.Exact = &x
	}
	a.Width, a.Depth, a.Policy, a.Family = f.width, f.depth, policy.Name, f.family
	if a.Noise, err = noisierDevices(s, mix); err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	return e.printPower(a, f)
}

func powerOf(p *guest.Plan) *powerAnswer {
	a := &powerAnswer{Shots: p.Shots, TrapRatio: float64(p.RatioPPM) / stats.Million, N1: p.N1, N2: p.N2, T: p.Traps, NA: p.NA, NB: p.NB, TMin: p.TMin,
		Insufficient: p.Insufficient(), PassRateA: float64(p.PA) / stats.Ppb, PassRateB: float64(p.PB) / stats.Ppb, AcceptA: p.CA, AcceptB: p.CB,
		Smallest: smallestFaked(p), Sentence: powerSentence(p)}
	for _, percent := range []uint64{1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100} {
		pt := powerPoint{Fraction: float64(percent) / 100}
		if !a.Insufficient {
			pt.FoundOut = 1 - zoo.Miss(p, percent*10_000).Float()
		}
		a.Curve = append(a.Curve, pt)
	}
	return a
}

// noisierDevices plans the job for devices with more noise than the policy's.
func noisierDevices(s *zoo.Setup, mix traps.Mix) (out []powerNoise, err error) {
	p := s.Plan
	for _, k := range []uint64{1, 2, 3, 5, 10} {
		pol := stats.Policy(p.Policy)
		pol.P1, pol.P2, pol.RO = min(k*pol.P1, stats.Ppb/2), min(k*pol.P2, stats.Ppb/2), min(k*pol.RO, stats.Ppb/2)
		n, err := zoo.NewOf(mix, s.Width, s.Depth, p.Shots, p.RatioPPM, pol)
		if err != nil {
			return nil, err
		}
		out = append(out, powerNoise{k, float64(n.Plan.PA) / stats.Ppb, float64(n.Plan.PB) / stats.Ppb})
	}
	return out, nil
}

// smallestFaked is the table of what a plan finds out.
func smallestFaked(p *guest.Plan) (out []powerLevel) {
	for _, miss := range zoo.Levels {
		l := powerLevel{FoundOut: 1 - miss}
		if ppm := zoo.Smallest(p, miss); ppm != zoo.None {
			v := float64(ppm) / stats.Million
			l.Fraction = &v
		}
		out = append(out, l)
	}
	return out
}

// powerSentence says in words what a plan cannot see.
func powerSentence(p *guest.Plan) string {
	if p.Insufficient() {
		return fmt.Sprintf("%d traps are too few for any verdict but insufficient.", p.Traps)
	}
	f := smallestFaked(p)
	if f[0].Fraction == nil {
		return "This ratio does not detect even a job without one honest slot in half of the cases."
	}
	s := fmt.Sprintf("This ratio cannot detect less than %.3g %% of invented slots in half of all jobs", 100**f[0].Fraction)
	if f[1].Fraction != nil {
		s += fmt.Sprintf("; from %.3g %% it detects 99 %% of the jobs", 100**f[1].Fraction)
	}
	return s + "."
}

func (e *program) printPower(a *powerAnswer, f *powerFlags) error {
	if f.plot.out != "" {
		b, err := render(f.plot.kind.Value, a.chart())
		if f.plot.kind.Value == "svg" {
			b = a.panels()
		}
		if err != nil {
			return err
		}
		if err := e.WriteOutput(f.plot.out, b, 0o644); err != nil {
			return err
		}
		if f.plot.out == "-" {
			return nil
		}
		e.Say("wrote %s", f.plot.out)
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "job          %d qubits, depth %d: %d u3, %d CZ; %d shots at trap ratio %g, policy %s\n", a.Width, a.Depth, a.N1, a.N2, a.Shots, a.TrapRatio, a.Policy)
		fmt.Fprintf(w, "traps        %s: %d, of them %d of kind A, %d of kind B; at least %d are needed", a.Family, a.T, a.NA, a.NB, a.TMin)
		if a.Insufficient {
			fmt.Fprint(w, ", so the verdict is insufficient")
		}
		fmt.Fprintf(w, "\nhonest       passes %.6f of kind A, %.6f of kind B\naccepted     from %d of kind A and %d of kind B on\n\n", a.PassRateA, a.PassRateB, a.AcceptA, a.AcceptB)
		if a.Exact != nil {
			fmt.Fprintf(w, "exactly      %.6f under independent errors; the limits are set for the floor above\n\n", *a.Exact)
		}
		fmt.Fprintln(w, "smallest fraction of faked slots found out")
		for _, l := range a.Smallest {
			text := "none"
			if l.Fraction != nil {
				text = fmt.Sprintf("%.4f %%", 100**l.Fraction)
			}
			fmt.Fprintf(w, "  with %-9s  %s\n", strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.4f", 100*l.FoundOut), "0"), ".")+" %", text)
		}
		if f.plot.kind.Value == "term" {
			fmt.Fprintln(w)
			_, _ = w.Write(a.chart().Text(e.term()))
		}
		fmt.Fprintf(w, "\n%s\n", a.Sentence)
	})
}

// chart draws the curve; a bar is the chance in parts per million.
func (a *powerAnswer) chart() *plot.Chart {
	c := &plot.Chart{Title: "Chance that one job is found out, by fraction of invented slots", Unit: "ppm", Total: stats.Million,
		Note: fmt.Sprintf("%d qubits, depth %d, %d shots, trap ratio %g, policy %s", a.Width, a.Depth, a.Shots, a.TrapRatio, a.Policy)}
	for _, p := range a.Curve {
		c.Bars = append(c.Bars, plot.Bar{Label: fmt.Sprintf("%3.0f %%", 100*p.Fraction), Value: uint64(p.FoundOut*stats.Million + .5)})
	}
	return c
}
