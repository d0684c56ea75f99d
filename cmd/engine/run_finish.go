package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs"
)

// finishRun proves an outcome, writes the output directory and prints the answer.
func (e *program) finishRun(ctx context.Context, s *session, p *engine.Plan, o *engine.Outcome, f *runFlags) error {
	s.clock.enter(stageProve)
	if err := e.mayFinish(s); err != nil {
		return err
	}
	dir := f.out
	b, err := e.prove(ctx, s, p, o)
	if err != nil {
		return err
	}
	if err := b.WriteDir(dir); err != nil {
		return cli.Errorf(cli.Usage, "--out", "%w", err)
	}
	a := answerOf(p, o, s)
	a.ProviderID, a.NumericVersion, a.Dev = s.held.ProviderID, s.numeric, s.dev
	a.Governance = s.governed
	a.Proof, a.Bundle = filepath.Join(dir, "proof.json"), dir
	if f.proofFile != "" {
		if err := e.WriteOutput(f.proofFile, b.Proof, 0o644); err != nil {
			return err
		}
		a.Proof = f.proofFile
	}
	if err := e.plotRun(a, dir, f.plot.Value); err != nil {
		return err
	}
	a.Timings = s.clock.timings(o.Judge)
	s.progress.Close()
	return e.printRun(a, f)
}

// prove builds, signs and bundles the proof.
func (e *program) prove(ctx context.Context, s *session, p *engine.Plan, o *engine.Outcome) (*proofs.Bundle, error) {
	r := agent.Run{Plan: p, Outcome: o, Statement: s.held.Statement, TrapTier: s.tier(), Version: s.version, Use: s.guests.Use(),
		Attest: s.attestation(), RunnerMeasurement: s.measurement(), Dev: s.dev}
	if s.governed != nil {
		r.GovernanceSet = s.governed.Set
	}
	proof, err := proofs.Build(r.Claim())
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	if s.skew != nil {
		if err := s.skew.Check(); err != nil {
			return nil, cli.Errorf(cli.BadConfig, "", "the proof is not signed: %w", err).Named("ClockSkew").WithHint("set the clock by NTP; the job is given back")
		}
	}
	if err := proof.Sign(ctx, s.held.Operational, uint64(time.Now().Unix())); err != nil {
		return nil, keyError(err)
	}
	b, err := r.Bundle(proof, s.journal.lines(), s.modules)
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	if t := s.journal.trail; t != nil {
		if err := t.prove(ctx, proof, b); err != nil {
			return nil, auditError(err)
		}
	}
	return b, nil
}

// plotRun draws the counts into the output directory.
func (e *program) plotRun(a *runAnswer, dir, kind string) error {
	if kind == "term" || kind == "none" {
		return nil
	}
	b, err := render(kind, a.chart(fileBars))
	if err != nil {
		return err
	}
	a.Plot = filepath.Join(dir, "plot."+kind)
	return e.WriteOutput(a.Plot, b, 0o644)
}

// recorder is a journal that also keeps what it was given for the bundle.
type recorder struct {
	to    engine.Journal // nil: nothing is kept on disk
	trail *trail         // nil: no audit log
	// blind keeps the frame of J, which has the seed, from the disk: of a sealed lease only
	// its bundle, when all is done, has it.
	blind bool
	buf   bytes.Buffer
}

// Append implements engine.Journal.
func (r *recorder) Append(ctx context.Context, rec engine.Record) error {
	if r.trail != nil {
		if err := r.trail.record(ctx, rec); err != nil {
			return err
		}
	}
	if r.to != nil {
		kept := rec
		if r.blind && rec.Kind == engine.RecordJob {
			kept.Frame, kept.Sealed = "", true
		}
		if err := r.to.Append(ctx, kept); err != nil {
			return err
		}
	}
	return json.NewEncoder(&r.buf).Encode(rec)
}

func (r *recorder) lines() []byte { return bytes.Clone(r.buf.Bytes()) }

// printRun prints the answer; a verdict that is not "pass" is printed in full
// with an error beside it.
func (e *program) printRun(a *runAnswer, f *runFlags) error {
	failed := verdictError(a)
	if failed != nil {
		a.Error = failed.Body()
	}
	if err := e.Print(a, func(w io.Writer) { e.writeRun(w, a, f) }); err != nil {
		return err
	}
	if failed == nil {
		return nil
	}
	failed.Printed = e.JSON
	return failed
}

