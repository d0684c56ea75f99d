package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// RecordKind says which digest a record fixes.
type RecordKind string

// Record kinds, in the order in which one execution writes them.
const (
	RecordJob    RecordKind = "J" // before compilation
	RecordExec   RecordKind = "X" // before the first shot
	RecordResult RecordKind = "R" // after the last
	// RecordRaw stands in the place of R where a verifier judges (trap_mode verifier).
	RecordRaw RecordKind = "raw"
)

// Record is one line of the journal.
type Record struct {
	Kind    RecordKind    `json:"kind"`
	JobID   digest.Digest `json:"job_id"`
	LeaseID digest.Digest `json:"lease_id"`
	Digest  digest.Digest `json:"digest"`
	// Frame is the hex of the frame whose SHA3-256 is Digest, so that the record
	// explains itself. Empty where Sealed.
	Frame string `json:"frame"`
	// Sealed says that the frame of J is kept back, since it would tell the seed of a
	// sealed lease.
	Sealed bool `json:"sealed,omitempty"`
}

func newRecord(kind RecordKind, jobID, leaseID digest.Digest, f transcript.Framed) (Record, error) {
	b, err := transcript.Encode(f)
	if err != nil {
		return Record{}, fmt.Errorf("digest %s: %w", kind, err)
	}
	return Record{Kind: kind, JobID: jobID, LeaseID: leaseID, Digest: digest.Sum(b), Frame: hex.EncodeToString(b)}, nil
}

// Valid reports whether Digest is the hash of Frame, or a J's frame is kept back.
func (r Record) Valid() bool {
	if r.Sealed {
		return r.Frame == "" && r.Kind == RecordJob
	}
	b, err := hex.DecodeString(r.Frame)
	return err == nil && digest.Sum(b) == r.Digest
}

// Journal keeps records. Append returns only when the record is durable.
type Journal interface {
	Append(ctx context.Context, r Record) error
}

// FileJournal appends one JSON object per line to a file and syncs each.
type FileJournal struct {
	mu sync.Mutex
	f  *os.File
}

// OpenJournal opens or makes the file (mode 0600). A last line cut short by a
// crash is removed; any other line that does not parse is an error.
func OpenJournal(path string) (*FileJournal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	_, whole, err := readRecords(f)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), f.Close())
	}
	return &FileJournal{f: f}, nil
}

// Append implements Journal: write, then fsync.
func (j *FileJournal) Append(ctx context.Context, r Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Close closes the file.
func (j *FileJournal) Close() error { return j.f.Close() }

// ReadJournal returns all whole records of a file.
func ReadJournal(path string) ([]Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	recs, _, err := readRecords(f)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return recs, nil
}

// readRecords returns the records and the length of the whole lines.
func readRecords(r io.Reader) (recs []Record, whole int64, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return recs, whole, nil // line, if any, was cut by a crash
		}
		if err != nil {
			return nil, 0, err
		}
		var rec Record
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&rec); err != nil || !rec.Valid() {
			return nil, 0, fmt.Errorf("line %d is not a valid record: restore the file from a copy or move it away", n)
		}
		recs, whole = append(recs, rec), whole+int64(len(line))
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
