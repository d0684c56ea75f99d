package network_test

import (
	"database/sql"

	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
)

// cold are statements that may read or sort a whole table: what an operator
// asks for, not what a provider waits for.
var cold = []string{"SELECT count(*) FROM job WHERE state = 'queued'", "SELECT count(*) FROM provider",
	"SELECT count(*) FROM lease WHERE state IN ('offered', 'active')", "SELECT count(*) FROM lease WHERE state = 'verifying'",
	"SELECT CAST(sum(credits) - sum(debits) AS TEXT) FROM account HAVING sum(credits) <> sum(debits)", // once, at start
	"SELECT kind FROM account WHERE kind <> 'mint' AND credits < debits"}

// TestHotStatementsUseIndexes runs every verb on a recorded store and asks SQLite
// how it runs each statement: no full scan of a table that grows, no temporary
// sort of one.
func TestHotStatementsUseIndexes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "network.db")
	seen := map[string]bool{}
	var mu sync.Mutex
	db, err := store.OpenSQLite(ctx, file, store.Options{Trace: func(q string) { mu.Lock(); defer mu.Unlock(); seen[q] = true }})
	require.NoError(t, err)
	defer db.Close()
	w := newWorld(t, db, withRunners)
	everyVerb(w)
	w.unsound = true // Check reads everything, and is not hot
	require.NoError(t, w.Close())
	raw, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer raw.Close()
	require.Greater(t, len(seen), 60)
	for q := range seen {
		if contains(cold, q) || !strings.Contains(" SELECT UPDATE DELETE INSERT WITH ", " "+strings.SplitN(q, " ", 2)[0]+" ") {
			continue
		}
		args := make([]any, strings.Count(q, "?"))
		rows, err := raw.Query("EXPLAIN QUERY PLAN "+q, args...)
		require.NoError(t, err, q)
		for rows.Next() {
			var a, b, c int
			var detail string
			require.NoError(t, rows.Scan(&a, &b, &c, &detail))
			bad := strings.HasPrefix(detail, "SCAN ") && !strings.Contains(detail, "CONSTANT ROW") || strings.Contains(detail, "TEMP B-TREE")
			if bad && !fromSmall(q) && !ordered(q, detail) {
				t.Errorf("%s\n\t%s", detail, q)
			}
		}
		require.NoError(t, rows.Close())
	}
}

// fromSmall reports whether a statement reads a table that time bounds, not work.
func fromSmall(q string) bool {
	for _, s := range []string{"head", "policy", "epoch"} {
		if strings.Contains(q, " FROM "+s+" ") {
			return true
		}
	}
	return false
}

// ordered allows a walk along an index or the primary key that a LIMIT ends.
func ordered(q, detail string) bool {
	if strings.HasSuffix(detail, "USING INDEX claim_carried") { // holds only the lines that wait for the fund
		return true
	}
	if detail == "SCAN v" && strings.HasPrefix(q, "WITH v (") { // the rows that UpdateAll was given
		return true
	}
	return strings.HasPrefix(detail, "SCAN ") && strings.Contains(q, "LIMIT") && !strings.Contains(q, "WHERE")
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// everyVerb uses all of the network once.
func everyVerb(w *world) {
	p, q := w.provider("one", 9000, 2), w.provider("two", 5000, 1)
	w.deposit(buyer, 1000)
	if w.cfg.Runner != nil {
		_, _, err := w.enrol(q, "runner")
		require.NoError(w, err)
		w.submit(9, inTEE(9))
		o, err := w.Next(ctx, w.as(q.id), q.id)
		require.NoError(w, err)
		a, err := w.Ack(ctx, w.as(q.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}})
		require.NoError(w, err)
		_, err = w.Release(ctx, w.as(q.id), aicf.ReleaseRequest{LeaseRef: aicf.LeaseRef{LeaseID: a.Receipt.Subject}})
		require.NoError(w, err)
	}
	for n := range 4 {
		w.submit(n, nil)
	}
	a, b := w.lease(p), w.lease(p)
	_, err := w.hand(p, a, cheat{})
	require.NoError(w, err)
	_, err = w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: ref(b)})
	require.NoError(w, err)
	_, err = w.hand(p, b, cheat{liesOfTraps: true})
	require.NoError(w, err)
	_, err = w.Next(ctx, w.as(p.id), p.id)
	require.NoError(w, err)
	c := w.lease(q)
	_, err = w.Release(ctx, w.as(q.id), aicf.ReleaseRequest{LeaseRef: ref(c)})
	require.NoError(w, err)
	w.lease(q)
	w.wait(70_000)
	w.rounds(1)
	for range 3 {
		w.wait(40_000)
		w.rounds(1)
	}
	_, err = w.Unstake(ctx, w.as(q.id), q.id, 10)
	require.NoError(w, err)
	w.beat(q, 1)
	w.rounds(5)
	_, err = w.Claim(ctx, w.as(p.id), p.id, 0)
	require.NoError(w, err)
	page, err := w.Jobs(ctx, aicf.JobFilter{})
	require.NoError(w, err)
	for _, j := range page.Items {
		_, err = w.Timeline(ctx, j.ID)
		require.NoError(w, err)
	}
	for _, f := range []aicf.JobFilter{{State: aicf.Completed}, {Provider: p.id}, {Requester: buyer}} {
		_, err = w.Jobs(ctx, f)
		require.NoError(w, err)
	}
	_, err = w.Statement(ctx, p.id, nil, 0, 0)
	require.NoError(w, err)
	_, err = w.Events(ctx, 3, 10)
	require.NoError(w, err)
	_, err = w.Slashes(ctx, aicf.SlashFilter{Provider: p.id})
	require.NoError(w, err)
	_, err = w.Eligibility(ctx, p.id, w.now)
	require.NoError(w, err)
	_, err = w.Providers(ctx, p.id, 10)
	require.NoError(w, err)
	_, err = w.Retire(ctx, w.as(q.id), q.id)
	require.NoError(w, err)
}
