package auditlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// The files lease/<first byte of the lease id> hold 40-byte rows: lease id and
// 1 + index of its newest entry that a checkpoint covers. Rows are appended; the
// last row of a lease counts. They are an index only: Verify compares them with
// the tree.

const (
	leaseRow   = digest.Size + 8
	maxLeaseDB = 1 << 30
)

func leasePath(id digest.Digest) string { return "lease/" + id.String()[:2] }

// lastOf returns 1 + index of the newest entry of a lease, 0 when there is none.
func (l *Log) lastOf(s *state, id digest.Digest) (uint64, error) {
	for i := len(s.pending) - 1; i >= 0; i-- {
		e, err := ParseEntry(s.pending[i])
		if err != nil {
			return 0, err
		}
		if e.LeaseID == id {
			return s.published.Size + uint64(i) + 1, nil
		}
	}
	rows, err := l.leaseRows(leasePath(id))
	if err != nil {
		return 0, err
	}
	for i := len(rows) - leaseRow; i >= 0; i -= leaseRow {
		if bytes.Equal(rows[i:i+digest.Size], id[:]) {
			last := binary.BigEndian.Uint64(rows[i+digest.Size:])
			if last == 0 || last > s.published.Size {
				continue // of a publication that a crash cut off
			}
			return last, nil
		}
	}
	return 0, nil
}

// leaseRows returns the whole rows of an index file.
func (l *Log) leaseRows(name string) ([]byte, error) {
	b, err := l.folder.read(name, maxLeaseDB)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b[:len(b)/leaseRow*leaseRow], err
}

// index appends rows for the pending entries.
func (l *Log) index(s *state) error {
	newest := map[digest.Digest]uint64{}
	for i, leaf := range s.pending {
		e, err := ParseEntry(leaf)
		if err != nil {
			return err
		}
		if !e.LeaseID.IsZero() {
			newest[e.LeaseID] = s.published.Size + uint64(i) + 1
		}
	}
	if len(newest) == 0 {
		return nil
	}
	if err := l.folder.mkdir("lease"); err != nil {
		return err
	}
	rows := byFile(newest)
	if err := atOnce(maps.Keys(rows), func(name string) error { return l.appendRows(name, rows[name]) }); err != nil {
		return err
	}
	return l.folder.sync("lease")
}

// byFile sorts rows into the files that they belong to.
func byFile(newest map[digest.Digest]uint64) map[string][]byte {
	rows := map[string][]byte{}
	order := func(a, b digest.Digest) int { return bytes.Compare(a[:], b[:]) }
	for _, id := range slices.SortedFunc(maps.Keys(newest), order) {
		rows[leasePath(id)] = binary.BigEndian.AppendUint64(append(rows[leasePath(id)], id[:]...), newest[id])
	}
	return rows
}

func (l *Log) appendRows(name string, rows []byte) error {
	f, err := l.folder.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := info.Size() / leaseRow * leaseRow
	if at+int64(len(rows)) > maxLeaseDB {
		return fmt.Errorf("%s is full: %w", name, ErrLog)
	}
	if _, err := f.WriteAt(rows, at); err != nil {
		return err
	}
	return f.Sync()
}

// Record is an entry with its place.
type Record struct {
	Index   uint64
	Leaf    []byte
	Entry   *Entry
	Covered bool // by the newest checkpoint
}

// Lease returns all entries of a lease, the oldest first.
func (l *Log) Lease(id digest.Digest) (records []Record, err error) {
	err = l.locked(func(s *state) error {
		at, err := l.lastOf(s, id)
		for at > 0 && err == nil {
			var r Record
			if r, err = l.record(s, at-1); err != nil {
				break
			}
			if r.Entry.LeaseID != id || r.Entry.Previous >= at {
				err = fmt.Errorf("entry %d is not linked to lease %s: %w", r.Index, id, ErrLog)
				break
			}
			records, at = append(records, r), r.Entry.Previous
		}
		return err
	})
	slices.Reverse(records)
	return records, err
}

func (l *Log) record(s *state, index uint64) (Record, error) {
	r := Record{Index: index, Covered: index < s.published.Size}
	var err error
	if r.Covered {
		r.Leaf, err = l.folder.leaf(s.published.tree(), int64(index))
	} else if index < s.next() {
		r.Leaf = s.pending[index-s.published.Size]
	} else {
		err = fmt.Errorf("entry %d of %d: %w", index, s.next(), ErrLog)
	}
	if err == nil {
		r.Entry, err = ParseEntry(r.Leaf)
	}
	return r, err
}

// maxNewest bounds Newest.
const maxNewest = 1000

// Newest returns the last n entries, the oldest of them first.
func (l *Log) Newest(n int) (records []Record, err error) {
	if n < 0 || n > maxNewest {
		return nil, fmt.Errorf("%d entries, limit %d: %w", n, maxNewest, ErrEntry)
	}
	err = l.locked(func(s *state) error {
		for i := s.next() - min(s.next(), uint64(n)); i < s.next(); i++ {
			r, err := l.record(s, i)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	return records, err
}
