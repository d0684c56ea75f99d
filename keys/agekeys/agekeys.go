// Package agekeys seals key files with age: to an X25519 identity that lies in a
// second file or a credential of the service manager, or with a passphrase.
//
// It promises that a sealed file is useless without the identity or passphrase,
// and that nothing here asks a person: what is not at hand is keys.ErrLocked. It
// does not protect a machine on which somebody reads both files.
package agekeys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/animicaorg/engine/keys"
)

// CredentialName is the name under which a service manager hands over the
// identity (LoadCredential=, LoadCredentialEncrypted= of systemd).
const CredentialName = "engine-key-identity"

// Limits in bytes.
const (
	maxIdentity   = 4096
	maxPassphrase = 1024
	maxPlain      = 64 << 10
)

// Work factors of scrypt, as powers of two: what new files get, and the most that
// opening one may cost.
const (
	workFactor    = 18
	maxWorkFactor = 20
)

// Sealer implements keys.Sealer.
type Sealer struct {
	level     string
	recipient age.Recipient
	identity  age.Identity
}

// Level implements keys.Sealer.
func (s *Sealer) Level() string { return s.level }

// Seal implements keys.Sealer.
func (s *Sealer) Seal(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, s.recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last chunk
		return nil, err
	}
	return out.Bytes(), nil
}

// Open implements keys.Sealer. A file sealed to another identity, or with
// another passphrase, is keys.ErrLocked.
func (s *Sealer) Open(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), s.identity)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("sealed to another identity or passphrase: %w", keys.ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("sealed file: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxPlain+1))
	if err == nil && len(b) > maxPlain {
		err = fmt.Errorf("more than %d bytes", maxPlain)
	}
	if err != nil {
		return nil, fmt.Errorf("sealed file: %w", err)
	}
	return b, nil
}

// Identity reads the identity in a file that only its owner can read.
func Identity(path string) (*Sealer, error) {
	b, err := readSecret(path, maxIdentity)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, fmt.Errorf("identity %s: not an age X25519 identity", path) // the text is a secret
		}
		return &Sealer{keys.LevelAge, id.Recipient(), id}, nil
	}
	return nil, fmt.Errorf("identity %s: empty", path)
}

// NewIdentity makes an identity file (0600, its folder 0700) and refuses one
// that exists.
func NewIdentity(path string) (*Sealer, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	_, err = fmt.Fprintf(f, "# opens the sealed keys of an engine; keep it apart from them\n%s\n", id)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("identity %s: %w", path, err)
	}
	return &Sealer{keys.LevelAge, id.Recipient(), id}, nil
}

// Passphrase seals with a passphrase, which lies in a file that only its owner
// can read; a line end behind it does not count.
func Passphrase(path string) (*Sealer, error) {
	b, err := readSecret(path, maxPassphrase)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return nil, fmt.Errorf("passphrase %s: empty", path)
	}
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(workFactor)
	id, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	return &Sealer{keys.LevelPassphrase, r, id}, nil
}

// readSecret reads a regular file, not through a link, that nobody but its owner
// can read. A service manager's credential may be readable by a group of its own
// making only if its mode says 0400 or 0600 all the same.
func readSecret(path string, max int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", keys.ErrLocked, err)
	} else if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	now, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || !os.SameFile(info, now) || now.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %v, want a regular file of mode 0600: %w", path, info.Mode(), keys.ErrKeyExposed)
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s has more than %d bytes", path, max)
	}
	return b, err
}
