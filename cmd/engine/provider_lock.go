package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/internal/cli"
)

// lockFile says which process serves from a data directory.
const lockFile = "provider.lock"

// errLocked is returned by lockWhole where another process holds the lock.
var errLocked = errors.New("another process holds the lock")

// lockProvider makes this process the one provider of a folder until release; the kernel
// releases the lock when the process dies, however it does.
func lockProvider(dir string) (release func() error, err error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	if err := lockWhole(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%s: %w", path, err)
		}
		who := "another process"
		b, _ := io.ReadAll(io.LimitReader(f, 32)) // words only
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			who = fmt.Sprintf("process %d", pid)
		}
		return nil, cli.Errorf(cli.ChecksumMismatch, "--data-dir", "a provider runs in %s: %s", dir, who).Named("AlreadyRunning").
			WithHint("engine provider status shows it, engine provider drain ends it; a second provider needs a --data-dir and keys of its own")
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(cli.Errorf(cli.BadConfig, "--data-dir", "%s: %w", path, err), f.Close())
	}
	return f.Close, nil
}
