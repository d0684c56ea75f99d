package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/catalog"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/vendors/ionq"
	"github.com/animicaorg/engine/plugins/vendors/iqm"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
	"github.com/animicaorg/engine/plugins/vendors/qiskit"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/proofs/transcript"
)

// shippedDriver is a driver that is linked into this binary and runs as a process
// of its own all the same.
type shippedDriver struct {
	id, version string
	make        func() driver.Driver // nil: it is written in Python
	python      *pythonDriver
}

var shippedDrivers = map[string]shippedDriver{
	mockqpu.Name: {id: "animica/" + mockqpu.Name, version: mockqpu.Version, make: func() driver.Driver { return mockqpu.New(time.Now) }},
	iqm.Name:     {id: "animica/" + iqm.Name, version: iqm.Version, make: func() driver.Driver { return iqm.New(time.Now) }},
	ionq.Name:    {id: "animica/" + ionq.Name, version: ionq.Version, make: func() driver.Driver { return ionq.New(time.Now) }},
	qiskit.Name:  {id: "animica/" + qiskit.Name, version: qiskit.Version, python: &pythonDriver{requirements: qiskit.Requirements, app: qiskit.App, minor: 11}},
}

// serveArg is argv[1] of this binary when it is a shipped driver; argv[2] names it.
const serveArg = "driver-serve"

// maybeDriver turns the process into a driver, and does not return, if it was
// started as one.
func maybeDriver() {
	process.MaybeLaunch()
	if len(os.Args) != 3 || os.Args[1] != serveArg {
		return
	}
	d, ok := shippedDrivers[os.Args[2]]
	if !ok || d.make == nil {
		os.Exit(int(cli.Usage))
	}
	driver.Serve(d.make())
	os.Exit(0)
}

// driverSettings is what the configuration file says about one driver.
type driverSettings struct {
	Config  any               `yaml:"config"`  // by the driver's own schema
	Secrets map[string]string `yaml:"secrets"` // name → "file:PATH" or "env:NAME"
	Device  string            `yaml:"device"`  // empty: the only one
	Python  string            `yaml:"python"`  // of drivers in Python that are shipped: the interpreter; empty: python3 of the PATH
	Read    []string          `yaml:"read"`    // folders it may read besides the system's and its own: an interpreter's
	Cache   string            `yaml:"cache"`   // the folder it may write; empty: one in the data directory
	// Certificate is the file with the vendor's certificate of the device; empty:
	// drivers/NAME/certificate.json in the data directory, where it is there.
	Certificate string `yaml:"certificate"`

	Isolation driverWalls `yaml:"isolation"`
}

// runningDriver is a driver under its supervisor.
type runningDriver struct {
	*supervisor.Supervisor
	image *process.Image
	entry catalog.Entry
	dev   bool // not from the lock: proofs are for development
	dir   string
	cert  *vendorcert.Document // the vendor's certificate of the device; nil: none
	close []func() error
}

// Close stops the driver and releases its file.
func (r *runningDriver) Close() error {
	if r.Supervisor != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r.Stop(ctx, 0)
	}
	var errs []error
	for _, f := range slices.Backward(r.close) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

func (e *program) lockPath() (string, error) {
	dir, err := e.data()
	return filepath.Join(dir, "plugins.lock"), err
}

func (e *program) loadLock() (*catalog.Lock, error) {
	path, err := e.lockPath()
	if err != nil {
		return nil, err
	}
	l, err := catalog.Load(path)
	if err != nil {
		return nil, cli.Errorf(cli.ChecksumMismatch, "plugins.lock", "%w", err)
	}
	return l, nil
}

const platform = runtime.GOOS + "/" + runtime.GOARCH

