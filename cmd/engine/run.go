package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

type runFlags struct {
	out       string
	backend   string
	nats      natsFlags
	dryRun    bool
	plot      cli.Choice
	threads   int
	memory    cli.Size
	policy    string
	traps     string // name of the trap library; empty: that of the job
	modules   map[string]string
	height    *uint64 // block height that is now, as the operator says; nil: not said
	proofFile string  // a second copy of the proof; empty: none
	tee       teeFlags
	provider  digest.Digest       // X is computed for this provider; zero: the keys' own
	held      *keys.Held          // keys other than those of the data directory; their proofs are for development
	journal   *engine.FileJournal // shared by the jobs of a daemon; nil: opened for this run
	quiet     bool                // no bars
	meter     *agent.Meter        // counts the work of a daemon; nil: nobody does
	clock     *agent.Clock        // of a provider's daemon
}

func (e *program) runVerb() *cobra.Command {
	f := &runFlags{plot: plotChoice()}
	c := &cobra.Command{
		Use: "run JOB", Short: "Plan, execute, judge and prove one job",
		Long: `Run one job: compile its circuit, mix in traps, log the digests of all of it,
execute, let the trap library judge, and write a proof.

JOB is a JSON file with the job, or with a lease around it, or the batch.json that a
verifier made (engine traps plan): then raw outcomes are executed and committed, and
nothing is judged here. "-" is stdin.
spec.circuit may hold {"format":"openqasm3|openqasm2|json","source":"…"} or
{"format":…,"path":"…"} relative to JOB; without it spec.circuit_id names a
generator: animica.quantum.trapset.v1, ghz, qft_small, grover_demo.

Where a trust root is pinned (engine module pin) the modules are those that the
pulled set lets run at --height, after their self-test, and the proof names the
set; exit 52 where none may. Without one they are those of this build.

The output directory holds proof.json, the bundle that an offline verifier needs,
and the drawing. The first run makes development keys in the data directory. Each
step is in the audit log (engine audit) before it happens, and the bundle carries
the proof of it.

Exit 40: the traps did not pass, or were too few to say anything. The proof is
written all the same and says so.`,
		Example: `  engine run examples/jobs/guide.json --out qrun
  engine run job.json --dry-run
  engine run job.json --plot svg --json`,
		Args: cli.Args("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.runJob(cmd.Context(), args[0], f) },
	}
	p := c.Flags()
	p.StringVar(&f.out, "out", "", "output `DIR` (default qrun/JOB_ID)")
	p.StringVar(&f.backend, "backend", "simulator", "`NAME` of what runs the shots: "+backendNames)
	f.nats.add(p, "nats")
	p.BoolVar(&f.dryRun, "dry-run", false, "plan only: print what would be executed and signed, and log nothing")
	p.Var(&f.plot, "plot", "how to draw the counts; svg, html and png become plot.* in the output directory")
	addLimits(p, &f.threads, &f.memory)
	p.StringVar(&f.policy, "trap-policy", "exact@1", "`NAME` of an embedded trap policy (exact@1, ref@1) or a policy file; a lease names its own by hash")
	p.StringVar(&f.traps, "traps", "", "`NAME` of a shipped trap library: "+strings.Join(trapLibraries(), ", ")+"; sets spec.trap_family of a job without a signed lease (default the job's, accredit); docs/traps.md says what each is for")
	p.Var(&optionalUint{&f.height}, "height", "block height `N` that is now, where a trust root is pinned (default the job's round or the greatest height seen)")
	f.tee.add(p)
	p.StringToStringVar(&f.modules, "module", nil, "`SLOT=FILE`: load this module in slot compiler or traps; marks the proof as a development proof")
	return c
}

// session is what one run holds open.
type session struct {
	held     *keys.Held
	journal  *recorder
	engine   *engine.Engine
	clock    *stopwatch
	progress *watcher
	modules  map[digest.Digest][]byte // the wasm that is loaded
	round    uint64                   // of the job's lease
	governed *engine.Authority        // nil: no trust root is pinned
	driver   transcript.ModuleSet     // slot driver, when a driver runs the shots
	guests   *engine.Guests
	device   *deviceWitness // nil: no certificate of a device
	tee      *teeWitness    // nil: the engine runs in no TEE
	skew     *agent.Clock   // against the service's clock; nil: there is no service
	sealed   *enroll.Sealed // nil: the lease came in the clear
	backend  string
	numeric  string
	version  string // engine_version
	dev      bool   // something in the run is for development only
	close    []func() error
}

// Close releases everything, the newest first.
func (s *session) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		_ = s.close[i]()
	}
}

func (e *program) runJob(ctx context.Context, path string, f *runFlags) error {
	clock := newStopwatch(time.Now)
	b, err := e.ReadInput("JOB", path, job.MaxDocument, cli.JobInvalid)
	if err != nil {
		return err
	}
	if statement.TypeOf(b) == statement.TypeBatch {
		return e.runBatch(ctx, path, b, f)
	}
	task, err := e.parseTask(path, b, f, trapTier)
	if err != nil {
		return err
	}
	return e.execute(ctx, task, f, clock)
}

