package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/animicaorg/engine/agent"
)

// notifier tells a service manager how the daemon does, by the protocol of sd_notify(3): a
// datagram of assignments to the socket that NOTIFY_SOCKET names. Without that variable it
// says nothing.
type notifier struct {
	socket string
	every  time.Duration // between two signs of life, half of what the manager wants; 0: none
	warn   func(error)
}

// newNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func newNotifier(getenv func(string) string, warn func(error)) *notifier {
	n := &notifier{socket: getenv("NOTIFY_SOCKET"), warn: warn}
	if strings.HasPrefix(n.socket, "@") { // of the abstract namespace
		n.socket = "\x00" + n.socket[1:]
	}
	usec, err := strconv.ParseUint(getenv("WATCHDOG_USEC"), 10, 40)
	if pid := getenv("WATCHDOG_PID"); err == nil && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.every = time.Duration(usec) * time.Microsecond / 2
	}
	return n
}

// tell sends assignments, one a line.
func (n *notifier) tell(lines ...string) {
	if n.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err == nil {
		_, err = c.Write([]byte(strings.Join(lines, "\n")))
		c.Close()
	}
	if err != nil {
		n.warn(err)
	}
}

// watch gives signs of life until ctx ends, as long as the agent answers: its lock can be
// taken and its journal read.
func (n *notifier) watch(ctx context.Context, a *agent.Agent) {
	if n.every <= 0 || n.socket == "" {
		return
	}
	t := time.NewTicker(n.every)
	defer t.Stop()
	for {
		if _, err := a.Status(ctx); err == nil {
			n.tell("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
