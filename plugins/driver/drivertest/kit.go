package drivertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
)

// Options say what to test.
type Options struct {
	Spec     *process.Spec // how to start the driver; its cache folder is used up
	Config   []byte        // a configuration that works; nil: {}
	Secrets  map[string]string
	Device   string // nil: the driver's first
	Sockets  string // an empty folder with a short path
	Now      func() time.Time
	Logger   *slog.Logger
	Only     []string      // names of checks; nil: all
	Jobs     int           // of the growth check [200]
	Patience time.Duration // for one job to end [30 s]
	OnCheck  func(Result)  // hears every result as it comes
}

// Status of a check.
type Status string

// The outcomes.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Result of one check.
type Result struct {
	Name   string `json:"name"`
	Group  string `json:"group"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// Score is the score card.
type Score struct {
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Skipped int      `json:"skipped"`
	Checks  []Result `json:"-"`
}

// check is one promise.
type check struct {
	group, name string
	need        driverv1.Feature // 0: none
	run         func(ctx context.Context, b *bench) error
}

// skip is returned by a check that does not apply to a driver.
type skip string

func (s skip) Error() string { return string(s) }

// checkTimeout bounds one check besides the wait for jobs.
const checkTimeout = 3 * time.Minute

// Names lists all checks in the order in which they run.
func Names() []string {
	var out []string
	for _, c := range all() {
		out = append(out, c.name)
	}
	return out
}

func all() []check {
	return slices.Concat(startChecks, describeChecks, configureChecks, deviceChecks, calibrationChecks, submitChecks, jobChecks, resultChecks, recoverChecks, signChecks, endChecks)
}

// Run runs the checks one after the other. Its error says that the kit itself
// could not work; what is wrong with the driver is in the score.
func Run(ctx context.Context, o Options) (*Score, error) {
	if o.Spec == nil || o.Now == nil {
		return nil, errors.New("drivertest: Spec and Now are required")
	}
	if o.Jobs <= 0 {
		o.Jobs = 200
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Config) == 0 {
		o.Config = []byte("{}")
	}
	for _, n := range o.Only {
		if !slices.Contains(Names(), n) {
			return nil, fmt.Errorf("there is no check %q", n)
		}
	}
	b := &bench{o: o}
	defer b.close()
	s := &Score{}
	for _, c := range all() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, c.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return s, err
		}
		r := b.do(ctx, c)
		s.Checks = append(s.Checks, r)
		switch r.Status {
		case Passed:
			s.Passed++
		case Failed:
			s.Failed++
		default:
			s.Skipped++
		}
		if o.OnCheck != nil {
			o.OnCheck(r)
		}
	}
	return s, nil
}

func (b *bench) do(ctx context.Context, c check) Result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r := Result{Name: c.name, Group: c.group, Status: Passed}
	err := b.ready(ctx, c)
	if err == nil {
		err = c.run(ctx, b)
	}
	var s skip
	switch {
	case errors.As(err, &s):
		r.Status, r.Detail = Skipped, s.Error()
	case err != nil:
		r.Status, r.Detail = Failed, err.Error()
		b.discard() // the next check begins with a fresh process
	}
	return r
}

// bench is the driver under test: one configured process that checks share, and
// new ones for those that need their own.
type bench struct {
	o      Options
	proc   supervisor.Process
	about  *driverv1.Description
	device *driverv1.Device
	keys   uint64 // submissions so far
}

func (b *bench) start(ctx context.Context) (supervisor.Process, error) {
	return supervisor.Exec(b.o.Spec, b.o.Sockets, time.Minute, b.o.Logger)(ctx)
}

func (b *bench) config() *driver.Config {
	return &driver.Config{JSON: b.o.Config, Secrets: b.o.Secrets, CacheDir: b.o.Spec.CacheDir, Dev: true}
}

// ready makes the shared process, and skips checks of features that are not there.
func (b *bench) ready(ctx context.Context, c check) error {
	if c.group == "start" {
		return nil // these start their own
	}
	if err := b.shared(ctx); err != nil {
		return err
	}
	if c.need != 0 && !driver.Has(b.about, c.need) {
		return skip("the driver does not list " + c.need.String())
	}
	return nil
}

func (b *bench) shared(ctx context.Context) error {
	if b.proc != nil {
		select {
		case <-b.proc.Done():
			b.proc = nil
		default:
			return nil
		}
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	b.proc = p
	if b.about, err = p.Client().Describe(ctx); err != nil {
		return fmt.Errorf("Describe: %w", err)
	}
	if _, err := p.Client().Configure(ctx, b.config()); err != nil {
		return fmt.Errorf("Configure: %w", err)
	}
	id := b.o.Device
	if id == "" && len(b.about.DeviceIds) > 0 {
		id = b.about.DeviceIds[0]
	}
	if b.device, err = p.Client().Device(ctx, id); err != nil {
		return fmt.Errorf("GetDevice: %w", err)
	}
	return nil
}

// client is the shared process's.
func (b *bench) client() *driver.Client { return b.proc.Client() }

// discard ends the shared process.
func (b *bench) discard() {
	if b.proc != nil {
		_ = b.proc.Stop(context.Background(), 0) // the next start tells if it cannot
		b.proc = nil
	}
}

func (b *bench) close() { b.discard() }

// wantCode demands that err is a driver's error with one of the codes.
func wantCode(err error, codes ...driver.Code) error {
	var e *driver.Error
	if err == nil {
		return fmt.Errorf("was accepted, want %s", driver.Name(codes[0]))
	}
	if !errors.As(err, &e) {
		return fmt.Errorf("answered %w, want %s", err, driver.Name(codes[0]))
	}
	if !slices.Contains(codes, e.Code) {
		return fmt.Errorf("answered %s, want %s", e, driver.Name(codes[0]))
	}
	return nil
}
