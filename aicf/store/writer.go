package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/animicaorg/engine/aicf"
)

// Bounds of the writer.
const (
	maxBatch = 64   // commands that share a commit
	maxQueue = 1024 // commands that wait; further ones are Overloaded
	maxBack  = 1000 // milliseconds that a command's time may lie behind the store's
	// timeless is the time of commands that have none: they keep the store's.
	timeless = -1
)

type command struct {
	ctx   context.Context
	now   int64
	seen  int64 // the store's time when the command came: it may wait for long
	fn    func(*Tx) error
	reply chan error
}

// Update runs fn in a transaction and returns when it is on disk. fn may run
// again when an engine asks for it: it touches nothing but the Tx and variables
// that it sets anew. An error of fn undoes its writes. nowMS is the command's
// time. A context that ends while the command waits withdraws it; once it runs,
// its outcome is awaited.
func (db *DB) Update(ctx context.Context, nowMS int64, fn func(*Tx) error) error {
	c := &command{ctx, nowMS, db.latest.Load(), fn, make(chan error, 1)}
	db.gate.RLock()
	if db.closed {
		db.gate.RUnlock()
		return aicf.Refuse(aicf.StorageFailed, "the store is closed")
	}
	select {
	case db.queue <- c:
		db.gate.RUnlock()
	default:
		db.gate.RUnlock()
		db.stats.Refused.Add(1)
		return aicf.Refuse(aicf.Overloaded, "%d writes wait already", maxQueue).After(1000).Try("try again after the time given")
	}
	return <-c.reply
}

// Continue is Update for a command that has no time of its own: it keeps the
// store's.
func (db *DB) Continue(ctx context.Context, fn func(*Tx) error) error {
	return db.Update(ctx, timeless, fn)
}

// run is the writer. It ends when the queue is closed and empty.
func (db *DB) run() {
	defer close(db.done)
	for first := range db.queue {
		batch := []*command{first}
		results, sent, err := db.commit(&batch)
		if err != nil && !sent && db.dialect.again {
			db.log.Warn("batch runs again on a new connection", "commands", len(batch), "error", err)
			results, sent, err = db.commit(&batch)
		}
		if err != nil {
			db.stats.Failed.Add(1)
			db.log.Error("batch not committed", "commands", len(batch), "error", err)
		}
		for i, c := range batch {
			switch {
			case err != nil && results != nil && results[i] != nil && aicf.CodeOf(results[i]) != "":
				c.reply <- results[i]
			case err != nil:
				c.reply <- unwritten(err, sent)
			default:
				c.reply <- results[i]
			}
		}
	}
}

// unwritten is the answer to the commands of a batch that failed. Where COMMIT was
// sent nobody knows whether it happened.
func unwritten(err error, sent bool) error {
	if !sent {
		return failed(err)
	}
	return fmt.Errorf("%w: %w", aicf.Refuse(aicf.StorageFailed, "the database did not answer the commit: the write may have happened").After(1000).
		Try("send the same call again with its Idempotency-Key"), err)
}

func failed(err error) error {
	if aicf.CodeOf(err) != "" {
		return err
	}
	return fmt.Errorf("%w: %w", aicf.Refuse(aicf.StorageFailed, "the database did not commit").After(1000), err)
}

// fill takes what waits into the batch.
func (db *DB) fill(batch *[]*command) {
	for len(*batch) < maxBatch {
		select {
		case c, ok := <-db.queue:
			if !ok {
				return
			}
			*batch = append(*batch, c)
		default:
			return
		}
	}
}

