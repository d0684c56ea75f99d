package host_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// probe is a runtime that runs no guest: inside the worker it tries what a guest
// that broke out of its engine would try, and reports as a refusal of the module.
type probe struct{}

func (probe) Name() string { return "probe" }

func (probe) Compile(context.Context, []byte, uint32) (worker.Program, error) {
	report := fmt.Sprintf("env=%d args=%d", len(os.Environ()), len(os.Args))
	for i := range 3 {
		var st syscall.Stat_t
		if err := syscall.Fstat(i, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFCHR {
			report += fmt.Sprintf(" stdio%d", i)
		}
	}
	for _, path := range []string{"/etc/passwd", "/proc/self/environ", "/"} {
		f, err := os.Open(path)
		if err == nil {
			f.Close()
		}
		report += fmt.Sprintf(" open=%t", errors.Is(err, fs.ErrPermission))
	}
	_, err := net.Dial("tcp", "127.0.0.1:9")
	report += fmt.Sprintf(" dial=%t", errors.Is(err, fs.ErrPermission))
	group, _ := syscall.Getpgid(0)
	report += fmt.Sprintf(" group=%t", group == os.Getpid())
	report += fmt.Sprintf(" kill=%t", errors.Is(syscall.Kill(os.Getppid(), 0), fs.ErrPermission))
	_, err = syscall.ForkExec("/bin/true", []string{"true"}, nil)
	report += fmt.Sprintf(" exec=%t", errors.Is(err, fs.ErrPermission))
	_, _, errno := syscall.RawSyscall(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	report += fmt.Sprintf(" socketpair=%t", errno == syscall.EPERM)
	return nil, errors.New(report)
}

// glutton is a runtime that writes to more memory than the worker may have.
type glutton struct{}

func (glutton) Name() string { return "glutton" }

func (glutton) Compile(context.Context, []byte, uint32) (worker.Program, error) {
	var hold [][]byte
	for range 24 {
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hold = append(hold, b)
	}
	return nil, fmt.Errorf("held %d blocks", len(hold))
}

func init() {
	worker.Register(probe{})
	worker.Register(glutton{})
}

func TestWorkerIsAlone(t *testing.T) {
	m := loadWith(t, host.Config{Runtime: "probe"}, plan(I32(0)))
	_, err := m.Open(t.Context())
	var e *host.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, host.RuleEngine, e.Rule)
	h, herr := host.New(host.Config{})
	require.NoError(t, herr)
	box, herr := h.SandboxLevel(t.Context())
	require.NoError(t, herr)
	files, dial, kill := box.Landlock >= 1 || box.Seccomp, box.Landlock >= 4 || box.Seccomp, box.Landlock >= 6 || box.Seccomp
	require.Equal(t, fmt.Sprintf("env=0 args=2 open=%t open=%t open=%t dial=%t group=true kill=%t exec=%t socketpair=%t", files, files, files, dial, kill, files, box.Seccomp), e.Message)
}

// TestWorkerMemory: the hard limit ends the worker, not the host.
func TestWorkerMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // no limit elsewhere; Sandbox.Limits says so
	}
	const limit = 256 << 20
	m := loadWith(t, host.Config{Runtime: "glutton", Limits: host.Limits{WorkerBytes: limit}}, plan(I32(0)))
	_, err := m.Open(t.Context())
	requireInfra(t, err)
	m = loadWith(t, host.Config{Runtime: "glutton", Limits: host.Limits{WorkerBytes: 32 * limit}}, plan(I32(0)))
	_, err = m.Open(t.Context())
	require.Equal(t, abi.LoadRejected, abi.ClassOf(err))
	require.ErrorContains(t, err, "held 24 blocks")
}
