package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered file; its number is its place in the folder.
type migration struct {
	version   int
	name, sql string
	sha3      string
}

func migrations() ([]migration, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	var out []migration
	for i, e := range entries {
		b, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(e.Name(), want) {
			return nil, fmt.Errorf("migration %s: want a name that begins with %s", e.Name(), want)
		}
		out = append(out, migration{i + 1, e.Name(), string(b), digest.Sum(b).String()})
	}
	return out, nil
}

// migrate brings the database to the newest version, each migration in a
// transaction of its own. A database that is newer than this program, or whose
// migrations have other bytes, is refused.
func migrate(ctx context.Context, c *sql.Conn, d dialect) (version int, err error) {
	all, err := migrations()
	if err != nil {
		return 0, err
	}
	if _, err := c.ExecContext(ctx, d.types.Replace(`CREATE TABLE IF NOT EXISTS migration (version {int} PRIMARY KEY, name {text} NOT NULL, sha3 {text} NOT NULL) {strict}`)); err != nil {
		return 0, fmt.Errorf("migration table: %w", err)
	}
	for _, m := range all {
		if err := applyMigration(ctx, c, d, m); err != nil {
			return 0, fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	if err := c.QueryRowContext(ctx, "SELECT max(version) FROM migration").Scan(&version); err != nil {
		return 0, err
	}
	if version > len(all) {
		return 0, aicf.Refuse(aicf.VersionTooOld, "the database is at migration %d, this program knows %d", version, len(all)).Try("run the newer program, or restore a backup from before the upgrade")
	}
	return version, nil
}

func applyMigration(ctx context.Context, c *sql.Conn, d dialect, m migration) (err error) {
	if _, err := c.ExecContext(ctx, d.begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if d.name == postgresDialect.name { // replicas may start at once
		if _, err := c.ExecContext(ctx, "LOCK TABLE migration IN EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	var sha3 string
	switch err := c.QueryRowContext(ctx, d.rebind("SELECT sha3 FROM migration WHERE version = ?"), m.version).Scan(&sha3); {
	case err == nil && sha3 != m.sha3:
		return fmt.Errorf("was applied with other bytes (%s)", sha3)
	case err == nil:
		_, err = c.ExecContext(ctx, "COMMIT")
		return err
	case err != sql.ErrNoRows:
		return err
	}
	for _, statement := range strings.Split(d.types.Replace(m.sql), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, d.rebind("INSERT INTO migration (version, name, sha3) VALUES (?, ?, ?)"), m.version, m.name, m.sha3); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "COMMIT")
	return err
}
