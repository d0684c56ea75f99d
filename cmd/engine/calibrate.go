package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/animicaorg/engine/traps/zoo"
)

type calibrateFlags struct {
	backend string
	sizes   []string
	shots   uint64
	rounds  int
	policy  string
	name    string
	out     string
	threads int
	runtime bool
}

// calibrateAnswer is the JSON answer of "engine calibrate".
type calibrateAnswer struct {
	Backend    string             `json:"backend"`
	Against    string             `json:"against"` // policy whose rates are scaled and compared with
	Multiple   float64            `json:"multiple"`
	Policy     json.RawMessage    `json:"policy"` // the trap policy that follows
	Rows       []calibrateRow     `json:"rows"`
	Drift      bool               `json:"drift"`       // the device passes less often than --policy expects
	FirstAlarm int                `json:"first_alarm"` // round, from 0; -1: none
	Rounds     []calibrateRoundOf `json:"rounds"`
}

// calibrateRow is one size over all rounds.
type calibrateRow struct {
	Size     string  `json:"size"`
	N1       uint64  `json:"n1"`
	N2       uint64  `json:"n2"`
	Passed   uint64  `json:"passed"`
	Slots    uint64  `json:"slots"`
	Rate     float64 `json:"rate"`
	Lower    float64 `json:"lower"`    // one-sided 99 % bound
	Expected float64 `json:"expected"` // no error at all, under --policy
	TailLog  float64 `json:"tail_log10"`
	Multiple float64 `json:"multiple"` // of the policy's rates that explains the bound
}

// calibrateRoundOf is the watch over rounds.
type calibrateRoundOf struct {
	Round    int     `json:"round"`
	Rate     float64 `json:"rate"`
	Evidence float64 `json:"evidence"` // nats against --policy since the best round
	Alarm    bool    `json:"alarm"`
}

func (e *program) calibrateVerb() *cobra.Command {
	f := &calibrateFlags{}
	c := &cobra.Command{
		Use: "calibrate", Short: "Measure a backend with mirror circuits and derive its trap policy",
		Long: `Run mirror circuits, whose answers are known, on a backend and derive the error
rates that a trap policy may assume of this class of device: those of --policy,
times the smallest multiple that explains every size's pass rate (its one-sided
99 % bound). The rate expected of an honest device is then never above what the
class was measured at.

drift is true where the backend passes less often than --policy expects, by an
exact left tail of one in a million, or by the evidence collected over the rounds
(a false alarm in 10,000 rounds). --policy may be the result of an earlier
calibration.

--runtime measures the machine instead: jobs of the guide's circuit from plan to
verdict, in units (width x depth x shots / 8192) a second, and the --capacity of
engine provider start under which the guide's job still ends within its latency. The
figure is kept in the data directory and compared with the one before.`,
		Example: `  engine calibrate --backend cheat:honest --out class.json
  engine calibrate --policy class.json --rounds 20
  engine calibrate --runtime`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !f.runtime {
				return e.runCalibrate(cmd.Context(), f)
			}
			for _, other := range []string{"shots", "policy", "name", "out"} {
				if cmd.Flags().Changed(other) {
					return cli.Errorf(cli.Usage, "--"+other, "does not go with --runtime")
				}
			}
			if f.rounds < 1 || f.rounds > maxCalibrateRounds {
				return cli.Errorf(cli.Usage, "--rounds", "%d, allowed are 1..%d", f.rounds, maxCalibrateRounds)
			}
			sizes := runtimeSizes
			if cmd.Flags().Changed("size") {
				sizes = f.sizes
			}
			if len(sizes) < 1 || len(sizes) > maxZooSizes {
				return cli.Errorf(cli.Usage, "--size", "%d sizes, allowed are 1..%d", len(sizes), maxZooSizes)
			}
			return e.runRuntime(cmd.Context(), f, sizes)
		},
	}
	p := c.Flags()
	p.StringVar(&f.backend, "backend", "simulator", "`NAME` of what runs the shots: "+backendNames)
	p.StringSliceVar(&f.sizes, "size", []string{"2x8", "4x16", "8x16"}, "`WxD,…`: width and depth of the mirror circuits; WxDxSHOTS with --runtime")
	p.Uint64Var(&f.shots, "shots", 2000, "`N` slots per size and round, all of them mirror circuits")
	p.IntVar(&f.rounds, "rounds", 3, "`N` rounds")
	p.StringVar(&f.policy, "policy", "ref@1", "`NAME` of an embedded trap policy (exact, ref) or a policy file: its rates are scaled and compared with")
	p.StringVar(&f.name, "name", "class@1", "name of the policy that is derived")
	p.StringVar(&f.out, "out", "", "`FILE` for the policy")
	p.IntVar(&f.threads, "threads", 0, "0 is one per CPU")
	p.BoolVar(&f.runtime, "runtime", false, "measure units a second, and what capacity that is")
	return c
}

