package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/plot"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/stats"
)

// topCounts is how many outcomes an answer lists.
const topCounts = 64

// runAnswer is the JSON answer of "engine run" and "engine proof build".
type runAnswer struct {
	Status         string            `json:"status"` // completed, aborted, failed
	JobID          digest.Digest     `json:"job_id"`
	Backend        string            `json:"backend"`
	Shots          uint64            `json:"shots"`
	Width          uint64            `json:"width"`
	Depth          uint64            `json:"depth"`
	TrapTier       string            `json:"trap_tier"` // who held the secret of the traps
	TrapPass       uint64            `json:"trap_pass"`
	TrapFail       uint64            `json:"trap_fail"`
	TrapReport     trapReport        `json:"trap_report"`
	HistDigest     digest.Digest     `json:"hist_digest"`
	TargetShots    uint64            `json:"target_shots"`
	Counts         map[string]uint64 `json:"counts"` // the 64 most frequent
	Outcomes       int               `json:"outcomes"`
	Answer         *knownAnswer      `json:"answer,omitempty"` // of circuits whose answer is known
	CircuitHash    digest.Digest     `json:"circuit_hash"`
	CompiledHash   digest.Digest     `json:"compiled_circuit_hash"`
	Modules        []moduleRow       `json:"modules"`
	Governance     *engine.Authority `json:"governance,omitempty"` // under which the modules ran
	Meter          string            `json:"meter"`                // rules of fuel and of the metered hashes
	Digests        runDigests        `json:"digests"`
	Nullifier      digest.Digest     `json:"nullifier"`
	ProviderID     digest.Digest     `json:"provider_id"`
	NumericVersion string            `json:"numeric_version"`
	Proof          string            `json:"proof"`
	Bundle         string            `json:"bundle"`
	Plot           string            `json:"plot,omitempty"`
	Dev            bool              `json:"dev"`
	Timings        timings           `json:"timings_ms"`
	Error          *cli.Body         `json:"error,omitempty"`
}

type runDigests struct {
	J digest.Digest `json:"J"`
	M digest.Digest `json:"M"`
	D digest.Digest `json:"D"`
	X digest.Digest `json:"X"`
	G digest.Digest `json:"G"`
	R digest.Digest `json:"R"`
}

type moduleRow struct {
	Slot    string        `json:"slot"`
	Name    string        `json:"name"`
	Version string        `json:"version"`
	SHA3    digest.Digest `json:"sha3_256"`
	Metered digest.Digest `json:"metered_sha3_256"`
	Load    uint64        `json:"load_fuel"` // of making its instance
	Calls   []moduleCalls `json:"calls"`     // so far
}

// moduleCalls is what the calls of one export cost, in units of meter.
type moduleCalls struct {
	Export string `json:"export"`
	Calls  uint64 `json:"calls"`
	Fuel   uint64 `json:"fuel"`
}

// trapReport is the module's verdict for people and scripts. The bytes that
// trap_report_hash covers are in the bundle.
type trapReport struct {
	T         uint64  `json:"T"`
	KA        uint64  `json:"kA"`
	NA        uint64  `json:"nA"`
	KB        uint64  `json:"kB"`
	NB        uint64  `json:"nB"`
	PValueA   float64 `json:"p_value_a"` // exact left tails
	PValueB   float64 `json:"p_value_b"`
	PValue    float64 `json:"p_value"` // the two combined after Tippett
	Eps95     float64 `json:"eps95"`   // 1: says nothing
	Hidden95  float64 `json:"eps95_hidden"`
	Vacuous   bool    `json:"eps95_vacuous"`
	TMin      uint64  `json:"t_min"`
	Missing   uint64  `json:"missing"`
	Verdict   string  `json:"verdict"`
	Reasons   string  `json:"reasons,omitempty"`
	FirstBad  *uint64 `json:"first_bad_window,omitempty"`
	Evidence  float64 `json:"evidence_nats"`
	PassRateA float64 `json:"honest_pass_rate_a"`
	PassRateB float64 `json:"honest_pass_rate_b"`
}

// decisions are the words of guest.Decision.
var decisions = map[guest.Decision]string{guest.DecisionPass: "pass", guest.DecisionFail: "fail", guest.DecisionInsufficient: "insufficient", guest.DecisionPending: "pending"}

func reportOf(v *guest.Verdict) trapReport {
	ppb := func(p uint64) float64 { return float64(p) / stats.Ppb }
	r := trapReport{T: v.Traps, KA: v.KA, NA: v.NA, KB: v.KB, NB: v.NB, PValueA: pValue(v.KA, v.NA, v.PA), PValueB: pValue(v.KB, v.NB, v.PB),
		Eps95: ppb(v.EpsMarkov), Hidden95: ppb(v.EpsHidden), Vacuous: v.EpsMarkov >= stats.Ppb, TMin: v.TMin, Missing: v.Missing,
		Verdict: decisions[v.Decision], Reasons: reasons(v.Reasons), Evidence: stats.EvidenceFloat(v.MaxGlobal), PassRateA: ppb(v.PA), PassRateB: ppb(v.PB)}
	r.PValue = stats.Tippett(r.PValueA, r.PValueB)
	if v.FirstBad != guest.NoWindow {
		w := v.FirstBad
		r.FirstBad = &w
	}
	return r
}

// pValue is the exact left tail P[Bin(n,p) <= k], 1 without traps. Of a whole run
// it is the report's own; of an aborted run, which has no final test, it is about
// the traps that were judged.
func pValue(k, n, p uint64) float64 {
	if n == 0 {
		return 1
	}
	return stats.LeftTail(k, n, p).Float()
}

