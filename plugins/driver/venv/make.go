package venv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// make builds the environment from nothing.
func (o *Options) make(ctx context.Context) error {
	python, version, err := o.interpreter(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	o.Progress(fmt.Sprintf("making the Python environment %s with %s, once; this takes a minute", o.Dir, python))
	if out, err := run(ctx, python, "-m", "venv", o.Dir); err != nil {
		return fmt.Errorf("%w: %s -m venv: %w: %s", ErrInterpreter, python, err, out)
	}
	list := filepath.Join(o.Dir, "requirements.txt")
	if err := os.WriteFile(list, o.Requirements, 0o600); err != nil {
		return err
	}
	out, err := run(ctx, Interpreter(o.Dir), "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--quiet", "-r", list)
	if err != nil {
		return pipError(ctx, err, out)
	}
	r := record{Requirements: hash(o.Requirements), Python: version}
	if r.Files, r.SHA256, err = manifest(o.Dir); err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(o.Dir, recordName), b)
}

// interpreter finds one that is new enough.
func (o *Options) interpreter(ctx context.Context) (python, version string, err error) {
	python = o.Python
	if python == "" {
		if python, err = exec.LookPath("python3"); err != nil {
			return "", "", fmt.Errorf("%w: there is no python3 in the PATH", ErrInterpreter)
		}
	}
	if version, _, err = ask(ctx, python); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrInterpreter, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major != 3 || minor < o.Minor {
		return "", "", fmt.Errorf("%w: %s is Python %s, 3.%d or newer is needed", ErrInterpreter, python, version, o.Minor)
	}
	return python, version, nil
}

// run gives what a program says, in case it fails.
func run(ctx context.Context, name string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

var wrongHash = regexp.MustCompile(`DO NOT MATCH THE HASHES|require their versions to be pinned|hashes are required`)

// pipError tells a wheel that is another one from an index that gives none.
func pipError(ctx context.Context, err error, out string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	what := ErrIndex
	if wrongHash.MatchString(out) {
		what = ErrChanged
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	lines = lines[max(0, len(lines)-5):]
	return fmt.Errorf("%w: pip: %w: %.1000s", what, err, strings.Join(lines, "; "))
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
