package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/venv"
)

// pythonDriver is a shipped driver in Python: a zip application for an interpreter,
// and the wheels of its environment.
type pythonDriver struct {
	requirements []byte
	app          func(interpreter string) ([]byte, error)
	minor        int // Python 3.minor at least
}

// pythonFolder is where the environment of a driver is. It depends on the wheels, so
// that an engine with others makes another one.
func (e *program) pythonFolder(name string, d *pythonDriver) (string, error) {
	dir, err := e.CacheDir()
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", cli.Errorf(cli.BadConfig, "", "driver %s needs a cache directory: %w", name, err).WithHint("set XDG_CACHE_HOME")
	}
	return filepath.Join(dir, "python", name+"-"+venv.Folder(d.requirements)), nil
}

// sealPython makes the application. Its first line names the interpreter of the
// environment, which need not be there yet.
func (e *program) sealPython(name string, d *pythonDriver) (*process.Image, error) {
	dir, err := e.pythonFolder(name, d)
	if err != nil {
		return nil, err
	}
	app, err := d.app(venv.Interpreter(dir))
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "", "driver %s: %w", name, err).WithHint("set XDG_CACHE_HOME to a folder with a short name")
	}
	img, err := process.SealBytes("engine-driver-"+name, app)
	if err != nil {
		return nil, cli.Errorf(cli.DriverStart, "", "%w", err)
	}
	return img, nil
}

// openPython makes or checks the environment of a shipped driver in Python, and lets
// the driver read it. Other drivers need nothing.
func (e *program) openPython(ctx context.Context, name, path string, spec *process.Spec) error {
	d := shippedDrivers[name].python
	if path != "" || d == nil {
		return nil
	}
	dir, err := e.pythonFolder(name, d)
	if err != nil {
		return err
	}
	env, err := venv.Open(ctx, venv.Options{Dir: dir, Requirements: d.requirements, Python: e.cfg.Drivers[name].Python, Minor: d.minor, Progress: func(s string) { e.Say("%s", s) }})
	if err != nil {
		return pythonError(name, err)
	}
	spec.ReadDirs = append(spec.ReadDirs, env.Dir, "/proc/meminfo") // numeric libraries ask how much memory there is
	if env.Base == "/usr" || strings.HasPrefix(env.Base, "/usr/") {
		return nil
	}
	if e.holdsOwn(env.Base) {
		return cli.Errorf(cli.BadConfig, "drivers."+name+".python", "the interpreter's folder %s holds the engine's data, keys among it", env.Base).WithHint("name another interpreter, or move the data directory")
	}
	spec.ReadDirs = append(spec.ReadDirs, env.Base)
	return nil
}

func pythonError(name string, err error) error {
	out := cli.Errorf(cli.DriverStart, "", "driver %s: %w", name, err)
	switch {
	case errors.Is(err, venv.ErrChanged):
		out.Code = cli.ChecksumMismatch
	case errors.Is(err, venv.ErrIndex):
		out.Code = cli.NetworkService
		out.Named("PackageIndex").WithHint("the driver's Python packages come from your package index once: pip's own settings (PIP_INDEX_URL, pip.conf) say where it is")
	case errors.Is(err, venv.ErrInterpreter):
		out.Field = "drivers." + name + ".python"
		out.WithHint("name an interpreter that is new enough, with the module venv")
	case errors.Is(err, context.Canceled):
		out.Code = cli.Cancelled
	}
	return out
}
