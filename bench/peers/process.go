package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// ErrPeer is wrapped by what a peer answers instead of a result.
var ErrPeer = errors.New("peer")

// maxAnswer bounds one line of a peer: outcomes of a few thousand shots.
const maxAnswer = 64 << 20

// Peer is one running process. It serves one caller at a time.
type Peer struct {
	Name    string
	Threads int
	Passive bool // idle threads of its OpenMP sleep instead of spinning
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// Start starts a peer with a number of threads. Its threads wait by spinning, as
// by default, or, passive, by sleeping: which one is faster depends on what else
// the machine does, so callers try both.
func (e *Environment) Start(name string, threads int, passive bool) (*Peer, error) {
	c := exec.Command(e.python, "-I", e.serve, name, strconv.Itoa(threads))
	n := strconv.Itoa(threads)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+n, "QULACS_NUM_THREADS="+n, "PYTHONDONTWRITEBYTECODE=1")
	if passive {
		c.Env = append(c.Env, "OMP_WAIT_POLICY=passive")
	}
	c.Stderr = io.Discard
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrPeer, name, err)
	}
	p := &Peer{Name: name, Threads: threads, Passive: passive, cmd: c, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(make([]byte, 0, 1<<16), maxAnswer)
	return p, nil
}

// Close ends the process.
func (p *Peer) Close() error {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed: its status says nothing
	return nil
}

// request is a line to serve.py; answer is a line back.
type request struct {
	Op        string   `json:"op"`
	Name      string   `json:"name,omitempty"`
	Path      string   `json:"path,omitempty"`
	Kind      Kind     `json:"kind,omitempty"`
	Precision string   `json:"precision,omitempty"`
	Setting   string   `json:"setting,omitempty"`
	Shots     int      `json:"shots,omitempty"`
	Reps      int      `json:"reps,omitempty"`
	Warm      int      `json:"warm,omitempty"`
	States    []uint64 `json:"states,omitempty"`
}

type answer struct {
	Error         string    `json:"error"`
	Version       string    `json:"version"`
	Detail        string    `json:"detail"`
	Settings      []string  `json:"settings"`
	Seconds       []float64 `json:"seconds"`
	CPU           []float64 `json:"cpu"`
	Probabilities []float64 `json:"probabilities"`
	Samples       []string  `json:"samples"`
	Bytes         int64     `json:"bytes"`
}

// ask sends a request and waits. A cancelled ctx ends the process.
func (p *Peer) ask(ctx context.Context, r request) (*answer, error) {
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, p.gone(ctx, r.Op, err)
	}
	if !p.out.Scan() {
		return nil, p.gone(ctx, r.Op, p.out.Err())
	}
	a := new(answer)
	if err := json.Unmarshal(p.out.Bytes(), a); err != nil {
		return nil, fmt.Errorf("%w %s: %s: %w", ErrPeer, p.Name, r.Op, err)
	}
	if a.Error != "" {
		return nil, fmt.Errorf("%w %s: %s: %s", ErrPeer, p.Name, r.Op, a.Error)
	}
	return a, nil
}

func (p *Peer) gone(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w %s: the process ended during %s: %w", ErrPeer, p.Name, op, err)
}
