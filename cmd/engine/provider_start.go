package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/tlogwitness"
)

type providerFlags struct {
	run      runFlags
	bundle   string
	make     bundleFlags
	stake    int64
	capacity int
	minPrice uint64
	grace    time.Duration
	weak     bool
	metrics  string
	witness  []string
}

func (e *program) providerStart() *cobra.Command {
	f := &providerFlags{}
	c := &cobra.Command{
		Use: "start", Short: "Register at a network and serve its jobs", Args: cli.Args(),
		Long: `Register at a network, stake, send heartbeats, take jobs, run them, prove them and
hand the proofs in, until a signal. Keys and a provider bundle are made where there
are none. With --json the first line on stdout, when the network has answered the
first heartbeat, is {"provider_id":…,"endpoint":…}, and "metrics" where --metrics is.

Every step is in a journal in the data directory: after a crash, kill -9 or loss of
power the next start carries on what the network had accepted. SIGTERM, SIGINT and
engine provider drain let running jobs finish for at most --grace.

Modules run in a sandbox. Where the kernel has no landlock or no seccomp it is weak
and the verb refuses, unless --allow-weak-sandbox.`,
		Example: "  OMNI_ENDPOINT=https://aicf.example.org engine provider start --region eu-west-1\n  engine provider start --backend fleet --nats nats://TOKEN@10.0.0.5:4222 --capacity 4",
		RunE:    func(cmd *cobra.Command, _ []string) error { return e.startProvider(cmd, f) },
	}
	p := c.Flags()
	p.StringVar(&f.bundle, "bundle", "", "`FILE` with the provider bundle (default the one made here before, else a new one)")
	p.StringVar(&f.make.email, "email", "", "contact `ADDRESS` in a new bundle")
	p.StringSliceVar(&f.make.algorithms, "algorithm", nil, "`ID` of a circuit family in a new bundle (default all that this build generates)")
	p.StringSliceVar(&f.make.regions, "region", nil, "`NAME` of a region in a new bundle")
	p.Int64Var(&f.stake, "stake", 0, "`AMOUNT` to have staked (default the network's minimum)")
	p.IntVar(&f.capacity, "capacity", 1, "leases at once")
	p.Uint64Var(&f.minPrice, "min-price", 0, "least price taken, in `PPM` of the policy's; 0: any")
	p.DurationVar(&f.grace, "grace", time.Minute, "`TIME` that running jobs have to finish after a signal")
	p.StringVar(&f.metrics, "metrics", "", "`ADDRESS` of Prometheus metrics and, for this machine, a page, such as 127.0.0.1:9465 (default none)")
	p.StringArrayVar(&f.witness, "witness", nil, "`NAME+HASH+KEY=URL` of a witness that cosigns each checkpoint of the audit log; repeat")
	p.BoolVar(&f.weak, "allow-weak-sandbox", false, "serve although the sandbox of modules is weak here")
	p.StringVar(&f.run.backend, "backend", "simulator", "`NAME` of what runs the shots: "+backendNames)
	f.run.nats.add(p, "nats")
	addLimits(p, &f.run.threads, &f.run.memory)
	p.StringVar(&f.run.policy, "trap-policy", job.ExactPolicy, "trap policy where a lease names none of the embedded ones")
	p.Var(&optionalUint{&f.run.height}, "height", "block height `N` that is now, where a trust root is pinned")
	f.run.tee.add(p)
	return c
}

func (f *providerFlags) check() error {
	switch {
	case f.capacity < 1 || f.capacity > 1024:
		return cli.Errorf(cli.Usage, "--capacity", "%d, want 1 to 1024", f.capacity)
	case f.stake < 0 || f.stake > int64(ledger.MaxAmount):
		return cli.Errorf(cli.Usage, "--stake", "%d, want 0 to 2^53-1", f.stake)
	case f.run.threads < 0:
		return cli.Errorf(cli.Usage, "--threads", "%d is negative", f.run.threads).WithHint("0 means one per CPU")
	case f.grace < 0:
		return cli.Errorf(cli.Usage, "--grace", "%v is negative", f.grace)
	}
	return nil
}

