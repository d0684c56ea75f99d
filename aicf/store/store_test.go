package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

var ctx = context.Background()

func sqlite(t testing.TB) *store.DB {
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func postgresql(t testing.TB) *store.DB {
	db, err := store.OpenPostgres(ctx, storetest.Database(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// both opens an empty database of each engine.
var both = map[string]func(testing.TB) *store.DB{"sqlite": sqlite, "postgresql": postgresql}

func owner(i int) digest.Digest { return digest.Sum(fmt.Append(nil, i)) }

func mint(db *store.DB, now int64, to digest.Digest, amount aicf.Amount) error {
	return db.Update(ctx, now, func(t *store.Tx) error {
		if err := ledger.Move(t, ledger.Common(ledger.Mint), ledger.Of(to, ledger.Available), amount, digest.Digest{}, "deposit"); err != nil {
			return err
		}
		_, err := t.Append(store.Note{Type: aicf.EvDeposited, Provider: to})
		return err
	})
}

func TestEventsAreDenseAndChained(t *testing.T) {
	db := sqlite(t)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if i%3 == 0 { // undone: leaves no trace and no gap
				db.Update(ctx, 1000, func(t *store.Tx) error {
					_, err := t.Append(store.Note{Type: "never"})
					return errors.Join(err, errors.New("no"))
				})
				return
			}
			require.NoError(t, mint(db, 1000, owner(i%7), 5))
		}()
	}
	wg.Wait()
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
		list, err := store.Events(tx, 0, 1000)
		require.NoError(t, err)
		require.Len(t, list, 133)
		var prev digest.Digest
		for i, e := range list {
			require.EqualValues(t, i+1, e.Seq)
			h, err := store.EventHash(&e, prev)
			require.NoError(t, err)
			require.Equal(t, h, e.Hash)
			prev = h
		}
		seq, hash := tx.Head()
		require.EqualValues(t, 133, seq)
		require.Equal(t, prev, hash)
		return nil
	}))
	require.Less(t, db.Stats().Commits.Load(), int64(133), "commits were not shared")
}

func TestLedgerRefuses(t *testing.T) {
	db := sqlite(t)
	require.NoError(t, mint(db, 1, owner(1), 10))
	move := func(from, to store.Account, amount aicf.Amount) error {
		return db.Update(ctx, 1, func(t *store.Tx) error {
			if err := ledger.Move(t, from, to, amount, digest.Digest{}, "x"); err != nil {
				return err
			}
			_, err := t.Append(store.Note{Type: "x"})
			return err
		})
	}
	a, b := ledger.Of(owner(1), ledger.Available), ledger.Of(owner(1), ledger.Bonded)
	require.ErrorIs(t, move(a, b, 11), ledger.ErrShort)
	require.Error(t, move(a, a, 1))
	require.Error(t, move(a, b, -1))
	require.NoError(t, move(a, b, 10))
	require.ErrorIs(t, move(a, b, 1), ledger.ErrShort)
	require.Error(t, mint(db, 1, owner(1), ledger.MaxAmount), "a balance above 2^53-1")
	require.Error(t, db.Update(ctx, 1, func(t *store.Tx) error { // a transfer without an event
		return ledger.Move(t, b, a, 1, digest.Digest{}, "x")
	}))
}

