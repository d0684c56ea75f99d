package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// errTooLarge is returned by readFile; callers turn it into a coded Error.
var errTooLarge = errors.New("file is too large")

func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	return readAll(f, limit)
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("more than %d bytes: %w", limit, errTooLarge)
	}
	return b.Bytes(), nil
}

// ReadInput reads the file that argument arg names; "-" is stdin. A file that
// cannot be read is a usage error; one above limit bytes has code tooLarge.
func (a *App) ReadInput(arg, path string, limit int64, tooLarge Code) ([]byte, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = readAll(a.In, limit)
	} else {
		b, err = readFile(path, limit)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, Errorf(tooLarge, arg, "%s: %w", path, err)
	case errors.Is(err, os.ErrNotExist):
		return nil, Errorf(Usage, arg, "%s: no such file", path)
	case err != nil:
		return nil, Errorf(Usage, arg, "%w", err)
	}
	return b, nil
}

// WriteOutput writes b to path through a temporary file and a rename, so that a
// reader never sees half of it; "-" and "" are stdout.
func (a *App) WriteOutput(path string, b []byte, mode os.FileMode) error {
	if path == "" || path == "-" {
		_, err := a.Out.Write(b)
		return writeError(err)
	}
	if err := writeFile(path, b, mode); err != nil {
		return Errorf(Usage, "--out", "%w", err)
	}
	return nil
}

func writeFile(path string, b []byte, mode os.FileMode) (err error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		return os.WriteFile(path, b, mode) // a device or a pipe cannot be renamed over
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Size is a flag for an amount of memory: 0, a number of bytes, or a number with
// KiB, MiB, GiB or TiB.
type Size uint64

// Set implements pflag.Value.
func (s *Size) Set(text string) error {
	units := []struct {
		suffix string
		shift  uint
	}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"", 0}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64)
		if err != nil || n > 1<<62>>u.shift {
			break
		}
		*s = Size(n << u.shift)
		return nil
	}
	return errors.New("want bytes or a number with KiB, MiB, GiB or TiB, such as 8GiB")
}

// String implements pflag.Value.
func (s *Size) String() string {
	v := uint64(*s)
	for _, u := range []struct {
		suffix string
		shift  uint
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if v != 0 && v&(1<<u.shift-1) == 0 {
			return strconv.FormatUint(v>>u.shift, 10) + u.suffix
		}
	}
	return strconv.FormatUint(v, 10)
}

// Type implements pflag.Value.
func (*Size) Type() string { return "SIZE" }

// Choice is a flag with a closed list of values.
type Choice struct {
	Value   string
	Allowed []string
}

// Set implements pflag.Value.
func (c *Choice) Set(s string) error {
	for _, v := range c.Allowed {
		if v == s {
			c.Value = s
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(c.Allowed, ", "))
}

// String implements pflag.Value.
func (c *Choice) String() string { return c.Value }

// Type implements pflag.Value.
func (c *Choice) Type() string { return strings.Join(c.Allowed, "|") }
