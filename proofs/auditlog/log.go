package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Names in the folder, besides tile/, lease/ and bodies/.
const (
	lockName       = "lock"
	pendingName    = "pending"
	signedName     = "signed"     // the last tree that was signed, written before signing
	checkpointName = "checkpoint" // the last signed checkpoint
)

// checkpointEvery bounds the entries that no checkpoint covers.
const checkpointEvery = 256

// Log is a log in a folder. Several processes may have it open; each operation
// takes the folder's lock and looks at the disk again.
type Log struct {
	dir    string
	folder folder
	origin string
	public []byte
	signer keys.Signer // nil: read only
	fault  func(step string)
}

// Open opens the folder of a provider's log, which it makes (0700) when it is
// absent, and refuses one whose checkpoint, tiles and pending entries do not fit
// together. key is the Ed25519 key of role log.
func Open(dir, origin string, key keys.Signer) (*Log, error) {
	if err := checkLogKey(key); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l, err := open(dir, origin, key.Public())
	if err != nil {
		return nil, err
	}
	l.signer = key
	if err := l.locked(func(*state) error { return nil }); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// OpenReader opens an existing folder for reading with the log's public key.
func OpenReader(dir, origin string, public []byte) (*Log, error) { return open(dir, origin, public) }

func open(dir, origin string, public []byte) (*Log, error) {
	if _, err := newNoteKey(origin, typeEd25519, public); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return &Log{dir: dir, folder: folder{root}, origin: origin, public: public, fault: func(string) {}}, nil
}

// Close releases the folder.
func (l *Log) Close() error { return l.folder.root.Close() }

// Dir is the folder's path.
func (l *Log) Dir() string { return l.dir }

// state is what the disk says.
type state struct {
	published Checkpoint // size 0 before the first
	signed    []byte     // the signed form of published; nil before the first
	pending   [][]byte   // leaves from published.Size on
	whole     int        // bytes of whole records in the file pending
}

func (s *state) next() uint64 { return s.published.Size + uint64(len(s.pending)) }

// locked runs f on the state of the disk, alone.
func (l *Log) locked(f func(*state) error) error {
	file, err := l.folder.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case err == nil:
		defer file.Close()
		if err := lock(file); err != nil {
			return fmt.Errorf("audit log: lock: %w", err)
		}
	case l.signer == nil && (errors.Is(err, fs.ErrPermission) || readOnly(err)): // a copy that nobody writes
	default:
		return fmt.Errorf("audit log: %w", err)
	}
	s, err := l.load()
	if err == nil {
		err = f(s)
	}
	if err != nil {
		return fmt.Errorf("audit log %s: %w", l.dir, err)
	}
	return nil
}

// load reads checkpoint, pending entries and the right edge of the tree, and
// refuses them unless they are one history.
func (l *Log) load() (*state, error) {
	s := &state{published: Checkpoint{Origin: l.origin, Root: emptyRoot}}
	var err error
	if s.signed, err = l.optional(checkpointName, MaxNote); err != nil {
		return nil, err
	}
	if s.signed != nil {
		if s.published, err = OpenCheckpoint(s.signed, l.origin, l.public); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", checkpointName, ErrLog, err)
		}
	}
	raw, err := l.optional(pendingName, maxPending)
	if err != nil {
		return nil, err
	}
	if s.pending, s.whole, err = parsePending(raw, s.published.Size); err != nil {
		return nil, err
	}
	if _, err := l.rootAt(s, s.published.Size); err != nil {
		return nil, err
	}
	return s, l.checkSigned(s)
}

var emptyRoot, _ = tlog.TreeHash(0, nil)

func (l *Log) optional(name string, max int64) ([]byte, error) {
	b, err := l.folder.read(name, max)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// checkSigned compares with the last tree that this key was asked to sign. It
// may be ahead of the checkpoint (a crash between the two), never apart.
func (l *Log) checkSigned(s *state) error {
	b, err := l.optional(signedName, MaxNote)
	if err != nil {
		return err
	}
	if b == nil {
		if s.signed != nil {
			return fmt.Errorf("%s is missing beside a checkpoint of %d entries: %w", signedName, s.published.Size, ErrFork)
		}
		return nil
	}
	last, err := parseBody(b)
	if err != nil || last.Origin != l.origin {
		return fmt.Errorf("%s: %w", signedName, errors.Join(err, ErrLog))
	}
	if last.Size < s.published.Size || last.Size > s.next() {
		return fmt.Errorf("signed for %d entries before, the folder holds %d to %d: %w", last.Size, s.published.Size, s.next(), ErrFork)
	}
	root, err := l.rootAt(s, last.Size)
	if err == nil && root != last.Root {
		err = fmt.Errorf("another root was signed for %d entries: %w", last.Size, ErrFork)
	}
	return err
}

// rootAt computes the root of the first n entries, tiles and pending together.
func (l *Log) rootAt(s *state, n uint64) (tlog.Hash, error) {
	if n < s.published.Size {
		return tlog.Hash{}, fmt.Errorf("root of %d entries: %w", n, ErrLog)
	}
	h, err := l.grown(s, n)
	if err != nil {
		return tlog.Hash{}, err
	}
	root, err := tlog.TreeHash(int64(n), h)
	if err != nil {
		return root, fmt.Errorf("%w: %w", ErrLog, err)
	}
	return root, nil
}

// overlay serves the hashes of pending entries beside those of the tiles.
type overlay struct {
	old   tlog.HashReader
	first int64
	added []tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (o *overlay) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var old []int64
	var where []int
	for i, x := range indexes {
		switch {
		case x < o.first:
			old, where = append(old, x), append(where, i)
		case x-o.first < int64(len(o.added)):
			out[i] = o.added[x-o.first]
		default:
			return nil, fmt.Errorf("hash %d is not stored: %w", x, ErrLog)
		}
	}
	if len(old) == 0 {
		return out, nil
	}
	got, err := o.old.ReadHashes(old)
	for i, h := range got {
		out[where[i]] = h
	}
	return out, err
}

// grown returns the hashes of the tree of n entries.
func (l *Log) grown(s *state, n uint64) (tlog.HashReader, error) {
	o := &overlay{old: l.folder.hashes(s.published.tree()), first: tlog.StoredHashCount(int64(s.published.Size))}
	for i, leaf := range s.pending[:n-s.published.Size] {
		hashes, err := tlog.StoredHashes(int64(s.published.Size)+int64(i), leaf, o)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLog, err)
		}
		o.added = append(o.added, hashes...)
	}
	return o, nil
}

