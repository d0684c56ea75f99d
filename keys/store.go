package keys

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Errors of a store.
var (
	ErrNoKey      = errors.New("no such key in the store")
	ErrKeyExists  = errors.New("key exists already")
	ErrKeyExposed = errors.New("key file can be read by others")
	ErrLocked     = errors.New("key is sealed") // the identity or passphrase that opens it is not at hand
)

// The levels of a key: what stands between it and whoever reads the operator's
// files.
const (
	LevelDev        = "dev"        // nothing
	LevelAge        = "age"        // an identity in another file or a credential of the service manager
	LevelPassphrase = "passphrase" // a passphrase
	LevelRemote     = "remote"     // it lives elsewhere: a helper's socket, a vault
)

const (
	keySuffix       = ".key"
	sealedSuffix    = ".key.age"
	statementSuffix = ".statement.json"
	maxKeyFile      = 16 << 10
)

// Sealer encrypts key files. Package agekeys has one.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error) // ErrLocked where it has not what opens it
	Level() string
}

// Dialer reaches keys that live elsewhere.
type Dialer func(r Remote) (RoleSigner, error)

// Remote says where a key lives.
type Remote struct {
	URL    string // unix:/path, vault:https://host/mount/key
	Role   Role
	Alg    string
	Public []byte
}

// Store is a folder with one file per role: <role>.key (in the clear, or naming
// where the key lives) or <role>.key.age, readable by its owner only, and
// <role>.statement.json. chain.json has the rotations.
type Store struct {
	dir  string
	root *os.Root

	Sealer Sealer            // of keys to come; nil: they lie in the clear
	Seals  map[string]Sealer // by level, for opening; nil: sealed keys cannot be used
	Dial   Dialer            // nil: remote keys cannot be used
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
	return &Store{dir: dir, root: root}, nil
}

// Close releases the folder.
func (s *Store) Close() error { return s.root.Close() }

// Dir is the folder's path.
func (s *Store) Dir() string { return s.dir }

type keyFile struct {
	Alg    string `json:"alg"`
	Seed   string `json:"seed,omitempty"`
	Role   Role   `json:"role"`
	Level  string `json:"level"`
	URL    string `json:"url,omitempty"`    // of a remote key
	Public string `json:"public,omitempty"` // of a remote key
}

// Create draws an Ed25519 key for a role and stores it. It never replaces one.
func (s *Store) Create(role Role, entropy io.Reader) (RoleSigner, error) {
	return s.CreateKey(Ed25519, role, string(role), entropy)
}

// CreateKey is Create for any suite and with the name of the file, without its
// suffix.
func (s *Store) CreateKey(alg string, role Role, name string, entropy io.Reader) (RoleSigner, error) {
	if f, err := s.find(name); err == nil {
		return nil, fmt.Errorf("key store %s: %s: %w", s.dir, f, ErrKeyExists)
	} else if !errors.Is(err, ErrNoKey) {
		return nil, err
	}
	suite, err := suiteFor(alg, role)
	if err != nil {
		return nil, err
	}
	seed := make([]byte, suite.seedSize)
	if _, err := io.ReadFull(entropy, seed); err != nil {
		return nil, fmt.Errorf("drawing a %s key: %w", role, err)
	}
	k, err := NewKey(alg, role, seed)
	if err != nil {
		return nil, err
	}
	level, suffix := LevelDev, keySuffix
	if s.Sealer != nil {
		level, suffix = s.Sealer.Level(), sealedSuffix
	}
	b, err := json.Marshal(keyFile{Alg: alg, Seed: hex.EncodeToString(seed), Role: role, Level: level})
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	if s.Sealer != nil {
		if b, err = s.Sealer.Seal(b); err != nil {
			return nil, fmt.Errorf("key store %s: sealing the %s key: %w", s.dir, role, err)
		}
	}
	return k, s.write(name+suffix, b)
}

// Attach notes that the key of a role lives elsewhere.
func (s *Store) Attach(r Remote) error {
	if err := CheckPublic(r.Alg, r.Public); err != nil {
		return err
	}
	if f, err := s.find(string(r.Role)); err == nil {
		return fmt.Errorf("key store %s: %s: %w", s.dir, f, ErrKeyExists)
	}
	b, err := json.Marshal(keyFile{Alg: r.Alg, Role: r.Role, Level: LevelRemote, URL: r.URL, Public: hex.EncodeToString(r.Public)})
	if err != nil {
		return err
	}
	return s.write(string(r.Role)+keySuffix, append(b, '\n'))
}

// File names the file that holds a role's key, or that says where it lives.
func (s *Store) File(role Role) (name string, ok bool) {
	name, err := s.find(string(role))
	return name, err == nil
}

