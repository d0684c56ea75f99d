// Package worker is the inside of a guest worker: a process that holds one
// guest, speaks frames over one inherited socket and nothing else.
//
// It promises that a guest reaches only the bytes that a call gave it, through
// five functions that check every pointer and length in 64 bits against the
// guest's memory, and that no call makes the worker hold more than the limits of
// its first frame. It does not protect against a guest that never returns: the
// supervisor in package host kills the process. It reads no file, no environment
// and no clock.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Arg is the first argument that makes a binary a worker.
const Arg = "guest-worker"

// SocketFD is the descriptor of the inherited socket.
const SocketFD = 3

// Runtime is a WebAssembly engine. Nothing above it knows which one runs.
type Runtime interface {
	Name() string
	// Compile takes a module that passed the validator, in its metered form. An
	// error means that the module is invalid.
	Compile(ctx context.Context, wasm []byte, memoryPages uint32) (Program, error)
}

// Cacher is a Runtime whose native code can outlive the process.
type Cacher interface {
	Runtime
	// CodeID names what native code depends on besides the module and its limits:
	// engine, versions, processor. Empty: it cannot be told, and nothing is kept.
	CodeID() string
	// CompileCode is Compile with native code that an earlier call returned for the
	// same module under the same CodeID, or nil. It returns new native code where it
	// made some. Code is executed: the caller vouches for it.
	CompileCode(ctx context.Context, wasm []byte, memoryPages uint32, code []byte) (Program, []byte, error)
}

// Pacer is a Runtime that says how many times slower than native code it is; the
// wall limits of its calls are as many times longer.
type Pacer interface {
	Runtime
	Pace() int
}

// Pace is that of the runtime of a name; 1 where it does not say.
func Pace(name string) int {
	if p, ok := lookup(name).(Pacer); ok {
		return p.Pace()
	}
	return 1
}

// CodeID is that of the runtime of a name; empty where there is none.
func CodeID(name string) string {
	if c, ok := lookup(name).(Cacher); ok {
		return c.CodeID()
	}
	return ""
}

// Program is a compiled module.
type Program interface {
	// Instantiate makes the one instance, with the ABI's imports.
	Instantiate(ctx context.Context, imports Imports) (Instance, error)
}

// Instance is a running guest.
type Instance interface {
	// Call sets the meter's globals, calls, and reads them into m again, traps
	// included. It returns the i32 result. A trap is a *Trap; any other error means
	// that the engine failed.
	Call(ctx context.Context, export string, args []uint64, m *Meter) (int32, error)
	// Memory is a view of the guest's memory until the next call; nil without one.
	Memory() []byte
}

// Meter is the value of a metered guest's globals; see package meter.
type Meter struct {
	Fuel  int64
	Depth int32
}

// Trap is an error of the guest's own making.
type Trap struct {
	Reason string
	Stack  bool // the engine's own stack ended, which the meter is to prevent
}

// Error implements error.
func (t *Trap) Error() string { return t.Reason }

// Imports is the ABI's import module. mem is the whole memory of the guest as it
// is at the moment of the call.
type Imports interface {
	InLen(stream uint32) int64
	InRead(mem []byte, stream uint32, off int64, ptr, n uint32) int32
	OutWrite(mem []byte, stream, ptr, n uint32) int32
	Fail(mem []byte, code int32, ptr, n uint32)
	Log(mem []byte, level int32, ptr, n uint32)
}

var runtimes []Runtime

// Register makes a runtime available to workers of this binary; implementations
// call it from init. The first one is the default.
func Register(r Runtime) { runtimes = append(runtimes, r) }

// Registered lists the names of the runtimes, the default first.
func Registered() []string {
	var names []string
	for _, r := range runtimes {
		names = append(names, r.Name())
	}
	return names
}

func lookup(name string) Runtime {
	for _, r := range runtimes {
		if r.Name() == name {
			return r
		}
	}
	return nil
}

// Serve runs the protocol until the supervisor hangs up: one hello, which seals
// the process and compiles the module, then calls. A clean end is nil.
func Serve(ctx context.Context, conn io.ReadWriter) error {
	h, err := ReadHello(conn)
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	box, err := seal(h.DataBytes)
	if err != nil {
		return WriteReady(conn, &Ready{Seq: h.Seq, Status: ReadyFailed, Sandbox: box, Message: err.Error()})
	}
	if h.DataBytes > 0 {
		debug.SetMemoryLimit(int64(h.DataBytes / 4 * 3)) // collect garbage before the hard limit ends the process
	}
	inst, state, ready := start(ctx, h)
	ready.Sandbox = box
	if err := WriteReady(conn, ready); err != nil || inst == nil {
		return err
	}
	for {
		c, err := ReadCall(conn, h.Limits)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("call: %w", err)
		}
		if err := WriteResult(conn, state.run(ctx, inst, c)); err != nil {
			return err
		}
	}
}

// compile uses the code that the supervisor brought, or makes it and hands it
// back. No instruction of the guest has run before that.
func compile(ctx context.Context, rt Runtime, h *Hello, r *Ready) (Program, error) {
	c, ok := rt.(Cacher)
	if !ok || !h.KeepCode {
		return rt.Compile(ctx, h.Module, h.MemoryPages)
	}
	p, code, err := c.CompileCode(ctx, h.Module, h.MemoryPages, h.Code)
	if err == nil && len(code) <= MaxCode {
		r.Code = code
	}
	return p, err
}

// start compiles and instantiates; without a module it only answers.
func start(ctx context.Context, h *Hello) (Instance, *streams, *Ready) {
	r := &Ready{Seq: h.Seq}
	if len(h.Module) == 0 {
		return nil, nil, r
	}
	rt := lookup(h.Runtime)
	if rt == nil {
		r.Status, r.Message = ReadyFailed, fmt.Sprintf("runtime %q is not in this binary", h.Runtime)
		return nil, nil, r
	}
	p, err := compile(ctx, rt, h, r)
	if err != nil {
		r.Status, r.Message = ReadyRejected, clip(err.Error())
		return nil, nil, r
	}
	state := &streams{limits: h.Limits}
	inst, err := p.Instantiate(ctx, state)
	if err != nil {
		r.Status, r.Message = ReadyRejected, clip(err.Error())
		return nil, nil, r
	}
	return inst, state, r
}
