package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Files of a plan: batch.json and batch.bin go to the provider, the folder secret
// stays with the verifier until the raw result is there.
const (
	batchDoc   = "batch.json"
	batchData  = "batch.bin"
	secretDir  = "secret"
	openingDoc = "opening.json"
	rawDoc     = "raw.json"
	rawData    = "outcomes.bin"
	verdictDoc = "verdict.json"
)

// batchAnswer is the JSON answer of "engine traps plan".
type batchAnswer struct {
	JobID        digest.Digest `json:"job_id"`
	TrapTier     string        `json:"trap_tier"`
	Batch        digest.Digest `json:"batch"` // of the frame qprov/v1/batch
	J            digest.Digest `json:"J"`
	Shots        uint64        `json:"shots"`
	Traps        uint64        `json:"traps"`
	TMin         uint64        `json:"t_min"`
	Insufficient bool          `json:"insufficient"`
	Width        uint64        `json:"width"`
	CompiledHash digest.Digest `json:"compiled_circuit_hash"`
	TrapPlanHash digest.Digest `json:"trap_plan_hash"`
	NonceHash    digest.Digest `json:"nonce_hash"`
	Modules      []moduleRow   `json:"modules"`
	Bytes        int           `json:"batch_bytes"`
	Out          []string      `json:"written"`
}

