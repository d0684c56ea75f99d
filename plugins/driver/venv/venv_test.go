package venv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// interpreter writes a stand-in for Python: it answers for its version, makes an
// environment with itself in it, and installs one module, or says what pip says when
// it cannot. Real wheels are the business of scripts/test-python.sh.
func interpreter(t *testing.T, version, pip string) string {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	name := filepath.Join(t.TempDir(), "python3")
	require.NoError(t, os.WriteFile(name, []byte(`#!/bin/sh
set -e
case "$2" in
venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && ln -s python "$3/bin/python3" && echo made >>"$(dirname "$0")/log" ;;
pip) `+pip+` ;;
*) echo `+version+`; echo /opt/base ;;
esac
`), 0o700))
	return name
}

const installs = `echo "x = 1" >"$(dirname "$0")/../module.py"`

func options(t *testing.T, python string) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "env"), Requirements: []byte("a==1 --hash=sha256:00\n"), Python: python, Minor: 11}
}

// TestMadeOnce: also by several at the same time, and again after a half made one, or
// when the interpreter is another one.
func TestMadeOnce(t *testing.T) {
	python := interpreter(t, "3.11", installs)
	o := options(t, python)
	said := 0
	o.Progress = func(string) { said++ }
	made := func() int {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(python), "log"))
		require.NoError(t, err)
		return len(b) / len("made\n")
	}
	require.NoError(t, os.MkdirAll(filepath.Join(o.Dir, "left"), 0o700), "half made")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			env, err := Open(t.Context(), o)
			if err != nil || env.Base != "/opt/base" || env.Dir != o.Dir {
				t.Errorf("%v, %v", env, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []int{1, 1}, []int{made(), said})
	require.NoDirExists(t, filepath.Join(o.Dir, "left"))

	o.Requirements = []byte("a==2\n")
	_, err := Open(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 2, made(), "other wheels")

	b, err := os.ReadFile(filepath.Join(o.Dir, recordName))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(o.Dir, recordName), b[:len(b)/2], 0o600))
	_, err = Open(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 3, made(), "a broken record")
	require.NoError(t, os.Remove(Interpreter(o.Dir)))
	_, err = Open(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 4, made(), "an interpreter that is gone")
}

// TestChanged: a file that is another one, a new one, a link elsewhere, a mode.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"other": func(dir string) error { return os.WriteFile(filepath.Join(dir, "module.py"), []byte("x = 2\n"), 0o644) },
		"new":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "more.py"), nil, 0o600) },
		"gone":  func(dir string) error { return os.Remove(filepath.Join(dir, "module.py")) },
		"mode":  func(dir string) error { return os.Chmod(filepath.Join(dir, "module.py"), 0o700) },
		"link": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "bin", "python3")), os.Symlink("/bin/sh", filepath.Join(dir, "bin", "python3")))
		},
	} {
		o := options(t, interpreter(t, "3.12", installs))
		_, err := Open(t.Context(), o)
		require.NoError(t, err)
		require.NoError(t, change(o.Dir))
		_, err = Open(t.Context(), o)
		require.ErrorIs(t, err, ErrChanged, name)
		require.ErrorContains(t, err, o.Dir)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		version, pip string
		want         error
	}{
		"too old":    {"3.10", installs, ErrInterpreter},
		"no answer":  {"''", installs, ErrInterpreter},
		"no index":   {"3.11", "echo 'ERROR: Could not find a version that satisfies the requirement a==1'; exit 1", ErrIndex},
		"wrong hash": {"3.11", "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.'; exit 1", ErrChanged},
	} {
		_, err := Open(t.Context(), options(t, interpreter(t, c.version, c.pip)))
		require.ErrorIs(t, err, c.want, name)
	}
	o := options(t, filepath.Join(t.TempDir(), "nothing"))
	_, err := Open(t.Context(), o)
	require.ErrorIs(t, err, ErrInterpreter)
	o.Dir = "relative"
	_, err = Open(t.Context(), o)
	require.ErrorContains(t, err, "relative")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Open(ctx, options(t, interpreter(t, "3.11", installs)))
	require.ErrorIs(t, err, context.Canceled)
}
