package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// ErrWall is wrapped by the refusal to start a driver without a wall that was
// asked for.
var ErrWall = errors.New("the wall cannot be built")

// Bubblewrap finds bwrap.
func Bubblewrap() (string, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return "", fmt.Errorf("bubblewrap: bwrap is not installed: %w", ErrWall)
	}
	return path, nil
}

// bubble is the command line that runs program inside bwrap with namespaces of its
// own for processes, IPC and host name, and of the file system what the order says.
// The network stays the engine's. Descriptors are passed on.
func bubble(o *order, program string) ([]string, error) {
	bwrap, err := Bubblewrap()
	if err != nil {
		return nil, err
	}
	argv := []string{bwrap, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL",
		"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"}
	for _, d := range o.Read {
		argv = append(argv, "--ro-bind-try", d, d)
	}
	for _, d := range o.Write {
		argv = append(argv, "--bind", d, d)
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("bubblewrap: the engine's own file: %w: %w", err, ErrWall)
	}
	return append(argv, "--ro-bind", program, program, "--chdir", "/", "--", program, LaunchArg), nil
}