func (e *program) trapsPlan() *cobra.Command {
	f := &runFlags{plot: plotChoice(), backend: "simulator", dryRun: true}
	nonce := ""
	c := &cobra.Command{
		Use: "plan JOB", Short: "Make the batch of a job whose traps the verifier holds",
		Long: `Compile a job with spec.trap_mode verifier and make all its slots, as the
verifier: --out gets batch.json and batch.bin for the provider (circuits, and signed
commitments to the seed and to every slot), and the folder secret with what opens
them. The provider runs the batch with "engine run batch.json"; it sees circuits
only. "engine traps judge RAW --plan DIR" says what its outcomes prove.

The seed is made of spec.seed and 32 random bytes (of a signed lease: its own); until
the raw outcomes are committed, whoever has the folder secret can forge them.`,
		Example: `  engine traps plan job.json --out plan
  engine run plan/batch.json --out raw
  engine traps judge raw --plan plan`,
		Args: cli.Args("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.planBatch(cmd.Context(), args[0], f, nonce) },
	}
	p := c.Flags()
	p.StringVar(&f.out, "out", "", "output `DIR`")
	addLimits(p, &f.threads, &f.memory)
	p.StringVar(&f.policy, "trap-policy", "exact@1", "`NAME` of an embedded trap policy (exact@1, ref@1) or a policy file")
	p.StringVar(&f.traps, "traps", "", "`NAME` of a shipped trap library, for a job without a signed lease (default the job's)")
	p.StringVar(&nonce, "nonce", "", "`HEX`: 32 bytes instead of random ones; whoever knows them can forge the traps")
	return c
}

// openNonce reads or draws the nonce of a batch.
func openNonce(given string, l *job.Lease) (n digest.Digest, err error) {
	switch {
	case l != nil && l.Signed():
		return l.Nonce, nil
	case given == "":
		_, err = rand.Read(n[:])
		return n, err
	}
	b, err := hex.DecodeString(given)
	if err != nil || len(b) != len(n) {
		return n, cli.Errorf(cli.Usage, "--nonce", "%.70q is not 32 bytes in hexadecimal", given)
	}
	return digest.Digest(b), nil
}

func (e *program) planBatch(ctx context.Context, path string, f *runFlags, given string) error {
	if f.out == "" {
		return cli.Errorf(cli.Usage, "--out", "a directory is needed")
	}
	clock := newStopwatch(time.Now)
	task, err := e.readTask(path, f, job.TrapModeVerifier)
	if err != nil {
		return err
	}
	nonce, err := openNonce(given, task.Lease)
	if err != nil {
		return err
	}
	if task.Lease, err = statement.BatchLease(task.Lease.Job, task.Lease, task.Lease.PolicyHash, nonce); err != nil {
		return cli.Errorf(cli.JobInvalid, "JOB", "%w", err)
	}
	if task.Lease.Signed() {
		f.provider = task.Lease.ProviderID // X is the provider's to compute; the plan is for its lease
	}
	s, err := e.openSession(ctx, f, clock, task.Lease.Round)
	if err != nil {
		return err
	}
	defer s.Close()
	plan, err := s.engine.Plan(ctx, *task)
	if err != nil {
		return runError(err)
	}
	return e.writeBatch(ctx, s, plan, nonce, f.out)
}

// writeBatch signs the commitments and writes both halves of a plan.
func (e *program) writeBatch(ctx context.Context, s *session, p *engine.Plan, nonce digest.Digest, dir string) error {
	internal := func(err error) error { return cli.Errorf(cli.Internal, "", "%w", err) }
	slots := guest.Batch{Skeleton: p.Trap.Skeleton, Palette: p.Trap.Palette, Rows: p.Rows}
	data := slots.Append(nil)
	l := p.Task.Lease
	frame := transcript.BatchFrame{ChainID: l.ChainID, Round: l.Round, JobID: l.JobID, LeaseID: l.LeaseID, JobDigest: p.J, CompiledCircuitHash: p.CompiledHash,
		Modules: p.Modules, PlanSHA3: digest.Sum(p.TrapBytes), RowsRoot: p.RowsRoot, Width: uint64(p.Trap.Skeleton.Width), Shots: p.Trap.Shots, BatchSHA3: digest.Sum(data)}
	var err error
	if frame.NonceHash, err = transcript.LeaseNonceHash(nonce); err != nil {
		return internal(err)
	}
	raw, err := transcript.Encode(frame)
	if err != nil {
		return internal(err)
	}
	a := &batchAnswer{JobID: l.JobID, TrapTier: job.TrapModeVerifier, Batch: digest.Sum(raw), J: p.J, Shots: p.Trap.Shots, Traps: p.Trap.Traps, TMin: p.Trap.TMin, Insufficient: p.Trap.Insufficient(),
		Width: frame.Width, CompiledHash: p.CompiledHash, TrapPlanHash: p.TrapPlanHash, NonceHash: frame.NonceHash, Modules: moduleRows(p.Modules, s.guests), Bytes: len(data)}
	body := map[string]any{"job_id": l.JobID, "lease_id": l.LeaseID, "shots": frame.Shots, "width": frame.Width, "J": p.J, "trap_plan_hash": p.TrapPlanHash, "nonce_hash": frame.NonceHash}
	doc, err := statement.Sign(ctx, statement.TypeBatch, raw, body, s.held, true, uint64(time.Now().Unix()))
	if err != nil {
		return keyError(err)
	}
	lease, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return internal(err)
	}
	circuit, err := p.Task.Circuit.CanonicalBytes()
	if err != nil {
		return internal(err)
	}
	opening, err := json.Marshal(map[string]digest.Digest{"nonce": nonce})
	if err != nil {
		return internal(err)
	}
	secret := filepath.Join(dir, secretDir)
	if err := os.MkdirAll(secret, 0o700); err != nil {
		return cli.Errorf(cli.Usage, "--out", "%w", err)
	}
	for _, file := range []struct {
		path string
		b    []byte
		mode os.FileMode
	}{{filepath.Join(secret, openingDoc), opening, 0o600}, {filepath.Join(secret, "lease.json"), lease, 0o600}, {filepath.Join(secret, "circuit.bin"), circuit, 0o600},
		{filepath.Join(secret, "compiled.bin"), p.CompiledBytes, 0o600}, {filepath.Join(secret, "policy.json"), p.Task.Policy.Document, 0o600},
		{filepath.Join(dir, batchData), data, 0o644}, {filepath.Join(dir, batchDoc), doc, 0o644}} {
		if err := e.WriteOutput(file.path, file.b, file.mode); err != nil {
			return err
		}
		a.Out = append(a.Out, file.path)
	}
	s.progress.Close()
	if a.Insufficient {
		e.Warn("%d traps are too few for a verdict, %d are needed: trap_ratio %s", a.Traps, a.TMin, ratioFor(a.TMin, a.Shots))
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "batch     %s\nslots     %d of width %d, of them %d traps (at least %d); %d bytes\nJ         %s\nprovider  %s and %s\nkeep      %s\n",
			a.Batch, a.Shots, a.Width, a.Traps, a.TMin, a.Bytes, a.J, filepath.Join(dir, batchDoc), batchData, secret)
	})
}

// readOpening reads what a verifier kept.
func (e *program) readOpening(dir string) (o statement.Opening, err error) {
	secret := filepath.Join(dir, secretDir)
	for _, file := range []struct {
		name string
		to   *[]byte
		most int64
	}{{"lease.json", &o.Lease, job.MaxDocument}, {"circuit.bin", &o.Circuit, maxCircuitBytes}, {"compiled.bin", &o.Compiled, maxCircuitBytes}, {"policy.json", &o.Policy, maxPolicyBytes}} {
		if *file.to, err = e.ReadInput("--plan", filepath.Join(secret, file.name), file.most, cli.ProofInvalid); err != nil {
			return o, err
		}
	}
	b, err := e.ReadInput("--plan", filepath.Join(secret, openingDoc), 4096, cli.ProofInvalid)
	if err != nil {
		return o, err
	}
	c := strictjson.Open(b, strictjson.Limits{Bytes: 4096, Depth: 1, Values: 2})
	o.Nonce = c.Only("nonce").Member("nonce").Hash()
	if err := c.Err(); err != nil {
		return o, cli.Errorf(cli.ProofInvalid, "--plan", "%s: %w", openingDoc, err).Named("OpeningInvalid")
	}
	return o, nil
}
