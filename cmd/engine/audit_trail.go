package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

// trail writes what one execution does into the audit log.
type trail struct {
	log       *auditlog.Log
	statement *keys.KeyStatement // root's word for the log key
	now       func() time.Time
	entry     auditlog.Entry // what is known of the execution so far
	lease     []byte
}

func (e *program) auditDir() (string, error) {
	dir, err := e.data()
	return filepath.Join(dir, "audit"), err
}

// openTrail opens the log of this provider; the log key is made where the root
// key is at hand.
func (e *program) openTrail() (*trail, error) {
	s, err := e.keyStore()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	held, _, err := s.EnsureFor(keys.Log, rand.Reader, uint64(time.Now().Unix()))
	if errors.Is(err, keys.ErrNoKey) {
		return nil, keyError(err).WithHint("bring the root key here once, or attach a log key: engine keys attach log URL")
	} else if err != nil {
		return nil, keyError(err)
	}
	dir, err := e.auditDir()
	if err != nil {
		return nil, err
	}
	l, err := auditlog.Open(dir, auditlog.Origin(held.ProviderID), held.Operational)
	if err != nil {
		return nil, auditError(err)
	}
	return &trail{log: l, statement: held.Statement, now: time.Now}, nil
}

// auditError gives refusals of the log an exit code: 51, as for whatever else on
// disk is not what it was.
func auditError(err error) *cli.Error {
	out := cli.Errorf(cli.ChecksumMismatch, "--data-dir", "%w", err)
	switch {
	case errors.Is(err, auditlog.ErrFork):
		return out.Named("AuditLogForked").WithHint("do not continue on this folder: bring back the newest copy; engine audit verify says more")
	case errors.Is(err, auditlog.ErrLog), errors.Is(err, auditlog.ErrCheckpoint):
		return out.Named("AuditLogDamaged").WithHint("bring back the folder from a copy; engine audit verify says more")
	case errors.Is(err, keys.ErrLocked), errors.Is(err, keys.ErrKey), errors.Is(err, keys.ErrRole):
		return keyError(err)
	}
	out.Code = cli.BadConfig
	return out
}

func (t *trail) at() uint64 { return uint64(t.now().UnixMilli()) }

// noteSBOM logs what runs here when it is not what ran before.
func (e *program) noteSBOM(ctx context.Context, t *trail, loaded transcript.ModuleSet) error {
	draft, keep, err := e.changedSBOM(loaded, t.at())
	if err != nil || draft == nil {
		return err
	}
	if _, err := t.log.Append(ctx, *draft); err != nil {
		return auditError(err)
	}
	return keep()
}

// begin says which lease the execution is for. Of a sealed one only the service's
// statement is kept: the seed must not reach the disk before the outcomes do.
func (t *trail) begin(l *job.Lease, sealed *enroll.Sealed) error {
	document := any(l)
	if sealed != nil {
		document = sealed
	}
	b, err := json.Marshal(document)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	t.lease, t.entry.LeaseID = b, l.LeaseID
	return nil
}

// record logs a record of the engine before the engine goes on.
func (t *trail) record(ctx context.Context, r engine.Record) error {
	e := &t.entry
	e.TimeMS = t.at()
	var drafts []auditlog.Draft
	switch r.Kind {
	case engine.RecordJob:
		e.Kind = auditlog.LeaseAccepted
		drafts = []auditlog.Draft{{Entry: *e, Body: t.lease}}
		e.Kind, e.Job = auditlog.JobBound, r.Digest
	case engine.RecordExec:
		e.Kind, e.Exec = auditlog.ExecBound, r.Digest
	case engine.RecordResult, engine.RecordRaw:
		e.Kind, e.Result = auditlog.Result, r.Digest
	default:
		return cli.Errorf(cli.Internal, "", "record of kind %q has no place in the audit log", r.Kind)
	}
	_, err := t.log.Append(ctx, append(drafts, auditlog.Draft{Entry: *e})...)
	return err
}

// beginBatch logs a verifier's batch before it is executed.
func (t *trail) beginBatch(ctx context.Context, lease, j digest.Digest, doc []byte) error {
	e := &t.entry
	e.LeaseID, e.Kind, e.TimeMS = lease, auditlog.LeaseAccepted, t.at()
	accepted := auditlog.Draft{Entry: *e, Body: doc}
	e.Kind, e.Job = auditlog.JobBound, j
	_, err := t.log.Append(ctx, accepted, auditlog.Draft{Entry: *e})
	return err
}

// prove logs the signed proof, forces a checkpoint and puts the inclusion proof
// into the bundle.
func (t *trail) prove(ctx context.Context, p *proofs.Proof, b *proofs.Bundle) error {
	e, err := p.LogEntry()
	if err != nil {
		return err
	}
	e.TimeMS = max(t.at(), p.Body.Binding.FinishedUnixMS)
	var drafts []auditlog.Draft
	if !e.Evidence.IsZero() {
		about := e
		about.Kind, about.Proof = auditlog.Attestation, digest.Digest{}
		drafts = append(drafts, auditlog.Draft{Entry: about})
	}
	first, _, err := t.log.Seal(ctx, append(drafts, auditlog.Draft{Entry: e})...)
	if err != nil {
		return err
	}
	in, err := t.log.Prove(first + uint64(len(drafts)))
	if err != nil {
		return err
	}
	if b.Audit, err = in.MarshalText(); err != nil {
		return err
	}
	b.AuditKey, err = json.MarshalIndent(t.statement, "", "  ")
	b.AuditKey = append(b.AuditKey, '\n')
	return err
}

// logNow writes entries and a checkpoint.
func (e *program) logNow(ctx context.Context, drafts ...auditlog.Draft) error {
	t, err := e.openTrail()
	if err != nil {
		return err
	}
	defer t.log.Close()
	if _, _, err := t.log.Seal(ctx, drafts...); err != nil {
		return auditError(err)
	}
	return nil
}

// handOver lets the next log key sign the newest checkpoint beside the old one.
func (e *program) handOver(ctx context.Context, provider digest.Digest, old, next keys.Signer) error {
	dir, err := e.auditDir()
	if err != nil {
		return err
	}
	l, err := auditlog.Open(dir, auditlog.Origin(provider), old)
	if err != nil {
		return err
	}
	defer l.Close()
	return l.HandOver(ctx, next)
}
