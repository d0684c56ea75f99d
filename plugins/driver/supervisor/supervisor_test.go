package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
)

// unit is a driver that answers Describe and Configure only.
type unit struct {
	driver.Driver
	configure error
	got       atomic.Pointer[driver.Config]
}

func (u *unit) Describe(context.Context) (*driverv1.Description, error) {
	return &driverv1.Description{Id: "t/unit", DeviceIds: []string{"d"}}, nil
}
func (u *unit) Configure(_ context.Context, c *driver.Config) ([]string, error) {
	u.got.Store(c)
	return nil, u.configure
}

// proc is a process that lives until somebody ends it.
type proc struct {
	client *driver.Client
	done   chan struct{}
	once   sync.Once
	ping   func() error
	stops  atomic.Int32
	server *grpc.Server
}

func (p *proc) die()                   { p.once.Do(func() { close(p.done); p.server.Stop() }) }
func (p *proc) Client() *driver.Client { return p.client }
func (p *proc) Done() <-chan struct{}  { return p.done }
func (p *proc) PID() string            { return "7" }
func (p *proc) Level() process.Level   { return process.Level{} }
func (p *proc) Report() Report         { return Report{Exit: "signal: killed", Stderr: "last words"} }
func (p *proc) Ping(context.Context) error {
	if p.ping != nil {
		return p.ping()
	}
	return nil
}
func (p *proc) Stop(context.Context, time.Duration) error {
	p.stops.Add(1)
	p.die()
	return nil
}

func newProc(t *testing.T, u *unit) *proc {
	l := bufconn.Listen(1 << 16)
	p := &proc{done: make(chan struct{}), server: grpc.NewServer()}
	driver.Register(p.server, u)
	go func() { _ = p.server.Serve(l) }()
	c, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); p.die() })
	p.client = driver.NewClient(c, nil)
	return p
}

// stage starts processes and remembers when.
type stage struct {
	mu     sync.Mutex
	starts []time.Duration
	procs  chan *proc
	events []string
}

func (g *stage) supervisor(t *testing.T, edit func(*Config), next func(n int) (*proc, error)) *Supervisor {
	began := time.Now()
	g.procs = make(chan *proc, 100)
	cfg := Config{Driver: "unit", Now: time.Now, Start: func(context.Context) (Process, error) {
		g.mu.Lock()
		g.starts = append(g.starts, time.Since(began))
		n := len(g.starts)
		g.mu.Unlock()
		p, err := next(n)
		if err != nil {
			return nil, err
		}
		g.procs <- p
		return p, nil
	}, OnEvent: func(e Event) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.events = append(g.events, e.To.String())
	}}
	if edit != nil {
		edit(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	return s
}

func (g *stage) times() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]time.Duration(nil), g.starts...)
}

func TestRestartsAfterCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		s := g.supervisor(t, func(c *Config) { c.MaxCrashes = 100 }, func(int) (*proc, error) { return newProc(t, &unit{}), nil })
		s.Run(t.Context())
		for range 9 {
			_, about, _, err := s.Acquire(t.Context())
			require.NoError(t, err)
			require.Equal(t, "t/unit", about.Id)
			(<-g.procs).die()
			synctest.Wait()
		}
		_, _, _, err := s.Acquire(t.Context())
		require.NoError(t, err)
		at := g.times()
		require.Len(t, at, 10)
		require.Equal(t, at[0], at[1], "the first restart is immediate")
		want := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute}
		for i, w := range want {
			require.Equal(t, w, at[i+2]-at[i+1], "restart %d", i+2)
		}
		require.Equal(t, uint64(9), s.Status().Restarts)
		require.Equal(t, "last words", s.Status().Last.Stderr)
		s.Stop(t.Context(), 0)
	})
}

func TestAWholeWindowOfPeaceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		s := g.supervisor(t, nil, func(int) (*proc, error) { return newProc(t, &unit{}), nil })
		s.Run(t.Context())
		for range 20 {
			_, _, _, err := s.Acquire(t.Context())
			require.NoError(t, err)
			time.Sleep(11 * time.Minute)
			(<-g.procs).die()
			synctest.Wait()
		}
		require.Equal(t, Ready, s.Status().State)
		s.Stop(t.Context(), 0)
	})
}

func TestQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		s := g.supervisor(t, nil, func(n int) (*proc, error) {
			if n > 5 {
				return newProc(t, &unit{}), nil
			}
			return nil, fmt.Errorf("no licence %d", n)
		})
		s.Run(t.Context())
		_, _, _, err := s.Acquire(t.Context())
		require.ErrorIs(t, err, ErrQuarantined)
		require.ErrorContains(t, err, "no licence 5")
		require.Len(t, g.times(), 5)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, g.times(), 5, "nothing but an operator ends it")
		s.Clear()
		synctest.Wait()
		_, _, _, err = s.Acquire(t.Context())
		require.NoError(t, err)
		s.Stop(t.Context(), 0)
		require.Equal(t, Stopped, s.Status().State)
		_, _, _, err = s.Acquire(t.Context())
		require.ErrorIs(t, err, ErrStopped)
	})
}

func TestHealthChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		var sick atomic.Bool
		s := g.supervisor(t, nil, func(int) (*proc, error) {
			p := newProc(t, &unit{})
			p.ping = func() error {
				if sick.Load() {
					return errors.New("no answer")
				}
				return nil
			}
			return p, nil
		})
		s.Run(t.Context())
		_, _, _, err := s.Acquire(t.Context())
		require.NoError(t, err)
		first := <-g.procs
		sick.Store(true)
		time.Sleep(11 * time.Second) // two misses
		synctest.Wait()
		require.Equal(t, Degraded, s.Status().State)
		_, _, _, err = s.Acquire(t.Context())
		require.NoError(t, err, "a late answer is no death")
		sick.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, Ready, s.Status().State)
		sick.Store(true)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		require.Equal(t, int32(1), first.stops.Load(), "three misses in a row end it")
		require.Contains(t, s.Status().Last.Reason, "3 health checks")
		s.Stop(t.Context(), 0)
	})
}

func TestARefusedConfigurationIsNoCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		s := g.supervisor(t, nil, func(int) (*proc, error) {
			return newProc(t, &unit{configure: &driver.Error{Code: driver.Auth, Field: "secrets.token"}}), nil
		})
		s.Run(t.Context())
		_, _, _, err := s.Acquire(t.Context())
		require.ErrorIs(t, err, &driver.Error{Code: driver.Auth})
		require.Len(t, g.times(), 1, "another start would not help")
		s.Stop(t.Context(), 0)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &stage{}
		u := &unit{}
		s := g.supervisor(t, nil, func(int) (*proc, error) { return newProc(t, u), nil })
		s.Run(t.Context())
		require.NoError(t, s.Reload(t.Context(), driver.Config{JSON: []byte(`{"a":1}`)}))
		(<-g.procs).die()
		synctest.Wait()
		_, _, _, err := s.Acquire(t.Context())
		require.NoError(t, err)
		require.Equal(t, `{"a":1}`, string(u.got.Load().JSON), "restarts keep it")
		u.configure = &driver.Error{Code: driver.ConfigInvalid}
		require.ErrorIs(t, s.Reload(t.Context(), driver.Config{}), &driver.Error{Code: driver.ConfigInvalid})
		require.Equal(t, Ready, s.Status().State)
		s.Stop(t.Context(), time.Second)
		require.Contains(t, g.events, "draining")
	})
}

// TestAcquireBetweenDeathAndItsWord: after a crash the process is taken away a moment before
// the state says so; who asks in that moment waits for the word.
func TestAcquireBetweenDeathAndItsWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&stage{}).supervisor(t, nil, func(int) (*proc, error) { return nil, errors.New("no") })
		s.to(Ready, "")
		ended := make(chan error, 1)
		go func() {
			_, _, _, err := s.Acquire(t.Context())
			ended <- err
		}()
		synctest.Wait()
		require.Empty(t, ended)
		s.to(Quarantined, "crashed too often")
		require.ErrorIs(t, <-ended, ErrQuarantined)
	})
}

func TestStopBeforeRun(t *testing.T) {
	s, err := New(Config{Driver: "x", Now: time.Now, Start: func(context.Context) (Process, error) { return nil, errors.New("no") }})
	require.NoError(t, err)
	s.Stop(t.Context(), 0)
	require.Equal(t, Absent, s.Status().State)
	_, err = New(Config{})
	require.Error(t, err)
	require.Equal(t, "State(99)", State(99).String())
}
