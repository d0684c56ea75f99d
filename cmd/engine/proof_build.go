package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

type buildFlags struct {
	provider, circuit string
	hash, seed        digest.Digest
	shots             uint64
	ratio, out        string
	source            sourceFlags
}

func (e *program) proofBuild() *cobra.Command {
	f := &buildFlags{}
	r := &runFlags{plot: cli.Choice{Value: "none", Allowed: []string{"none"}}, backend: "simulator"}
	c := &cobra.Command{
		Use: "build", Short: "Simulate a job end to end and write its proof",
		Long: `Simulate a job of its own end to end: plan, compile, traps, execute, judge and
prove, as "engine run" does, and write the proof. The provider bundle must be of
this machine's root key. A circuit given as a file is kept in the local store and
found there by its hash later.`,
		Example: `  engine bundle make --out provider_bundle.json
  engine proof build --provider provider_bundle.json --circuit bell.qasm \
    --shots 512 --trap-ratio 0.1 --seed cafe…64 digits… --out proof.quantum.json
  engine proof verify proof.quantum.json`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			clock := newStopwatch(time.Now)
			task, err := e.buildTask(cmd, f, r)
			if err != nil {
				return err
			}
			return e.execute(cmd.Context(), task, r, clock)
		},
	}
	p := c.Flags()
	p.StringVar(&f.provider, "provider", "", "provider bundle `FILE`, as engine bundle make writes it")
	p.StringVar(&f.circuit, "circuit", "", "circuit `FILE`")
	p.Var(hexFlag{&f.hash}, "circuit-hash", "circuit_hash of a circuit in the local store")
	p.Uint64Var(&f.shots, "shots", 512, "`N` slots, traps included")
	p.StringVar(&f.ratio, "trap-ratio", "0.1", "share of trap slots, at most six decimals")
	p.Var(hexFlag{&f.seed}, "seed", "64 hexadecimal digits")
	p.StringVar(&f.out, "out", "", "proof `FILE`; its bundle is written beside it as FILE.bundle")
	p.StringVar(&r.policy, "trap-policy", job.ExactPolicy, "`NAME` of an embedded trap policy or a policy file")
	addLimits(p, &r.threads, &r.memory)
	f.source.add(p)
	return c
}

func (e *program) buildTask(cmd *cobra.Command, f *buildFlags, r *runFlags) (*engine.Task, error) {
	for _, name := range []string{"provider", "seed", "out"} {
		if !cmd.Flags().Changed(name) {
			return nil, cli.Errorf(cli.Usage, "--"+name, "is needed").WithHint("%s --help shows an example", cmd.CommandPath())
		}
	}
	if cmd.Flags().Changed("circuit") == cmd.Flags().Changed("circuit-hash") {
		return nil, cli.Errorf(cli.Usage, "--circuit", "give --circuit or --circuit-hash")
	}
	ppm, err := transcript.ParseRatio(f.ratio)
	if err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "--trap-ratio", "%.40q is refused", f.ratio).WithHint("from 0 to 1 with at most six decimals")
	}
	if f.shots < 1 || f.shots > job.MaxShots {
		return nil, cli.Errorf(cli.JobInvalid, "--shots", "%d, allowed are 1..%d", f.shots, job.MaxShots)
	}
	if r.held, err = e.checkProvider(f.provider); err != nil {
		return nil, err
	}
	c, h, err := e.buildCircuit(f)
	if err != nil {
		return nil, err
	}
	policy, err := e.trapPolicy(r.policy, nil, false)
	if err != nil {
		return nil, err
	}
	r.proofFile, r.out = f.out, f.out+".bundle"
	return localTask(c, h, f, ppm, policy)
}

// buildCircuit reads and stores the circuit, or finds it by hash.
func (e *program) buildCircuit(f *buildFlags) (*circuit.Circuit, digest.Digest, error) {
	if f.circuit == "" {
		c, err := e.storedCircuit(f.hash)
		return c, f.hash, err
	}
	c, err := e.readCircuit("--circuit", f.circuit, &f.source)
	if err != nil {
		return nil, f.hash, err
	}
	h, err := e.storeCircuit(c, filepath.Base(f.circuit))
	return c, h, err
}

// checkProvider demands that the bundle verifies and is of this root key. Of the
// published test provider it returns the keys, else nil: those of the data
// directory.
func (e *program) checkProvider(path string) (*keys.Held, error) {
	raw, err := e.ReadInput("--provider", path, maxDocument, cli.AttestationError)
	if err != nil {
		return nil, err
	}
	b, err := keys.ParseBundle(raw)
	if err != nil {
		return nil, documentError(err)
	}
	published, err := testProvider()
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	if b.Identity.ProviderID == published.ProviderID {
		e.Warn("the keys of this provider are published: the proof is for development only")
		return published, nil
	}
	_, held, err := e.rootKey()
	if err != nil {
		return nil, err
	}
	if b.Identity.ProviderID != held.ProviderID {
		return nil, cli.Errorf(cli.AttestationError, "--provider", "the bundle is of provider %s, the keys at hand are those of %s", b.Identity.ProviderID, held.ProviderID).
			WithHint("engine bundle make writes the bundle of these keys")
	}
	return nil, nil
}

// localTask is a bare job around a circuit. Its job_id is the hash of what it
// asks for, so that the same command gives the same job.
func localTask(c *circuit.Circuit, h digest.Digest, f *buildFlags, ppm uint64, policy *job.TrapPolicy) (*engine.Task, error) {
	ph, err := policy.Hash()
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--trap-policy", "%w", err)
	}
	frame := transcript.JobSpecFrame{Kind: job.KindQuantum, CircuitHash: h, Width: uint64(c.Width()), Depth: uint64(c.Depth()), Shots: f.shots,
		TrapRatioPPM: ppm, TrapMode: job.TrapModeProcess, SpecSeed: f.seed}
	id, err := transcript.Sum(frame)
	if err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "", "%w", err)
	}
	source, err := c.JSON()
	if err != nil {
		return nil, circuitError(err, "--circuit")
	}
	j := &job.Job{JobID: id, Kind: job.KindQuantum, Spec: job.Spec{Circuit: &job.Circuit{Format: job.FormatJSON, Source: string(source)}, Width: frame.Width, Depth: frame.Depth,
		Shots: f.shots, TrapRatioPPM: ppm, TrapMode: job.TrapModeProcess, Seed: f.seed}}
	lease, err := job.Local(j, ph)
	if err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "", "%w", err)
	}
	return &engine.Task{Lease: lease, Circuit: c, Policy: policy}, nil
}
