package host

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/animicaorg/engine/host/worker"
)

// wired is set once MaybeWorker ran in this process: only then does the binary
// become a worker when it is executed as one.
var wired atomic.Bool

// MaybeWorker turns the process into a guest worker, and does not return, if it
// was started as one. It must be the first statement of main, and of TestMain in
// packages whose tests run guests; otherwise a launched worker would run the
// program itself.
func MaybeWorker() {
	if len(os.Args) > 1 && os.Args[1] == worker.Arg {
		os.Exit(worker.Main())
	}
	wired.Store(true)
}

// SelfLauncher is the default launcher, for others to wrap.
func SelfLauncher() Launcher { return selfLauncher{} }

// selfLauncher executes this binary again, with one socket, no environment, no
// standard streams and a process group of its own.
type selfLauncher struct{}

// Launch implements Launcher.
func (selfLauncher) Launch(ctx context.Context) (*Process, error) {
	switch {
	case !wired.Load():
		return nil, ErrUnwired
	case len(worker.Registered()) == 0:
		return nil, ErrNoRuntime
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return launchSelf()
}