// find returns the file that holds a key.
func (s *Store) find(name string) (string, error) {
	for _, suffix := range []string{keySuffix, sealedSuffix} {
		if _, err := s.root.Lstat(name + suffix); err == nil {
			return name + suffix, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("key store %s: %w", s.dir, err)
		}
	}
	return "", fmt.Errorf("key store %s: %s: %w", s.dir, name+keySuffix, ErrNoKey)
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
func (s *Store) Key(role Role) (RoleSigner, error) {
	if role == Root {
		if err := s.finishRoot(); err != nil {
			return nil, err
		}
	}
	k, _, err := s.KeyFile(role, string(role))
	return k, err
}

// KeyFile loads a key from the file of a name, and says its level, also when the
// key is sealed and cannot be opened.
func (s *Store) KeyFile(role Role, name string) (k RoleSigner, level string, err error) {
	if _, err := ParseRole(string(role)); err != nil {
		return nil, "", err
	}
	file, err := s.find(name)
	if err != nil {
		return nil, "", err
	}
	b, err := s.read(file, true, maxKeyFile)
	if err != nil {
		return nil, "", err
	}
	level = LevelDev
	if strings.HasSuffix(file, sealedSuffix) {
		if level, b, err = s.unseal(b); err != nil {
			return nil, level, fmt.Errorf("key store %s: %s: %w", s.dir, file, err)
		}
	}
	k, level, err = s.parseKeyFile(role, level, b)
	if err != nil {
		return nil, level, fmt.Errorf("key store %s: %s: %w", s.dir, file, err)
	}
	return k, level, nil
}

// unseal tries each sealer.
func (s *Store) unseal(b []byte) (level string, plain []byte, err error) {
	level, err = LevelAge, ErrLocked
	for _, l := range []string{LevelAge, LevelPassphrase} {
		if sealer := s.Seals[l]; sealer != nil {
			if plain, err = sealer.Open(b); !errors.Is(err, ErrLocked) {
				return l, plain, err
			}
		}
	}
	return level, nil, err
}

func (s *Store) parseKeyFile(role Role, level string, b []byte) (RoleSigner, string, error) {
	c := strictjson.Open(b, documentLimits).Only("alg", "seed", "role", "level", "url", "public")
	allowed := SuiteNames()
	if role == Witness {
		allowed = append(allowed, MLDSA44)
	}
	alg := c.Member("alg").OneOf(allowed...)
	if l := c.Member("level").OneOf(level, LevelRemote); l == LevelRemote && level == LevelDev {
		level = l
	} else if l != level {
		c.Member("level").Fail("", "want %s", level)
	}
	c.Member("role").OneOf(string(role))
	if level == LevelRemote {
		r := Remote{URL: c.Member("url").Text(1024), Role: role, Alg: alg, Public: c.Member("public").Hex(maxPublic)}
		if err := c.Err(); err != nil {
			return nil, level, err
		}
		if s.Dial == nil {
			return nil, level, fmt.Errorf("the key lives at %s: %w", r.URL, ErrLocked)
		}
		k, err := s.Dial(r)
		if err == nil && (k.Alg() != r.Alg || !bytes.Equal(k.Public(), r.Public)) {
			err = fmt.Errorf("%s holds another key, %s: %w", r.URL, k.KeyID(), ErrKey)
		}
		return k, level, err
	}
	raw := c.Member("seed").Hex(compositeSeed)
	if err := c.Err(); err != nil {
		return nil, level, err
	}
	k, err := NewKey(alg, role, raw)
	return k, level, err
}

// Held is what a running provider signs with.
type Held struct {
	ProviderID  digest.Digest
	Operational RoleSigner
	Statement   *KeyStatement // root's word for Operational
}

// InitDev makes root, operational and log key and the root's statements. It
// refuses a store that has any of them.
func (s *Store) InitDev(entropy io.Reader, nowUnix uint64) (*Held, error) {
	root, err := s.Create(Root, entropy)
	if err != nil {
		return nil, err
	}
	h, err := s.Certify(root, Operational, entropy, nowUnix)
	if err != nil {
		return nil, err
	}
	_, err = s.Certify(root, Log, entropy, nowUnix)
	return h, err
}

// Certify makes an Ed25519 key for a role and has root vouch for it. It also
// finishes an InitDev that was cut off between a key and its statement.
func (s *Store) Certify(root Signer, role Role, entropy io.Reader, nowUnix uint64) (*Held, error) {
	return s.CertifyKey(root, role, Ed25519, entropy, nowUnix)
}

// CertifyKey is Certify for any suite.
func (s *Store) CertifyKey(root Signer, role Role, alg string, entropy io.Reader, nowUnix uint64) (*Held, error) {
	if _, err := s.find(string(role)); errors.Is(err, ErrNoKey) {
		if _, has := s.Statement(role); !errors.Is(has, ErrNoKey) {
			return nil, fmt.Errorf("key store %s: the root vouched for a %s key that is not here; bring it back: %w", s.dir, role, ErrNoKey)
		}
	}
	k, err := s.CreateKey(alg, role, string(role), entropy)
	if errors.Is(err, ErrKeyExists) {
		if _, missing := s.Statement(role); errors.Is(missing, ErrNoKey) {
			k, err = s.Key(role)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.Vouch(root, k, nowUnix)
}

// Vouch stores root's statement for a key that the store has.
func (s *Store) Vouch(root Signer, k RoleSigner, nowUnix uint64) (*Held, error) {
	seq, err := s.nextSeq()
	if err != nil {
		return nil, err
	}
	chain, err := s.rotations()
	if err != nil {
		return nil, err
	}
	st, err := NewKeyStatementUnder(context.Background(), chain, root, k.Role(), k.Alg(), k.Public(), seq, nowUnix)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	if err := s.write(string(k.Role())+statementSuffix, append(b, '\n')); err != nil {
		return nil, err
	}
	return &Held{st.ProviderID, k, st}, nil
}

// Certified lists the roles for which a statement of the root is kept.
func (s *Store) Certified() (roles []Role, err error) {
	for _, r := range []Role{Operational, Log, Runner, Device, Payout, Service} {
		switch _, err := s.root.Lstat(string(r) + statementSuffix); {
		case err == nil:
			roles = append(roles, r)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("key store %s: %w", s.dir, err)
		}
	}
	return roles, nil
}

// nextSeq is 1 + the greatest number of any statement.
func (s *Store) nextSeq() (uint64, error) {
	roles, err := s.Certified()
	seq := uint64(1)
	for _, r := range roles {
		st, err := s.Statement(r)
		if err != nil {
			return 0, err
		}
		seq = max(seq, st.Seq+1)
	}
	return seq, err
}

// Statement loads root's word for the key of a role.
func (s *Store) Statement(role Role) (*KeyStatement, error) {
	b, err := s.read(string(role)+statementSuffix, false, 1<<20)
	if err != nil {
		return nil, err
	}
	chain, err := s.rotations()
	if err != nil {
		return nil, err
	}
	return ParseKeyStatementUnder(b, chain)
}

// Held loads the operational key with its statement; the root key need not be
// present.
func (s *Store) Held() (*Held, error) { return s.HeldFor(Operational) }

// HeldFor is Held for any role.
func (s *Store) HeldFor(role Role) (*Held, error) {
	if err := s.finishRotation(role); err != nil {
		return nil, err
	}
	k, err := s.Key(role)
	if err != nil {
		return nil, err
	}
	st, err := s.Statement(role)
	if err != nil {
		return nil, err
	}
	if st.Role != role || st.KeyID() != k.KeyID() {
		return nil, fmt.Errorf("key store %s: the statement is for %s key %s, the file holds %s: %w", s.dir, st.Role, st.KeyID(), k.KeyID(), ErrRole)
	}
	return &Held{st.ProviderID, k, st}, nil
}

// Ensure returns Held, after InitDev in an empty store; a store whose InitDev
// was cut off is completed. made tells that keys were drawn.
func (s *Store) Ensure(entropy io.Reader, nowUnix uint64) (h *Held, made bool, err error) {
	return s.EnsureFor(Operational, entropy, nowUnix)
}

// EnsureFor is Ensure for any role but the root's.
func (s *Store) EnsureFor(role Role, entropy io.Reader, nowUnix uint64) (h *Held, made bool, err error) {
	h, err = s.HeldFor(role)
	if !errors.Is(err, ErrNoKey) {
		return h, false, err
	}
	root, err := s.Key(Root)
	if errors.Is(err, ErrNoKey) {
		if roles, err := s.Certified(); err != nil || len(roles) > 0 { // the root key is kept elsewhere: there must not be a second one
			return nil, false, errors.Join(err, fmt.Errorf("key store %s: no %s key, and the root key that would vouch for one is not here: %w", s.dir, role, ErrNoKey))
		}
		if root, err = s.Create(Root, entropy); errors.Is(err, ErrKeyExists) {
			root, err = s.Key(Root) // another process was faster
		}
	}
	if err != nil {
		return nil, false, err
	}
	h, err = s.Certify(root, role, entropy, nowUnix)
	if errors.Is(err, ErrKeyExists) {
		h, err = s.HeldFor(role) // another process was faster
		return h, false, err
	}
	return h, err == nil, err
}
