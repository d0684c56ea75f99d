package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Config of a supervisor. Durations that are zero get the value in brackets.
type Config struct {
	Driver    string // its id, for people
	Start     Start
	Configure driver.Config
	Logger    *slog.Logger
	OnEvent   func(Event)      // every transition; called without locks held
	Now       func() time.Time // the clock of events and of the crash window
	Jitter    func() float64   // in [0, 1): spreads restarts; nil: none

	ConfigureTimeout time.Duration // [30 s]
	HealthEvery      time.Duration // [5 s]
	HealthTimeout    time.Duration // [1 s]
	HealthMisses     int           // misses in a row that end the process [3]
	BackoffMin       time.Duration // before the second restart in a row; the first is immediate [0.5 s]
	BackoffMax       time.Duration // [60 s]
	MaxCrashes       int           // within CrashWindow: quarantine [5]
	CrashWindow      time.Duration // [10 min]
	StopGrace        time.Duration // between SIGTERM and SIGKILL [2 s]
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.ConfigureTimeout, 30*time.Second)
	def(&c.HealthEvery, 5*time.Second)
	def(&c.HealthTimeout, time.Second)
	def(&c.BackoffMin, 500*time.Millisecond)
	def(&c.BackoffMax, time.Minute)
	def(&c.CrashWindow, 10*time.Minute)
	def(&c.StopGrace, 2*time.Second)
	if c.HealthMisses < 1 {
		c.HealthMisses = 3
	}
	if c.MaxCrashes < 1 {
		c.MaxCrashes = 5
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0 }
	}
	return c
}

// Supervisor keeps one driver running.
type Supervisor struct {
	cfg Config

	mu      sync.Mutex
	status  Status
	about   *driverv1.Description
	proc    Process       // nil: none runs
	changed chan struct{} // closed and replaced at every change
	crashes []time.Time
	inRow   int // crashes since the driver was last ready for a whole window
	stop    context.CancelFunc
	done    chan struct{}
	clear   chan struct{} // an operator's word while quarantined
	ending  bool          // Stop was called
	refused error         // what Configure refused; a restart would not help
}

// New makes a supervisor; nothing runs before Run.
func New(cfg Config) (*Supervisor, error) {
	if cfg.Start == nil || cfg.Now == nil || cfg.Driver == "" {
		return nil, errors.New("supervisor: Driver, Start and Now are required")
	}
	s := &Supervisor{cfg: cfg.withDefaults(), changed: make(chan struct{}), clear: make(chan struct{}, 1)}
	s.status = Status{Driver: cfg.Driver, Since: cfg.Now()}
	return s, nil
}

// Run starts the driver and keeps it running until Stop or the end of ctx. It
// returns at once; Acquire waits for the driver.
func (s *Supervisor) Run(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done != nil {
		return
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.done = make(chan struct{})
	go s.loop(ctx)
}

// loop is the life of the driver: one process after the other.
func (s *Supervisor) loop(ctx context.Context) {
	defer close(s.done)
	defer s.to(Stopped, "told to stop")
	for ctx.Err() == nil {
		p, why := s.life(ctx)
		if ctx.Err() != nil || s.isEnding() {
			s.end(p)
			return
		}
		if !s.afterCrash(ctx, p, why) {
			return
		}
	}
}

// life runs one process until it has to be replaced, and tells why. The process
// it returns may still run; nil if none was made.
func (s *Supervisor) life(ctx context.Context) (Process, string) {
	s.to(Starting, "")
	p, err := s.cfg.Start(ctx)
	if err != nil {
		return nil, err.Error()
	}
	s.mu.Lock()
	s.status.PID, s.status.Level = p.PID(), p.Level()
	s.mu.Unlock()
	s.to(Configuring, "")
	if err := s.configure(ctx, p); err != nil {
		var de *driver.Error
		s.mu.Lock()
		if errors.As(err, &de) && !de.Retryable {
			s.refused = err
		}
		s.mu.Unlock()
		return p, "configure: " + err.Error()
	}
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
	s.to(Ready, "")
	return p, s.watch(ctx, p)
}

func (s *Supervisor) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

func (s *Supervisor) configure(ctx context.Context, p Process) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConfigureTimeout)
	defer cancel()
	about, err := p.Client().Describe(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	cfg := s.cfg.Configure
	s.about = about
	s.mu.Unlock()
	warnings, err := p.Client().Configure(ctx, &cfg)
	for _, w := range warnings {
		s.cfg.Logger.Warn("driver", "driver", s.cfg.Driver, "warning", w)
	}
	return err
}

// watch returns why the process has to be replaced.
func (s *Supervisor) watch(ctx context.Context, p Process) string {
	tick := time.NewTicker(s.cfg.HealthEvery)
	defer tick.Stop()
	for misses := 0; ; {
		select {
		case <-ctx.Done():
			return "told to stop"
		case <-p.Done():
			return "the process ended"
		case <-tick.C:
		}
		ping, cancel := context.WithTimeout(ctx, s.cfg.HealthTimeout)
		err := p.Ping(ping)
		cancel()
		switch {
		case err == nil && misses > 0:
			misses = 0
			s.to(Ready, "healthy again")
		case err == nil:
		case ctx.Err() != nil:
			return "told to stop"
		default:
			if misses++; misses >= s.cfg.HealthMisses {
				return fmt.Sprintf("%d health checks in a row failed: %v", misses, err)
			}
			s.to(Degraded, err.Error())
		}
	}
}

