package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// Method names an engine.
type Method string

// Methods. Auto is a function of the circuit alone.
const (
	Auto        Method = "auto"
	StateVector Method = "statevector"
	Stabilizer  Method = "stabilizer"
	Blocks      Method = "blocks"  // several state vectors, one per independent block of qubits; only Auto takes it
	Density     Method = "density" // exact probabilities with noise, up to noise.MaxDensityQubits
)

// SimOptions of one circuit. Shots, Key, Method, Precision and Noise decide the
// result, the rest does not.
type SimOptions struct {
	Shots       int // 0 to guest.MaxShots
	Key         [16]byte
	Method      Method // "" is Auto
	Precision   statevector.Precision
	Threads     int          // goroutines; 0 means one per CPU
	MemoryBytes uint64       // most that states may hold; 0 means no bound
	Kernel      string       // one of statevector.Kernels, of stabilizer.Kernels where that engine runs, "" for the first
	Noise       *noise.Model // of the device; nil is none
	Expect      []string     // Pauli strings, of Density only
	// Reuse gives up the state of an earlier result, whose memory this run takes
	// over where it fits.
	Reuse *statevector.State
	// Series, where it is given, runs the state vector of a circuit that measures last
	// and is one block, in its memory and with its Precision, Threads, MemoryBytes and
	// Kernel, which are those above; Reuse is not looked at. A circuit with the gates of
	// the one before but for their angles takes over its plan and layout. The state in
	// the result belongs to the series: it serves until the next run and is not closed.
	Series *statevector.Series
	// ReuseRows gives up the rows of an earlier result, whose memory this run takes
	// over where it suffices and the stabilizer engine runs.
	ReuseRows []byte
	// Progress is called from the calling goroutine after each pass over a state
	// vector, and at the end; with noise from any goroutine, one call at a time.
	Progress func(done, total int)
}

// SimResult is what one circuit gave.
type SimResult struct {
	Method  Method // the engine that ran
	Reason  string // why that one
	Numeric string // its arithmetic: "numeric/1", …
	Kernel  string // the loops that ran: one of statevector.Kernels or stabilizer.Kernels; with Blocks those of the state vectors
	Clbits  int    // bits of a row
	Shots   int
	Rows    []byte // Shots rows of guest.RowBytes(Clbits), little-endian; clbits never written are 0
	// CutGates and CutQubits count what was left out because no measured qubit depends
	// on it. That is done where shots are asked for and the state vector runs.
	CutGates, CutQubits int
	// State is the final state where a state vector was run and nothing was
	// measured before the end, else nil; with CutGates or CutQubits it is that of the
	// gates and qubits that are left. Who asks for it should close it.
	State *statevector.State
	// Probabilities, of Density only: the chance of each row, clbit b at bit b of
	// the index.
	Probabilities []float64
	// Expectations, of Density only: those of SimOptions.Expect, in order, before the
	// measurements that end the circuit.
	Expectations []float64
}

// maxRowBytes bounds the rows of one result.
const maxRowBytes = 4 << 30

