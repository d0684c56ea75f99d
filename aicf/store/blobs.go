package store

import (
	"bytes"
	"context"
	"crypto/sha3"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// MaxBlob bounds the bytes of a blob.
const MaxBlob = 64 << 20

// Blobs keeps byte strings by their SHA3-256.
type Blobs interface {
	// Put stores r, which must hash to want and have at most MaxBlob bytes. What is
	// there already is not stored again.
	Put(ctx context.Context, want digest.Digest, r io.Reader) error
	// Open returns stored bytes; a Fault NotFound when there are none.
	Open(ctx context.Context, want digest.Digest) (io.ReadCloser, error)
}

func noBlob(d digest.Digest) error {
	return aicf.Refuse(aicf.NotFound, "no bytes with SHA3-256 %s are stored", d).Try("PUT /aicf/bundles/%s first", d)
}

// checked passes bytes on, counts and hashes them.
type checked struct {
	r    io.Reader
	hash hash.Hash
	n    int64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if c.n += int64(n); c.n > MaxBlob {
		return n, aicf.Refuse(aicf.LimitExceeded, "more than %d bytes", MaxBlob)
	}
	return n, err
}

func (c *checked) verify(want digest.Digest) error {
	if got := digest.Digest(c.hash.Sum(nil)); got != want {
		return aicf.Refuse(aicf.SchemaError, "the bytes hash to %s, not to %s", got, want)
	}
	return nil
}

func newChecked(r io.Reader) *checked { return &checked{r: r, hash: sha3.New256()} }

// Dir is a folder of blobs, one file each.
type Dir struct{ root *os.Root }

// OpenDir opens, or makes, a folder.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	return &Dir{root}, err
}

// Close releases the folder.
func (d *Dir) Close() error { return d.root.Close() }

// Put implements Blobs: the file appears whole and synced, or not at all.
func (d *Dir) Put(ctx context.Context, want digest.Digest, r io.Reader) (err error) {
	if _, err := d.root.Stat(want.String()); err == nil {
		return nil
	}
	c := newChecked(r)
	tmp := fmt.Sprintf("new-%s-%d-%p", want, os.Getpid(), c)
	f, err := d.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer d.root.Remove(tmp)
	_, err = io.Copy(f, c)
	if err == nil {
		err = c.verify(want)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.root.Rename(tmp, want.String()); err != nil {
		return err
	}
	return d.sync()
}

func (d *Dir) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open implements Blobs.
func (d *Dir) Open(_ context.Context, want digest.Digest) (io.ReadCloser, error) {
	f, err := d.root.Open(want.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noBlob(want)
	}
	return f, err
}

// chunk is how many bytes of a blob are one row.
const chunk = 1 << 20

// Blobs keeps blobs in the database, for replicas that share nothing else.
func (db *DB) Blobs() Blobs { return sqlBlobs{db} }

type sqlBlobs struct{ db *DB }

type blobRow struct {
	_    struct{}      `db:"blob"`
	SHA3 digest.Digest `db:"sha3"`
	Part int           `db:"part"`
	Data []byte        `db:"data"`
}

// Put implements Blobs. The parts are one command: there are all or none.
func (s sqlBlobs) Put(ctx context.Context, want digest.Digest, r io.Reader) error {
	c := newChecked(r)
	b, err := io.ReadAll(c)
	if err == nil {
		err = c.verify(want)
	}
	if err != nil {
		return err
	}
	return s.db.Continue(ctx, func(t *Tx) error {
		if _, err := Get[blobRow](t, "WHERE sha3 = ? AND part = 0", want); !errors.Is(err, ErrNone) {
			return err
		}
		for part := 0; part == 0 || len(b) > part*chunk; part++ {
			if err := Insert(t, &blobRow{SHA3: want, Part: part, Data: b[part*chunk : min(len(b), (part+1)*chunk)]}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Open implements Blobs.
func (s sqlBlobs) Open(ctx context.Context, want digest.Digest) (io.ReadCloser, error) {
	var all bytes.Buffer
	err := s.db.View(ctx, func(t *Tx) error {
		all.Reset()
		for part := 0; ; part++ {
			row, err := Get[blobRow](t, "WHERE sha3 = ? AND part = ?", want, part)
			if errors.Is(err, ErrNone) && part > 0 {
				return nil
			} else if errors.Is(err, ErrNone) {
				return noBlob(want)
			} else if err != nil {
				return err
			}
			all.Write(row.Data)
		}
	})
	return io.NopCloser(&all), err
}
