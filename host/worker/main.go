package worker

import (
	"context"
	"net"
	"os"
)

// Main is the whole life of a worker process; its result is the exit code. It
// expects the socket at descriptor SocketFD.
func Main() int {
	f := os.NewFile(SocketFD, "supervisor")
	if f == nil {
		return 3
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return 3 // started by hand: there is no supervisor
	}
	if err := f.Close(); err != nil {
		return 3
	}
	if err := Serve(context.Background(), conn); err != nil {
		return 4
	}
	return 0
}
