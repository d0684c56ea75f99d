package host

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/worker"
)

// Process is a started worker. Kill must be safe to call at any time and more
// than once; Wait reports how the process ended and is called once.
type Process struct {
	Conn net.Conn
	Kill func()
	Wait func() error
}

// Launcher starts workers. Tests and deployments with a sandbox of their own
// bring another one.
type Launcher interface {
	Launch(ctx context.Context) (*Process, error)
}

// process is a worker under watch.
type process struct {
	host   *Host
	module string // hash for messages, may be empty
	p      *Process
	seq    uint64
	once   sync.Once
	exit   error // how the process ended, after end
}

func (h *Host) start(ctx context.Context, module string) (*process, error) {
	p, err := h.cfg.Launcher.Launch(ctx)
	if err != nil {
		return nil, &Error{Class: abi.Infra, Module: module, Message: "starting a worker", Err: err}
	}
	return &process{host: h, module: module, p: p}, nil
}

// end kills the worker and waits until it is gone. It holds nothing that is worth
// a farewell.
func (p *process) end() {
	p.once.Do(func() {
		p.p.Kill()
		p.exit = p.p.Wait()
		_ = p.p.Conn.Close() // the far end is gone; there is nothing to flush
	})
}

// guarded runs one exchange under the watchdog and the context: whichever ends
// first kills the worker, which makes the exchange fail.
func (p *process) guarded(ctx context.Context, limit time.Duration, what string, exchange func() error) error {
	done, err := p.host.turn(ctx)
	if err != nil {
		return p.infra(what, err)
	}
	defer done()
	fired := make(chan struct{})
	var once sync.Once
	stop := p.host.cfg.Clock.AfterFunc(limit, func() {
		once.Do(func() { close(fired) })
		p.p.Kill()
	})
	unwatch := context.AfterFunc(ctx, p.p.Kill)
	err = exchange()
	stop()
	unwatch()
	if err == nil {
		return nil
	}
	p.end()
	select {
	case <-fired:
		err = fmt.Errorf("%w: %v", ErrWallTime, limit)
	default:
		if ctx.Err() != nil {
			err = ctx.Err()
		} else if p.exit != nil {
			err = fmt.Errorf("%w; the worker ended: %w", err, p.exit)
		}
	}
	return p.infra(what, err)
}

func (p *process) infra(what string, err error) error {
	p.host.cfg.Logger.Warn("guest worker failed", "module_hash", p.module, "step", what, "error", err)
	return &Error{Class: abi.Infra, Module: p.module, Message: what, Err: err}
}

// hello sends module and limits and reads the answer; a worker that cannot work
// is an error, a module that the engine refuses is not.
func (p *process) hello(ctx context.Context, h *worker.Hello) (*worker.Ready, error) {
	h.Seq, h.Runtime = p.seq, p.host.runtime()
	var ready *worker.Ready
	err := p.guarded(ctx, p.host.cfg.Limits.OpenTime, "opening the guest", func() (err error) {
		if err = worker.WriteHello(p.p.Conn, h); err != nil {
			return err
		}
		if ready, err = worker.ReadReady(p.p.Conn, h.KeepCode); err != nil {
			return err
		}
		if ready.Seq != p.seq {
			return fmt.Errorf("answer %d, want %d: %w", ready.Seq, p.seq, worker.ErrFrame)
		}
		if ready.Status == worker.ReadyFailed {
			return fmt.Errorf("the worker says: %s", ready.Message)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.host.setSandbox(ready.Sandbox)
	return ready, nil
}

func (h *Host) runtime() string {
	if h.cfg.Runtime != "" {
		return h.cfg.Runtime
	}
	if names := worker.Registered(); len(names) > 0 {
		return names[0]
	}
	return ""
}
