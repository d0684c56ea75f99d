package store

import (
	"context"
	"database/sql"
	"fmt"
)

// session is one connection with its prepared statements. It serves one
// goroutine at a time.
type session struct {
	conn       *sql.Conn
	dialect    dialect
	statements map[string]*sql.Stmt
	trace      func(string) // may be nil
}

func newSession(ctx context.Context, db *sql.DB, d dialect, trace func(string)) (*session, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{c, d, map[string]*sql.Stmt{}, trace}, nil
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
		return nil, fmt.Errorf("%w in %q", err, q)
	}
	s.statements[q] = st
	return st, nil
}

func (s *session) exec(ctx context.Context, q string, args ...any) (int64, error) {
	st, err := s.prepared(ctx, q)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%w in %q", err, q)
	}
	return r.RowsAffected()
}

func (s *session) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	st, err := s.prepared(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, q)
	}
	return rows, nil
}
