package keys

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Errors of a store.
var (
	ErrNoKey      = errors.New("no such key in the store")
	ErrKeyExists  = errors.New("key exists already")
	ErrKeyExposed = errors.New("key file can be read by others")
)

// LevelDev marks a key that lies in the clear in a file.
const LevelDev = "dev"

const (
	keySuffix       = ".key"
	statementSuffix = ".statement.json"
	maxKeyFile      = 4096
)

// Store is a folder with one file per role: <role>.key, readable by its owner
// only, and <role>.statement.json. It is the development store; keys lie in the
// clear.
type Store struct {
	dir  string
	root *os.Root
}

// Open opens the folder, which it makes with mode 0700 when it is absent.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	return &Store{dir, root}, nil
}

// Close releases the folder.
func (s *Store) Close() error { return s.root.Close() }

// Dir is the folder's path.
func (s *Store) Dir() string { return s.dir }

type keyFile struct {
	Alg   string `json:"alg"`
	Seed  string `json:"seed"`
	Role  Role   `json:"role"`
	Level string `json:"level"`
}

// Create draws a key for a role and stores it. It never replaces one.
func (s *Store) Create(role Role, entropy io.Reader) (*Ed25519Key, error) {
	k, err := GenerateEd25519(role, entropy)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(keyFile{Ed25519, hex.EncodeToString(k.private.Seed()), role, LevelDev})
	if err != nil {
		return nil, err
	}
	return k, s.write(string(role)+keySuffix, append(b, '\n'))
}

// write stores a new file durably: a complete file appears under name or none.
func (s *Store) write(name string, b []byte) (err error) {
	tmp := fmt.Sprintf("%s.new.%d", name, os.Getpid())
	f, err := s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("key store %s: %w (remove a left-over %s)", s.dir, err, tmp)
	}
	defer func() { err = errors.Join(err, s.root.Remove(tmp)) }()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("key store %s: writing %s: %w", s.dir, name, err)
	}
	if err := s.root.Link(tmp, name); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key store %s: %s: %w", s.dir, name, ErrKeyExists)
	} else if err != nil {
		return fmt.Errorf("key store %s: %w", s.dir, err)
	}
	return s.syncDir()
}

func (s *Store) syncDir() error {
	d, err := s.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// read returns a small regular file; of a secret one it demands that only the
// owner can read it.
func (s *Store) read(name string, secret bool, max int64) ([]byte, error) {
	info, err := s.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key store %s: %s: %w", s.dir, name, ErrNoKey)
	} else if err != nil {
		return nil, fmt.Errorf("key store %s: %w", s.dir, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key store %s: %s is not a regular file: %w", s.dir, name, ErrKeyExposed)
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("key store %s: %w", s.dir, err)
	}
	defer f.Close()
	now, err := f.Stat()
	if err != nil || !os.SameFile(info, now) {
		return nil, fmt.Errorf("key store %s: %s changed while it was opened: %w", s.dir, name, ErrKeyExposed)
	}
	if secret && now.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key store %s: %s has mode %#o, want 0600 (chmod 600 it; if others could read it, rotate the key): %w", s.dir, name, now.Mode().Perm(), ErrKeyExposed)
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("more than %d bytes", max)
	}
	if err != nil {
		return nil, fmt.Errorf("key store %s: reading %s: %w", s.dir, name, err)
	}
	return b, nil
}

// Key loads the key of a role.
func (s *Store) Key(role Role) (*Ed25519Key, error) {
	if _, err := ParseRole(string(role)); err != nil {
		return nil, err
	}
	name := string(role) + keySuffix
	b, err := s.read(name, true, maxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := parseKeyFile(role, b)
	if err != nil {
		return nil, fmt.Errorf("key store %s: %s: %w", s.dir, name, err)
	}
	return k, nil
}

func parseKeyFile(role Role, b []byte) (*Ed25519Key, error) {
	c := strictjson.Open(b, documentLimits).Only("alg", "seed", "role", "level")
	c.Member("alg").OneOf(Ed25519)
	c.Member("level").OneOf(LevelDev)
	c.Member("role").OneOf(string(role))
	raw := c.Member("seed").Hex(SeedSize)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if len(raw) != ed25519.SeedSize {
		return nil, fmt.Errorf("seed of %d bytes, want %d: %w", len(raw), ed25519.SeedSize, ErrKey)
	}
	return NewEd25519(role, [SeedSize]byte(raw))
}

// Held is what a running provider signs with.
type Held struct {
	ProviderID  digest.Digest
	Operational *Ed25519Key
	Statement   *KeyStatement // root's word for Operational
}

// InitDev makes root.key, operational.key and the root's statement for the
// operational key. It refuses a store that has either key.
func (s *Store) InitDev(entropy io.Reader, nowUnix uint64) (*Held, error) {
	root, err := s.Create(Root, entropy)
	if err != nil {
		return nil, err
	}
	return s.Certify(root, Operational, entropy, 1, nowUnix)
}

// Certify makes a key for a role and has root vouch for it. It also finishes an
// InitDev that was cut off between the two keys.
func (s *Store) Certify(root Signer, role Role, entropy io.Reader, seq, nowUnix uint64) (*Held, error) {
	k, err := s.Create(role, entropy)
	if errors.Is(err, ErrKeyExists) {
		if _, missing := s.Statement(role); errors.Is(missing, ErrNoKey) {
			k, err = s.Key(role)
		}
	}
	if err != nil {
		return nil, err
	}
	st, err := NewKeyStatement(context.Background(), root, role, k.Alg(), k.Public(), seq, nowUnix)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	if err := s.write(string(role)+statementSuffix, append(b, '\n')); err != nil {
		return nil, err
	}
	return &Held{st.ProviderID, k, st}, nil
}

// Statement loads root's word for the key of a role.
func (s *Store) Statement(role Role) (*KeyStatement, error) {
	b, err := s.read(string(role)+statementSuffix, false, 1<<20)
	if err != nil {
		return nil, err
	}
	return ParseKeyStatement(b)
}

// Held loads the operational key with its statement; the root key need not be
// present.
func (s *Store) Held() (*Held, error) {
	k, err := s.Key(Operational)
	if err != nil {
		return nil, err
	}
	st, err := s.Statement(Operational)
	if err != nil {
		return nil, err
	}
	if st.Role != Operational || st.KeyID() != k.KeyID() {
		return nil, fmt.Errorf("key store %s: the statement is for %s key %s, the file holds %s: %w", s.dir, st.Role, st.KeyID(), k.KeyID(), ErrRole)
	}
	return &Held{st.ProviderID, k, st}, nil
}

// Ensure returns Held, after InitDev in an empty store; a store whose InitDev
// was cut off is completed. made tells that keys were drawn.
func (s *Store) Ensure(entropy io.Reader, nowUnix uint64) (h *Held, made bool, err error) {
	h, err = s.Held()
	if !errors.Is(err, ErrNoKey) {
		return h, false, err
	}
	root, err := s.Key(Root)
	if errors.Is(err, ErrNoKey) {
		if root, err = s.Create(Root, entropy); errors.Is(err, ErrKeyExists) {
			root, err = s.Key(Root) // another process was faster
		}
	}
	if err != nil {
		return nil, false, err
	}
	h, err = s.Certify(root, Operational, entropy, 1, nowUnix)
	if errors.Is(err, ErrKeyExists) {
		h, err = s.Held() // another process was faster
		return h, false, err
	}
	return h, err == nil, err
}
