package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// maxSlotBytes bounds the slots of a batch, which are held in memory.
const maxSlotBytes = 4 << 30

// rawAnswer is the JSON answer of "engine run" of a verifier's batch.
type rawAnswer struct {
	Status       string        `json:"status"` // executed: nobody has judged yet
	JobID        digest.Digest `json:"job_id"`
	Batch        digest.Digest `json:"batch"`
	TrapTier     string        `json:"trap_tier"`
	Backend      string        `json:"backend"`
	Shots        uint64        `json:"shots"`
	Executed     uint64        `json:"executed"`
	X            digest.Digest `json:"X"`
	OutcomesRoot digest.Digest `json:"outcomes_root"`
	RawResult    digest.Digest `json:"raw_result"` // of the frame qprov/v1/raw-result
	ProviderID   digest.Digest `json:"provider_id"`
	ExecuteMS    float64       `json:"execute_ms"`
	Dev          bool          `json:"dev"`
	Out          []string      `json:"written"`
}

// runBatch executes the batch of a verifier: no traps are known here, and nothing is
// judged.
func (e *program) runBatch(ctx context.Context, path string, doc []byte, f *runFlags) error {
	batch, err := statement.OpenBatch(doc)
	if err != nil {
		return cli.Errorf(cli.JobInvalid, "JOB", "%w", err).Named("BatchInvalid")
	}
	data, err := e.ReadInput("JOB", filepath.Join(filepath.Dir(path), batchData), maxSlotBytes, cli.JobInvalid)
	if err != nil {
		return err
	}
	slots, err := batch.Slots(data)
	if err != nil {
		return cli.Errorf(cli.JobInvalid, "JOB", "%w", err).Named("BatchInvalid")
	}
	if f.dryRun || f.traps != "" || len(f.modules) > 0 {
		return cli.Errorf(cli.Usage, "JOB", "a verifier's batch is run as it is").WithHint("leave --dry-run, --traps and --module out")
	}
	if f.out == "" {
		f.out = filepath.Join("qrun", batch.Frame.JobID.String())
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return cli.Errorf(cli.Usage, "--out", "%w", err)
	}
	if k := f.tee.kind.Value; k != "" && k != noTEE {
		return cli.Errorf(cli.Unsupported, "--tee", "slots that the verifier made are run without the provider's evidence")
	}
	s := &session{clock: newStopwatch(time.Now), journal: &recorder{}}
	defer s.Close()
	cfg, err := e.batchSession(ctx, f, s)
	if err != nil {
		return err
	}
	t := engine.BatchTask{Frame: batch.Frame, Digest: batch.Digest, Batch: slots}
	if s.dev {
		t.Flags |= proofs.FlagDev
	}
	if err := s.journal.trail.beginBatch(ctx, batch.Frame.LeaseID, batch.Frame.JobDigest, doc); err != nil {
		return auditError(err)
	}
	o, err := engine.RunBatch(ctx, *cfg, t)
	if err != nil {
		return runError(err)
	}
	return e.finishBatch(ctx, s, t, o, f)
}

// batchSession opens backend, keys and journal; no module is loaded.
func (e *program) batchSession(ctx context.Context, f *runFlags, s *session) (*engine.Config, error) {
	cfg := &engine.Config{Journal: s.journal, Now: time.Now, Threads: f.threads, MemoryBytes: memoryLimit(f.memory)}
	if err := e.wireBackend(ctx, cfg, f, s); err != nil {
		return nil, err
	}
	if err := e.openKeys(f, s); err != nil {
		return nil, err
	}
	j, err := e.openJournal()
	if err != nil {
		return nil, err
	}
	s.journal.to = j
	s.close = append(s.close, j.Close)
	if s.journal.trail, err = e.openTrail(); err != nil {
		return nil, err
	}
	s.close = append(s.close, s.journal.trail.log.Close)
	if err := e.noteSBOM(ctx, s.journal.trail, s.driver); err != nil {
		return nil, err
	}
	s.progress = e.watch(ctx, s.clock, false)
	s.close = append(s.close, s.progress.Close)
	cfg.ProviderID, cfg.Version, cfg.Modules, cfg.Progress = s.held.ProviderID, engine.VersionOf(s.numeric), s.driver, s.progress.stage
	return cfg, nil
}

// finishBatch signs and writes the raw result.
func (e *program) finishBatch(ctx context.Context, s *session, t engine.BatchTask, o *engine.RawOutcome, f *runFlags) error {
	frame, err := transcript.Encode(o.Raw)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	a := &rawAnswer{Status: "executed", JobID: t.Frame.JobID, Batch: t.Digest, TrapTier: job.TrapModeVerifier, Backend: s.backend, Shots: t.Frame.Shots, Executed: o.Raw.Executed, X: o.X,
		OutcomesRoot: o.Raw.OutcomesRoot, RawResult: digest.Sum(frame), ProviderID: o.Raw.ProviderID, ExecuteMS: o.Execute.Seconds() * 1e3, Dev: s.dev}
	body := map[string]any{"batch": a.Batch, "X": a.X, "provider_id": a.ProviderID, "outcomes_root": a.OutcomesRoot, "executed": a.Executed, "engine": o.Raw.EngineVersion,
		"started_unix_ms": o.Raw.StartedUnixMS, "finished_unix_ms": o.Raw.FinishedUnixMS, "dev": a.Dev}
	if _, err := s.journal.trail.log.Checkpoint(ctx); err != nil { // before anything is signed
		return auditError(err)
	}
	doc, err := statement.Sign(ctx, statement.TypeRaw, frame, body, s.held, true, uint64(time.Now().Unix()))
	if err != nil {
		return keyError(err)
	}
	outcomes, err := o.Outcomes.MarshalBinary()
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	for name, b := range map[string][]byte{rawData: outcomes, rawDoc: doc} {
		if err := e.WriteOutput(filepath.Join(f.out, name), b, 0o644); err != nil {
			return err
		}
	}
	a.Out = []string{filepath.Join(f.out, rawDoc), filepath.Join(f.out, rawData)}
	s.progress.Close()
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "job         %s\nstatus      executed, not judged: the verifier holds the traps\nbackend     %s\nslots       %d of %d executed\nX           %s\noutcomes    %s\nraw result  %s\nwrote       %s\n",
			a.JobID, a.Backend, a.Executed, a.Shots, a.X, a.OutcomesRoot, a.RawResult, a.Out[0])
	})
}
