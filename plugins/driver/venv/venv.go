package venv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Sentinels.
var (
	// ErrInterpreter: no interpreter that is new enough.
	ErrInterpreter = errors.New("no Python interpreter")
	// ErrIndex: the package index did not give the wheels.
	ErrIndex = errors.New("the package index does not give the wheels")
	// ErrChanged: a file is not the one that was installed, or a wheel not the one
	// that the requirements name.
	ErrChanged = errors.New("the environment was changed")
)

// Options of an environment.
type Options struct {
	Dir          string // absolute; see Folder
	Requirements []byte // for pip, with hashes
	Python       string // an interpreter; "": python3 of the PATH
	Minor        int    // Python 3.Minor at least
	// Progress hears, in words for people, what takes long; nil: nobody.
	Progress func(string)
}

// Env is an environment that is whole.
type Env struct {
	Dir  string
	Base string // the folder of the interpreter itself, which a driver must be able to read
}

// Folder is the name of the folder for some requirements: others get another one.
func Folder(requirements []byte) string {
	h := sha256.Sum256(requirements)
	return hex.EncodeToString(h[:8])
}

// Interpreter is the path of the interpreter of an environment.
func Interpreter(dir string) string { return filepath.Join(dir, "bin", "python") }

// record is written when an environment is whole.
type record struct {
	Requirements string `json:"requirements_sha256"`
	Python       string `json:"python"` // "3.11"
	Files        int    `json:"files"`
	SHA256       string `json:"sha256"` // of the manifest
}

const recordName = "environment.json"

// Open returns the environment in a folder, making it on first use. Processes that
// ask at the same time make it once.
func Open(ctx context.Context, o Options) (*Env, error) {
	if !filepath.IsAbs(o.Dir) {
		return nil, fmt.Errorf("folder %q is not absolute", o.Dir)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := os.MkdirAll(filepath.Dir(o.Dir), 0o700); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, o.Dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if env, err := o.check(ctx); env != nil || err != nil {
		return env, err
	}
	if err := o.make(ctx); err != nil {
		return nil, err
	}
	env, err := o.check(ctx)
	if env == nil && err == nil {
		err = errors.New("the new environment is not whole")
	}
	return env, err
}

// check is nil, nil where there is no whole environment, or its interpreter is gone.
func (o *Options) check(ctx context.Context) (*Env, error) {
	b, err := os.ReadFile(filepath.Join(o.Dir, recordName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var r record
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, &r) != nil || r.Requirements != hash(o.Requirements) {
		return nil, nil
	}
	version, base, err := ask(ctx, Interpreter(o.Dir))
	if err != nil || version != r.Python {
		return nil, ctx.Err() // the operator's interpreter is another one now
	}
	files, sum, err := manifest(o.Dir)
	if err != nil {
		return nil, err
	}
	if files != r.Files || sum != r.SHA256 {
		return nil, fmt.Errorf("%w: %s has %d files and manifest %.16s, %d and %.16s were installed; remove the folder, the next use makes it anew", ErrChanged, o.Dir, files, sum, r.Files, r.SHA256)
	}
	return &Env{Dir: o.Dir, Base: base}, nil
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// ask an interpreter for its version and the folder that it lives in.
func ask(ctx context.Context, python string) (version, base string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "-IBc", `import sys; print("%d.%d" % sys.version_info[:2]); print(sys.base_prefix)`).Output()
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", python, err)
	}
	version, base, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok || !filepath.IsAbs(base) {
		return "", "", fmt.Errorf("%s answers %.80q", python, out)
	}
	return version, base, nil
}