// execute plans a task, and unless it is a dry run executes and proves it.
func (e *program) execute(ctx context.Context, task *engine.Task, f *runFlags, clock *stopwatch) error {
	if f.threads < 0 {
		return cli.Errorf(cli.Usage, "--threads", "%d is negative", f.threads).WithHint("0 means one per CPU")
	}
	if f.out == "" {
		f.out = filepath.Join("qrun", task.Lease.JobID.String())
	}
	if !f.dryRun { // better now than after the shots
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return cli.Errorf(cli.Usage, "--out", "%w", err)
		}
	}
	s, err := e.openSession(ctx, f, clock, task.Lease.Round)
	if err != nil {
		return err
	}
	defer s.Close()
	plan, err := e.planTask(ctx, s, task)
	if err != nil {
		return err
	}
	if f.dryRun {
		return e.printPlan(s, plan)
	}
	out, err := s.runPlan(ctx, plan)
	if err != nil {
		return err
	}
	return e.finishRun(ctx, s, plan, out, f)
}

// planTask plans after the evidence of the device and the environment has been looked at.
func (e *program) planTask(ctx context.Context, s *session, task *engine.Task) (*engine.Plan, error) {
	now := time.Now()
	if err := cmp.Or(e.checkCertificate(s, task.Lease, now), e.checkTEE(s, task.Lease, now)); err != nil {
		return nil, err
	}
	if t := s.journal.trail; t != nil {
		if err := t.begin(task.Lease, s.sealed); err != nil {
			return nil, err
		}
	}
	plan, err := s.engine.Plan(ctx, *task)
	if err != nil {
		return nil, runError(err)
	}
	return plan, nil
}

// runPlan executes between the signatures of the device.
func (s *session) runPlan(ctx context.Context, plan *engine.Plan) (*engine.Outcome, error) {
	if err := s.signExec(ctx, plan); err != nil {
		return nil, err
	}
	out, err := s.engine.Run(ctx, plan)
	if err != nil {
		return nil, runError(err)
	}
	if err := cmp.Or(s.signResult(ctx, out), s.quoteResult(ctx, out)); err != nil {
		return nil, err
	}
	return out, nil
}

// openSession opens backend, modules, keys and journal.
func (e *program) openSession(ctx context.Context, f *runFlags, clock *stopwatch, round uint64) (*session, error) {
	s := &session{clock: clock, journal: &recorder{}, round: round, skew: f.clock}
	if err := e.fillSession(ctx, f, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (e *program) fillSession(ctx context.Context, f *runFlags, s *session) error {
	cfg := engine.Config{Journal: s.journal, Now: time.Now, Threads: f.threads, MemoryBytes: memoryLimit(f.memory)}
	if err := e.wire(ctx, &cfg, f, s); err != nil {
		return err
	}
	if err := e.openKeys(f, s); err != nil {
		return err
	}
	if err := e.openTEE(ctx, &f.tee, s, &cfg); err != nil {
		return err
	}
	if !f.dryRun { // a plan that nobody executes leaves no record
		if s.journal.to = f.journal; f.journal == nil {
			j, err := e.openJournal()
			if err != nil {
				return err
			}
			s.journal.to = j
			s.close = append(s.close, j.Close)
		}
		var err error
		if f.held == nil { // published keys have no log of their own
			if s.journal.trail, err = e.openTrail(); err != nil {
				return err
			}
			s.close = append(s.close, s.journal.trail.log.Close)
			if err := e.noteSBOM(ctx, s.journal.trail, cfg.Modules); err != nil {
				return err
			}
		}
	}
	s.version = engine.VersionOf(s.numeric)
	s.progress = e.watch(ctx, s.clock, f.quiet)
	s.close = append(s.close, s.progress.Close)
	cfg.ProviderID, cfg.Version, cfg.Progress = s.held.ProviderID, s.version, s.progress.stage
	if !f.provider.IsZero() {
		cfg.ProviderID = f.provider
	}
	var err error
	if s.engine, err = engine.New(cfg); err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	return nil
}

func (e *program) openKeys(f *runFlags, s *session) error {
	if f.held != nil {
		s.held, s.dev = f.held, true
		return nil
	}
	store, err := e.keyStore()
	if err != nil {
		return err
	}
	s.close = append(s.close, store.Close)
	var made bool
	if s.held, made, err = store.Ensure(rand.Reader, uint64(time.Now().Unix())); err != nil {
		return keyError(err)
	}
	if made {
		e.Say("made development keys in %s; back them up, they are this provider's identity", store.Dir())
	}
	return nil
}

func (e *program) openJournal() (*engine.FileJournal, error) {
	dir, err := e.data()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	j, err := engine.OpenJournal(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	return j, nil
}
