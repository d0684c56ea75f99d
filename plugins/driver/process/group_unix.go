//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

const ownGroup = true

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends the driver and all it started. A group that is gone is fine.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func terminateGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT) // a stopped process would not hear it
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
}
