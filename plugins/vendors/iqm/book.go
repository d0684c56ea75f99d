package iqm

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"sync"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// maxAttempts bounds how often an operator can settle that a key has no job.
const maxAttempts = 16

// attempt is the key under which attempt k of a submission stands in the ledger and
// in the vendor's tag: the key itself, then keys of their own. Each attempt after
// the first needs the operator's word that the one before came to nothing.
func attempt(key [32]byte, k int) [32]byte {
	if k == 0 {
		return key
	}
	return sha3.Sum256(binary.LittleEndian.AppendUint32(append([]byte("iqm/attempt\x00"), key[:]...), uint32(k)))
}

// tag is what the vendor's dashboard shows of an attempt: 47 of at most 50
// characters.
func tag(attempt [32]byte) string { return "engine-" + hex.EncodeToString(attempt[:20]) }

// book is the ledger, and its entries by job id.
type book struct {
	*driver.Ledger
	mu    sync.Mutex
	byJob map[string]driver.KeyedEntry
}

func openBook(dir string) (*book, error) {
	l, err := driver.OpenLedger(dir)
	if err != nil {
		return nil, err
	}
	b := &book{Ledger: l, byJob: map[string]driver.KeyedEntry{}}
	for _, e := range l.Entries() {
		if _, known := b.byJob[e.JobID]; !known && e.JobID != "" {
			b.byJob[e.JobID] = e
		}
	}
	return b, nil
}

// last is the newest attempt of a key that is in the ledger; -1: none.
func (b *book) last(c *config, key [32]byte) (int, driver.Entry) {
	found, entry := -1, driver.Entry{}
	for k := range maxAttempts {
		e, ok := b.Lookup(attempt(key, k))
		if !ok {
			break
		}
		found, entry = k, e
		if e.JobID != "" || c.settled[tag(attempt(key, k))] != none {
			break
		}
	}
	return found, entry
}

// accept records the job of a key, whichever attempt made it.
func (b *book) accept(key [32]byte, id string) error {
	if err := b.Accepted(key, id); err != nil {
		return err
	}
	e, _ := b.Lookup(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byJob[id] = driver.KeyedEntry{Key: key, Entry: e}
	return nil
}

// name adds key and batch to a job, which only the ledger knows.
func (b *book) name(w *driverv1.Job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.byJob[w.JobId]; ok {
		w.IdempotencyKey, w.BatchSha3 = e.Key[:], e.Digest[:]
	}
}
