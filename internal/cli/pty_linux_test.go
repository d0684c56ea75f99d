package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// openPTY returns both ends of a new pseudo-terminal (pty(7)).
func openPTY(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	var unlock, number uint32
	for request, arg := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg)))
		require.Zero(t, errno)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { tty.Close() })
	return master, tty
}

func TestColourOnATerminal(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"TERM": "xterm"}, true},
		{map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb"}, false},
	} {
		master, tty := openPTY(t)
		a, root, _, _ := program(t, c.env, func(*App, *cobra.Command) error { return Errorf(JobInvalid, "", "no") })
		a.Err = tty
		require.Equal(t, 10, a.Execute(context.Background(), root, []string{"noun", "verb", "x"}))
		b := make([]byte, 200)
		n, err := master.Read(b)
		require.NoError(t, err)
		require.Equal(t, c.want, bytes.Contains(b[:n], []byte("\x1b[")), "%q", b[:n])
		require.True(t, IsTerminal(tty))
	}
}
