package auditlog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Contradiction is two checkpoints of one log, both signed by its key, that
// cannot both be of an append-only log. It is evidence against whoever holds the
// key: Verify needs nothing but the key.
type Contradiction struct {
	Kind    string `json:"kind"`    // KindFork or KindRollback
	Earlier string `json:"earlier"` // signed checkpoint, as received first
	Later   string `json:"later"`   // signed checkpoint, as received after it

	// Of KindHistory: the root that Later implies for Earlier's size, and the
	// consistency proof that shows it.
	Root  *tlog.Hash     `json:"root,omitempty"`
	Proof tlog.TreeProof `json:"proof,omitempty"`
}

// The kinds of a contradiction. A rollback contradicts only together with the
// order in which the two were received, which is the receiver's word.
const (
	KindFork     = "fork"     // one size, two roots
	KindRollback = "rollback" // a smaller size after a greater one
	KindHistory  = "history"  // a greater size whose beginning has another root
)

// Error implements error.
func (c *Contradiction) Error() string {
	switch c.Kind {
	case KindRollback:
		return "the log shrank: " + ErrFork.Error()
	case KindHistory:
		return "the log begins with other entries than before: " + ErrFork.Error()
	}
	return "two roots for one size: " + ErrFork.Error()
}

// Unwrap makes errors.Is(err, ErrFork) hold.
func (c *Contradiction) Unwrap() error { return ErrFork }

// Verify checks that both checkpoints are the log's and contradict each other as
// Kind says.
func (c *Contradiction) Verify(origin string, public []byte) error {
	a, err := OpenCheckpoint([]byte(c.Earlier), origin, public)
	if err != nil {
		return fmt.Errorf("earlier checkpoint: %w", err)
	}
	b, err := OpenCheckpoint([]byte(c.Later), origin, public)
	if err != nil {
		return fmt.Errorf("later checkpoint: %w", err)
	}
	if c.Kind == KindHistory {
		if c.Root == nil || *c.Root == a.Root || a.Size == 0 || len(c.Proof) > 64 || a.Size >= b.Size ||
			tlog.CheckTree(c.Proof, int64(b.Size), b.Root, int64(a.Size), *c.Root) != nil {
			return fmt.Errorf("no proof that the log of %d entries begins otherwise than that of %d: %w", b.Size, a.Size, ErrCheckpoint)
		}
		return nil
	}
	if kind := contradicts(a, b); kind != c.Kind || kind == "" {
		return fmt.Errorf("sizes %d and %d do not show a %s: %w", a.Size, b.Size, c.Kind, ErrCheckpoint)
	}
	return nil
}

// contradicts returns the kind of contradiction, "" where the two checkpoints
// alone show none.
func contradicts(earlier, later Checkpoint) string {
	switch {
	case later.Size < earlier.Size:
		return KindRollback
	case later.Size == earlier.Size && later.Root != earlier.Root:
		return KindFork
	}
	return ""
}

// Watch follows one log as a service or witness does: it accepts only
// checkpoints that extend all accepted before. The zero Last stands for an empty
// log. It is not safe for concurrent use.
type Watch struct {
	Origin string
	Public []byte // of the log
	Last   []byte // the signed checkpoint accepted last; store it
}

// Advance accepts a signed checkpoint or says why not: a *Contradiction, which
// is evidence to keep, or ErrCheckpoint where signature or consistency proof are
// missing or wrong, which proves nothing about the log. proof leads from Last to
// the new checkpoint; it is not looked at when nothing or nothing new was
// accepted before.
func (w *Watch) Advance(signed []byte, proof tlog.TreeProof) (Checkpoint, error) {
	c, err := OpenCheckpoint(signed, w.Origin, w.Public)
	if err != nil {
		return c, err
	}
	if w.Last == nil {
		w.Last = signed
		return c, nil
	}
	last, err := OpenCheckpoint(w.Last, w.Origin, w.Public)
	if err != nil {
		return c, fmt.Errorf("the stored checkpoint: %w", err)
	}
	if kind := contradicts(last, c); kind != "" {
		return c, &Contradiction{Kind: kind, Earlier: string(w.Last), Later: string(signed)}
	}
	if err := checkConsistency(last, c, proof); err != nil {
		return c, err
	}
	w.Last = signed
	return c, nil
}

// checkConsistency checks that later extends earlier.
func checkConsistency(earlier, later Checkpoint, proof tlog.TreeProof) error {
	if earlier.Size == 0 || earlier.Size == later.Size && earlier.Root == later.Root {
		return nil
	}
	if len(proof) > 64 || earlier.Size > later.Size ||
		tlog.CheckTree(proof, int64(later.Size), later.Root, int64(earlier.Size), earlier.Root) != nil {
		return fmt.Errorf("no proof that size %d extends size %d: %w", later.Size, earlier.Size, ErrCheckpoint)
	}
	return nil
}
