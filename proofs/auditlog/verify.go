package auditlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/digest"
)

// Finding is something in a sound log that an auditor wants to see. It does not
// make the log invalid.
type Finding struct {
	Kind    string        `json:"kind"`
	LeaseID digest.Digest `json:"lease_id"`
	Indexes []uint64      `json:"indexes"`
	Detail  string        `json:"detail"`
}

// The kinds of findings.
const (
	TwoExecutions = "two-executions" // two different X under one lease: a job run until it came out well
	TwoResults    = "two-results"    // two different R under one lease and X
	Unannounced   = "unannounced"    // a result or proof whose lease has no X before it
)

// Report is the outcome of Verify.
type Report struct {
	Checkpoint Checkpoint
	Signed     []byte // nil before the first checkpoint
	Pending    int    // entries that no checkpoint covers yet
	Leases     int
	Bodies     int // bodies present, each checked against its hash
	Pruned     int // bodies that entries name and the folder no longer has
	Findings   []Finding
}

// Verify reads the whole log and recomputes everything: every entry parses and
// hashes to the signed root, every tile has the bytes that follow from the
// entries, each lease's entries are linked in order, the index agrees, and
// bodies have their hashes. An error says what is damaged.
func (l *Log) Verify() (*Report, error) {
	r := &Report{Findings: []Finding{}}
	err := l.locked(func(s *state) error {
		r.Checkpoint, r.Signed, r.Pending = s.published, s.signed, len(s.pending)
		a := &audit{log: l, state: s, report: r, last: map[digest.Digest]uint64{}, covered: map[digest.Digest]uint64{}, runs: map[digest.Digest]*history{}}
		return a.run()
	})
	return r, err
}

// audit is one pass over all entries.
type audit struct {
	log     *Log
	state   *state
	report  *Report
	hashes  memory
	last    map[digest.Digest]uint64 // 1 + index of a lease's newest entry
	covered map[digest.Digest]uint64 // likewise among those in the tree
	runs    map[digest.Digest]*history
}

// memory holds all stored hashes.
type memory []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(m)) {
			return nil, fmt.Errorf("hash %d is not stored: %w", x, ErrLog)
		}
		out[i] = m[x]
	}
	return out, nil
}

func (a *audit) run() error {
	size := a.state.published.Size
	for n := uint64(0); n < size; n += tileWidth {
		leaves, err := a.log.folder.bundle(int64(n/tileWidth), int(min(tileWidth, size-n)))
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			hashes, err := tlog.StoredHashes(int64(n)+int64(i), leaf, a.hashes)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrLog, err)
			}
			a.hashes = append(a.hashes, hashes...)
			if err := a.entry(n+uint64(i), leaf); err != nil {
				return err
			}
		}
	}
	if root, err := tlog.TreeHash(int64(size), a.hashes); err != nil || root != a.state.published.Root {
		return fmt.Errorf("the entries have another root than the checkpoint of %d entries: %w", size, errors.Join(ErrLog, err))
	}
	a.covered = maps.Clone(a.last)
	for i, leaf := range a.state.pending {
		if err := a.entry(size+uint64(i), leaf); err != nil {
			return err
		}
	}
	a.report.Leases = len(a.last)
	a.findings()
	return errors.Join(a.tiles(), a.index())
}

func (a *audit) entry(index uint64, leaf []byte) error {
	e, err := ParseEntry(leaf)
	if err != nil {
		return fmt.Errorf("entry %d: %w: %w", index, ErrLog, err)
	}
	if e.Previous != a.last[e.LeaseID] { // 0 where no lease is named
		return fmt.Errorf("entry %d names %d as the one before of its lease, want %d: %w", index, e.Previous, a.last[e.LeaseID], ErrLog)
	}
	if !e.LeaseID.IsZero() {
		a.last[e.LeaseID] = index + 1
		if a.runs[e.LeaseID] == nil {
			a.runs[e.LeaseID] = &history{}
		}
		a.runs[e.LeaseID].add(index, e)
	}
	if e.Payload.IsZero() {
		return nil
	}
	switch _, err := a.log.Body(e.Payload); {
	case errors.Is(err, fs.ErrNotExist):
		a.report.Pruned++
	case err != nil:
		return fmt.Errorf("entry %d: %w", index, err)
	default:
		a.report.Bodies++
	}
	return nil
}

// tiles compares every tile with what the entries give.
func (a *audit) tiles() error {
	size := int64(a.state.published.Size)
	for _, t := range tlog.NewTiles(tileHeight, 0, size) {
		want, err := tlog.ReadTileData(t, a.hashes)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		got, err := tiles{a.log.folder}.ReadTiles([]tlog.Tile{t})
		if err != nil {
			return err
		}
		if !bytes.Equal(got[0], want) {
			return fmt.Errorf("tile %s does not follow from the entries: %w", tilePath(t), ErrLog)
		}
	}
	return nil
}

// index compares the lease index with the tree.
func (a *audit) index() error {
	for id, want := range a.covered {
		rows, err := a.log.lastOf(&state{published: a.state.published}, id)
		if err != nil {
			return err
		}
		if !id.IsZero() && rows != want {
			return fmt.Errorf("the index names entry %d as the newest of lease %s, the tree %d: %w", rows, id, want, ErrLog)
		}
	}
	return nil
}

// history is what one lease's entries say, in order.
type history struct {
	execs   []placed // different X
	results []placed // different R, with the X before
	early   []uint64 // results and proofs without an X before
}

type placed struct {
	index   uint64
	x, what digest.Digest
}

func (h *history) add(index uint64, e *Entry) {
	remember := func(list *[]placed, p placed) {
		if !slices.ContainsFunc(*list, func(q placed) bool { return q.what == p.what && q.x == p.x }) {
			*list = append(*list, p)
		}
	}
	switch e.Kind {
	case ExecBound:
		remember(&h.execs, placed{index: index, what: e.Exec})
	case Result, Proof:
		if !slices.ContainsFunc(h.execs, func(p placed) bool { return p.what == e.Exec }) {
			h.early = append(h.early, index)
		}
		remember(&h.results, placed{index, e.Exec, e.Result})
	}
}

func (a *audit) findings() {
	order := func(x, y digest.Digest) int { return bytes.Compare(x[:], y[:]) }
	for _, id := range slices.SortedFunc(maps.Keys(a.runs), order) {
		h := a.runs[id]
		if len(h.execs) > 1 {
			a.find(TwoExecutions, id, indexes(h.execs), fmt.Sprintf("%d different X under one lease", len(h.execs)))
		}
		byExec := map[digest.Digest][]placed{}
		for _, p := range h.results {
			byExec[p.x] = append(byExec[p.x], p)
		}
		for _, x := range slices.SortedFunc(maps.Keys(byExec), order) {
			if len(byExec[x]) > 1 {
				a.find(TwoResults, id, indexes(byExec[x]), fmt.Sprintf("%d different R under X %s", len(byExec[x]), x))
			}
		}
		if len(h.early) > 0 {
			a.find(Unannounced, id, h.early, "no X was logged before")
		}
	}
}

func (a *audit) find(kind string, id digest.Digest, at []uint64, detail string) {
	a.report.Findings = append(a.report.Findings, Finding{kind, id, at, detail})
}

func indexes(list []placed) (out []uint64) {
	for _, p := range list {
		out = append(out, p.index)
	}
	return out
}