// Draft is an entry to append, with its body. Previous and Payload are filled.
type Draft struct {
	Entry
	Body []byte // kept beside the tree under its hash; nil: none
}

// Append makes entries durable, in order and all or none, and returns the index
// of the first. Only then may the effect follow that they announce. No
// checkpoint covers them yet.
func (l *Log) Append(ctx context.Context, drafts ...Draft) (first uint64, err error) {
	err = l.writing(ctx, drafts, func(s *state) error {
		if len(s.pending)+len(drafts) > checkpointEvery {
			if err := l.publish(ctx, s); err != nil {
				return err
			}
		}
		first = s.next()
		leaves, err := l.leaves(s, drafts)
		if err != nil {
			return err
		}
		return l.appendPending(s, leaves)
	})
	return first, err
}

// writing checks what is common to Append and Seal and runs f alone.
func (l *Log) writing(ctx context.Context, drafts []Draft, f func(*state) error) error {
	switch {
	case l.signer == nil:
		return fmt.Errorf("audit log %s was opened for reading: %w", l.dir, ErrLog)
	case len(drafts) == 0 || len(drafts) > maxBatch:
		return fmt.Errorf("audit log: %d entries at once, want 1..%d: %w", len(drafts), maxBatch, ErrEntry)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return l.locked(f)
}

// leaves turns drafts into leaves: it links them and stores their bodies.
func (l *Log) leaves(s *state, drafts []Draft) (leaves [][]byte, err error) {
	last := map[digest.Digest]uint64{}
	for i, d := range drafts {
		e := d.Entry
		if e.Previous = 0; !e.LeaseID.IsZero() {
			prev, known := last[e.LeaseID]
			if !known {
				if prev, err = l.lastOf(s, e.LeaseID); err != nil {
					return nil, err
				}
			}
			e.Previous, last[e.LeaseID] = prev, s.next()+uint64(i)+1
		}
		if d.Body != nil {
			if e.Payload, err = l.storeBody(d.Body); err != nil {
				return nil, err
			}
		}
		leaf, err := e.leaf()
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

func (l *Log) appendPending(s *state, leaves [][]byte) error {
	f, err := l.folder.root.OpenFile(pendingName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(s.whole)); err != nil { // what a crash cut off
		return err
	}
	record := appendRecord(nil, s.next(), leaves)
	if _, err := f.WriteAt(record, int64(s.whole)); err != nil {
		return err
	}
	l.fault("pending written")
	if err := f.Sync(); err != nil {
		return err
	}
	if s.whole == 0 {
		if err := l.folder.sync("."); err != nil {
			return err
		}
	}
	l.fault("pending synced")
	s.pending, s.whole = append(s.pending, leaves...), s.whole+len(record)
	return nil
}

// maxBody bounds a body in bytes.
const maxBody = 16 << 20

func bodyPath(d digest.Digest) string { return "bodies/" + d.String()[:2] + "/" + d.String() }

func (l *Log) storeBody(b []byte) (digest.Digest, error) {
	d := digest.Sum(b)
	if len(b) > maxBody {
		return d, fmt.Errorf("body of %d bytes, limit %d: %w", len(b), maxBody, ErrEntry)
	}
	if old, err := l.folder.read(bodyPath(d), maxBody); err == nil && bytes.Equal(old, b) {
		return d, nil
	}
	return d, l.folder.write(bodyPath(d), b)
}

// Body returns a body by its hash; fs.ErrNotExist when it was pruned.
func (l *Log) Body(d digest.Digest) ([]byte, error) {
	b, err := l.folder.read(bodyPath(d), maxBody)
	if err == nil && digest.Sum(b) != d {
		err = fmt.Errorf("body %s has other bytes: %w", d, ErrLog)
	}
	return b, err
}
