package network_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

// TestPlansOfAMillionJobs uses every verb once on a store with 1,000,000 queued
// jobs, 100,000 providers and as many claim lines, whose engine has counted
// them, and asks how it runs each statement: no large table is read whole, and
// nothing is sorted that a large table gave.
func TestPlansOfAMillionJobs(t *testing.T) {
	if os.Getenv("TORTURE_SIZE") == "" {
		t.Skip("make torture TORTURE=plans; TestHotStatementsUseIndexes does it without rows")
	}
	jobs := size(0, 100_000, 1_000_000)
	large := []string{"job", "provider", "claim_line", "account"}
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "network.db")
		seen, trace := statements()
		db, err := store.OpenSQLite(ctx, file, store.Options{Trace: trace})
		require.NoError(t, err)
		million(t, db, jobs)
		require.NoError(t, db.Close())
		raw, err := sql.Open("sqlite", file)
		require.NoError(t, err)
		defer raw.Close()
		_, err = raw.Exec("ANALYZE")
		require.NoError(t, err)
		n := 0
		for q := range seen {
			if !hot(q) {
				continue
			}
			n++
			for _, detail := range explainSQLite(t, raw, q) {
				if strings.Contains(detail, "TEMP B-TREE") && !fromSmall(q) {
					t.Errorf("%s\n\t%s", detail, q)
				}
				for _, table := range large {
					if strings.HasPrefix(detail+" ", "SCAN "+table+" ") && !strings.Contains(detail, "INDEX") && !strings.Contains(q, "LIMIT") {
						t.Errorf("%s\n\t%s", detail, q)
					}
				}
			}
		}
		t.Logf("%d statements with %d jobs: no scan of a large table, no sort", n, jobs)
	})
	t.Run("postgresql", func(t *testing.T) {
		url := storetest.Database(t)
		seen, trace := statements()
		db, err := store.OpenPostgres(ctx, url, store.Options{Trace: trace})
		require.NoError(t, err)
		million(t, db, jobs)
		require.NoError(t, db.Close())
		raw, err := sql.Open("pgx", url)
		require.NoError(t, err)
		defer raw.Close()
		raw.SetMaxOpenConns(1)
		for _, q := range []string{"ANALYZE", "SET plan_cache_mode = force_generic_plan"} {
			_, err = raw.Exec(q)
			require.NoError(t, err)
		}
		n := 0
		for q := range seen {
			if !hot(q) {
				continue
			}
			n++
			for _, line := range explainPostgres(t, raw, q, n) {
				rows := estimate(line)
				for _, table := range large {
					if strings.Contains(line, "Seq Scan on "+table+" ") {
						t.Errorf("%s\n\t%s", line, q)
					}
				}
				if strings.Contains(line, "Sort ") && rows > 1000 {
					t.Errorf("%s\n\t%s", line, q)
				}
			}
		}
		t.Logf("%d statements with %d jobs: no scan of a large table, no large sort", n, jobs)
	})
}

func statements() (map[string]bool, func(string)) {
	seen := map[string]bool{}
	var mu sync.Mutex
	return seen, func(q string) { mu.Lock(); defer mu.Unlock(); seen[q] = true }
}

// hot reports whether a statement is one that somebody waits for.
func hot(q string) bool {
	verb, _, _ := strings.Cut(q, " ")
	return !contains(cold, q) && (verb == "SELECT" || verb == "UPDATE" || verb == "DELETE" || verb == "WITH")
}

// million uses every verb, then fills the store: past ledger and log.
func million(t *testing.T, db *store.DB, jobs int) {
	w := newWorld(t, db, nil)
	everyVerb(w)
	w.unsound = true
	job, one := w.submit(1000, nil), w.provider("copied", 5000, 1).id
	for _, c := range []struct {
		insert, id, letter, same, where string
		n                               int
		of                              digest.Digest
	}{
		{"job (seq, id, state, attempt, " + jobColumns + ")", "1000000000 + i, %s, 'queued', 0, ", "j", jobColumns, "job WHERE id = ?", jobs, job},
		{"job_text (seq, document, answer)", "1000000000 + i, ", "", "document, answer", "job JOIN job_text USING (seq) WHERE id = ?", jobs, job},
		{"provider (id, " + providerColumns + ")", "%s, ", "q", providerColumns, "provider WHERE id = ?", jobs / 10, one},
		{"provider_text (provider_id, bundle)", "%s, ", "q", "bundle", "provider_text WHERE provider_id = ?", jobs / 10, one},
		{"account (owner, kind, debits, credits)", "%s, ", "q", "kind, debits, credits", "account WHERE kind = 'bonded' AND owner = ?", jobs / 10, one},
	} {
		made := c.id
		if c.letter != "" {
			made = fmt.Sprintf(c.id, idOf(db.Engine(), c.letter, "i"))
		}
		require.NoError(t, db.Update(ctx, w.now, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO "+c.insert+" "+numbers(c.n)+" SELECT "+made+c.same+" FROM n CROSS JOIN (SELECT "+c.same+" FROM "+c.where+") AS one", c.of)
			return err
		}))
	}
	require.NoError(t, db.Update(ctx, w.now, func(tx *store.Tx) error { return copyLines(tx, db.Engine(), jobs/10, 1000, w.ps[0].id) }))
	require.NoError(t, w.Close())
}

func explainSQLite(t *testing.T, raw *sql.DB, q string) (out []string) {
	rows, err := raw.Query("EXPLAIN QUERY PLAN "+q, make([]any, strings.Count(q, "?"))...)
	require.NoError(t, err, q)
	defer rows.Close()
	for rows.Next() {
		var a, b, c int
		var detail string
		require.NoError(t, rows.Scan(&a, &b, &c, &detail))
		out = append(out, detail)
	}
	return out
}

func explainPostgres(t *testing.T, raw *sql.DB, q string, n int) (out []string) {
	name := fmt.Sprint("hot_", n)
	marks := 0
	numbered := regexp.MustCompile(`\?`).ReplaceAllStringFunc(q, func(string) string { marks++; return fmt.Sprint("$", marks) })
	_, err := raw.Exec("PREPARE " + name + " AS " + numbered)
	require.NoError(t, err, q)
	call := "EXPLAIN EXECUTE " + name
	if marks > 0 {
		call += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", marks), ", ") + ")"
	}
	rows, err := raw.Query(call)
	require.NoError(t, err, q)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		out = append(out, line)
	}
	return out
}

var rowsOf = regexp.MustCompile(`rows=(\d+)`)

func estimate(line string) int {
	if m := rowsOf.FindStringSubmatch(line); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}
