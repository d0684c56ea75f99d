package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// session is one connection with its prepared statements. It serves one
// goroutine at a time.
type session struct {
	conn       *sql.Conn
	dialect    dialect
	statements map[string]*sql.Stmt
	trace      func(string)  // may be nil
	step       func(string)  // may be nil
	limit      time.Duration // of a statement; 0: none
	copying    []byte        // what copy sends
}

func newSession(ctx context.Context, db *sql.DB, d dialect, trace func(string)) (*session, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: c, dialect: d, statements: map[string]*sql.Stmt{}, trace: trace}, nil
}

func (s *session) close() error {
	for _, st := range s.statements {
		st.Close()
	}
	return s.conn.Close()
}

func (s *session) prepared(ctx context.Context, q string) (*sql.Stmt, error) {
	if st := s.statements[q]; st != nil {
		return st, nil
	}
	if s.trace != nil {
		s.trace(q)
	}
	st, err := s.conn.PrepareContext(ctx, s.dialect.rebind(q))
	if err != nil {
		return nil, &driverError{err, q}
	}
	s.statements[q] = st
	return st, nil
}

// driverError is what an engine answered, or that it did not.
type driverError struct {
	error
	statement string
}

func (e *driverError) Error() string { return fmt.Sprintf("%v in %q", e.error, e.statement) }
func (e *driverError) Unwrap() error { return e.error }

// at is a step of the writer.
func (s *session) at(step string) {
	if s.step != nil {
		s.step(step)
	}
}

// bounded ends a statement of the writer whose server does not answer.
func (s *session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.limit)
}

// ended ends a snapshot; false when the connection is of no more use.
func (s *session) ended(ctx context.Context) bool {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), silentReplica)
	defer end()
	_, err := s.conn.ExecContext(ctx, "ROLLBACK")
	return err == nil
}

// plain runs a statement that is not worth preparing.
func (s *session) plain(ctx context.Context, q string) error {
	ctx, end := s.bounded(ctx)
	defer end()
	_, err := s.conn.ExecContext(ctx, q)
	return err
}

func (s *session) exec(ctx context.Context, q string, args ...any) (int64, error) {
	s.at(q)
	ctx, end := s.bounded(ctx)
	defer end()
	st, err := s.prepared(ctx, q)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, &driverError{err, q}
	}
	return r.RowsAffected()
}

// query runs each once with the rows of a statement, in front of the first.
func (s *session) query(ctx context.Context, q string, args []any, each func(*sql.Rows) error) error {
	s.at(q)
	ctx, end := s.bounded(ctx)
	defer end()
	st, err := s.prepared(ctx, q)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return &driverError{err, q}
	}
	defer rows.Close()
	if err := each(rows); err != nil {
		return err
	}
	if err := rows.Err(); err != nil {
		return &driverError{err, q}
	}
	return nil
}