// sealDriver reads the file of a driver: a shipped one, or a path.
func (e *program) sealDriver(name, path string) (*process.Image, []string, error) {
	var args []string
	if path == "" {
		s, ok := shippedDrivers[name]
		if !ok {
			return nil, nil, cli.Errorf(cli.Usage, "NAME", "no driver %q is shipped", name).WithHint("engine driver list; a driver of your own is locked by its path")
		}
		if s.python != nil {
			img, err := e.sealPython(name, s.python)
			return img, nil, err
		}
		exe, err := os.Executable()
		if err != nil {
			return nil, nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		path, args = exe, []string{serveArg, name}
	}
	img, err := process.Seal(path)
	if err != nil {
		return nil, nil, cli.Errorf(cli.DriverStart, "", "%w", err)
	}
	return img, args, nil
}

// known tells whether a name is a driver, locked or overridden.
func (e *program) knownDriver(name string) bool {
	if _, ok := shippedDrivers[name]; ok || e.cfg.DevOverrides[name] != "" {
		return true
	}
	l, err := e.loadLock()
	return err == nil && l.Find(name) != nil
}

// startDriver admits and starts a driver; Acquire waits for it.
func (e *program) startDriver(ctx context.Context, name string) (_ *runningDriver, err error) {
	r := &runningDriver{}
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	lock, err := e.loadLock()
	if err != nil {
		return nil, err
	}
	path := e.cfg.DevOverrides[name]
	if path == "" {
		if l := lock.Find(name); l != nil {
			path = l.Path
		}
	}
	img, args, err := e.sealDriver(name, path)
	if err != nil {
		return nil, err
	}
	r.image = img
	r.close = append(r.close, img.Close)
	if e.cfg.DevOverrides[name] != "" {
		r.dev = true
		r.entry = catalog.Entry{Name: name, ID: "dev/" + name, Version: "dev", Protocol: driver.ProtocolVersion, Path: path}
		e.Warn("dev_overrides: driver %s is %s, not from plugins.lock: proofs are for development", name, path)
	} else {
		entry, err := lock.Admit(name, platform, img.SHA256)
		if err != nil {
			return nil, driverError(err)
		}
		r.entry = *entry
	}
	return r, e.superviseDriver(ctx, r, args)
}

// superviseDriver puts a sealed driver under a supervisor.
func (e *program) superviseDriver(ctx context.Context, r *runningDriver, args []string) error {
	name := r.entry.Name
	dir, cache, err := e.driverFolders(name)
	if err != nil {
		return err
	}
	r.dir = dir
	temp := os.TempDir()
	if len(temp) > supervisor.MaxSocketDir-16 {
		temp = "/tmp" // a socket's path is short
	}
	sockets, err := os.MkdirTemp(temp, "qd")
	if err != nil {
		return cli.Errorf(cli.DriverStart, "", "%w", err)
	}
	r.close = append(r.close, func() error { return os.RemoveAll(sockets) })
	cfg, err := e.driverConfig(name, cache)
	if err != nil {
		return err
	}
	cfg.Dev = r.dev
	spec := &process.Spec{Image: r.image, Args: args, CacheDir: cache}
	if spec.ReadDirs, err = e.readDirs(name, r.entry.Path); err != nil {
		return err
	}
	if err := e.openPython(ctx, name, r.entry.Path, spec); err != nil {
		return err
	}
	if err := e.buildWalls(name, spec, sockets); err != nil {
		return err
	}
	if err := process.Hide(); err != nil {
		e.Warn("the engine's memory is not hidden from drivers: %v", err)
	}
	log := e.Log.With("driver", name)
	r.Supervisor, err = supervisor.New(supervisor.Config{Driver: name, Start: supervisor.Exec(spec, sockets, time.Minute, log), Configure: *cfg, Logger: log, Now: time.Now, Jitter: rand.Float64})
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	r.Run(context.Background())
	return nil
}

// readDirs is what a driver may read besides the system's folders: the folder of
// its file and what the configuration file allows, none of which holds the engine's
// own data.
func (e *program) readDirs(name, path string) ([]string, error) {
	var out []string
	if path != "" {
		abs, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return nil, cli.Errorf(cli.Usage, "PATH", "%w", err)
		}
		if e.holdsOwn(abs) {
			e.Warn("driver %s may not read its own folder: %s holds the engine's data; give the driver a folder of its own", name, abs)
		} else {
			out = append(out, abs)
		}
	}
	for _, d := range e.cfg.Drivers[name].Read {
		field := "drivers." + name + ".read"
		if info, err := os.Stat(d); !filepath.IsAbs(d) || filepath.Clean(d) == "/" || err != nil || !info.IsDir() {
			return nil, cli.Errorf(cli.BadConfig, field, "%q is not the absolute path of a folder below the root", d)
		}
		if e.holdsOwn(d) {
			return nil, cli.Errorf(cli.BadConfig, field, "%s holds the engine's data, keys among it", d).WithHint("name the folder that the driver needs, not one above it")
		}
		out = append(out, d)
	}
	return out, nil
}

