package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/animicaorg/engine/aicf"
)

// Pages that connections keep, in KiB: 40 MiB together when all are full. The writer's are
// few because SQLite goes through all of them at a commit behind one that split a page:
// with 32 MiB a claim took 6 % more of the processor.
const (
	writerCache = 8 << 10
	readerCache = 8 << 10
)

// checkpointPages is how long the log grows before it is written into the file: 48 MiB. A
// page that many commits write is then written into the file once.
const checkpointPages = 12_000

// OpenSQLite opens, or makes, a database file. Processes that open the same file
// take turns with their batches.
func OpenSQLite(ctx context.Context, file string, o Options) (*DB, error) {
	db, err := openSQLite(ctx, file, o)
	if err != nil && aicf.CodeOf(err) == "" {
		err = fmt.Errorf("%w: %w", aicf.Refuse(aicf.StorageFailed, "%s cannot be opened", file).Try("see that the folder exists, is on a disk that can be written, and has room"), err)
	}
	return db, err
}

func openSQLite(ctx context.Context, file string, o Options) (*DB, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	dsn := func(pragmas ...string) string {
		u := url.URL{Scheme: "file", Path: abs}
		q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "foreign_keys(1)", "temp_store(memory)"}, pragmas...)}
		u.RawQuery = q.Encode()
		return u.String()
	}
	write, err := sql.Open("sqlite", dsn("journal_mode(WAL)", "synchronous(FULL)", fmt.Sprintf("cache_size(-%d)", writerCache), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages), "journal_size_limit(67108864)"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := durable(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := sql.Open("sqlite", dsn("query_only(1)", fmt.Sprintf("cache_size(-%d)", readerCache)))
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(maxReaders)
	db, err := start(ctx, sqliteDialect, write, read, o)
	if err == nil {
		db.file = abs
	}
	return db, err
}

// durable makes sure that the settings on which the promise rests took hold.
func durable(ctx context.Context, db *sql.DB) error {
	var mode string
	var sync int
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync); err != nil {
		return err
	}
	if mode != "wal" || sync != 2 {
		return fmt.Errorf("journal_mode is %s and synchronous %d, want wal and 2 (FULL): the file system may not support it", mode, sync)
	}
	return nil
}
