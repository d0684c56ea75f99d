package quote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
)

// tsmReports is the folder of report requests (Linux,
// Documentation/ABI/testing/configfs-tsm-report).
const tsmReports = "/sys/kernel/config/tsm/report"

// tsmProviders is what attribute provider says for a kind.
var tsmProviders = map[attest.Kind]string{attest.TDX: "tdx_guest", attest.SEV: "sev_guest"}

// Files is what a request needs of configfs; OS is the real one.
type Files interface {
	MkdirTemp(dir, pattern string) (string, error)
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, contents []byte) error
	RemoveAll(path string) error
}

// OS is configfs of this machine.
type OS struct{}

// MkdirTemp implements Files.
func (OS) MkdirTemp(dir, pattern string) (string, error) { return os.MkdirTemp(dir, pattern) }

// ReadFile implements Files.
func (OS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

// WriteFile implements Files. Attributes exist from the mkdir on; none is made.
func (OS) WriteFile(name string, contents []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(contents)
	return errors.Join(err, f.Close())
}

// RemoveAll implements Files: a request goes with one rmdir.
func (OS) RemoveAll(path string) error { return os.Remove(path) }

// TSM asks the kernel's trusted security module for reports.
type TSM struct {
	kind  attest.Kind
	files Files
}

// NewTSM makes the source of kind tdx or sev.
func NewTSM(k attest.Kind, files Files) *TSM { return &TSM{k, files} }

// Kind implements Source.
func (t *TSM) Kind() attest.Kind { return t.kind }

// Quote implements Source. Every request has a folder of its own; a generation that
// another writer moved refuses it.
func (t *TSM) Quote(ctx context.Context, d digest.Digest) (_ *attest.Evidence, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := t.files.MkdirTemp(tsmReports, "engine-*")
	if err != nil {
		return nil, fmt.Errorf("configfs-tsm: %w", err)
	}
	defer func() { err = errors.Join(err, t.files.RemoveAll(dir)) }()
	if err := t.files.WriteFile(path.Join(dir, "inblob"), reportData(d)); err != nil {
		return nil, fmt.Errorf("configfs-tsm: inblob: %w", err)
	}
	out, err := t.read(dir, "outblob", attest.MaxEvidence)
	if err != nil {
		return nil, err
	}
	provider, err := t.read(dir, "provider", 64)
	if err != nil {
		return nil, err
	}
	if got := strings.TrimSpace(string(provider)); got != tsmProviders[t.kind] {
		return nil, fmt.Errorf("configfs-tsm: provider is %.40q, kind %s needs %s: %w", got, t.kind, tsmProviders[t.kind], ErrAbsent)
	}
	generation, err := t.read(dir, "generation", 64)
	if err != nil {
		return nil, err
	}
	if got := strings.TrimSpace(string(generation)); got != "1" {
		return nil, fmt.Errorf("configfs-tsm: the request was written to %.20q times, want once: another program uses it", got)
	}
	ev := &attest.Evidence{Raw: out}
	if t.kind == attest.SEV {
		if ev.Certs, err = t.certificates(dir); err != nil {
			return nil, err
		}
	}
	return ev, nil
}

func (t *TSM) read(dir, attr string, limit int) ([]byte, error) {
	b, err := t.files.ReadFile(path.Join(dir, attr))
	if err == nil && len(b) > limit {
		err = fmt.Errorf("%d bytes, limit %d", len(b), limit)
	}
	if err != nil {
		return nil, fmt.Errorf("configfs-tsm: %s: %w", attr, err)
	}
	return b, nil
}
