// Package peers runs public simulators beside the engine: it installs them from
// their package index into a Python environment of their own and keeps one
// process per peer, so that rounds of engine and peers can alternate.
//
// It promises that each installed archive is the one that requirements.txt names
// by hash, and that a missing index or Python is ErrNoIndex and never a result.
// A peer is timed inside its own process, with the wrapper's cost taken off
// (python/serve.py). It does not judge results; callers compare probabilities
// before they time anything.
package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoIndex: the peers could not be installed.
var ErrNoIndex = errors.New("the peers could not be installed from their package index")

//go:embed python/*.py
var scripts embed.FS

//go:embed requirements.txt
var requirements []byte

// Names lists the peers in the order in which they are tried.
func Names() []string { return []string{"qsim", "lightning", "qulacs", "aer", "stim"} }

// Environment is an installed set of peers.
type Environment struct {
	python string // its interpreter
	serve  string // python/serve.py
}

// Install makes the environment below dir unless it is there, with python as the
// interpreter to start from ("" is python3). say gets words about progress.
func Install(ctx context.Context, dir, python string, say func(string)) (*Environment, error) {
	if python == "" {
		python = "python3"
	}
	id, err := identity(ctx, python)
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, id)
	e := &Environment{python: filepath.Join(dir, "bin", "python"), serve: filepath.Join(dir, "serve", "serve.py")}
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return e, e.writeScripts()
	}
	if err := os.RemoveAll(dir); err != nil { // half of an earlier try
		return nil, err
	}
	say("installing qsimcirq, qulacs, qiskit-aer, stim and pennylane-lightning into " + dir)
	if err := e.install(ctx, dir, python); err != nil {
		return nil, err
	}
	return e, os.WriteFile(done, nil, 0o644)
}

// identity names an environment by what goes into it.
func identity(ctx context.Context, python string) (string, error) {
	version, err := output(ctx, python, "-c", "import platform,sys; print(sys.implementation.cache_tag, platform.machine())")
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrNoIndex, python, err)
	}
	h := sha256.New()
	h.Write(requirements)
	h.Write(version)
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func (e *Environment) install(ctx context.Context, dir, python string) error {
	if _, err := output(ctx, python, "-m", "venv", dir); err != nil {
		return fmt.Errorf("%w: making a virtual environment: %w", ErrNoIndex, err)
	}
	if err := e.writeScripts(); err != nil {
		return err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return err
	}
	_, err := output(ctx, e.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
		"--only-binary", ":all:", "--require-hashes", "-r", list)
	if err != nil {
		return fmt.Errorf("%w: pip: %w", ErrNoIndex, err)
	}
	return nil
}

// writeScripts writes the programs of this build into the environment.
func (e *Environment) writeScripts() error {
	if err := os.MkdirAll(filepath.Dir(e.serve), 0o755); err != nil {
		return err
	}
	files, err := scripts.ReadDir("python")
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := scripts.ReadFile("python/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(e.serve), f.Name()), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// output runs a command; its error carries the last line of stderr.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	var out, words bytes.Buffer
	c.Stdout, c.Stderr = &out, &words
	err := c.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		return out.Bytes(), nil
	}
	lines := strings.Split(strings.TrimSpace(words.String()), "\n")
	return nil, fmt.Errorf("%w: %.300s", err, lines[len(lines)-1])
}
