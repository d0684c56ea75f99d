//go:build !unix

package process

import (
	"os/exec"
	"syscall"
)

const ownGroup = false

func attributes() *syscall.SysProcAttr { return nil }

func killGroup(cmd *exec.Cmd)      { _ = cmd.Process.Kill() }
func terminateGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
