package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Bounds of a connection that nobody answers on. The server ends a batch whose
// replica fell silent, for it holds the lock that all replicas wait for; the
// writer gives up a statement whose server fell silent.
const (
	silentReplica = 30 * time.Second
	silentServer  = 60 * time.Second
)

// silence is the server's setting for silentReplica.
const silence = "idle_in_transaction_session_timeout"

// OpenPostgres connects to a database by its URL. Any number of processes may
// do so. It refuses a server that answers commits before they are on disk. The
// URL's idle_in_transaction_session_timeout stands where it has one.
func OpenPostgres(ctx context.Context, dsn string, o Options) (*DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the postgresql store: %w", err)
	}
	own := stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		if cfg.RuntimeParams[silence] != "" {
			return nil
		}
		_, err := c.Exec(ctx, fmt.Sprintf("SET %s = %d", silence, silentReplica.Milliseconds()))
		return err
	})
	write := stdlib.OpenDB(*cfg, own)
	write.SetMaxOpenConns(1)
	if err := synchronous(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read := stdlib.OpenDB(*cfg, own)
	read.SetMaxOpenConns(maxReaders)
	return start(ctx, postgresDialect, write, read, o)
}

func synchronous(ctx context.Context, db *sql.DB) error {
	var sync string
	if err := db.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&sync); err != nil {
		return fmt.Errorf("opening the postgresql store: %w", err)
	}
	if sync == "off" {
		return fmt.Errorf("synchronous_commit is off: answered writes would be lost at a crash; set it to on")
	}
	return nil
}

// ServerTime is what the clock of a PostgreSQL server says. Replicas go by it,
// so that they agree about what is over.
func (db *DB) ServerTime(ctx context.Context) (time.Time, error) {
	var us int64
	err := db.read.QueryRowContext(ctx, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)").Scan(&us)
	return time.UnixMicro(us), err
}