// Sim runs any valid circuit; one without measurement measures qubit i into
// clbit i (decision B2). Without noise, shot i uses its own words of the stream of Key: words
// [i·k, (i+1)·k), k = backends.ShotWords(qubits), where qubits are counted after
// deferral (backends/stabilizer/SPEC.md); or, where a circuit that is not Clifford
// goes on after a measurement, one word for each measure and reset operation. With
// noise the words are those of noise.Simulation. With method blocks, k is the sum of
// backends.ShotWords over the blocks, and the words of a shot are theirs in the
// order of the blocks' lowest qubits, the Clifford blocks counting as one.
func Sim(ctx context.Context, c *circuit.Circuit, o SimOptions) (*SimResult, error) {
	if o.Shots < 0 || o.Shots > guest.MaxShots {
		return nil, fmt.Errorf("%d shots outside 0..%d: %w", o.Shots, guest.MaxShots, backends.ErrUnsupported)
	}
	if err := statevector.CheckKernel(o.Kernel); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	clbits := c.Clbits
	if !c.Measured() {
		clbits = max(clbits, c.Qubits)
	}
	if size := uint64(o.Shots) * uint64(guest.RowBytes(clbits)); size > maxRowBytes || o.MemoryBytes > 0 && size > o.MemoryBytes {
		return nil, fmt.Errorf("%d shots of %d bits take %d bytes of rows: %w", o.Shots, clbits, size, backends.ErrTooLarge)
	}
	if o.Noise != nil || o.Method == Density {
		return noisy(ctx, c.Explicit(), o)
	}
	if o.Method == Auto || o.Method == "" || o.Method == Stabilizer {
		if r, err := clifford(ctx, c, o); r != nil || err != nil {
			return r, err
		}
	}
	given := c.Explicit()
	c, err := given.Lower()
	if err != nil {
		return nil, err
	}
	t, why := terminal(c)
	method, reason, err := choose(t, why, c.Qubits, o.Method)
	if err != nil {
		return nil, err
	}
	r := &SimResult{Method: method, Reason: reason, Numeric: o.Precision.Numeric(), Kernel: statevector.KernelOf(o.Kernel, o.Precision), Clbits: c.Clbits, Shots: o.Shots}
	switch {
	case method == Blocks:
		unlowered, _ := terminal(given)
		err = r.blocks(ctx, c, t, unlowered, o)
	case t == nil:
		err = r.trajectories(ctx, c, o)
	default:
		t, _ = terminal(given) // phases and swaps as they are
		err = r.stateVector(ctx, c, t, o)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Choose names the engine that Auto takes for a valid circuit, and why. It looks
// at the circuit alone.
func Choose(c *circuit.Circuit) (Method, string, error) {
	if err := c.Validate(); err != nil {
		return "", "", err
	}
	source, reason, err := prepare(context.Background(), new(stabilizer.Compiler), c)
	if err != nil {
		return "", "", err
	}
	if source != nil {
		return Stabilizer, reason, nil
	}
	c, err = c.Lower()
	if err != nil {
		return "", "", err
	}
	t, why := terminal(c)
	return choose(t, why, c.Qubits, Auto)
}

// Outline describes the plan by which the state vector runs a valid circuit whose
// measurements all come last, cut to what its outcomes depend on; others are refused
// with ErrUnsupported.
func Outline(ctx context.Context, c *circuit.Circuit, prec statevector.Precision) (*statevector.Outline, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t, why := terminal(c.Explicit())
	if t == nil {
		return nil, fmt.Errorf("%s; such a circuit runs gate by gate, without a plan: %w", why, backends.ErrUnsupported)
	}
	width, cone := c.Qubits, coneOf(t, c.Qubits)
	if cone != nil {
		t, width = cone.t, len(cone.qubits)
	}
	p, err := statevector.FromOps(width, t.ops)
	if err != nil {
		return nil, err
	}
	out, err := p.Outline(ctx, prec)
	if err == nil && cone != nil {
		cone.describe(out)
	}
	return out, err
}

// final is a circuit whose measurements all come last.
type final struct {
	ops    []circuit.Op
	source []int // per clbit: the qubit measured into it, or -1
}

// terminal splits off the measurements of c, or says why they are not all last.
func terminal(c *circuit.Circuit) (*final, string) {
	f := &final{source: make([]int, c.Clbits)}
	for b := range f.source {
		f.source[b] = -1
	}
	used, measured := make([]bool, c.Qubits), make([]bool, c.Qubits)
	for i := range c.Ops {
		op := &c.Ops[i]
		if op.Cond != 0 {
			return nil, fmt.Sprintf("operation %d (%s) is conditional", i, op.Gate)
		}
		q := int(op.Q[0])
		switch op.Gate {
		case circuit.Barrier:
			continue
		case circuit.Measure:
			measured[q] = true
			f.source[op.Clbit] = q
			continue
		case circuit.Reset:
			if used[q] || measured[q] {
				return nil, fmt.Sprintf("operation %d resets qubit %d in mid-circuit", i, q)
			}
			continue
		}
		for _, q := range op.Q[:op.NQ] {
			if used[q] = true; measured[q] {
				return nil, fmt.Sprintf("operation %d (%s) follows a measurement of qubit %d", i, op.Gate, q)
			}
		}
		f.ops = append(f.ops, *op)
	}
	return f, ""
}

// byCaller is the reason for a method asked for.
const byCaller = "chosen by the caller"

// choose names the engine. t is nil, and why says so, where measurements are not
// all last.
func choose(t *final, why string, qubits int, want Method) (Method, string, error) {
	obstacle := why
	if t != nil {
		for i, op := range t.ops {
			u := circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}
			if op.Gate == circuit.U3 && !u.IsClifford() {
				obstacle = fmt.Sprintf("gate %d (u3 on qubit %d) is not Clifford", i, op.Q[0])
				break
			}
		}
	}
	switch {
	case want == StateVector:
		return StateVector, byCaller, nil
	case want == Stabilizer && obstacle != "":
		return "", "", fmt.Errorf("method stabilizer: %s: %w", obstacle, backends.ErrUnsupported)
	case want == Stabilizer:
		return Stabilizer, byCaller, nil
	case want != Auto && want != "":
		return "", "", fmt.Errorf("method %q, want auto, statevector, stabilizer or density: %w", want, backends.ErrUnsupported)
	case obstacle != "":
		if b := independent(t, qubits); len(b) > 1 {
			return Blocks, fmt.Sprintf("%s; %d qubits in %d independent blocks", obstacle, qubits, len(b)), nil
		}
		return StateVector, obstacle, nil
	}
	return Stabilizer, allClifford, nil
}

func (r *SimResult) trajectories(ctx context.Context, c *circuit.Circuit, o SimOptions) error {
	t, err := statevector.NewTrajectories(c)
	if err != nil {
		return err
	}
	r.Numeric, r.Kernel = statevector.TrajectoryNumeric, statevector.TrajectoryKernel
	if o.Precision == statevector.Complex128 {
		r.Numeric = statevector.TrajectoryNumeric128
	}
	r.Rows, err = t.Sample(ctx, o.Key, 0, o.Shots, o.engine())
	return err
}

func (o SimOptions) engine() statevector.Options {
	return statevector.Options{Precision: o.Precision, Threads: o.Threads, MemoryBytes: o.MemoryBytes, Kernel: o.Kernel, Progress: o.Progress, Reuse: o.Reuse}
}

func (r *SimResult) stateVector(ctx context.Context, c *circuit.Circuit, t *final, o SimOptions) error {
	width, suffix := c.Qubits, ""
	if o.Shots > 0 { // else the whole state is wanted
		if cone := coneOf(t, width); cone != nil {
			t, width = cone.t, len(cone.qubits)
			suffix = NumericCone
			r.Reason += cone.reason()
			r.CutGates, r.CutQubits = cone.gates, cone.idle
		}
	}
	if err := statevector.Admit(width, o.Precision, o.MemoryBytes); err != nil {
		return err
	}
	var err error
	if r.State, err = o.simulate(ctx, width, t.ops); err != nil {
		return err
	}
	r.Numeric = r.State.Numeric() + suffix
	if err = r.draw(ctx, width, t, o); err != nil && o.Series == nil {
		r.State.Close()
	}
	return err
}

// simulate runs gates on the series, or alone.
func (o SimOptions) simulate(ctx context.Context, width int, ops []circuit.Op) (*statevector.State, error) {
	if o.Series != nil {
		return o.Series.Run(ctx, &circuit.Circuit{Qubits: width, Ops: ops, QRegs: []circuit.Register{{Name: "q", Size: width}}})
	}
	p, err := statevector.FromOps(width, ops)
	if err != nil {
		return nil, err
	}
	return statevector.Simulate(ctx, p, o.engine())
}