// strongSandbox refuses where workers would stand in thin walls (decision E1).
func (e *program) strongSandbox(ctx context.Context, allowed bool) error {
	h, err := e.guestHost()
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	box, err := h.SandboxLevel(ctx)
	if err != nil {
		return cli.Errorf(cli.ExecutionFailed, "", "no worker of modules starts: %w", err).WithHint("engine doctor")
	}
	switch {
	case box.Landlock > 0 && box.Seccomp && box.NoNewPrivs && box.Limits:
		return nil
	case allowed:
		e.Warn("the sandbox of modules is weak here: %s", box)
		return nil
	}
	return cli.Errorf(cli.Unsupported, "--allow-weak-sandbox", "the sandbox of modules is weak here: %s", box).Named("WeakSandbox").
		WithHint("a kernel with landlock and seccomp (engine doctor), or --allow-weak-sandbox")
}

func (e *program) startProvider(cmd *cobra.Command, f *providerFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	witnesses, err := witnessClients(f.witness)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := e.strongSandbox(ctx, f.weak); err != nil {
		return err
	}
	dir, err := e.providerDir()
	if err != nil {
		return err
	}
	bundle, held, err := e.providerBundle(cmd, f, dir)
	if err != nil {
		return err
	}
	c, err := e.networkClient(cmd, held.Operational)
	if err != nil {
		return err
	}
	journal, err := e.openJournal()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	f.run.journal, f.run.quiet = journal, true
	logs, err := e.openTrail()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.log.Close()) }()
	clock := &agent.Clock{}
	f.run.clock = clock
	ready := map[string]string{"provider_id": held.ProviderID.String(), "endpoint": c.Endpoint}
	if f.metrics != "" {
		f.run.meter = agent.NewMeter()
	}
	executor := &sessionExecutor{e, f.run}
	runner, err := e.newRunner(ctx, executor)
	if err != nil {
		return err
	}
	a, err := agent.New(ctx, agent.Config{Client: c, Held: held, Bundle: bundle, Stake: aicf.Amount(f.stake), Executor: executor, Runner: runner, Capacity: f.capacity,
		MinPrice: f.minPrice, Dir: dir, Checkpoint: logs.head, Clock: clock, Version: engine.VersionOf(""), Log: e.Log, Meter: f.run.meter, Working: func() {
			_ = e.Print(ready, func(w io.Writer) {
				fmt.Fprintf(w, "provider %s works for %s\n", held.ProviderID, c.Endpoint)
				if at := ready["metrics"]; at != "" {
					fmt.Fprintf(w, "metrics at %s\n", at)
				}
			})
		}})
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if f.metrics != "" {
		at, end, err := e.serveMetrics(f.metrics, dir, f.run.meter, daemonPage(a))
		if err != nil {
			return err
		}
		defer end()
		ready["metrics"] = at
	}
	work, drain := context.WithCancel(ctx)
	defer drain()
	end, err := e.serveControl(ctx, dir, a, ready, drain)
	if err != nil {
		return err
	}
	defer end()
	keeping := e.keepLog(ctx, logs.log, witnesses)
	defer keeping()
	if err := a.Run(work, f.grace); err != nil && work.Err() == nil {
		return networkError(err)
	}
	return nil
}