// TestMoveAllMovesWhatMoveDoes: accounts, transfers and event of a list are those of single
// transfers, on both engines; a list that an account does not cover leaves nothing.
func TestMoveAllMovesWhatMoveDoes(t *testing.T) {
	moves := make([]store.Move, 0, 300)
	for i := range 100 {
		from := ledger.Of(owner(i), ledger.Available)
		for k, to := range []store.Account{ledger.Of(owner(i), ledger.Bonded), ledger.Common(ledger.Treasury), ledger.Of(owner(i+1), ledger.Claimable)} {
			moves = append(moves, store.Move{From: from, To: to, Amount: aicf.Amount(i % (k + 2)), Reason: "x"}) // some move nothing
		}
	}
	single := func(tx *store.Tx, moves []store.Move) error {
		for _, m := range moves {
			if err := ledger.Move(tx, m.From, m.To, m.Amount, owner(7), m.Reason); err != nil {
				return err
			}
		}
		return nil
	}
	list := func(tx *store.Tx, moves []store.Move) error { return ledger.MoveAll(tx, moves, owner(7)) }
	for name, open := range both {
		t.Run(name, func(t *testing.T) {
			type state struct {
				moved  []aicf.Transfer
				events []aicf.Event
				has    []map[ledger.Kind]aicf.Amount
			}
			var states []state
			for i, way := range []func(*store.Tx, []store.Move) error{single, list} {
				db := open(t)
				write := func(moves []store.Move) error {
					return db.Update(ctx, 1000, func(tx *store.Tx) error {
						if err := way(tx, moves); err != nil {
							return err
						}
						_, err := tx.Append(store.Note{Type: "x"})
						return err
					})
				}
				for k := range 100 {
					require.NoError(t, mint(db, 1000, owner(k), 10))
				}
				require.NoError(t, write(moves[:1]), "of nothing")
				require.NoError(t, write(moves))
				short := store.Move{From: ledger.Of(owner(9), ledger.Available), To: ledger.Common(ledger.Treasury), Amount: 11}
				require.ErrorIs(t, write(append(slices.Clone(moves[:200]), short)), ledger.ErrShort)
				short.From = ledger.Of(owner(5000), ledger.Available)
				require.ErrorIs(t, write([]store.Move{short}), ledger.ErrShort, "an account that never was")
				require.Error(t, write([]store.Move{{From: short.To, To: short.To, Amount: 1}}))
				require.Error(t, write([]store.Move{{From: short.From, To: short.To, Amount: -1}}))
				if i == 1 {
					require.ErrorContains(t, write([]store.Move{{From: ledger.Common(ledger.Mint), To: short.To, Amount: 1}}), "use Move")
					next := store.Move{From: ledger.Of(owner(5000), ledger.Bonded), To: short.To, Amount: 1}
					require.ErrorIs(t, write([]store.Move{{From: ledger.Of(owner(1), ledger.Available), To: next.From, Amount: 1}, next}), ledger.ErrShort, "what comes in the list covers nothing of it")
				}
				require.NoError(t, db.View(ctx, func(tx *store.Tx) (err error) {
					s := state{}
					if s.moved, _, err = ledger.Newest(tx, 0, 1000); err != nil {
						return err
					}
					if s.events, err = store.Events(tx, 0, 1000); err != nil {
						return err
					}
					for _, id := range append([]digest.Digest{ledger.Network}, owners(102)...) {
						b, err := ledger.Balances(tx, id)
						if err != nil {
							return err
						}
						s.has = append(s.has, b)
					}
					states = append(states, s)
					return nil
				}))
			}
			require.NotEmpty(t, states[0].moved)
			require.Equal(t, states[0], states[1])
		})
	}
}

func owners(n int) []digest.Digest {
	out := make([]digest.Digest, n)
	for i := range out {
		out[i] = owner(i)
	}
	return out
}

func TestClockNeverGoesBack(t *testing.T) {
	db := sqlite(t)
	require.NoError(t, mint(db, 10_000, owner(1), 1))
	require.NoError(t, mint(db, 9_500, owner(1), 1)) // stands still
	require.Equal(t, aicf.ClockSkew, aicf.CodeOf(mint(db, 8_999, owner(1), 1)))
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
		list, err := store.Events(tx, 0, 10)
		require.Len(t, list, 2)
		require.EqualValues(t, 10_000, list[1].TSMS)
		return err
	}))
}

// TestWaitingIsNoSkew: a command whose time was right when it came is not refused
// because others overtook it while it waited.
func TestWaitingIsNoSkew(t *testing.T) {
	db := sqlite(t)
	require.NoError(t, mint(db, 10_000, owner(1), 1))
	hold, held, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		late <- db.Update(ctx, 20_000, func(tx *store.Tx) error {
			close(held)
			<-hold
			_, err := tx.Append(store.Note{Type: "long"})
			return err
		})
	}()
	<-held
	waits := make(chan error, 1)
	came := db.QueueRoom()
	go func() { waits <- mint(db, 10_500, owner(1), 1) }()
	for db.QueueRoom() == came {
		runtime.Gosched()
	}
	close(hold)
	require.NoError(t, <-late)
	require.NoError(t, <-waits)
	require.Equal(t, aicf.ClockSkew, aicf.CodeOf(mint(db, 10_500, owner(1), 1)), "now it comes too late")
}

func TestOverloadIsRefused(t *testing.T) {
	db := sqlite(t)
	hold, held := make(chan struct{}), make(chan struct{})
	go db.Update(ctx, 1, func(*store.Tx) error { close(held); <-hold; return nil })
	<-held
	refused := make(chan error, 2000)
	for range 1500 {
		go func() { refused <- db.Update(ctx, 1, func(*store.Tx) error { return nil }) }()
	}
	require.Equal(t, aicf.Overloaded, aicf.CodeOf(<-refused)) // the first answer is a refusal: nothing else can end
	close(hold)
	n := 1
	for range 1499 {
		if err := <-refused; err != nil {
			require.Equal(t, aicf.Overloaded, aicf.CodeOf(err))
			n++
		}
	}
	require.EqualValues(t, n, db.Stats().Refused.Load())
}

