package proofs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// WriteDir writes the bundle into a folder, which it makes. Files of the bundle
// are replaced, others stay; the manifest comes last and names what belongs.
func (b *Bundle) WriteDir(dir string) error {
	files, err := b.files()
	if err != nil {
		return err
	}
	if err := checkTotal(files, MaxDir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer root.Close()
	if len(b.Modules) > 0 {
		if err := root.MkdirAll("modules", 0o755); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	for _, f := range append(files[1:], files[0]) {
		if err := replaceFile(root, f.name, f.data); err != nil {
			return fmt.Errorf("bundle %s: %w", dir, err)
		}
	}
	return nil
}

// replaceFile puts a whole file in place.
func replaceFile(root *os.Root, name string, data []byte) error {
	tmp := name + ".new"
	if err := root.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(tmp, name)
}

func checkTotal(files []file, max int64) error {
	var total int64
	for _, f := range files {
		total += int64(len(f.data))
	}
	if total > max || len(files) > maxFiles {
		return fmt.Errorf("%d files of %d bytes, limits %d and %d: %w", len(files), total, maxFiles, max, ErrBundle)
	}
	return nil
}

// ReadDir reads the files that the folder's manifest lists. Links and special
// files are refused; files that are not listed are ignored.
func ReadDir(dir string) (*Bundle, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	defer root.Close()
	m, err := readFile(root, manifestName, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", dir, err)
	}
	entries, err := parseManifest(m)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", dir, err)
	}
	if err := checkEntries(entries, MaxDir); err != nil {
		return nil, fmt.Errorf("bundle %s: %w", dir, err)
	}
	data := map[string][]byte{}
	for _, e := range entries {
		if data[e.Name], err = readFile(root, e.Name, int64(e.Size)); err != nil {
			return nil, fmt.Errorf("bundle %s: %w", dir, err)
		}
	}
	b, err := assemble(entries, data)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", dir, err)
	}
	return b, nil
}

// ReadFiles reads a bundle whose files are in memory, by name. Files that the
// manifest does not list are ignored.
func ReadFiles(files map[string][]byte) (*Bundle, error) {
	m := files[manifestName]
	if len(m) > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, limit %d: %w", manifestName, len(m), maxManifest, ErrBundle)
	}
	entries, err := parseManifest(m)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(entries, MaxDir); err != nil {
		return nil, err
	}
	return assemble(entries, files)
}

func checkEntries(entries []manifestEntry, max int64) error {
	var total int64
	for _, e := range entries {
		total += int64(e.Size)
	}
	if total > max {
		return fmt.Errorf("%d bytes are listed, limit %d: %w", total, max, ErrBundle)
	}
	return nil
}

// readFile reads a regular file of at most max bytes without following a link
// in any part of its name.
func readFile(root *os.Root, name string, max int64) ([]byte, error) {
	for part := name; part != "."; part = path.Dir(part) {
		info, err := root.Lstat(part)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBundle, err)
		}
		if part == name && !info.Mode().IsRegular() || part != name && !info.IsDir() {
			return nil, fmt.Errorf("%s is a link or no regular file: %w", part, ErrBundle)
		}
		if part == name && info.Size() > max {
			return nil, fmt.Errorf("%s has %d bytes, want at most %d: %w", name, info.Size(), max, ErrBundle)
		}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	defer f.Close()
	b, err := readLimited(f, max)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func readLimited(r io.Reader, max int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("more than %d bytes: %w", max, ErrBundle)
	}
	return b, nil
}

// WriteTar writes the bundle as a POSIX tar, the manifest first. Equal bundles
// give equal bytes.
func (b *Bundle) WriteTar(w io.Writer) error {
	files, err := b.files()
	if err != nil {
		return err
	}
	if err := checkTotal(files, MaxTar-1024*int64(len(files)+2)); err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		if _, err := t.Write(f.data); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// Tar returns WriteTar's bytes.
func (b *Bundle) Tar() ([]byte, error) {
	var out bytes.Buffer
	err := b.WriteTar(&out)
	return out.Bytes(), err
}

// ReadTar reads at most MaxTar bytes. Every entry must be a plain file of the
// manifest, which comes first.
func ReadTar(r io.Reader) (*Bundle, error) {
	t := tar.NewReader(io.LimitReader(r, MaxTar))
	m, err := nextFile(t, maxManifest)
	if err != nil || m.name != manifestName {
		return nil, errors.Join(fmt.Errorf("the first entry is not %s: %w", manifestName, ErrBundle), err)
	}
	entries, err := parseManifest(m.data)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, e := range entries {
		sizes[e.Name] = int64(e.Size)
	}
	data := map[string][]byte{}
	for {
		f, err := nextListed(t, sizes)
		if errors.Is(err, io.EOF) {
			return assemble(entries, data)
		}
		if err != nil {
			return nil, err
		}
		delete(sizes, f.name)
		data[f.name] = f.data
	}
}

func nextListed(t *tar.Reader, sizes map[string]int64) (file, error) {
	h, err := t.Next()
	if err != nil {
		return file{}, tarError(err)
	}
	size, ok := sizes[h.Name]
	if !ok || h.Size != size {
		return file{}, fmt.Errorf("entry %.100q is not listed, repeated, or of another size: %w", h.Name, ErrBundle)
	}
	return readEntry(t, h, size)
}

func nextFile(t *tar.Reader, max int64) (file, error) {
	h, err := t.Next()
	if err != nil {
		return file{}, tarError(err)
	}
	return readEntry(t, h, max)
}

// tarError keeps io.EOF, which ends an archive.
func tarError(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrBundle, err)
}

func readEntry(t *tar.Reader, h *tar.Header, max int64) (file, error) {
	if h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 || h.Linkname != "" {
		return file{}, fmt.Errorf("entry %.100q is no plain file: %w", h.Name, ErrBundle)
	}
	b, err := readLimited(t, max)
	return file{h.Name, b}, err
}

// Load reads a bundle from a folder or a .tar file.
func Load(name string) (*Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if info.IsDir() {
		return ReadDir(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	defer f.Close()
	return ReadTar(f)
}