func (e *program) writeRun(w io.Writer, a *runAnswer, f *runFlags) {
	r := &a.TrapReport
	fmt.Fprintf(w, "job         %s\nstatus      %s\nbackend     %s, %s\ncircuit     %d qubits, depth %d\nshots       %d, of them %d traps\n",
		a.JobID, a.Status, a.Backend, a.NumericVersion, a.Width, a.Depth, a.Shots, r.T)
	fmt.Fprintf(w, "traps       %s; A %d/%d, B %d/%d, p-value %.3g, eps95 %s\n", r.Verdict, r.KA, r.NA, r.KB, r.NB, r.PValue, r.eps())
	fmt.Fprintf(w, "certified   %d of %d shots\n", a.TrapPass, a.Shots)
	if k := a.Answer; k != nil {
		fmt.Fprintf(w, "answer      %s in %d of %d target shots (ideally %.6f)\n", k.Bits, k.Count, a.TargetShots, k.Ideal)
	}
	writeGovernance(w, a.Governance)
	if f.plot.Value == "term" && a.TargetShots > 0 {
		fmt.Fprintln(w)
		_, _ = w.Write(a.chart(termBars).Text(e.term()))
		fmt.Fprintln(w)
	}
	t := &a.Timings
	fmt.Fprintf(w, "hist_digest %s\nproof       %s\nbundle      %s\n", a.HistDigest, a.Proof, a.Bundle)
	if a.Plot != "" {
		fmt.Fprintf(w, "plot        %s\n", a.Plot)
	}
	fmt.Fprintf(w, "time        %.0f ms: plan %.0f, compile %.0f, traps %.0f, execute %.0f, judge %.0f, prove %.0f\n", t.Total, t.Plan, t.Compile, t.Traps, t.Execute, t.Judge, t.Prove)
	if a.Dev {
		fmt.Fprintln(w, "This is a development proof; networks refuse it.")
	}
}

// eps is the bound in words.
func (r *trapReport) eps() string {
	if r.Vacuous {
		return "vacuous"
	}
	return fmt.Sprintf("%.3g", r.Eps95)
}

// plannedJob is the JSON answer of a dry run.
type plannedJob struct {
	JobID        digest.Digest `json:"job_id"`
	Backend      string        `json:"backend"`
	Width        uint64        `json:"width"`
	Depth        uint64        `json:"depth"`
	Shots        uint64        `json:"shots"`
	TrapTier     string        `json:"trap_tier"`
	Traps        uint64        `json:"traps"`
	TMin         uint64        `json:"t_min"`
	Insufficient bool          `json:"insufficient"`
	Windows      int           `json:"windows"`
	Layers       int           `json:"layers"` // of CZ, compiled
	U3           int           `json:"u3"`
	CZ           int           `json:"cz"`
	Palette      int           `json:"palette"`
	Policy       string        `json:"trap_policy"`
	CircuitHash  digest.Digest `json:"circuit_hash"`
	CompiledHash digest.Digest `json:"compiled_circuit_hash"`
	TrapPlanHash digest.Digest `json:"trap_plan_hash"`
	Modules      []moduleRow   `json:"modules"`
	Digests      struct {
		J digest.Digest `json:"J"`
		M digest.Digest `json:"M"`
		D digest.Digest `json:"D"`
		X digest.Digest `json:"X"`
	} `json:"digests"`
	Governance    *engine.Authority `json:"governance,omitempty"` // under which the modules run
	ProviderID    digest.Digest     `json:"provider_id"`
	EngineVersion string            `json:"engine_version"`
	Dev           bool              `json:"dev"`
	SmallestFaked []powerLevel      `json:"smallest_faked"` // fraction of invented slots that the traps find out
}

func (e *program) printPlan(s *session, p *engine.Plan) error {
	t := p.Trap
	a := plannedJob{JobID: p.Task.Lease.JobID, Backend: s.backend, Width: p.Width, Depth: p.Depth, Shots: t.Shots, TrapTier: s.tier(), Traps: t.Traps, TMin: t.TMin,
		Insufficient: t.Insufficient(), Windows: len(t.WindowTraps), Layers: len(t.Skeleton.Layers), U3: t.Skeleton.Locations(), CZ: t.Skeleton.NumCZ(),
		Palette: len(t.Palette), Policy: p.Task.Policy.Name, CircuitHash: p.CircuitHash, CompiledHash: p.CompiledHash, TrapPlanHash: p.TrapPlanHash,
		Modules: moduleRows(p.Modules, s.guests), ProviderID: s.held.ProviderID, EngineVersion: s.version, Dev: s.dev, SmallestFaked: smallestFaked(t)}
	a.Governance = s.governed
	a.Digests.J, a.Digests.M, a.Digests.D, a.Digests.X = p.J, p.M, p.D, p.X
	s.progress.Close()
	if a.Insufficient {
		e.Warn("%d traps are too few for a verdict, %d are needed: trap_ratio %s", a.Traps, a.TMin, ratioFor(a.TMin, a.Shots))
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "job         %s\nbackend     %s\ncircuit     %d qubits, depth %d; compiled %d u3, %d CZ in %d layers\nshots       %d in %d windows, of them %d traps (at least %d), policy %s\n",
			a.JobID, a.Backend, a.Width, a.Depth, a.U3, a.CZ, a.Layers, a.Shots, a.Windows, a.Traps, a.TMin, a.Policy)
		for _, m := range a.Modules {
			fmt.Fprintf(w, "module      %s = %s %s %s\n", m.Slot, m.Name, m.Version, m.SHA3)
		}
		writeGovernance(w, a.Governance)
		fmt.Fprintln(w, powerSentence(t))
		fmt.Fprintf(w, "J           %s\nX           %s\nNothing was executed. The provider %s would sign the proof.\n", a.Digests.J, a.Digests.X, a.ProviderID)
	})
}