// holdsOwn tells whether the data directory, or the home where a later one would be,
// lies in a folder or is it, whatever links lead there.
func (e *program) holdsOwn(dir string) bool {
	for _, own := range []string{e.dataDir, e.Getenv("HOME")} {
		if own == "" {
			continue
		}
		own, err := filepath.Abs(own)
		if err != nil {
			return true
		}
		if within(dir, own) || within(resolved(dir), resolved(own)) {
			return true
		}
	}
	return false
}

// within tells whether path is dir or lies below it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved follows the links of the part of a path that exists.
func resolved(path string) string {
	rest := ""
	for p := path; ; p = filepath.Dir(p) {
		if r, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Join(r, rest)
		}
		if p == filepath.Dir(p) {
			return path
		}
		rest = filepath.Join(filepath.Base(p), rest)
	}
}

// driverConfig is what Configure brings.
func (e *program) driverConfig(name, cache string) (*driver.Config, error) {
	s := e.cfg.Drivers[name]
	cfg := &driver.Config{JSON: []byte("{}"), CacheDir: cache, Secrets: map[string]string{}}
	if s.Config != nil {
		b, err := json.Marshal(s.Config)
		if err != nil {
			return nil, cli.Errorf(cli.BadConfig, "drivers."+name+".config", "%w", err)
		}
		cfg.JSON = b
	}
	for _, k := range slices.Sorted(maps.Keys(s.Secrets)) {
		field := "drivers." + name + ".secrets." + k
		kind, where, _ := strings.Cut(s.Secrets[k], ":")
		switch kind {
		case "env":
			v, ok := os.LookupEnv(where)
			if !ok {
				return nil, cli.Errorf(cli.DriverAuth, field, "the environment has no %s", where)
			}
			cfg.Secrets[k] = v
		case "file":
			b, err := os.ReadFile(where)
			if err != nil {
				return nil, cli.Errorf(cli.DriverAuth, field, "%w", err)
			}
			cfg.Secrets[k] = strings.TrimRight(string(b), "\r\n")
		default:
			return nil, cli.Errorf(cli.BadConfig, field, "is neither file:PATH nor env:NAME").WithHint("secrets do not belong into the configuration file itself")
		}
	}
	return cfg, nil
}

// openQPU starts a driver and opens its device as a backend. The driver's file is
// slot "driver" of the module set.
func (e *program) openQPU(ctx context.Context, name string) (*qpu.Backend, *runningDriver, transcript.ModuleFrame, error) {
	var m transcript.ModuleFrame
	r, err := e.startDriver(ctx, name)
	if err != nil {
		return nil, nil, m, err
	}
	if r.cert, err = e.readCertificate(name); err != nil {
		return nil, nil, m, errors.Join(err, r.Close())
	}
	b, err := e.openDevice(ctx, r, r.cert)
	if err != nil {
		return nil, nil, m, errors.Join(err, r.Close())
	}
	m = transcript.ModuleFrame{Slot: "driver", Name: r.entry.ID, Version: r.entry.Version, ABI: uint64(r.entry.Protocol), Size: uint64(r.image.Size), SHA3: digest.Digest(r.image.SHA3)}
	return b, r, m, nil
}

