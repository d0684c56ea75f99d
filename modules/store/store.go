// Package store keeps modules, their vectors and governance documents by their
// SHA3-256, and moves them: a directory, which any web server can serve, HTTPS,
// and through package oci a registry.
//
// It promises that Get returns bytes that were read once and whose hash is the one
// asked for, and that Pull keeps nothing that the trust chain did not accept.
// Transports are untrusted: what they deliver counts by its hash or its
// signatures. It does not decide what may run; package trust does.
package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/modules/trust"
)

// Errors, each tied to a decision of the caller.
var (
	ErrNotFound = errors.New("not in the store")
	ErrHash     = errors.New("bytes do not have the hash asked for")
	ErrLimit    = errors.New("more bytes than allowed")
	ErrIndex    = errors.New("index is malformed")
)

// MaxDocuments is the most documents of an index.
const MaxDocuments = 4096

// maxIndex bounds an index in bytes.
const maxIndex = 1 << 20

// Transport is where documents and blobs come from. Nothing that it returns is
// trusted.
type Transport interface {
	// Documents returns the SHA3-256 of governance documents in transport form.
	Documents(ctx context.Context) ([]digest.Digest, error)
	// Blob returns the bytes of a hash, at most max of them.
	Blob(ctx context.Context, d digest.Digest, max int64) ([]byte, error)
}

// Publication is what goes to others: bytes as they are to be stored.
type Publication struct {
	Documents [][]byte // transport form
	Modules   [][]byte
	Vectors   [][]byte
}

// Publisher is a place that takes a publication.
type Publisher interface {
	Publish(ctx context.Context, p *Publication) error
}

// Store is a directory: blobs/sha3/<hex> and index.json.
type Store struct{ dir string }

var (
	_ Transport = (*Store)(nil)
	_ Publisher = (*Store)(nil)
)

// Open opens a directory, which it makes where it is absent.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha3"), 0o755); err != nil {
		return nil, fmt.Errorf("module store: %w", err)
	}
	return &Store{dir}, nil
}

// Dir is the directory.
func (s *Store) Dir() string { return s.dir }

// blobPath is where a blob lies below the root of a store.
func blobPath(d digest.Digest) string { return "blobs/sha3/" + d.String() }

// Put stores bytes under their hash.
func (s *Store) Put(b []byte) (digest.Digest, error) {
	d := digest.Sum(b)
	if have, err := s.Get(d, int64(len(b))); err == nil && bytes.Equal(have, b) {
		return d, nil
	}
	return d, s.write(blobPath(d), b)
}

// write makes a complete file appear under name, or none.
func (s *Store) write(name string, b []byte) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := wholefile.Write(path, b, 0o644); err != nil {
		return fmt.Errorf("module store: writing %s: %w", name, err)
	}
	return nil
}

// read returns a file of at most max bytes, read once.
func (s *Store) read(name string, max int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(s.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("module store %s: %s: %w", s.dir, name, ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("module store: %w", err)
	}
	defer f.Close()
	b, err := readAll(f, max)
	if err != nil {
		return nil, fmt.Errorf("module store %s: %s: %w", s.dir, name, err)
	}
	return b, nil
}

func readAll(r io.Reader, max int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err == nil && int64(len(b)) > max {
		return nil, fmt.Errorf("limit %d bytes: %w", max, ErrLimit)
	}
	return b, err
}

// Get returns the bytes of a hash. They are read once, and those are hashed.
func (s *Store) Get(d digest.Digest, max int64) ([]byte, error) {
	b, err := s.read(blobPath(d), max)
	if err != nil {
		return nil, err
	}
	return b, checkHash(b, d)
}

func checkHash(b []byte, d digest.Digest) error {
	if got := digest.Sum(b); got != d {
		return fmt.Errorf("sha3-256 %s, asked for %s: %w", got, d, ErrHash)
	}
	return nil
}

// Blob implements Transport.
func (s *Store) Blob(_ context.Context, d digest.Digest, max int64) ([]byte, error) {
	return s.Get(d, max)
}

// Documents implements Transport.
func (s *Store) Documents(context.Context) ([]digest.Digest, error) {
	b, err := s.read("index.json", maxIndex)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return ParseIndex(b)
}

const indexFormat = "animica-index/1"

// ParseIndex reads an index: the hashes of documents.
func ParseIndex(b []byte) ([]digest.Digest, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxIndex, Depth: 2, Values: MaxDocuments + 8}).Only("format", "documents")
	c.Member("format").OneOf(indexFormat)
	var out []digest.Digest
	for _, x := range c.Member("documents").Items(MaxDocuments) {
		out = append(out, x.Hash())
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return out, nil
}

// Load reads the documents of the store.
func (s *Store) Load() ([]*trust.Signed, error) { return Documents(context.Background(), s) }

// Add stores documents. A document whose frame is there already, with whatever
// signatures, takes its place in the index.
func (s *Store) Add(docs ...*trust.Signed) error {
	held, err := s.Load()
	if err != nil {
		return err
	}
	at := map[digest.Digest]int{}
	for i, d := range held {
		at[d.Digest()] = i
	}
	for _, d := range docs {
		if i, ok := at[d.Digest()]; ok {
			held[i] = d
			continue
		}
		at[d.Digest()] = len(held)
		held = append(held, d)
	}
	if len(held) > MaxDocuments {
		return fmt.Errorf("%d documents, limit %d: %w", len(held), MaxDocuments, ErrLimit)
	}
	index := struct {
		Format    string          `json:"format"`
		Documents []digest.Digest `json:"documents"`
	}{indexFormat, []digest.Digest{}}
	for _, d := range held {
		b, err := json.Marshal(d)
		if err != nil {
			return err
		}
		sum, err := s.Put(b)
		if err != nil {
			return err
		}
		index.Documents = append(index.Documents, sum)
	}
	b, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return s.write("index.json", append(b, '\n'))
}

// Publish implements Publisher.
func (s *Store) Publish(_ context.Context, p *Publication) error {
	for _, list := range [][][]byte{p.Modules, p.Vectors} {
		for _, b := range list {
			if _, err := s.Put(b); err != nil {
				return err
			}
		}
	}
	var docs []*trust.Signed
	for _, b := range p.Documents {
		d, err := trust.ParseSigned(b)
		if err != nil {
			return err
		}
		docs = append(docs, d)
	}
	return s.Add(docs...)
}
