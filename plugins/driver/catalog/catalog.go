// Package catalog is the operator's list of drivers: which file may run, by its
// SHA-256 on every platform, who approved it and when.
//
// It promises that a driver whose file is not in the lock, not approved, or not
// the file that was approved does not start. Developers' overrides skip the lock
// and mark everything they touch. It does not start anything.
package catalog

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/plugins/driver"
)

// Format is the value of the member "format".
const Format = "engine-plugins/v1"

// Limits of a lock file.
const (
	MaxBytes   = 1 << 20
	MaxEntries = 1024
)

// Sentinels; each has its own next step.
var (
	ErrLock        = errors.New("plugins.lock is not valid")
	ErrNotLocked   = errors.New("driver is not in plugins.lock")
	ErrNotApproved = errors.New("driver is locked and not approved")
	ErrMismatch    = errors.New("driver file is not the one in plugins.lock")
)

// Entry is one driver.
type Entry struct {
	Name     string // how --backend calls it: [a-z0-9-], 1 to 32 characters
	ID       string // vendor/name
	Version  string
	Protocol int
	Builtin  bool              // part of the engine's own binary
	Path     string            // absolute; empty for built-in drivers
	SHA256   map[string]string // platform ("linux/amd64") → hex
	By       string            // who approved; empty: nobody
	At       time.Time         // when
}

// Lock is plugins.lock.
type Lock struct{ Entries []Entry }

// CheckName reports whether a driver's name is well formed.
func CheckName(name string) bool {
	if len(name) < 1 || len(name) > 32 || name[0] == '-' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Parse reads a lock file.
func Parse(b []byte) (*Lock, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: MaxBytes, Depth: 5, Values: 32 * MaxEntries})
	c.Only("format", "drivers")
	c.Member("format").OneOf(Format)
	l := &Lock{}
	for _, m := range c.Member("drivers").Items(MaxEntries) {
		e := parseEntry(m)
		if l.Find(e.Name) != nil {
			m.Fail("each name once", "the name %q stands twice", e.Name)
		}
		l.Entries = append(l.Entries, e)
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	return l, nil
}

func parseEntry(c strictjson.Cursor) Entry {
	c.Only("name", "id", "version", "protocol", "builtin", "path", "sha256", "approved_by", "approved_at")
	e := Entry{Name: c.Member("name").Text(32), ID: c.Member("id").Text(128), Version: c.Member("version").Text(64), Protocol: int(c.Member("protocol").Uint(1, 1<<16)), SHA256: map[string]string{}}
	if !CheckName(e.Name) {
		c.Member("name").Fail("lower-case letters, digits and hyphens", "%.40q is not a driver's name", e.Name)
	}
	if vendor, name, ok := strings.Cut(e.ID, "/"); !ok || !driver.CheckID(vendor) || !driver.CheckID(name) {
		c.Member("id").Fail("vendor/name", "%.40q is not a driver's id", e.ID)
	}
	if m, ok := c.Optional("builtin"); ok {
		e.Builtin = m.Bool()
	}
	if m, ok := c.Optional("path"); ok {
		if e.Path = m.Text(4096); !filepath.IsAbs(e.Path) {
			m.Fail("an absolute path", "%.80q is relative", e.Path)
		}
	}
	if e.Builtin == (e.Path != "") {
		c.Fail("a path, or builtin true", "is neither a file nor built in, or both")
	}
	for _, m := range c.Member("sha256").Items(64) {
		m.Only("platform", "hash")
		platform, hash := m.Member("platform").Text(64), m.Member("hash").Hex(32)
		if len(hash) != 32 {
			m.Member("hash").Fail("64 hexadecimal digits", "has %d bytes", len(hash))
		}
		e.SHA256[platform] = hex.EncodeToString(hash)
	}
	if m, ok := c.Optional("approved_by"); ok {
		e.By = m.Text(128)
		at := c.Member("approved_at").Text(32)
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			c.Member("approved_at").Fail("RFC 3339, such as 2026-01-31T12:00:00Z", "%.40q is not a time", at)
		}
		e.At = t.UTC()
	}
	return e
}