// commit runs a batch; results are the commands' own errors. sent says that err
// came behind the sending of COMMIT.
func (db *DB) commit(batch *[]*command) (results []error, sent bool, err error) {
	ctx := context.Background()
	s, err := db.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			db.abandon(s)
		}
	}()
	h, err := readHead(ctx, s, s.dialect.lock)
	if err != nil {
		return nil, false, err
	}
	db.latest.Store(h.now)
	db.fill(batch)
	db.stats.Waiting.Store(int64(len(db.queue)))
	start, writes, events := h, 0, 0
	var log []aicf.Event
	results = make([]error, len(*batch))
	for i, c := range *batch {
		t := &Tx{s: s, now: c.now, write: true, head: h, keep: db.watch != nil}
		if results[i], err = runCommand(c, t, h.now, len(*batch) == 1); err != nil {
			return results, false, err
		}
		if results[i] == nil {
			h, writes, events, log = t.head, writes+t.writes, events+t.events, append(log, t.log...)
		}
	}
	if writes == 0 && h.now == start.now {
		_, err = s.exec(ctx, "ROLLBACK")
		return results, false, err
	}
	if _, err = s.exec(ctx, "UPDATE head SET seq = ?, hash = ?, now_ms = ? WHERE one = 1", int64(h.seq), h.hash[:], h.now); err != nil {
		return results, false, err
	}
	begun := db.ticks()
	if _, err = s.exec(ctx, "COMMIT"); err != nil {
		return results, true, err
	}
	s.at(Committed)
	db.latest.Store(h.now)
	took := db.ticks() - begun
	db.stats.add(len(*batch), took)
	if db.watch != nil {
		db.watch.Committed(Commit{Commands: len(*batch), Took: time.Duration(took), Waiting: int(db.stats.Waiting.Load()), Events: log})
	}
	if events > 0 {
		db.announce()
	}
	return results, true, nil
}

// runCommand runs one command between savepoints, or, where it is alone in its batch,
// as the whole transaction: with its error nothing is committed. The first error is the
// command's own, the second ends the batch.
func runCommand(c *command, t *Tx, last int64, alone bool) (own, fatal error) {
	if err := c.ctx.Err(); err != nil {
		return err, nil
	}
	if c.now != timeless && c.now < c.seen-maxBack {
		return aicf.Refuse(aicf.ClockSkew, "the clock of this service says %d ms and its store has seen %d ms: it is %d ms behind", c.now, c.seen, c.seen-c.now).
			Try("the operator sets the service's clock by NTP, or waits until it has caught up; nothing is wrong with the call"), nil
	}
	t.now = max(c.now, last)
	t.ctx = context.WithoutCancel(c.ctx)
	if !alone {
		if _, err := t.s.exec(t.ctx, "SAVEPOINT command"); err != nil {
			return nil, err
		}
	}
	own = call(c.fn, t)
	if own == nil {
		own = t.failed
	}
	if own == nil && (len(t.moves) > 0 || len(t.states) > 0) {
		own = errors.New("store: transfers or transitions without an event")
	}
	if own == nil && t.writes > 0 {
		t.head.now = t.now
	}
	if alone {
		return own, nil
	}
	if own != nil {
		if _, err := t.s.exec(t.ctx, "ROLLBACK TO SAVEPOINT command"); err != nil {
			return own, err
		}
	}
	_, fatal = t.s.exec(t.ctx, "RELEASE SAVEPOINT command")
	return own, fatal
}

// call turns a panic of a command into its error, so that the writer lives.
func call(fn func(*Tx) error, t *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a command: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(t)
}

func readHead(ctx context.Context, s *session, lock string) (h head, err error) {
	t := &Tx{ctx: ctx, s: s}
	var seq uint64
	var hash []byte
	if err := t.Scan("SELECT seq, hash, now_ms FROM head WHERE one = 1"+lock, nil, &seq, &hash, &h.now); err != nil {
		return h, fmt.Errorf("head of the event log: %w", err)
	}
	h.seq = seq
	copy(h.hash[:], hash)
	return h, nil
}

// begin opens a batch; a connection that died is replaced once.
func (db *DB) begin(ctx context.Context) (*session, error) {
	for attempt := 0; ; attempt++ {
		if db.writer == nil {
			s, err := newSession(ctx, db.write, db.dialect, db.trace)
			if err != nil {
				return nil, err
			}
			s.step, s.limit = db.step, db.dialect.limit
			db.writer = s
		}
		err := db.writer.plain(ctx, db.dialect.begin)
		if err == nil {
			return db.writer, nil
		}
		db.abandon(db.writer)
		if attempt > 0 {
			return nil, err
		}
	}
}

// abandon rolls back and drops the connection: what it left open is not
// trusted.
func (db *DB) abandon(s *session) {
	s.plain(context.Background(), "ROLLBACK") // fails where the connection is gone, and the batch with it
	s.close()
	db.writer = nil
}