// openDevice opens the driver's device; cert is the vendor's certificate of it, nil
// where there is none.
func (e *program) openDevice(ctx context.Context, r *runningDriver, cert *vendorcert.Document) (*qpu.Backend, error) {
	journal, err := driver.OpenLedger(r.dir)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	r.close = append(r.close, journal.Close)
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	cfg := qpu.Config{Name: r.entry.Name, Acquire: r.Acquire, Device: e.cfg.Drivers[r.entry.Name].Device, Journal: journal, Keep: e.keepCalibration,
		Note: func(s string) { e.Warn("%s", s) }}
	if cert != nil {
		cfg.Certificate = cert.DeviceCertificate()
	}
	b, err := qpu.Open(ctx, cfg)
	if err != nil {
		if last := r.Status().Last; last != nil && last.Stderr != "" {
			e.Say("the driver's last words:\n%s", last.Stderr)
		}
		return nil, driverError(err)
	}
	if r.Status().Level.Landlock == 0 {
		e.Warn("walls around driver %s: %s", r.entry.Name, r.Status().Level)
	}
	return b, nil
}

// keepCalibration stores a snapshot by its hash.
func (e *program) keepCalibration(_ context.Context, id string, snapshot []byte) error {
	data, err := e.data()
	if err != nil {
		return err
	}
	dir := filepath.Join(data, "calibrations")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	return e.WriteOutput(filepath.Join(dir, strings.TrimPrefix(id, "sha3-256:")+".pb"), snapshot, 0o600)
}

// driverCodes gives the errors of drivers their exit codes.
var driverCodes = map[driver.Code]cli.Code{
	driver.Auth: cli.DriverAuth, driver.Forbidden: cli.DriverAuth, driver.Quota: cli.Quota, driver.RateLimited: cli.Quota, driver.Budget: cli.Quota,
	driver.DeviceOffline: cli.DeviceUnavailable, driver.Calibrating: cli.DeviceUnavailable, driver.VendorDown: cli.DeviceUnavailable, driver.Draining: cli.DeviceUnavailable,
	driver.Deadline: cli.DeadlineExceeded, driver.Cancelled: cli.Cancelled, driver.ConfigInvalid: cli.BadConfig, driver.NotSupported: cli.Unsupported,
	driver.GateUnsupported: cli.Unsupported, driver.Connectivity: cli.Unsupported, driver.TooManyQubits: cli.Unsupported, driver.TooManyShots: cli.Unsupported, driver.ProgramTooLarge: cli.Unsupported,
}

// driverError maps what went wrong with a driver to an exit code; nil when err is
// about something else.
func driverError(err error) *cli.Error {
	var own *cli.Error
	if errors.As(err, &own) {
		return own
	}
	var de *driver.Error
	out := cli.Errorf(cli.DriverStart, "", "%w", err)
	switch {
	case errors.Is(err, catalog.ErrNotLocked), errors.Is(err, catalog.ErrNotApproved), errors.Is(err, catalog.ErrMismatch), errors.Is(err, catalog.ErrLock):
		out.Code = cli.ChecksumMismatch
	case errors.Is(err, supervisor.ErrQuarantined), errors.Is(err, driver.ErrDied):
		out.Code = cli.DriverCrashed
	case errors.Is(err, qpu.ErrResultKind):
		out.Code = cli.Unsupported
	case errors.Is(err, qpu.ErrSignature):
		out.Code = cli.AttestationError
	case errors.Is(err, qpu.ErrUncertain):
		out.Code = cli.ExecutionFailed
		out.Named("SubmitUncertain").WithHint("nothing is submitted again: look at the vendor's console for a job of this time")
	case errors.As(err, &de):
		out.Code = cli.ExecutionFailed
		if c, ok := driverCodes[de.Code]; ok {
			out.Code = c
		}
		out.Named(driver.Name(de.Code))
		if de.Hint != "" {
			out.WithHint("%s", de.Hint)
		}
	case errors.Is(err, driver.ErrBroken):
		out.Code = cli.ExecutionFailed
		out.Named("DriverBroken").WithHint("the driver answered against its contract: engine driver test NAME")
	default:
		out.Code = cli.DriverStart
	}
	return out
}

// isDriverError tells whether a run failed at its driver.
func isDriverError(err error) bool {
	var de *driver.Error
	for _, target := range []error{driver.ErrDied, driver.ErrBroken, supervisor.ErrQuarantined, supervisor.ErrStopped, qpu.ErrResultKind, qpu.ErrUncertain, qpu.ErrSignature} {
		if errors.Is(err, target) {
			return true
		}
	}
	return errors.As(err, &de)
}
