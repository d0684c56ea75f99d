package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/aicf"
)

// Backup writes a consistent copy of a SQLite database while it is in use: one
// file that OpenSQLite opens, synced to disk. The path must not exist. It holds
// every write that was answered before the call. A PostgreSQL database is backed
// up by its own tools.
func (db *DB) Backup(ctx context.Context, path string) error {
	if db.dialect.name != sqliteDialect.name {
		return aicf.Refuse(aicf.Conflict, "a %s database is backed up by its own tools", db.dialect.name).Try("pg_basebackup, or pg_dump --format=custom")
	}
	return CopySQLite(ctx, db.file, path)
}

// CopySQLite is Backup of a file, whichever process has it open.
func CopySQLite(ctx context.Context, file, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return aicf.Refuse(aicf.Conflict, "%s exists already", path).Try("name a new file")
	}
	if _, err := os.Stat(file); err != nil {
		return aicf.Refuse(aicf.NotFound, "no database: %v", err).Try("name the folder that the service was started with")
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}.Encode()}
	c, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		os.Remove(path)
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return syncFile(path)
}

func syncFile(path string) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
