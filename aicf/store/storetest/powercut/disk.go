// Package powercut says what a power cut may leave of the files of a program
// that ran under strace: it reads the program's own writes and syncs, and builds
// folders that a disk could hold at any moment.
//
// It promises what POSIX does, and no more: bytes are there for certain behind an
// fsync or fdatasync of their file, names behind an fsync of their folder.
// Everything newer may be there or not, in sectors of 512 bytes, in any order;
// changes of names come in their order. It does not model disks that lie about
// a sync, nor bytes of a sector that change though nobody wrote them (SQLite's
// powersafe overwrite).
package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Kind is what an operation does.
type Kind string

// The kinds.
const (
	Create   Kind = "create"
	Write    Kind = "write"
	Truncate Kind = "truncate" // to Off bytes
	Rename   Kind = "rename"   // Path to To
	Remove   Kind = "remove"
	Sync     Kind = "sync" // of a file, or of a folder's names
	Mark     Kind = "mark" // Data on standard output: what the program answered
)

// Op is one operation; paths are relative to the traced folder.
type Op struct {
	Kind     Kind
	Path, To string
	Off      int64
	Data     []byte
}

// sector is what a disk writes as a whole.
const sector = 512

// file is an inode.
type file struct {
	disk    []byte // certain
	now     []byte // as the program sees it
	pending []Op   // between the two
}

// renaming is a change of names: path means to, or nothing, and from nothing.
type renaming struct {
	path string
	to   *file  // nil: removed
	from string // of a rename; empty: none
}

// Disk is a folder with its past.
type Disk struct {
	names   map[string]*file // as the program sees them
	certain map[string]*file
	pending []renaming
}

// NewDisk is an empty folder.
func NewDisk() *Disk {
	return &Disk{names: map[string]*file{}, certain: map[string]*file{}}
}

// Apply does an operation.
func (d *Disk) Apply(op Op) error {
	f := d.names[op.Path]
	if f == nil && (op.Kind == Write || op.Kind == Truncate || op.Kind == Rename) {
		return fmt.Errorf("powercut: %s of %s, which nobody created", op.Kind, op.Path)
	}
	switch op.Kind {
	case Create:
		if f == nil {
			d.name(renaming{path: op.Path, to: &file{}})
		}
	case Write, Truncate:
		f.now = op.on(f.now)
		f.pending = append(f.pending, op)
	case Rename:
		d.name(renaming{path: op.To, to: f, from: op.Path})
	case Remove:
		d.name(renaming{path: op.Path})
	case Sync:
		if f != nil {
			f.disk, f.pending = append([]byte(nil), f.now...), nil
		} else {
			d.syncNames(op.Path)
		}
	}
	return nil
}

func (d *Disk) name(r renaming) {
	r.on(d.names)
	d.pending = append(d.pending, r)
}

// syncNames makes the names in a folder certain.
func (d *Disk) syncNames(folder string) {
	var rest []renaming
	for _, r := range d.pending {
		if filepath.Dir(r.path) == folder {
			r.on(d.certain)
		} else {
			rest = append(rest, r)
		}
	}
	d.pending = rest
}

func (r renaming) on(names map[string]*file) {
	if r.to == nil {
		delete(names, r.path)
	} else {
		names[r.path] = r.to
	}
	if r.from != "" {
		delete(names, r.from)
	}
}

// on is a file's content behind the operation.
func (op Op) on(b []byte) []byte {
	if op.Kind == Truncate {
		return resized(b, op.Off)
	}
	if end := op.Off + int64(len(op.Data)); end > int64(len(b)) {
		b = resized(b, end)
	}
	copy(b[op.Off:], op.Data)
	return b
}

func resized(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

// Keep is how much of what is not certain a cut leaves, 0 to 1: each sector and
// truncation by that chance. 0 is the least that the disk may hold, 1 the most.
type Keep float64

// Cut writes what the disk may hold now into a folder.
func (d *Disk) Cut(rnd *rand.Rand, keep Keep, into string) error {
	names := map[string]*file{}
	for path, f := range d.certain {
		names[path] = f
	}
	for _, r := range d.pending {
		if rnd.Float64() >= float64(keep) {
			break
		}
		r.on(names)
	}
	for path, f := range names {
		to := filepath.Join(into, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, f.cut(rnd, keep), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) cut(rnd *rand.Rand, keep Keep) []byte {
	b := append([]byte(nil), f.disk...)
	for _, op := range f.pending {
		if op.Kind == Truncate {
			if rnd.Float64() < float64(keep) {
				b = op.on(b)
			}
			continue
		}
		for at := int64(0); at < int64(len(op.Data)); {
			end := min((op.Off+at)/sector*sector+sector-op.Off, int64(len(op.Data)))
			if rnd.Float64() < float64(keep) {
				b = Op{Kind: Write, Off: op.Off + at, Data: op.Data[at:end]}.on(b)
			}
			at = end
		}
	}
	return b
}
