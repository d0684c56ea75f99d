package host

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/worker"
)

// CodeCache keeps the native code that workers compile, for later processes of
// the same user. Native code is executed, so an entry counts only with a MAC under
// a key that only this user's supervisors read; the bytes that were checked are
// the bytes that a worker gets, over its socket. Whatever is not such an entry is
// as good as none: it is removed and the module compiled again. It is safe for
// concurrent use, also by several processes.
type CodeCache struct {
	dir string
	key []byte
}

// An entry is magic, id, u64 length of the code, code, MAC of all before it.
const (
	entryMagic  = "qprov-native/1\x00\x00"
	entryHeader = len(entryMagic) + digest.Size + 8
	entryMAC    = 32
	entrySuffix = ".native"
	maxEntries  = 64 // the oldest beyond it are removed
	codeKeySize = 32
)

// OpenCodeCache opens the cache in dir with the key in keyFile, and makes what is
// missing: the folders with mode 0700, the key with 0600 from the entropy given. A
// key file that others may read is refused.
func OpenCodeCache(dir, keyFile string, entropy io.Reader) (*CodeCache, error) {
	for _, d := range []string{dir, filepath.Dir(keyFile)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("native code cache: %w", err)
		}
	}
	key, err := codeKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(keyFile, entropy); err == nil {
			key, err = codeKey(keyFile)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("native code cache: key: %w", err)
	}
	return &CodeCache{dir, key}, nil
}

func codeKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() != codeKeySize {
		return nil, fmt.Errorf("%s has mode %v and %d bytes, want a file with mode 0600 and %d bytes: remove it", path, info.Mode(), info.Size(), codeKeySize)
	}
	return readAtMost(path, codeKeySize)
}

// makeKey puts a whole key file in place; one that another process made first stays.
func makeKey(path string, entropy io.Reader) error {
	key := make([]byte, codeKeySize)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return err
	}
	return putFile(path, key, func(from, to string) error {
		if err := os.Link(from, to); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return os.Remove(from)
	})
}

// putFile writes a file of mode 0600 beside path and moves it there.
func putFile(path string, b []byte, move func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = move(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// codeID names the entry of a module: its metered form, what the engine and the
// processor are, and the limits that were compiled in. keep is false where there
// is no cache or the runtime has no native code.
func (m *Module) codeID() (id digest.Digest, keep bool) {
	cfg := &m.host.cfg
	engine := worker.CodeID(m.host.runtime())
	if cfg.Code == nil || engine == "" {
		return id, false
	}
	h := sha3.New256()
	fmt.Fprintf(h, "qprov/v1/native-code\x00%s\x00%s\x00%d", m.sum, engine, m.limits().MemoryPages)
	return digest.Digest(h.Sum(nil)), true
}

func (c *CodeCache) path(id digest.Digest) string {
	return filepath.Join(c.dir, hex.EncodeToString(id[:])+entrySuffix)
}

func (c *CodeCache) mac(b []byte) []byte {
	h := hmac.New(func() hash.Hash { return sha3.New256() }, c.key)
	_, _ = h.Write(b) // a hash never fails
	return h.Sum(nil)
}

// load returns the code of an entry, nil where there is no true one.
func (c *CodeCache) load(id digest.Digest) []byte {
	b, err := readAtMost(c.path(id), int64(entryHeader)+worker.MaxCode+entryMAC)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if code, ok := c.open(id, b); err == nil && ok {
		return code
	}
	_ = os.Remove(c.path(id)) // it is compiled again either way
	return nil
}

// open checks an entry.
func (c *CodeCache) open(id digest.Digest, b []byte) ([]byte, bool) {
	if len(b) < entryHeader+entryMAC {
		return nil, false
	}
	body, mac := b[:len(b)-entryMAC], b[len(b)-entryMAC:]
	if !hmac.Equal(mac, c.mac(body)) {
		return nil, false
	}
	code := body[entryHeader:]
	if !bytes.Equal(body[:entryHeader], entryHead(id, len(code))) {
		return nil, false
	}
	return code, true
}

func entryHead(id digest.Digest, n int) []byte {
	b := append([]byte(entryMagic), id[:]...)
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

// store keeps the code of an entry.
func (c *CodeCache) store(id digest.Digest, code []byte) error {
	b := append(entryHead(id, len(code)), code...)
	if err := putFile(c.path(id), append(b, c.mac(b)...), os.Rename); err != nil {
		return err
	}
	return c.prune()
}

// prune removes the entries that were written first.
func (c *CodeCache) prune() error {
	list, err := filepath.Glob(filepath.Join(c.dir, "*"+entrySuffix))
	if err != nil || len(list) <= maxEntries {
		return err
	}
	written := map[string]int64{}
	for _, p := range list {
		if info, err := os.Lstat(p); err == nil {
			written[p] = info.ModTime().UnixNano()
		}
	}
	slices.SortFunc(list, func(a, b string) int { return int(min(max(written[a]-written[b], -1), 1)) })
	var errs []error
	for _, p := range list[:len(list)-maxEntries] {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