func reasons(bits uint64) string {
	var out []string
	for _, r := range []struct {
		bit  uint64
		word string
	}{{guest.ReasonEProcess, "evidence crossed its bound"}, {guest.ReasonFinalA, "too few traps of kind A passed"},
		{guest.ReasonFinalB, "too few traps of kind B passed"}, {guest.ReasonMissing, "outcomes are missing"}} {
		if bits&r.bit != 0 {
			out = append(out, r.word)
		}
	}
	return strings.Join(out, "; ")
}

// statusWords are the words of Outcome.Status.
var statusWords = map[uint64]string{engine.StatusCompleted: "completed", engine.StatusAborted: "aborted", engine.StatusFailed: "failed"}

func answerOf(p *engine.Plan, o *engine.Outcome, s *session) *runAnswer {
	return &runAnswer{Answer: answerFor(&p.Task.Lease.Job.Spec, o.Hist, o.TargetShots), Status: statusWords[o.Status], JobID: p.Task.Lease.JobID, Backend: s.backend, Shots: p.Trap.Shots, Width: p.Width, Depth: p.Depth,
		TrapTier: s.tier(), TrapPass: o.Verdict.TrapPass, TrapFail: o.Verdict.TrapFail, TrapReport: reportOf(o.Verdict), HistDigest: o.G, TargetShots: o.TargetShots,
		Counts: countsOf(o.Hist, topCounts), Outcomes: len(o.Hist.Bins), CircuitHash: p.CircuitHash, CompiledHash: p.CompiledHash,
		Modules: moduleRows(p.Modules, s.guests), Meter: meter.ID, Digests: runDigests{p.J, p.M, p.D, p.X, o.G, o.R}, Nullifier: o.N}
}

// knownAnswer is the answer of qft_small or grover_demo and how often it came.
type knownAnswer struct {
	Bits  string  `json:"bits"`
	Count uint64  `json:"count"` // of target_shots
	Share float64 `json:"share"`
	Ideal float64 `json:"ideal"` // chance on a device without errors
}

// answerFor looks the answer of a named circuit up; nil where none is known.
func answerFor(s *job.Spec, h *transcript.Hist, shots uint64) *knownAnswer {
	y, ok := circuit.Answer(s.CircuitID, int(s.Width), s.Seed)
	if !ok || h.Width != s.Width || shots == 0 {
		return nil
	}
	a := &knownAnswer{Bits: fmt.Sprintf("%0*b", s.Width, y), Ideal: 1}
	if s.CircuitID == "grover_demo" {
		a.Ideal = groverChance(int(s.Width))
	}
	for _, b := range h.Bins {
		if bitString(b.Key, h.Width) == a.Bits {
			a.Count = b.Count
		}
	}
	a.Share = float64(a.Count) / float64(shots)
	return a
}

// groverChance is sin²((2k+1)·asin(2^(-n/2))) for k = floor(π/4·√(2^n))
// iterations.
func groverChance(n int) float64 {
	size := math.Sqrt(math.Ldexp(1, n))
	s := math.Sin((2*math.Floor(math.Pi/4*size) + 1) * math.Asin(1/size))
	return s * s
}

// chart draws the counts; outcomes that the answer does not list are summed up.
func (a *runAnswer) chart(limit int) *plot.Chart {
	c := chartOf(fmt.Sprintf("Outcomes of %d target shots", a.TargetShots), fmt.Sprintf("job %.16s, %d qubits, depth %d", a.JobID, a.Width, a.Depth), a.Counts, limit)
	c.OmittedBars += a.Outcomes - len(a.Counts)
	c.OmittedValue += a.TargetShots - c.Total
	c.Total = a.TargetShots
	return c
}

func moduleRows(set transcript.ModuleSet, g *engine.Guests) []moduleRow {
	out := make([]moduleRow, len(set))
	for i, m := range set {
		out[i] = moduleRow{Slot: m.Slot, Name: m.Name, Version: m.Version, SHA3: m.SHA3}
		for _, use := range g.Use() {
			if use.Slot != m.Slot {
				continue
			}
			out[i].Metered, out[i].Load = use.Metered, use.Load
			for _, c := range use.Calls {
				out[i].Calls = append(out[i].Calls, moduleCalls{c.Export, c.Calls, c.Fuel})
			}
		}
	}
	return out
}

// verdictError is the error of a run whose traps did not pass; nil otherwise.
func verdictError(a *runAnswer) *cli.Error {
	r := &a.TrapReport
	switch r.Verdict {
	case "pass":
		return nil
	case "insufficient":
		return cli.Errorf(cli.TrapMismatch, "spec.trap_ratio", "%d traps are too few for a verdict, %d are needed", r.T, r.TMin).Named("TrapInsufficient").
			WithHint("a trap_ratio of at least %s, or more shots", ratioFor(r.TMin, a.Shots))
	}
	return cli.Errorf(cli.TrapMismatch, "", "the traps did not pass: %s; kind A %d of %d, kind B %d of %d", r.Reasons, r.KA, r.NA, r.KB, r.NB).
		WithHint("check that the trap library is the network's, that the seed is the lease's, and the device")
}

// ratioFor is the smallest ratio with so many traps, as a job writes it.
func ratioFor(traps, shots uint64) string {
	if shots == 0 || traps > shots {
		return fmt.Sprintf("1 at %d shots", traps)
	}
	ppm := (traps*1_000_000 + shots - 1) / shots
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", ppm/1_000_000, ppm%1_000_000), "0"), ".")
}