func TestAPanicIsTheCommandsOwn(t *testing.T) {
	db := sqlite(t)
	require.ErrorContains(t, db.Update(ctx, 1, func(*store.Tx) error { panic("boom") }), "boom")
	require.NoError(t, mint(db, 1, owner(1), 1))
}

func TestReopenKeepsEverything(t *testing.T) {
	file := filepath.Join(t.TempDir(), "network.db")
	for i := range 3 {
		db, err := store.OpenSQLite(ctx, file, store.Options{})
		require.NoError(t, err)
		require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
			seq, _ := tx.Head()
			require.EqualValues(t, i, seq)
			return nil
		}))
		require.NoError(t, mint(db, 1, owner(1), 1))
		require.NoError(t, db.Close())
		require.Equal(t, aicf.StorageFailed, aicf.CodeOf(mint(db, 1, owner(1), 1)))
		require.Equal(t, aicf.StorageFailed, aicf.CodeOf(db.View(ctx, func(*store.Tx) error { return nil })))
	}
}

// blob is a row of a table with a key.
type blob struct {
	_    struct{}      `db:"blob"`
	SHA3 digest.Digest `db:"sha3"`
	Part uint64        `db:"part"`
	Data []byte        `db:"data"`
}

// TestAFailedInsertEndsTheCommand: a command one of whose insertions of many rows failed
// leaves nothing, though it hides the error; alone in its batch and among others, on both
// engines. The others' writes stay.
func TestAFailedInsertEndsTheCommand(t *testing.T) {
	rows := make([]blob, 40)
	for i := range rows {
		rows[i] = blob{SHA3: owner(i), Data: []byte{1}}
	}
	rows[20].SHA3 = rows[3].SHA3
	hides := func(tx *store.Tx) error {
		if err := store.Insert(tx, &blob{SHA3: owner(1000), Data: []byte{1}}); err != nil {
			return err
		}
		_ = store.InsertAll(tx, rows)
		return nil
	}
	for name, open := range both {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			kept := func() (n int) {
				require.NoError(t, db.View(ctx, func(tx *store.Tx) error { return tx.Scan("SELECT count(*) FROM blob", nil, &n) }))
				return n
			}
			require.ErrorContains(t, db.Update(ctx, 1, hides), "blob")
			require.Zero(t, kept())

			hold, held := make(chan struct{}), make(chan struct{})
			first := make(chan error, 1)
			go func() { first <- db.Update(ctx, 1, func(*store.Tx) error { close(held); <-hold; return nil }) }()
			<-held
			answers := make(chan error, 3)
			write := func(i int) func(*store.Tx) error {
				return func(tx *store.Tx) error { return store.Insert(tx, &blob{SHA3: owner(i), Data: []byte{1}}) }
			}
			for _, fn := range []func(*store.Tx) error{write(2000), hides, write(2001)} {
				came := db.QueueRoom()
				go func() { answers <- db.Update(ctx, 1, fn) }()
				for db.QueueRoom() == came {
					runtime.Gosched()
				}
			}
			close(hold)
			require.NoError(t, <-first)
			failures := 0
			for range 3 {
				if err := <-answers; err != nil {
					require.ErrorContains(t, err, "blob")
					failures++
				}
			}
			require.Equal(t, 1, failures)
			require.Equal(t, 2, kept())
		})
	}
}

// TestUpdateAll writes lists of every length around the sizes of its statements, counts what
// it touched, and ends its command with its error, whatever the command makes of it.
func TestUpdateAll(t *testing.T) {
	type row struct {
		_     struct{}      `db:"nonce"`
		Key   digest.Digest `db:"key_id"`
		Nonce []byte        `db:"nonce"`
		Until int64         `db:"until_ms"`
	}
	columns := []store.Column{{Name: "id", Type: "{bytes}"}, {Name: "until", Type: "{int}"}}
	const update = " nonce SET until_ms = v.until FROM v WHERE nonce.key_id = v.id"
	for name, open := range both {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			const rows = 150
			require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error {
				for i := range rows {
					if err := store.Insert(tx, &row{Key: owner(i), Nonce: []byte{1}}); err != nil {
						return err
					}
				}
				return nil
			}))
			list := func(n, until int) (out [][]any) {
				for i := range n {
					out = append(out, []any{owner(i), until + i})
				}
				return out
			}
			for _, n := range []int{0, 1, 2, 4, 5, 16, 17, 63, 64, 65, 129, rows} {
				require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error {
					touched, err := tx.UpdateAll(columns, update, list(n, 1000*n))
					require.EqualValues(t, n, touched)
					return err
				}))
				require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
					got, err := store.Select[row](tx, "WHERE until_ms >= ? AND until_ms < ?", 1000*n, 1000*n+n)
					require.Len(t, got, n)
					return err
				}))
			}
			require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error { // rows that are not there
				touched, err := tx.UpdateAll(columns, update, [][]any{{owner(1000), 1}, {owner(1001), 1}, {owner(0), 7}})
				require.EqualValues(t, 1, touched)
				return err
			}))
			require.Error(t, db.Update(ctx, 1, func(tx *store.Tx) error {
				_, _ = tx.UpdateAll(columns, update, [][]any{{owner(1), 8}, {owner(2), "no number"}})
				return nil
			}))
			require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
				got, err := store.Select[row](tx, "WHERE until_ms IN (7, 8)")
				require.Len(t, got, 1)
				return err
			}))
		})
	}
}

