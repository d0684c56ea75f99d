package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

const (
	// maxHandshake bounds the driver's first line.
	maxHandshake = 1 << 10
	// tailLines is how much of standard error a crash report keeps.
	tailLines = 200
)

// Runner is one driver process: runner.Runner for go-plugin, and the exit, level
// and last words for the supervisor.
type Runner struct {
	spec      *Spec
	socketDir string
	cmd       *exec.Cmd
	pending   *pending
	stdout    io.ReadCloser
	stderr    io.ReadCloser
	level     Level
	group     *group // nil: none
	tail      tail

	done    chan struct{} // closed when the process was reaped
	waitErr error
	kill    sync.Once
}

var _ runner.Runner = (*Runner)(nil)

// NewRunner prepares a process. env and socketDir are what go-plugin asks for.
func NewRunner(s *Spec, env []string, socketDir string) (*Runner, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("driver process: %w", err)
	}
	r := &Runner{spec: s, socketDir: socketDir, done: make(chan struct{})}
	var err error
	r.cmd, r.pending, err = command(s, env, socketDir)
	return r, err
}

// Start implements runner.Runner. The handshake line goes to go-plugin; whatever
// else the driver writes to its standard output is read and dropped, so that a
// flood there cannot block it or us.
func (r *Runner) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, outR.Close(), outW.Close())
	}
	r.cmd.Stdout, r.cmd.Stderr = outW, errW
	level, g, err := start(r.cmd, r.pending)
	outW.Close()
	errW.Close()
	if err != nil {
		outR.Close()
		errR.Close()
		return fmt.Errorf("driver %s: %w", r.Name(), err)
	}
	r.level, r.group = level, g
	lineR, lineW := io.Pipe()
	r.stdout = lineR
	go handshake(outR, lineW)
	logR, logW := io.Pipe()
	r.stderr = logR
	heard := make(chan struct{})
	go func() {
		r.listen(errR, logW)
		close(heard)
	}()
	go func() {
		r.waitErr = r.cmd.Wait()
		killGroup(r.cmd) // whatever the driver started goes with it
		r.group.end()    // and what left the process group
		select {
		case <-heard: // its last words are in the tail
		case <-time.After(time.Second): // nobody reads Stderr
		}
		close(r.done)
	}()
	return nil
}

// handshake passes the first line on, at most maxHandshake bytes, then ends the
// stream for go-plugin and drains the rest.
func handshake(from *os.File, to *io.PipeWriter) {
	defer from.Close()
	in := bufio.NewReaderSize(from, maxHandshake)
	line, err := in.ReadSlice('\n')
	switch {
	case err == nil:
		_, _ = to.Write(line) // go-plugin gone: nothing to tell
		to.Close()
	case errors.Is(err, bufio.ErrBufferFull):
		to.CloseWithError(fmt.Errorf("no handshake line in the first %d bytes of standard output", maxHandshake))
	default:
		to.CloseWithError(io.ErrUnexpectedEOF)
	}
	_, _ = io.Copy(io.Discard, in) // until the process closes it
}

// listen keeps the last lines of standard error and passes all of it on.
func (r *Runner) listen(from *os.File, to *io.PipeWriter) {
	defer from.Close()
	_, err := io.Copy(io.MultiWriter(&r.tail, to), from)
	to.CloseWithError(err) // nil: end of file
}

// Wait implements runner.Runner.
func (r *Runner) Wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.waitErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed when the process has ended and was reaped.
func (r *Runner) Done() <-chan struct{} { return r.done }

// Exit tells how the process ended; only after Done.
func (r *Runner) Exit() string {
	if r.cmd.ProcessState == nil {
		return "never ran"
	}
	return r.cmd.ProcessState.String()
}

// Kill implements runner.Runner: SIGKILL to the whole process group, then reap.
// It returns when the process is gone or ctx ends.
func (r *Runner) Kill(ctx context.Context) error {
	if r.cmd.Process == nil {
		return nil
	}
	r.kill.Do(func() { killGroup(r.cmd) })
	return r.wait(ctx)
}

// Terminate asks the process group to end (SIGTERM), waits for grace, then kills.
func (r *Runner) Terminate(ctx context.Context, grace <-chan time.Time) error {
	if r.cmd.Process == nil {
		return nil
	}
	terminateGroup(r.cmd)
	select {
	case <-r.done:
		return nil
	case <-grace:
	case <-ctx.Done():
	}
	return r.Kill(context.WithoutCancel(ctx))
}

func (r *Runner) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("driver %s was killed and not reaped yet: %w", r.Name(), ctx.Err())
	}
}

// Stdout implements runner.Runner.
func (r *Runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr implements runner.Runner.
func (r *Runner) Stderr() io.ReadCloser { return r.stderr }

// Name implements runner.Runner.
func (r *Runner) Name() string { return filepath.Base(r.spec.Image.Path) }

// ID implements runner.Runner.
func (r *Runner) ID() string {
	if r.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(r.cmd.Process.Pid)
}

// Level says which walls stand.
func (r *Runner) Level() Level { return r.level }

// Tail is the end of what the driver wrote to standard error.
func (r *Runner) Tail() string { return r.tail.String() }

// Words is where output that arrives by another way than standard error joins its
// tail: go-plugin sends what a Go driver prints over gRPC.
func (r *Runner) Words() io.Writer { return &r.tail }

// Diagnose implements runner.Runner.
func (r *Runner) Diagnose(context.Context) string {
	if t := strings.TrimSpace(r.Tail()); t != "" {
		return "the driver's own words:\n" + t
	}
	return "the driver wrote nothing to standard error; is it a driver, for this system and processor, and is its interpreter there?"
}

// PluginToHost implements runner.Runner: the driver may listen on a Unix socket
// in the folder it was given and nowhere else.
func (r *Runner) PluginToHost(network, addr string) (string, string, error) {
	if network != "unix" || filepath.Dir(filepath.Clean(addr)) != filepath.Clean(r.socketDir) {
		return "", "", fmt.Errorf("the driver listens on %.20s %.200q, want a unix socket in %s", network, addr, r.socketDir)
	}
	return network, addr, nil
}

// HostToPlugin implements runner.Runner.
func (r *Runner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

// tail keeps the last lines written to it, each at most 4 KiB.
type tail struct {
	mu    sync.Mutex
	lines [][]byte
	open  bool // the last line has no newline yet
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := b; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !t.open {
			t.lines = append(t.lines, nil)
		}
		last := &t.lines[len(t.lines)-1]
		*last = append(*last, line[:min(len(line), 4096-len(*last))]...)
		t.open, rest = !ended, after
	}
	if n := len(t.lines) - tailLines; n > 0 {
		t.lines = append(t.lines[:0], t.lines[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(bytes.Join(t.lines, []byte("\n")), []byte("?")))
}
