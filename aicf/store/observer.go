package store

import (
	"context"
	"time"

	"github.com/animicaorg/engine/aicf"
)

// Observer is told what the writer did. It decides nothing and must not wait: its method is
// called by the writer between two commits.
type Observer interface {
	Committed(Commit)
}

// Commit is one commit as the writer saw it.
type Commit struct {
	Commands int           // that shared it, those that changed nothing included
	Took     time.Duration // inside COMMIT: on SQLite the sync of the log; 0 without Options.Ticks
	Waiting  int           // commands that waited when it began
	Events   []aicf.Event  // in order; this process's alone, not those of other replicas
}

// QueueLength is how many commands wait; QueueBound is how many may.
func (db *DB) QueueLength() int { return len(db.queue) }

// QueueBound is how many commands may wait before writes are refused as Overloaded.
func (*DB) QueueBound() int { return maxQueue }

// Standby is how far copies of a PostgreSQL database lag behind.
type Standby struct {
	Copies int           // that stream now
	Lag    time.Duration // of the one furthest behind, until it has replayed
}

// Standbys asks PostgreSQL for its streaming copies; known is false on SQLite, which has
// none. A role without pg_monitor sees copies and no lag.
func (db *DB) Standbys(ctx context.Context) (s Standby, known bool, err error) {
	if db.dialect.name != postgresDialect.name {
		return s, false, nil
	}
	var micros int64
	err = db.View(ctx, func(t *Tx) error {
		return t.Scan("SELECT count(*), CAST(coalesce(extract(epoch FROM max(replay_lag)), 0) * 1000000 AS BIGINT) FROM pg_stat_replication", nil, &s.Copies, &micros)
	})
	s.Lag = time.Duration(micros) * time.Microsecond
	return s, err == nil, err
}