// mixed is a row with a field of each kind but text, of which events have some.
type mixed struct {
	_       struct{}      `db:"round"`
	Number  uint64        `db:"number"`
	Epoch   aicf.Amount   `db:"epoch"`
	Started int64         `db:"started_ms"`
	Closed  int           `db:"closed_ms"`
	Value   []byte        `db:"value"`
	Dev     bool          `db:"dev"`
	Commits aicf.Decimal  `db:"commits"`
	Reveals time.Duration `db:"reveals"`
}

// TestListsReadBackAsWritten: lists of every length that has a way of its own, on both
// engines. Their events are chained, whatever their texts hold.
func TestListsReadBackAsWritten(t *testing.T) {
	for name, open := range both {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			first, named := uint64(0), 0
			for _, n := range []int{1, 2, 9, 31, 32, 33, 100} {
				rows := make([]mixed, n)
				for i := range rows {
					k := first + uint64(i)
					rows[i] = mixed{Number: k, Epoch: aicf.MaxAmount - aicf.Amount(k), Started: -int64(k), Closed: -1 << 63, Dev: i%2 == 0, Commits: 1<<63 - 1, Reveals: -1}
					if i%3 > 0 {
						rows[i].Value = bytes.Repeat([]byte{0, 0xff, '\\', '\n'}, 1000*(i%3-1))
					}
				}
				require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error {
					if err := store.InsertAll(tx, rows); err != nil {
						return err
					}
					return tx.AppendAll(n, func(i int) store.Note {
						k := int(first) + i
						e := store.Note{Type: "x", Fence: uint64(i), Info: map[string]string{"text": strings.Repeat("\\N\t\n\"'ä€\U0001f600\\.", i%4)}}
						if i%2 == 0 {
							e.Provider, e.LeaseID = owner(k), owner(-k)
						}
						return e
					})
				}))
				require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
					read, err := store.Select[mixed](tx, "WHERE number >= ? ORDER BY number", first)
					require.NoError(t, err)
					var empty int
					require.NoError(t, tx.Scan("SELECT count(*) FROM round WHERE number >= ? AND length(value) = 0", []any{first}, &empty))
					for i := range rows {
						if rows[i].Value != nil && len(rows[i].Value) == 0 { // is read as nil
							rows[i].Value, empty = nil, empty-1
						}
					}
					require.Equal(t, rows, read)
					require.Zero(t, empty, "empty, not NULL")
					return nil
				}))
				first, named = first+uint64(n), named+(n+1)/2
			}
			require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
				list, err := store.Events(tx, 0, 1000)
				require.NoError(t, err)
				require.Len(t, list, int(first))
				var none, with int
				require.NoError(t, tx.Scan("SELECT count(*), count(provider_id) FROM event WHERE job_id IS NULL", nil, &none, &with))
				require.Equal(t, int(first), none, "an id of zeros is NULL")
				require.Equal(t, named, with)
				var prev digest.Digest
				for i, e := range list {
					require.Equal(t, uint64(i+1), e.Seq)
					h, err := store.EventHash(&e, prev)
					require.NoError(t, err)
					require.Equal(t, h, e.Hash)
					prev = h
				}
				return nil
			}))
		})
	}
}

// TestABatchWhoseCopyBrokeRunsAgain: the server ends the connection in front of a COPY; the
// batch runs once more on another one.
func TestABatchWhoseCopyBrokeRunsAgain(t *testing.T) {
	url := storetest.Database(t)
	other, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer other.Close()
	broken := 0
	db, err := store.OpenPostgres(ctx, url, store.Options{Step: func(step string) {
		if strings.HasPrefix(step, "COPY blob ") {
			if broken++; broken == 1 {
				var ended int
				require.NoError(t, other.QueryRow("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'").Scan(&ended))
				require.Equal(t, 1, ended)
			}
		}
	}})
	require.NoError(t, err)
	defer db.Close()
	rows := make([]blob, 40)
	for i := range rows {
		rows[i] = blob{SHA3: owner(i), Data: []byte{1}}
	}
	require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error { return store.InsertAll(tx, rows) }))
	require.Equal(t, 2, broken)
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
		read, err := store.Select[blob](tx, "ORDER BY sha3")
		require.Len(t, read, len(rows))
		return err
	}))
}