// Bytes is the file's text: entries by name, one fact per line.
func (l *Lock) Bytes() []byte {
	type hash struct {
		Platform string `json:"platform"`
		Hash     string `json:"hash"`
	}
	type entry struct {
		Name     string `json:"name"`
		ID       string `json:"id"`
		Version  string `json:"version"`
		Protocol int    `json:"protocol"`
		Builtin  bool   `json:"builtin,omitempty"`
		Path     string `json:"path,omitempty"`
		SHA256   []hash `json:"sha256"`
		By       string `json:"approved_by,omitempty"`
		At       string `json:"approved_at,omitempty"`
	}
	out := struct {
		Format  string  `json:"format"`
		Drivers []entry `json:"drivers"`
	}{Format, []entry{}}
	for _, e := range slices.SortedFunc(slices.Values(l.Entries), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }) {
		x := entry{Name: e.Name, ID: e.ID, Version: e.Version, Protocol: e.Protocol, Builtin: e.Builtin, Path: e.Path, By: e.By, SHA256: []hash{}}
		for p, h := range e.SHA256 {
			x.SHA256 = append(x.SHA256, hash{p, h})
		}
		slices.SortFunc(x.SHA256, func(a, b hash) int { return strings.Compare(a.Platform, b.Platform) })
		if e.By != "" {
			x.At = e.At.UTC().Format(time.RFC3339)
		}
		out.Drivers = append(out.Drivers, x)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil // strings and numbers always encode
	}
	return buf.Bytes()
}

// Load reads a lock file; a missing file is an empty lock.
func Load(path string) (*Lock, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &Lock{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	l, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// Save writes the file whole or not at all.
func (l *Lock) Save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return wholefile.Write(path, l.Bytes(), 0o600)
}

// Find returns the entry of a name; nil when there is none.
func (l *Lock) Find(name string) *Entry {
	for i := range l.Entries {
		if l.Entries[i].Name == name {
			return &l.Entries[i]
		}
	}
	return nil
}

// Put adds an entry, or takes the place of the one with its name. A changed hash
// of a platform, another id or protocol takes the approval away.
func (l *Lock) Put(e Entry) {
	old := l.Find(e.Name)
	if old == nil {
		l.Entries = append(l.Entries, e)
		return
	}
	same := old.ID == e.ID && old.Protocol == e.Protocol && old.Path == e.Path && old.Builtin == e.Builtin
	if same {
		for p, h := range old.SHA256 {
			if e.SHA256[p] == "" {
				e.SHA256[p] = h // other platforms stay as they were
			}
			same = same && e.SHA256[p] == h
		}
		same = same && len(e.SHA256) == len(old.SHA256)
	}
	if same && e.By == "" {
		e.By, e.At = old.By, old.At
	}
	*old = e
}

// Admit refuses a file that is not the approved one.
func (l *Lock) Admit(name, platform string, sha256 [32]byte) (*Entry, error) {
	e := l.Find(name)
	switch {
	case e == nil:
		return nil, fmt.Errorf("%w: %s; run: engine driver lock %s, then engine driver approve %s", ErrNotLocked, name, name, name)
	case e.SHA256[platform] == "":
		return nil, fmt.Errorf("%w: %s has no hash for %s; run: engine driver lock %s", ErrMismatch, name, platform, name)
	case e.SHA256[platform] != hex.EncodeToString(sha256[:]):
		return nil, fmt.Errorf("%w: %s is %x, the lock has %s; if you replaced it yourself run: engine driver lock %s, then engine driver approve %s", ErrMismatch, name, sha256, e.SHA256[platform], name, name)
	case e.By == "":
		return nil, fmt.Errorf("%w: %s; run: engine driver approve %s", ErrNotApproved, name, name)
	case e.Protocol != driver.ProtocolVersion:
		return nil, fmt.Errorf("%w: %s speaks protocol %d, this engine %d", ErrMismatch, name, e.Protocol, driver.ProtocolVersion)
	}
	return e, nil
}
