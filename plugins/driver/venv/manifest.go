package venv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// manifest hashes every file and link of a folder but the record: SHA-256 over one
// line for each, in the order of names.
func manifest(dir string) (files int, sum string, err error) {
	var names []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != filepath.Join(dir, recordName) {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return 0, "", err
	}
	lines, errs := make([]string, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(names); i += workers {
				lines[i], errs[i] = line(dir, names[i])
			}
		})
	}
	wg.Wait()
	h := sha256.New()
	for i, l := range lines {
		if errs[i] != nil {
			return 0, "", errs[i]
		}
		io.WriteString(h, l)
	}
	return len(names), hex.EncodeToString(h.Sum(nil)), nil
}

// line is what the manifest says of one file.
func line(dir, path string) (string, error) {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		to, err := os.Readlink(path)
		return fmt.Sprintf("link %q %q\n", filepath.ToSlash(rel), to), err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is neither a file nor a link", ErrChanged, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%o %q %x\n", info.Mode().Perm(), filepath.ToSlash(rel), h.Sum(nil)), nil
}
