package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/animicaorg/engine/plugins/driver/process"
)

// State of a driver.
type State uint8

// The states. From Ready a driver leaves to Degraded and back when its process
// answers late, to Crashed when it dies, to Draining and Stopped when it is told to.
const (
	Absent State = iota // not started yet
	Starting
	Configuring
	Ready
	Degraded // the process lives, its health check fails
	Draining
	Stopped
	Crashed // waits before the next start
	Quarantined
)

var stateNames = [...]string{"absent", "starting", "configuring", "ready", "degraded", "draining", "stopped", "crashed", "quarantined"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Event is one transition.
type Event struct {
	At       time.Time
	Driver   string
	From, To State
	Reason   string
}

// Report is what is known of an end that was not asked for.
type Report struct {
	At      time.Time
	Exit    string // exit status or signal
	Reason  string // why the supervisor calls it a crash
	Stderr  string // the last 200 lines
	Version int    // of the protocol; 0: before the handshake
	SHA256  [32]byte
}

// Status is a snapshot for operators.
type Status struct {
	Driver   string
	State    State
	Since    time.Time
	Reason   string
	Restarts uint64 // after crashes, in all
	NextTry  time.Time
	Last     *Report // the last crash; nil: none
	PID      string
	Level    process.Level
}

// Sentinels of Acquire.
var (
	// ErrQuarantined: the driver crashed too often; an operator or another file
	// clears it.
	ErrQuarantined = errors.New("driver is quarantined")
	// ErrStopped: the supervisor was told to stop.
	ErrStopped = errors.New("driver is stopped")
)
