package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// BatchTask is a batch that a verifier made (trap_mode verifier): circuits, and
// commitments to what the provider does not see.
type BatchTask struct {
	Frame  transcript.BatchFrame
	Digest digest.Digest // of the frame
	Batch  *guest.Batch
	Flags  uint64 // of the raw result
}

// RawOutcome is a batch's outcomes before anyone judges them.
type RawOutcome struct {
	X        digest.Digest
	Raw      transcript.RawFrame
	Outcomes *transcript.Outcomes
	Execute  time.Duration
}

// RunBatch executes a batch of somebody else. It uses Backend, ProviderID, Version,
// Journal, Now and the limits of the configuration, and slot driver of Modules. X is
// logged before the first shot, the raw result after the last. Nothing is judged: the
// provider has no roles, no pads and no seed. Shots of a simulator in this process are
// drawn with the key of salt J and input X.
func RunBatch(ctx context.Context, cfg Config, t BatchTask) (*RawOutcome, error) {
	e := &Engine{cfg}
	e.progress(StagePlan, 0, 1)
	caps, err := e.checkBatch(ctx, t)
	if err != nil {
		return nil, err
	}
	o := &RawOutcome{Raw: transcript.RawFrame{Batch: t.Digest, ProviderID: cfg.ProviderID, EngineVersion: cfg.Version, Device: caps.Device, Flags: t.Flags}}
	if m, ok := module(cfg.Modules, "driver"); ok {
		o.Raw.Driver = &m
	}
	exec, err := transcript.BatchExec(t.Frame, o.Raw)
	if err != nil {
		return nil, fmt.Errorf("digest X: %w", err)
	}
	if o.X, err = e.logBatch(ctx, RecordExec, t, exec); err != nil {
		return nil, err
	}
	o.Raw.ExecDigest = o.X
	if err := e.executeBatch(ctx, t, o); err != nil {
		return nil, err
	}
	_, err = e.logBatch(ctx, RecordRaw, t, o.Raw)
	return o, err
}

func (e *Engine) logBatch(ctx context.Context, kind RecordKind, t BatchTask, f transcript.Framed) (digest.Digest, error) {
	r, err := newRecord(kind, t.Frame.JobID, t.Frame.LeaseID, f)
	if err != nil {
		return digest.Digest{}, err
	}
	return r.Digest, e.cfg.Journal.Append(ctx, r)
}

// checkBatch refuses what this device can never run.
func (e *Engine) checkBatch(ctx context.Context, t BatchTask) (backends.Capabilities, error) {
	name, s := e.cfg.Backend.Name(), &t.Batch.Skeleton
	caps, err := e.cfg.Backend.Capabilities(ctx)
	if err != nil {
		return caps, fmt.Errorf("backend %s: %w", name, err)
	}
	if caps.MaxWidth > 0 && s.Width > caps.MaxWidth {
		return caps, fmt.Errorf("%w: the batch has width %d, backend %s runs up to %d qubits: %w", ErrRefused, s.Width, name, caps.MaxWidth, backends.ErrUnsupported)
	}
	if n := uint64(t.Batch.Rows.N); caps.MaxShots > 0 && n > caps.MaxShots {
		return caps, fmt.Errorf("%w: the batch has %d slots, backend %s runs up to %d: %w", ErrRefused, n, name, caps.MaxShots, backends.ErrUnsupported)
	}
	return caps, coupled(s, caps.Edges, name)
}

// coupled refuses a skeleton that the device's coupling map does not carry: whoever
// compiled did so for another device.
func coupled(s *circuit.Skeleton, edges []circuit.Pair, name string) error {
	if len(edges) == 0 {
		return nil
	}
	has := make(map[circuit.Pair]bool, len(edges))
	for _, p := range edges {
		has[p] = true
	}
	for j, layer := range s.Layers {
		for _, p := range layer {
			if !has[p] {
				return fmt.Errorf("%w: layer %d of the batch couples qubits %d and %d, backend %s does not: %w", ErrRefused, j, p.A, p.B, name, backends.ErrUnsupported)
			}
		}
	}
	return nil
}

func (e *Engine) executeBatch(ctx context.Context, t BatchTask, o *RawOutcome) error {
	w, n := t.Batch.Skeleton.Width, uint64(t.Batch.Rows.N)
	rb := guest.RowBytes(w)
	o.Outcomes = &transcript.Outcomes{Width: uint64(w), Slots: n, Rows: make([]byte, int(n)*rb), Presence: make([]byte, (n+7)/8)}
	key, err := seed.ShotKey(t.Frame.JobDigest, o.X)
	if err != nil {
		return err
	}
	b := &backends.Batch{Skeleton: t.Batch.Skeleton, Palette: t.Batch.Palette, Rows: t.Batch.Rows, Key: key, Threads: e.cfg.Threads, MemoryBytes: e.cfg.MemoryBytes,
		Meta: backends.Meta{JobID: t.Frame.JobID.String(), LeaseID: t.Frame.LeaseID.String()}}
	next, began := uint64(0), e.now()
	e.progress(StageExecute, 0, n)
	err = e.cfg.Backend.Run(ctx, b, func(got *guest.Outcomes) error {
		if err := keepOutcomes(o.Outcomes, got, next, rb); err != nil {
			return err
		}
		next += uint64(got.N)
		e.progress(StageExecute, next, n)
		return nil
	})
	ended := e.now()
	if err == nil && next != n {
		err = fmt.Errorf("returned %d of %d slots", next, n)
	}
	if err != nil {
		return fmt.Errorf("backend %s: %w", e.cfg.Backend.Name(), err)
	}
	o.Execute = ended.Sub(began)
	o.Raw.Executed, o.Raw.StartedUnixMS, o.Raw.FinishedUnixMS = o.Outcomes.Executed(), uint64(began.UnixMilli()), uint64(ended.UnixMilli())
	if o.Raw.OutcomesRoot, err = o.Outcomes.Root(); err != nil {
		return fmt.Errorf("outcomes: %w", err)
	}
	return nil
}