// providerBundle is the bundle of --bundle, the one kept in dir, or a new one, which is
// kept: the same bytes register again without an effect.
func (e *program) providerBundle(cmd *cobra.Command, f *providerFlags, dir string) ([]byte, *keys.Held, error) {
	path, arg := filepath.Join(dir, "bundle.json"), "--data-dir"
	if f.bundle != "" {
		path, arg = f.bundle, "--bundle"
	}
	s, err := e.keyStore()
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	held, made, err := s.Ensure(rand.Reader, uint64(time.Now().Unix()))
	if err != nil {
		return nil, nil, keyError(err)
	}
	if made {
		e.Say("made the keys of a new provider in %s", s.Dir())
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && f.bundle == "" {
		b, err := e.makeBundle(cmd, &f.make)
		if err != nil {
			return nil, nil, err
		}
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		if err := wholefile.Write(path, raw, 0o600); err != nil {
			return nil, nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
		}
	}
	raw, err := e.ReadInput(arg, path, maxDocument, cli.AttestationError)
	if err != nil {
		return nil, nil, err
	}
	b, err := keys.ParseBundle(raw)
	if err != nil {
		return nil, nil, documentError(err)
	}
	if b.Identity.ProviderID != held.ProviderID {
		return nil, nil, cli.Errorf(cli.AttestationError, arg, "the bundle is of provider %s, the keys are of %s", b.Identity.ProviderID, held.ProviderID).
			WithHint("make it with these keys: engine bundle make")
	}
	return raw, held, nil
}

// keepLog writes checkpoints while the daemon runs, and one at the end, and has witnesses
// sign them.
func (e *program) keepLog(ctx context.Context, l *auditlog.Log, witnesses []*tlogwitness.Client) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ticks, fresh := time.NewTicker(auditlog.Interval), make(chan struct{}, 1)
	var work sync.WaitGroup
	work.Go(func() { e.askWitnesses(ctx, l, witnesses, fresh) })
	work.Go(func() {
		l.Keep(ctx, ticks.C, func(_ []byte, err error) {
			if err != nil && ctx.Err() == nil {
				e.Log.Error("no checkpoint of the audit log", "error", err)
			}
			select {
			case fresh <- struct{}{}:
			default:
			}
		})
	})
	return func() {
		cancel()
		work.Wait()
		ticks.Stop()
		if _, err := l.Checkpoint(context.Background()); err != nil && !errors.Is(err, auditlog.ErrCheckpoint) {
			e.Log.Error("no last checkpoint of the audit log", "error", err)
		}
	}
}

// head is the audit log's newest checkpoint, for heartbeats; nil in an empty log.
func (t *trail) head(context.Context) (*aicf.CheckpointNote, error) {
	c, signed, _, err := t.log.Head()
	if err != nil || len(signed) == 0 {
		return nil, err
	}
	return &aicf.CheckpointNote{Size: c.Size, Root: digest.Digest(c.Root)}, nil
}

// sessionExecutor runs each lease in a session of its own, as engine run does.
type sessionExecutor struct {
	e     *program
	flags runFlags
}

// Execute implements agent.Executor.
func (x *sessionExecutor) Execute(ctx context.Context, l *job.Lease) (*proofs.Bundle, error) {
	return x.run(ctx, l, nil)
}

// run executes a lease, which came sealed or not.
func (x *sessionExecutor) run(ctx context.Context, l *job.Lease, sealed *enroll.Sealed) (*proofs.Bundle, error) {
	if c := l.Job.Spec.Circuit; c != nil && c.Path != "" {
		return nil, cli.Errorf(cli.JobInvalid, "spec.circuit.path", "a job of a network cannot name a file").WithHint("send the circuit in spec.circuit.source")
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	f, tier := x.flags, trapTier
	if sealed != nil {
		tier = job.TrapModeTEE
	}
	task, err := x.e.parseTask("lease", raw, &f, tier)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	s, err := x.e.openSession(ctx, &f, newStopwatch(time.Now), l.Round)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	s.sealed, s.journal.blind = sealed, sealed != nil
	plan, err := x.e.planTask(ctx, s, task)
	if err != nil {
		return nil, err
	}
	out, err := s.runPlan(ctx, plan)
	if err != nil {
		return nil, err
	}
	if err := x.e.mayFinish(s); err != nil {
		return nil, err
	}
	b, err := x.e.prove(ctx, s, plan, out)
	if err == nil {
		f.meter.Executed(l.Job.Spec.Shots, time.Since(began))
	}
	return b, err
}
