package tlogwitness

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/proofs/auditlog"
)

// Folder is a Memory on disk: for each log a file under the SHA3-256 of its origin, and
// evidence beside it.
type Folder string

func (f Folder) path(origin, suffix string) string {
	return filepath.Join(string(f), digest.Sum([]byte(origin)).String()+suffix)
}

// Last implements Memory.
func (f Folder) Last(origin string) ([]byte, error) {
	b, err := os.ReadFile(f.path(origin, ".checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Keep implements Memory.
func (f Folder) Keep(origin string, signed []byte) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	if err := wholefile.Write(f.path(origin, ".checkpoint"), signed, 0o600); err != nil {
		return err
	}
	d, err := os.Open(string(f)) // after a power cut the folder must name the new file
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Note implements Memory; the first evidence stays.
func (f Folder) Note(origin string, c *auditlog.Contradiction) error {
	name := f.path(origin, ".evidence.json")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	return wholefile.Write(name, append(b, '\n'), 0o600)
}
