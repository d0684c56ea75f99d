package process

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// MaxImageBytes bounds a driver's file.
const MaxImageBytes = 512 << 20

// ErrImage is wrapped by every refusal of a driver's file.
var ErrImage = errors.New("driver file refused")

// Image is a driver's program, read once: what was hashed is what runs.
type Image struct {
	Path   string // where it came from, for people
	Size   int64
	SHA256 [32]byte // what plugins.lock names
	SHA3   [32]byte // the module hash of slot "driver"
	f      *os.File
	remove bool // f is a private copy, not a memfd
}

// Seal reads the file once into memory that nothing can change afterwards. The
// caller closes the image when no process needs starting from it any more.
func Seal(path string) (*Image, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	defer src.Close()
	info, err := src.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrImage, path)
	case info.Size() > MaxImageBytes:
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrImage, path, info.Size(), MaxImageBytes)
	case info.Mode().Perm()&0o111 == 0:
		return nil, fmt.Errorf("%w: %s is not executable; chmod +x", ErrImage, path)
	}
	return sealFrom(path, src)
}

// SealBytes is Seal for a program that is no file. name stands for its path.
func SealBytes(name string, program []byte) (*Image, error) {
	if len(program) > MaxImageBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrImage, name, len(program), MaxImageBytes)
	}
	return sealFrom(name, bytes.NewReader(program))
}

func sealFrom(path string, src io.Reader) (i *Image, err error) {
	i = &Image{Path: path}
	if i.f, i.remove, err = memory(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	h2, h3 := sha256.New(), sha3.New256()
	i.Size, err = io.Copy(io.MultiWriter(i.f, h2, hash.Hash(h3)), io.LimitReader(src, MaxImageBytes+1))
	if err == nil && i.Size > MaxImageBytes {
		err = fmt.Errorf("grew beyond %d bytes", MaxImageBytes)
	}
	if err == nil {
		err = seal(i.f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrImage, path, err), i.Close())
	}
	i.SHA256, i.SHA3 = [32]byte(h2.Sum(nil)), [32]byte(h3.Sum(nil))
	return i, nil
}

// Close frees the memory. Processes that run from it go on.
func (i *Image) Close() error {
	if i.f == nil {
		return nil
	}
	name := i.f.Name()
	err := i.f.Close()
	if i.remove {
		err = errors.Join(err, os.Remove(name))
	}
	i.f = nil
	return err
}