// Limits of a calibration.
const (
	maxCalibrateRounds = 1000
	maxCalibrateWidth  = 24
	rateFloor          = 250_000_000 // ppb: calibration jobs are judged as if so noisy, so that none is stopped
)

func (e *program) runCalibrate(ctx context.Context, f *calibrateFlags) error {
	if f.rounds < 1 || f.rounds > maxCalibrateRounds {
		return cli.Errorf(cli.Usage, "--rounds", "%d, allowed are 1..%d", f.rounds, maxCalibrateRounds)
	}
	if f.shots < 64 || f.shots > 100_000 {
		return cli.Errorf(cli.Usage, "--shots", "%d, allowed are 64..100000", f.shots)
	}
	base, err := e.judgePolicy(f.policy)
	if err != nil {
		return err
	}
	rows, circuits, err := calibrateSizes(f, stats.Policy(base.Record))
	if err != nil {
		return err
	}
	a := &calibrateAnswer{Backend: f.backend, Against: base.Name, Rows: rows, FirstAlarm: -1}
	s, err := e.openSession(ctx, &runFlags{backend: f.backend, traps: "mirror", dryRun: true, threads: f.threads}, newStopwatch(time.Now), 0)
	if err != nil {
		return err
	}
	defer s.Close()
	watch := stats.NewCusum(10_000)
	for r := range f.rounds {
		round := calibrateRoundOf{Round: r}
		var passed, slots uint64
		for i := range a.Rows {
			k, n, err := s.mirrorJob(ctx, circuits[i], &a.Rows[i], f.shots, uint64(r)<<8|uint64(i), base)
			if err != nil {
				return err
			}
			a.Rows[i].Passed, a.Rows[i].Slots = a.Rows[i].Passed+k, a.Rows[i].Slots+n
			passed, slots = passed+k, slots+n
			round.Alarm = watch.Add(ppb(a.Rows[i].Expected), 0, k, n, 0, 0) || round.Alarm
		}
		now, _ := watch.Evidence()
		round.Rate, round.Evidence = float64(passed)/float64(slots), stats.EvidenceFloat(now)
		if round.Alarm && a.FirstAlarm < 0 {
			a.FirstAlarm = r
		}
		a.Rounds = append(a.Rounds, round)
	}
	return e.finishCalibrate(a, base, f)
}

func ppb(x float64) uint64 { return uint64(math.Round(x * stats.Ppb)) }

