package store

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// OpenPostgres connects to a database by its URL. Any number of processes may
// do so. It refuses a server that answers commits before they are on disk.
func OpenPostgres(ctx context.Context, dsn string, o Options) (*DB, error) {
	write, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	var sync string
	if err := write.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&sync); err != nil {
		return nil, fmt.Errorf("opening the postgresql store: %w", err)
	}
	if sync == "off" {
		return nil, fmt.Errorf("synchronous_commit is off: answered writes would be lost at a crash; set it to on")
	}
	read, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(maxReaders)
	return start(ctx, postgresDialect, write, read, o)
}
