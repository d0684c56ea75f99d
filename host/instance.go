package host

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/animicaorg/engine/host/worker"
)

// Instance is one guest in its worker process. Calls run one at a time; it
// implements abi.Caller.
type Instance struct {
	module *Module

	mu    sync.Mutex
	proc  *process
	spent bool
	usage map[string]*Usage
}

// Usage is what the calls of one export have cost an instance.
type Usage struct {
	Export string
	Calls  uint64
	Fuel   uint64 // of all calls
	Most   uint64 // of the dearest one
}

// Usage lists what the instance has cost, by export. Making it cost
// Module.LoadFuel on top.
func (i *Instance) Usage() []Usage {
	i.mu.Lock()
	defer i.mu.Unlock()
	var list []Usage
	for _, name := range slices.Sorted(maps.Keys(i.usage)) {
		list = append(list, *i.usage[name])
	}
	return list
}

func (i *Instance) count(export string, fuel uint64) {
	u := i.usage[export]
	if u == nil {
		u = &Usage{Export: export}
		i.usage[export] = u
	}
	u.Calls++
	u.Fuel += fuel
	u.Most = max(u.Most, fuel)
}

var _ abi.Caller = (*Instance)(nil)

// Call runs an export with input streams 0..15. The Outcome says how the guest
// ended. The error, an *Error of class INFRA, says that the run did not come to an
// outcome, or that the request itself is impossible. After any end but OK and
// DOMAIN_ERROR the instance is spent.
func (i *Instance) Call(ctx context.Context, export string, args []uint64, in map[int][]byte) (*Outcome, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.spent {
		return nil, i.fault(ErrSpent)
	}
	if err := i.check(export, args, in); err != nil {
		return nil, i.fault(err)
	}
	h := i.module.host
	o, err := i.exchange(ctx, &worker.Call{Export: export, Args: args, In: in, Fuel: h.budget(export, args, in), HashMemory: h.cfg.HashMemory})
	if err == nil {
		i.count(export, o.Fuel)
	}
	if err != nil || o.Class != abi.OK && o.Class != abi.DomainError {
		i.spent = true
		i.proc.end()
	}
	return o, err
}

func (i *Instance) fault(err error) error {
	return &Error{Class: abi.Infra, Module: i.module.hash.String(), Message: "call", Err: err}
}

// check refuses what the worker would refuse too, before anything is sent.
func (i *Instance) check(export string, args []uint64, in map[int][]byte) error {
	t, ok := i.module.signature(export)
	if !ok {
		return fmt.Errorf("%q is no function of a %v that may be called", export, i.module.kind)
	}
	if len(args) != len(t.Params) {
		return fmt.Errorf("%s takes %d arguments, not %d", export, len(t.Params), len(args))
	}
	for k, a := range args {
		if t.Params[k] == wasmbin.I32 && a > math.MaxUint32 {
			return fmt.Errorf("%s: argument %d is %d, above 32 bits", export, k, a)
		}
	}
	l, total := i.module.limits(), uint64(0)
	for s, b := range in {
		if s < 0 || s > abi.MaxInput || uint64(len(b)) > l.InputBytes {
			return fmt.Errorf("input stream %d of %d bytes: want 0..%d and at most %d bytes", s, len(b), abi.MaxInput, l.InputBytes)
		}
		total += uint64(len(b))
	}
	if total > worker.InputStreams*l.InputBytes {
		return fmt.Errorf("inputs of %d bytes together, the limit is %d", total, worker.InputStreams*l.InputBytes)
	}
	return nil
}

func (i *Instance) exchange(ctx context.Context, c *worker.Call) (*Outcome, error) {
	p := i.proc
	p.seq++
	c.Seq = p.seq
	clock := p.host.cfg.Clock
	start := clock.Now()
	var o *Outcome
	err := p.guarded(ctx, p.host.callTime(c.Fuel), c.Export, func() error {
		if err := worker.WriteCall(p.p.Conn, c); err != nil {
			return err
		}
		r, out, err := worker.ReadResult(p.p.Conn, c, i.module.limits())
		if err != nil {
			return err
		}
		if r.Class == abi.Infra {
			return fmt.Errorf("the worker says: %s", r.Message)
		}
		o = &Outcome{Class: r.Class, Code: r.Code, Message: r.Message, Fuel: r.Fuel, Budget: c.Fuel, Depth: r.Depth, MemoryPages: r.MemoryPages, MemoryHash: r.MemoryHash}
		if r.Class == abi.OK {
			o.Out = out
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o.Duration = clock.Now().Sub(start)
	p.host.cfg.Logger.Debug("guest call", "module_hash", p.module, "export", c.Export, "class", o.Class.String(), "fuel", o.Fuel, "duration", o.Duration)
	return o, nil
}

// Module returns the module of the instance.
func (i *Instance) Module() *Module { return i.module }

// Close ends the worker. It may be called more than once.
func (i *Instance) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.spent = true
	i.proc.end()
	return nil
}
