package agent

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// State is where a lease stands on this machine.
type State string

// The states. Those from Done on are final.
const (
	Acking   State = "acking"   // the ack is on its way: it may have been accepted
	Running  State = "running"  // acked; no proof yet
	Proved   State = "proved"   // the bundle is on disk and goes to the network
	Done     State = "done"     // the network has answered
	Released State = "released" // given back
	Lost     State = "lost"     // ended before a proof: lapsed, fenced, cancelled
	Parked   State = "parked"   // the network refuses the proof for good; the reason says why
)

// Final reports whether nothing is left to do.
func (s State) Final() bool { return s == Done || s == Released || s == Lost || s == Parked }

// Entry is a lease in the journal.
type Entry struct {
	Lease     digest.Digest       `json:"lease_id"`
	Job       digest.Digest       `json:"job_id"`
	Fence     uint64              `json:"fence"`
	State     State               `json:"state"`
	Document  []byte              `json:"-"` // the signed lease
	ExpiresMS int64               `json:"expires_ms"`
	Bundle    digest.Digest       `json:"bundle,omitzero"`
	Claim     digest.Digest       `json:"claim,omitzero"`
	Attempts  uint64              `json:"attempts"` // to hand in the proof
	Reason    string              `json:"reason,omitempty"`
	Outcome   *aicf.ResultOutcome `json:"outcome,omitempty"`
	UpdatedMS int64               `json:"updated_ms"`
}

// Journal is the agent's memory: a SQLite file that is synced at every step.
type Journal struct{ db *sql.DB }

const schema = `
CREATE TABLE IF NOT EXISTS lease (
  lease_id TEXT PRIMARY KEY, job_id TEXT NOT NULL, fence INTEGER NOT NULL, state TEXT NOT NULL, document BLOB,
  expires_ms INTEGER NOT NULL DEFAULT 0, bundle TEXT NOT NULL DEFAULT '', claim TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT '', updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS lease_open ON lease (state, updated_ms);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`

// OpenJournal opens, or makes, the journal in a folder. One process at a time has it.
func OpenJournal(ctx context.Context, dir string) (*Journal, error) {
	path, err := filepath.Abs(filepath.Join(dir, "journal.db"))
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: path}
	u.RawQuery = url.Values{"_pragma": {"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(FULL)"}}.Encode()
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), db.Close())
	}
	return &Journal{db}, nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.db.Close() }

// Put writes an entry; it returns when the entry is on disk.
func (j *Journal) Put(ctx context.Context, e *Entry) error {
	outcome := ""
	if e.Outcome != nil {
		raw, err := json.Marshal(e.Outcome)
		if err != nil {
			return err
		}
		outcome = string(raw)
	}
	_, err := j.db.ExecContext(ctx, `INSERT INTO lease (lease_id, job_id, fence, state, document, expires_ms, bundle, claim, attempts, reason, outcome, updated_ms)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (lease_id) DO UPDATE SET state=excluded.state, document=excluded.document, expires_ms=excluded.expires_ms,
		bundle=excluded.bundle, claim=excluded.claim, attempts=excluded.attempts, reason=excluded.reason, outcome=excluded.outcome, updated_ms=excluded.updated_ms`,
		e.Lease.String(), e.Job.String(), e.Fence, string(e.State), e.Document, e.ExpiresMS, text(e.Bundle), text(e.Claim), e.Attempts, e.Reason, outcome, e.UpdatedMS)
	if err != nil {
		return fmt.Errorf("journal: lease %s: %w", e.Lease, err)
	}
	return nil
}

func text(d digest.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// Open lists the entries that are not final, oldest first.
func (j *Journal) Open(ctx context.Context) ([]Entry, error) {
	return j.list(ctx, `WHERE state IN ('acking','running','proved') ORDER BY updated_ms, lease_id`)
}

// Latest lists entries, the newest first.
func (j *Journal) Latest(ctx context.Context, limit int) ([]Entry, error) {
	return j.list(ctx, `ORDER BY updated_ms DESC, lease_id LIMIT ?`, limit)
}

// Forget deletes final entries of before a time and returns their bundles.
func (j *Journal) Forget(ctx context.Context, beforeMS int64) ([]digest.Digest, error) {
	old, err := j.list(ctx, `WHERE state IN ('done','released','lost') AND updated_ms < ?`, beforeMS)
	if err != nil {
		return nil, err
	}
	var bundles []digest.Digest
	for _, e := range old {
		if _, err := j.db.ExecContext(ctx, `DELETE FROM lease WHERE lease_id = ?`, e.Lease.String()); err != nil {
			return bundles, fmt.Errorf("journal: %w", err)
		}
		if !e.Bundle.IsZero() {
			bundles = append(bundles, e.Bundle)
		}
	}
	return bundles, nil
}

// Next counts a counter up, to at least floor, and returns it.
func (j *Journal) Next(ctx context.Context, name string, floor uint64) (uint64, error) {
	var n uint64
	err := j.db.QueryRowContext(ctx, `INSERT INTO counter (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value`, name, floor).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("journal: counter %s: %w", name, err)
	}
	return n, nil
}

// Counts tells how many entries each state has.
func (j *Journal) Counts(ctx context.Context) (map[State]uint64, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT state, count(*) FROM lease GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	out := map[State]uint64{}
	for rows.Next() {
		var s State
		var n uint64
		if err := rows.Scan(&s, &n); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		out[s] = n
	}
	return out, rows.Err()
}

func (j *Journal) list(ctx context.Context, clause string, args ...any) ([]Entry, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT lease_id, job_id, fence, state, document, expires_ms, bundle, claim, attempts, reason, outcome, updated_ms FROM lease `+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		var lease, job, bundle, claim, outcome string
		if err := rows.Scan(&lease, &job, &e.Fence, &e.State, &e.Document, &e.ExpiresMS, &bundle, &claim, &e.Attempts, &e.Reason, &outcome, &e.UpdatedMS); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		for _, f := range []struct {
			to   *digest.Digest
			from string
		}{{&e.Lease, lease}, {&e.Job, job}, {&e.Bundle, bundle}, {&e.Claim, claim}} {
			if f.from == "" {
				continue
			}
			if *f.to, err = digest.Parse(f.from); err != nil {
				return nil, fmt.Errorf("journal: lease %s: %w", lease, err)
			}
		}
		if outcome != "" {
			e.Outcome = new(aicf.ResultOutcome)
			if err := json.Unmarshal([]byte(outcome), e.Outcome); err != nil {
				return nil, fmt.Errorf("journal: lease %s: %w", lease, err)
			}
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
