//go:build unix

package host

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/animicaorg/engine/host/worker"
)

// socketBuffer lets a row batch of some megabytes cross in few wake-ups.
const socketBuffer = 1 << 20

// socketpair returns the supervisor's connection and the worker's end.
func socketpair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "supervisor")
	conn, err := net.FileConn(near) // a duplicate of near
	err = errors.Join(err, near.Close())
	c, ok := conn.(*net.UnixConn)
	if err != nil || !ok {
		return nil, nil, errors.Join(fmt.Errorf("socketpair: %T: %w", conn, err), far.Close())
	}
	return c, far, nil
}

func launchSelf() (*Process, error) {
	path, err := selfPath()
	if err != nil {
		return nil, fmt.Errorf("path of this binary: %w", err)
	}
	conn, far, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = far.Close() }() // the worker has its own copy
	for _, set := range []func(int) error{conn.SetReadBuffer, conn.SetWriteBuffer} {
		if err := set(socketBuffer); err != nil {
			return nil, errors.Join(fmt.Errorf("socket buffer: %w", err), conn.Close())
		}
	}
	cmd := &exec.Cmd{Path: path, Args: []string{"engine", worker.Arg}, Env: []string{}, Dir: "/", ExtraFiles: []*os.File{far}, SysProcAttr: attributes()}
	if err := spawn(cmd); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	kill := func() { _ = cmd.Process.Kill() } // fails when the process is gone, which is as good
	return &Process{Conn: conn, Kill: kill, Wait: cmd.Wait}, nil
}

type spawnRequest struct {
	cmd  *exec.Cmd
	done chan error
}

var (
	spawnOnce sync.Once
	spawns    = make(chan spawnRequest)
)

// spawn starts a process from one thread that lives as long as this process: a
// worker is killed when the thread that started it ends, and inherits the
// no-new-privileges flag that this thread carries.
func spawn(cmd *exec.Cmd) error {
	spawnOnce.Do(func() {
		go func() {
			runtime.LockOSThread()
			prepareThread()
			for r := range spawns {
				r.done <- r.cmd.Start()
			}
		}()
	})
	r := spawnRequest{cmd, make(chan error, 1)}
	spawns <- r
	return <-r.done
}