// afterCrash buries the process, then waits until the next start. It returns
// false when there is none.
func (s *Supervisor) afterCrash(ctx context.Context, p Process, why string) bool {
	s.mu.Lock()
	s.proc = nil
	s.mu.Unlock()
	report := Report{Exit: "did not start"}
	if p != nil {
		if err := p.Stop(ctx, 0); err != nil {
			s.cfg.Logger.Error("driver", "driver", s.cfg.Driver, "error", err)
		}
		select {
		case <-p.Done():
			report = p.Report()
		default:
			report.Exit = "was killed and is not reaped"
		}
	}
	now := s.cfg.Now()
	report.At, report.Reason = now, why
	s.mu.Lock()
	kept := s.crashes[:0]
	for _, t := range s.crashes {
		if now.Sub(t) < s.cfg.CrashWindow {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		s.inRow = 0
	}
	s.crashes = append(kept, now)
	s.inRow++
	s.status.Restarts++
	s.status.Last = &report
	wait := s.backoff()
	quarantine := len(s.crashes) >= s.cfg.MaxCrashes || s.refused != nil
	s.status.NextTry = now.Add(wait)
	s.mu.Unlock()
	reason := fmt.Sprintf("%s (%s)", why, report.Exit)
	if quarantine {
		return s.quarantine(ctx, reason)
	}
	s.to(Crashed, reason)
	if wait == 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff is the wait before the next start: none after the first crash, then
// BackoffMin doubled each time up to BackoffMax, and up to a quarter more.
func (s *Supervisor) backoff() time.Duration {
	if s.inRow <= 1 {
		return 0
	}
	d := s.cfg.BackoffMin
	for range s.inRow - 2 {
		if d = 2 * d; d >= s.cfg.BackoffMax {
			d = s.cfg.BackoffMax
			break
		}
	}
	return d + time.Duration(s.cfg.Jitter()*float64(d)/4)
}

func (s *Supervisor) quarantine(ctx context.Context, reason string) bool {
	s.to(Quarantined, reason)
	select {
	case <-s.clear:
		s.mu.Lock()
		s.crashes, s.inRow, s.refused = nil, 0, nil
		s.mu.Unlock()
		return true
	case <-ctx.Done():
		return false
	}
}

// Clear ends a quarantine: an operator looked at it, or the file was replaced.
func (s *Supervisor) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State == Quarantined {
		select {
		case s.clear <- struct{}{}:
		default:
		}
	}
}

// to changes the state and tells everybody.
func (s *Supervisor) to(next State, reason string) {
	s.mu.Lock()
	e := Event{At: s.cfg.Now(), Driver: s.cfg.Driver, From: s.status.State, To: next, Reason: reason}
	s.status.State, s.status.Since, s.status.Reason = next, e.At, reason
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	if e.From == next {
		return
	}
	s.cfg.Logger.Info("driver", "driver", e.Driver, "from", e.From.String(), "to", e.To.String(), "reason", reason)
	if s.cfg.OnEvent != nil {
		s.cfg.OnEvent(e)
	}
}

// Status is a snapshot.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Acquire waits until the driver is ready and returns its client, its
// description and a channel that is closed when that process is gone.
func (s *Supervisor) Acquire(ctx context.Context) (*driver.Client, *driverv1.Description, <-chan struct{}, error) {
	for {
		s.mu.Lock()
		state, reason, changed, p, about, refused := s.status.State, s.status.Reason, s.changed, s.proc, s.about, s.refused
		s.mu.Unlock()
		switch state {
		case Ready, Degraded:
			if p == nil { // taken down, and the state is about to say so
				break
			}
			select {
			case <-p.Done(): // dead, and the loop does not know yet
			default:
				return p.Client(), about, p.Done(), nil
			}
		case Quarantined:
			if refused != nil {
				return nil, nil, nil, fmt.Errorf("driver %s refuses its configuration: %w", s.cfg.Driver, refused)
			}
			return nil, nil, nil, fmt.Errorf("%w: %s: %s", ErrQuarantined, s.cfg.Driver, reason)
		case Stopped, Draining:
			return nil, nil, nil, fmt.Errorf("%w: %s", ErrStopped, s.cfg.Driver)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, nil, fmt.Errorf("driver %s is %s (%s): %w", s.cfg.Driver, state, reason, ctx.Err())
		}
	}
}

// Reload configures the running driver anew and keeps the configuration for
// restarts. A driver that refuses goes on with the old one.
func (s *Supervisor) Reload(ctx context.Context, cfg driver.Config) error {
	c, _, _, err := s.Acquire(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Configure(ctx, &cfg); err != nil {
		return err
	}
	s.mu.Lock()
	s.cfg.Configure = cfg
	s.mu.Unlock()
	return nil
}

// Stop drains the driver for up to grace, then ends it: SIGTERM, StopGrace,
// SIGKILL. It returns when the process is gone.
func (s *Supervisor) Stop(ctx context.Context, grace time.Duration) {
	s.mu.Lock()
	p, stop, done := s.proc, s.stop, s.done
	s.ending = true
	s.mu.Unlock()
	if done == nil {
		return
	}
	if p != nil && grace > 0 {
		s.to(Draining, "told to stop")
		drain, cancel := context.WithTimeout(ctx, grace)
		err := p.Client().Drain(drain, grace, func(uint64) error { return nil })
		cancel()
		if err != nil {
			s.cfg.Logger.Warn("driver did not drain", "driver", s.cfg.Driver, "error", err)
		}
	}
	stop()
	<-done
}

// end is the last thing that happens to a process.
func (s *Supervisor) end(p Process) {
	s.mu.Lock()
	s.proc = nil
	s.mu.Unlock()
	if p == nil {
		return
	}
	if err := p.Stop(context.Background(), s.cfg.StopGrace); err != nil {
		s.cfg.Logger.Error("driver", "driver", s.cfg.Driver, "error", err)
	}
}
