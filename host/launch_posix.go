//go:build unix && !linux

package host

import (
	"os"
	"syscall"
)

func selfPath() (string, error) { return os.Executable() }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func prepareThread() {}
