package driver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Ledger keeps, in the driver's cache folder, which keys went to the vendor, so
// that a key is submitted at most once even when the driver is killed between the
// vendor's acceptance and its own answer. A driver whose vendor dedups by a token
// does not need one.
type Ledger struct {
	mu      sync.Mutex
	f       *os.File
	entries map[[32]byte]Entry
	order   [][32]byte // keys of entries, as they were begun
}

// Entry is what is known of a key.
type Entry struct {
	Digest [32]byte
	JobID  string // empty: the vendor was asked and its answer never arrived
}

// ledgerLine is one line of the file.
type ledgerLine struct {
	Key    []byte `json:"key"`
	Digest []byte `json:"digest,omitempty"`
	JobID  string `json:"job_id,omitempty"`
	Void   bool   `json:"void,omitempty"` // the vendor surely refused
}

// maxLedgerLine bounds a line that OpenLedger reads.
const maxLedgerLine = 4096

// OpenLedger opens or makes the ledger of a cache folder. A last line that a crash
// cut short is dropped; any other broken line is an error.
func OpenLedger(dir string) (*Ledger, error) {
	f, err := os.OpenFile(filepath.Join(dir, "submissions.log"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l := &Ledger{f: f, entries: map[[32]byte]Entry{}}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Ledger) load() error {
	r := bufio.NewReaderSize(l.f, maxLedgerLine)
	var whole int64
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil && len(line) < maxLedgerLine {
			break // the end, or a line cut short
		}
		if err != nil {
			return fmt.Errorf("ledger %s line %d: longer than %d bytes", l.f.Name(), n, maxLedgerLine)
		}
		if err := l.apply(bytes.TrimRight(line, "\n")); err != nil {
			return fmt.Errorf("ledger %s line %d: %w; move the file away only after asking the vendor which jobs exist", l.f.Name(), n, err)
		}
		whole += int64(len(line))
	}
	if err := l.f.Truncate(whole); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	_, err := l.f.Seek(whole, 0)
	return err
}

func (l *Ledger) apply(line []byte) error {
	var e ledgerLine
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return err
	}
	if len(e.Key) != 32 || len(e.Digest) != 32 && !e.Void {
		return errors.New("key or digest is not 32 bytes")
	}
	if e.Void {
		delete(l.entries, [32]byte(e.Key))
		for i := len(l.order) - 1; i >= 0; i-- { // the last one begun, as a rule
			if l.order[i] == [32]byte(e.Key) {
				l.order = slices.Delete(l.order, i, i+1)
				break
			}
		}
		return nil
	}
	if _, known := l.entries[[32]byte(e.Key)]; !known {
		l.order = append(l.order, [32]byte(e.Key))
	}
	l.entries[[32]byte(e.Key)] = Entry{Digest: [32]byte(e.Digest), JobID: e.JobID}
	return nil
}

func (l *Ledger) write(e ledgerLine) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return l.apply(b)
}

// Begin records that key is about to go to the vendor. known tells that it was
// begun before; the entry then says whether its job id is known. A key that
// stands for another batch is KeyReused.
func (l *Ledger) Begin(key, digest [32]byte) (e Entry, known bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, known = l.entries[key]; known {
		if e.Digest != digest {
			return e, true, &Error{Code: KeyReused, Field: "idempotency_key", VendorMessage: "this key stands for another batch"}
		}
		return e, true, nil
	}
	return Entry{Digest: digest}, false, l.write(ledgerLine{Key: key[:], Digest: digest[:]})
}

// Accepted records the vendor's job id of a key.
func (l *Ledger) Accepted(key [32]byte, jobID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[key]
	if !ok {
		return fmt.Errorf("ledger: key %x was never begun", key[:4])
	}
	return l.write(ledgerLine{Key: key[:], Digest: e.Digest[:], JobID: jobID})
}

// Refused records that the vendor surely did not take a key.
func (l *Ledger) Refused(key [32]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(ledgerLine{Key: key[:], Void: true})
}

// Lookup finds a key.
func (l *Ledger) Lookup(key [32]byte) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[key]
	return e, ok
}

// KeyedEntry is an entry with its key.
type KeyedEntry struct {
	Key [32]byte
	Entry
}

// Entries are those that stand, oldest first: for drivers whose vendor has no list
// of jobs.
func (l *Ledger) Entries() []KeyedEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]KeyedEntry, 0, len(l.entries))
	for _, k := range l.order {
		out = append(out, KeyedEntry{k, l.entries[k]})
	}
	return out
}

// Close closes the file.
func (l *Ledger) Close() error { return l.f.Close() }
