package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/animicaorg/engine/aicf"
)

// DB is an open database.
type DB struct {
	dialect dialect
	write   *sql.DB
	read    *sql.DB
	version int
	file    string // of SQLite
	log     *slog.Logger
	ticks   func() int64 // nanoseconds of a clock that only measures
	trace   func(string)
	step    func(string)
	watch   Observer // may be nil

	queue   chan *command
	gate    sync.RWMutex // closed and the closing of queue
	closed  bool
	done    chan struct{}
	writer  *session // of the goroutine run
	readers chan *session
	stats   Stats
	latest  atomic.Int64 // time of the newest batch that this process saw

	mu      sync.Mutex
	changed chan struct{}
}

// maxReaders is how many snapshots may be read at once.
const maxReaders = 4

// Stats counts what the writer did since Open.
type Stats struct {
	Commits, Commands, Refused, Failed atomic.Int64
	CommitNS                           atomic.Int64 // time inside COMMIT
	Waiting                            atomic.Int64 // commands that waited when the last batch began
}

func (s *Stats) add(commands int, ns int64) {
	s.Commits.Add(1)
	s.Commands.Add(int64(commands))
	s.CommitNS.Add(ns)
}

// Options of Open.
type Options struct {
	Log *slog.Logger // nil: silent
	// Ticks is a monotonic clock in nanoseconds for Stats; nil: no times. It
	// decides nothing.
	Ticks func() int64
	// Trace is called with each new statement as written, once for each
	// connection; nil: nothing is called.
	Trace func(statement string)
	// Step is called by the writer before each statement, before COMMIT, and with
	// Committed behind it: a test ends the process there. Nil: nothing is called.
	Step func(statement string)
	// Observer hears of every commit; nil: nobody.
	Observer Observer
}

// Committed is the step behind a commit, before anybody is answered.
const Committed = "COMMITTED"

// start finishes Open: migrations, then the writer.
func start(ctx context.Context, d dialect, write, read *sql.DB, o Options) (*DB, error) {
	db := &DB{dialect: d, write: write, read: read, log: o.Log, ticks: o.Ticks, trace: o.Trace, step: o.Step, watch: o.Observer, queue: make(chan *command, maxQueue), done: make(chan struct{}),
		readers: make(chan *session, maxReaders), changed: make(chan struct{})}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if db.ticks == nil {
		db.ticks = func() int64 { return 0 }
	}
	c, err := write.Conn(ctx)
	if err == nil {
		var now int64
		if db.version, err = migrate(ctx, c, d); err == nil {
			err = c.QueryRowContext(ctx, "SELECT now_ms FROM head WHERE one = 1").Scan(&now)
		}
		db.latest.Store(now)
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the %s store: %w", d.name, err), write.Close(), read.Close())
	}
	for range maxReaders {
		db.readers <- nil
	}
	go db.run()
	return db, nil
}

// Close ends the writer after what is queued, and the connections.
func (db *DB) Close() error {
	db.gate.Lock()
	if db.closed {
		db.gate.Unlock()
		return nil
	}
	db.closed = true
	close(db.queue)
	db.gate.Unlock()
	<-db.done
	var err error
	if db.writer != nil {
		err = db.writer.close()
	}
	for range maxReaders {
		if s := <-db.readers; s != nil {
			err = errors.Join(err, s.close())
		}
	}
	return errors.Join(err, db.write.Close(), db.read.Close())
}

// View runs fn on a snapshot. fn does not write.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) (err error) {
	var s *session
	select {
	case s = <-db.readers:
	case <-db.done:
		return aicf.Refuse(aicf.StorageFailed, "the store is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.readers <- s }()
	t, err := db.snapshot(ctx, &s)
	if err != nil && s != nil && db.dialect.again && ctx.Err() == nil { // the connection was gone since its last use
		s.close()
		s = nil
		t, err = db.snapshot(ctx, &s)
	}
	if err == nil {
		err = unread(ctx, call(fn, t))
	}
	if s != nil && !s.ended(ctx) {
		s.close()
		s = nil
	}
	return err
}

// unread types what a database did not answer.
func unread(ctx context.Context, err error) error {
	var d *driverError
	if err == nil || ctx.Err() != nil || aicf.CodeOf(err) != "" || !errors.As(err, &d) {
		return err
	}
	return fmt.Errorf("%w: %w", aicf.Refuse(aicf.StorageFailed, "the database did not answer").After(1000), err)
}

// snapshot begins to read; it makes *at where there is none.
func (db *DB) snapshot(ctx context.Context, at **session) (*Tx, error) {
	if *at == nil {
		s, err := newSession(ctx, db.read, db.dialect, db.trace)
		if err != nil {
			return nil, unread(ctx, &driverError{err, "connect"})
		}
		*at = s
	}
	s, begin := *at, "BEGIN"
	if db.dialect.name == postgresDialect.name {
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	if _, err := s.conn.ExecContext(ctx, begin); err != nil {
		return nil, unread(ctx, &driverError{err, begin})
	}
	h, err := readHead(ctx, s, "")
	return &Tx{ctx: ctx, s: s, now: h.now, head: h}, unread(ctx, err)
}

// Changed returns a channel that is closed when this process commits the next
// event.
func (db *DB) Changed() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.changed
}

func (db *DB) announce() {
	db.mu.Lock()
	defer db.mu.Unlock()
	close(db.changed)
	db.changed = make(chan struct{})
}

// Engine is sqlite or postgresql.
func (db *DB) Engine() string { return db.dialect.name }

// Migration is the newest migration's number.
func (db *DB) Migration() int { return db.version }

// Stats counts the writer's work.
func (db *DB) Stats() *Stats { return &db.stats }

// QueueRoom reports how many more commands may wait.
func (db *DB) QueueRoom() int { return maxQueue - len(db.queue) }