// calibrateSizes builds the mirror circuits.
func calibrateSizes(f *calibrateFlags, pol stats.Policy) (rows []calibrateRow, out []*circuit.Circuit, err error) {
	if len(f.sizes) < 1 || len(f.sizes) > maxZooSizes {
		return nil, nil, cli.Errorf(cli.Usage, "--size", "%d sizes, allowed are 1..%d", len(f.sizes), maxZooSizes)
	}
	mix, err := traps.MixOf("mirror", "1.0.0")
	if err != nil {
		return nil, nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	for _, size := range f.sizes {
		w, d, ok := strings.Cut(size, "x")
		width, err1 := strconv.ParseUint(w, 10, 31)
		depth, err2 := strconv.ParseUint(d, 10, 31)
		if !ok || err1 != nil || err2 != nil || width < 2 || width > maxCalibrateWidth || depth < 8 || depth > 4000 {
			return nil, nil, cli.Errorf(cli.Usage, "--size", "%.40q is no size of a mirror circuit", size).WithHint("width x depth, width 2..%d, depth 8..4000, such as 8x16", maxCalibrateWidth)
		}
		s, err := zoo.NewOf(mix, int(width), int(depth), f.shots, stats.Million, pol)
		if err != nil {
			return nil, nil, cli.Errorf(cli.Usage, "--size", "%s: %w", size, err)
		}
		c, err := mirrorCircuit(&s.Plan.Skeleton)
		if err != nil {
			return nil, nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		rows = append(rows, calibrateRow{Size: size, N1: s.Plan.N1, N2: s.Plan.N2, Expected: float64(s.Plan.PA) / stats.Ppb})
		out = append(out, c)
	}
	return rows, out, nil
}

// mirrorCircuit writes a circuit with a skeleton; its one-qubit gates only keep
// compilers from merging layers.
func mirrorCircuit(s *circuit.Skeleton) (*circuit.Circuit, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[%d] q;\n", s.Width)
	for j := 0; ; j++ {
		for q := range s.Width {
			fmt.Fprintf(&b, "U(%g, 0.25, 0.125) q[%d];\n", 0.5+float64(j%7)/16, q)
		}
		if j == len(s.Layers) {
			break
		}
		for _, p := range s.Layers[j] {
			fmt.Fprintf(&b, "cz q[%d], q[%d];\n", p.A, p.B)
		}
	}
	c, _, err := circuit.Parse(circuit.Format(job.FormatOpenQASM3), []byte(b.String()), circuit.Options{})
	return c, err
}

// mirrorJob runs one job of nothing but mirror circuits.
func (s *session) mirrorJob(ctx context.Context, c *circuit.Circuit, row *calibrateRow, shots, number uint64, base *job.TrapPolicy) (passed, slots uint64, err error) {
	policy, err := lenient(row, c, base)
	if err != nil {
		return 0, 0, err
	}
	h, err := policy.Hash()
	if err != nil {
		return 0, 0, cli.Errorf(cli.Internal, "", "%w", err)
	}
	id := digest.SumParts([]byte("engine calibrate"), binary.BigEndian.AppendUint64(nil, number))
	j := &job.Job{JobID: id, Kind: job.KindQuantum, Spec: job.Spec{CircuitID: "mirror", Width: uint64(c.Width()), Depth: uint64(c.Depth()), Shots: shots,
		TrapRatioPPM: stats.Million, TrapMode: job.TrapModeProcess, TrapFamily: "mirror@1", Seed: id}}
	lease, err := job.Local(j, h)
	if err != nil {
		return 0, 0, cli.Errorf(cli.Internal, "", "%w", err)
	}
	plan, err := s.engine.Plan(ctx, engine.Task{Lease: lease, Circuit: c, Policy: policy})
	if err != nil {
		return 0, 0, runError(err)
	}
	row.N1, row.N2 = plan.Trap.N1, plan.Trap.N2
	out, err := s.engine.Run(ctx, plan)
	if err != nil {
		return 0, 0, runError(err)
	}
	return out.Verdict.KA, out.Verdict.NA, nil
}

// lenient is a policy under which the size passes a quarter of the time, so that
// a bad device is measured to the end.
func lenient(row *calibrateRow, c *circuit.Circuit, base *job.TrapPolicy) (*job.TrapPolicy, error) {
	k := multipleFor(row.N1, row.N2, uint64(c.Width()), base, rateFloor)
	doc, err := scaledPolicy(base, k, "calibration")
	if err != nil {
		return nil, err
	}
	p, err := job.ParseTrapPolicy(doc)
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	return p, nil
}

// multipleFor is the smallest multiple of the rates, in thousandths, at which a
// device without one error is no more likely than rate ppb.
func multipleFor(n1, n2, w uint64, base *job.TrapPolicy, rate uint64) uint64 {
	lo, hi := uint64(0), uint64(1_000_000_000)
	for lo < hi {
		mid := (lo + hi) / 2
		if stats.NoError(n1, n2, w, times(base, mid)) <= rate {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// times is the policy with all rates times k thousandths.
func times(base *job.TrapPolicy, k uint64) stats.Policy {
	p := stats.Policy(base.Record)
	scale := func(v uint64) uint64 { return min((v*min(k, 1_000_000_000)+999)/1000, stats.Ppb/2) }
	p.P1, p.P2, p.RO = scale(p.P1), scale(p.P2), scale(p.RO)
	return p
}

// scaledPolicy is the policy document with all rates times k thousandths.
func scaledPolicy(base *job.TrapPolicy, k uint64, name string) ([]byte, error) {
	p := times(base, k)
	b, err := json.MarshalIndent(struct {
		Policy string `json:"policy"`
		P1     uint64 `json:"p1_ppb"`
		P2     uint64 `json:"p2_ppb"`
		RO     uint64 `json:"readout_ppb"`
		AlphaE uint64 `json:"alpha_eprocess_ppb"`
		AlphaA uint64 `json:"alpha_a_ppb"`
		AlphaB uint64 `json:"alpha_b_ppb"`
		TA     uint64 `json:"t_min_alpha_ppb"`
		TB     uint64 `json:"t_min_beta_ppb"`
	}{name, p.P1, p.P2, p.RO, p.AlphaE, p.AlphaA, p.AlphaB, p.TMinAlpha, p.TMinBeta}, "", "  ")
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	return append(b, '\n'), nil
}

// finishCalibrate derives the policy and prints.
func (e *program) finishCalibrate(a *calibrateAnswer, base *job.TrapPolicy, f *calibrateFlags) error {
	worst := uint64(1)
	for i := range a.Rows {
		r := &a.Rows[i]
		w, _, _ := strings.Cut(r.Size, "x")
		width, _ := strconv.ParseUint(w, 10, 31) // calibrateSizes has read it
		lower := stats.LowerBound(r.Passed, r.Slots, 10_000_000)
		k := multipleFor(r.N1, r.N2, width, base, lower)
		worst = max(worst, k)
		r.Rate, r.Lower, r.Multiple = float64(r.Passed)/float64(r.Slots), float64(lower)/stats.Ppb, float64(k)/1000
		r.TailLog = max(stats.LeftTail(r.Passed, r.Slots, ppb(r.Expected)).Log10(), -1e6)
		a.Drift = a.Drift || r.TailLog <= -6
	}
	a.Drift = a.Drift || a.FirstAlarm >= 0
	a.Multiple = float64(worst) / 1000
	doc, err := scaledPolicy(base, worst, f.name)
	if err != nil {
		return err
	}
	if _, err := job.ParseTrapPolicy(doc); err != nil {
		return cli.Errorf(cli.Usage, "--name", "%w", err)
	}
	a.Policy = doc
	if f.out != "" {
		if err := e.WriteOutput(f.out, doc, 0o644); err != nil {
			return err
		}
		e.Say("wrote %s", f.out)
	}
	return e.Print(a, a.words)
}

func (a *calibrateAnswer) words(w io.Writer) {
	fmt.Fprintf(w, "backend    %s, against policy %s\n\n%-8s %-16s %-9s %-9s %-9s %-10s %s\n", a.Backend, a.Against, "size", "passed", "rate", "at least", "expected", "tail", "multiple")
	for _, r := range a.Rows {
		fmt.Fprintf(w, "%-8s %-16s %-9.6f %-9.6f %-9.6f %-10s %.3f\n", r.Size, fmt.Sprintf("%d of %d", r.Passed, r.Slots), r.Rate, r.Lower, r.Expected, fmt.Sprintf("1e%.1f", r.TailLog), r.Multiple)
	}
	fmt.Fprintln(w)
	for _, r := range a.Rounds {
		alarm := ""
		if r.Alarm {
			alarm = "  alarm"
		}
		fmt.Fprintf(w, "round %-4d rate %.6f, evidence of drift %.2f nats%s\n", r.Round, r.Rate, r.Evidence, alarm)
	}
	fmt.Fprintf(w, "\npolicy     %.3f times %s; drift %v\n%s", a.Multiple, a.Against, a.Drift, a.Policy)
}
