package peers

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Kind says what a circuit asks of a peer.
type Kind string

// Kinds.
const (
	State    Kind = "state"    // amplitudes, then samples
	Clifford Kind = "clifford" // samples alone
	Noise    Kind = "noise"    // trajectories with errors, one sample each
)

// About is what a peer says of itself.
type About struct {
	Version  string
	Detail   string   // its kernel or precision
	Settings []string // to try for this kind and precision; none: it cannot
}

// Hello asks for settings; precision is "single" or "double".
func (p *Peer) Hello(ctx context.Context, k Kind, precision string, shots int) (About, error) {
	a, err := p.ask(ctx, request{Op: "hello", Kind: k, Precision: precision, Shots: shots})
	if err != nil {
		return About{}, err
	}
	return About{a.Version, a.Detail, a.Settings}, nil
}

// Load reads a circuit file (WriteCircuits) under a name.
func (p *Peer) Load(ctx context.Context, name, path string) error {
	_, err := p.ask(ctx, request{Op: "load", Name: name, Path: path})
	return err
}

// Drop forgets a name and what was built from it.
func (p *Peer) Drop(ctx context.Context, name string) error {
	_, err := p.ask(ctx, request{Op: "drop", Name: name})
	return err
}

// Times are seconds of wall time, and of processor time of all threads, of each
// repetition. An empty circuit's cost is taken off.
type Times struct{ Wall, CPU []float64 }

// Time runs all circuits of a name, reps times, after warm runs of the first that
// are not counted.
func (p *Peer) Time(ctx context.Context, name, setting string, shots, reps, warm int) (Times, error) {
	a, err := p.ask(ctx, request{Op: "time", Name: name, Setting: setting, Shots: shots, Reps: reps, Warm: warm})
	if err != nil {
		return Times{}, err
	}
	if len(a.Seconds) != reps || len(a.CPU) != reps {
		return Times{}, fmt.Errorf("%w %s: %d times for %d repetitions", ErrPeer, p.Name, len(a.Seconds), reps)
	}
	return Times{a.Seconds, a.CPU}, nil
}

// Probabilities of basis states of the first circuit of a name, qubit 0 lowest.
func (p *Peer) Probabilities(ctx context.Context, name, setting string, states []uint64) ([]float64, error) {
	a, err := p.ask(ctx, request{Op: "probabilities", Name: name, Setting: setting, States: states})
	if err != nil {
		return nil, err
	}
	if len(a.Probabilities) != len(states) {
		return nil, fmt.Errorf("%w %s: %d probabilities for %d states", ErrPeer, p.Name, len(a.Probabilities), len(states))
	}
	return a.Probabilities, nil
}

// Samples of the first circuit of a name as little-endian rows.
func (p *Peer) Samples(ctx context.Context, name, setting string, shots int) ([][]byte, error) {
	a, err := p.ask(ctx, request{Op: "samples", Name: name, Setting: setting, Shots: shots})
	if err != nil {
		return nil, err
	}
	rows := make([][]byte, len(a.Samples))
	for i, s := range a.Samples {
		if rows[i], err = hex.DecodeString(s); err != nil {
			return nil, fmt.Errorf("%w %s: sample %d: %w", ErrPeer, p.Name, i, err)
		}
	}
	return rows, nil
}

// Memory is the peak of resident bytes during one run, less those before it.
func (p *Peer) Memory(ctx context.Context, name, setting string, shots int) (int64, error) {
	a, err := p.ask(ctx, request{Op: "memory", Name: name, Setting: setting, Shots: shots})
	if err != nil {
		return 0, err
	}
	return a.Bytes, nil
}

// CPU is the processor time that the process has used so far; 0 where /proc does
// not say.
func (p *Peer) CPU() time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	// proc_pid_stat(5): utime and stime are fields 14 and 15; field 2 may hold spaces.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / ClockTicks)
}

// ClockTicks is the unit of /proc times: USER_HZ, 100 a second on every Linux.
const ClockTicks = 100
