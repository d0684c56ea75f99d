package store

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Tx is one command's view of the database. It is valid inside the function
// that it was given to.
type Tx struct {
	ctx    context.Context
	s      *session
	now    int64
	write  bool
	head   head
	moves  []Move
	states []StateChange
	events int
	writes int
	failed error // of a statement that may have done a part
	keep   bool  // for the observer
	log    []aicf.Event
}

// head is the end of the event log.
type head struct {
	seq  uint64
	hash digest.Digest
	now  int64
}

// NowMS is the command's time; it never goes back from one command to the next.
func (t *Tx) NowMS() int64 { return t.now }

// Seq is the number that the next event will have.
func (t *Tx) Seq() uint64 { return t.head.seq + 1 }

// Head is the newest event's number and hash.
func (t *Tx) Head() (uint64, digest.Digest) { return t.head.seq, t.head.hash }

// Exec runs a statement with ? placeholders and returns how many rows it
// touched.
func (t *Tx) Exec(q string, args ...any) (int64, error) {
	n, err := t.s.exec(t.ctx, q, arguments(args)...)
	if n > 0 {
		t.writes++
	}
	return n, err
}

// Context is the command's context.
func (t *Tx) Context() context.Context { return t.ctx }
