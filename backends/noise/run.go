package noise

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Method is how a circuit with noise is simulated.
type Method string

// Methods. Which of the first four runs is a function of circuit, snapshot and
// precision.
const (
	Layers       Method = "layers"       // measurement at the end, up to 18 qubits of complex64: shots share states and tables
	Frames       Method = "frames"       // Pauli noise only, measurement at the end: one state vector per pattern of errors
	Clifford     Method = "clifford"     // the same for Clifford circuits, on the stabilizer engine
	Trajectories Method = "trajectories" // all others: gate by gate, shots share states until they part
	Density      Method = "density"      // exact
)

// Options of a run. Key and Precision decide the result, the rest does not. The
// density matrix is complex128 always.
type Options struct {
	Key         [16]byte
	Precision   statevector.Precision
	Threads     int    // goroutines; 0 means one per CPU
	MemoryBytes uint64 // most that states may hold; 0 means no bound
	Kernel      string // one of statevector.Kernels, with Clifford of stabilizer.Kernels, "" for the fastest; see KernelOf
	// Progress is called with the number of finished shots, or steps of the density
	// matrix, from any goroutine, one call at a time.
	Progress func(done, total int)
}

func (o *Options) threads() int {
	if o.Threads <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Threads
}

// Simulation is a circuit on a noisy device.
type Simulation struct {
	p      *program
	layers *layered // nil where Layers is not for it
}

// New prepares a circuit with explicit measurements. A nil model has no noise.
func New(c *circuit.Circuit, m *Model) (*Simulation, error) {
	p, err := compile(c, m)
	if err != nil {
		return nil, err
	}
	s := &Simulation{p: p}
	if p.static {
		s.layers = newLayered(p)
	}
	return s, nil
}

// Method is the method that Sample takes; force keeps Clifford circuits on the
// state vector.
func (s *Simulation) Method(force bool, p statevector.Precision) Method {
	switch {
	case s.p.pauli && s.p.clifford && !force:
		return Clifford
	case s.layers != nil && p == statevector.Complex64:
		return Layers
	case s.p.pauli:
		return Frames
	}
	return Trajectories
}

// WordsPerShot is k: shot i uses words of [i·k, (i+1)·k) only.
func (s *Simulation) WordsPerShot() uint64 { return s.p.k }

// Numeric names the arithmetic of a method.
func Numeric(m Method, p statevector.Precision) string { return numeric(m, p) }

// KernelOf names the kernel that a method runs on where one is asked for by name.
// Trajectories and Density have the generic one only.
func KernelOf(m Method, name string, p statevector.Precision) string {
	switch m {
	case Layers, Frames:
		return statevector.KernelOf(name, p)
	case Clifford:
		if name == "" {
			return stabilizer.Kernels()[0]
		}
		return name
	}
	return statevector.TrajectoryKernel
}

// Sample returns shots rows of clbits, guest.RowBytes(Clbits) bytes each, by one
// of the methods Layers, Frames, Clifford and Trajectories that fits.
func (s *Simulation) Sample(ctx context.Context, m Method, shots int, o Options) ([]byte, error) {
	p := s.p
	if m != Trajectories && m != Layers && !p.pauli || m == Clifford && !p.clifford || m == Density || m == Layers && (s.layers == nil || o.Precision != statevector.Complex64) {
		return nil, fmt.Errorf("method %s does not fit this circuit and noise: %w", m, backends.ErrUnsupported)
	}
	words, err := seed.NewShotWords(o.Key)
	if err != nil {
		return nil, err
	}
	rows := make([]byte, shots*guest.RowBytes(p.clbits))
	if len(rows) == 0 {
		return rows, ctx.Err()
	}
	switch {
	case m == Layers:
		err = p.climb(ctx, s.layers, words, rows, o)
	case m != Trajectories:
		err = p.frames(ctx, words, rows, o, m == Clifford)
	case o.Precision == statevector.Complex128:
		err = trees[float64](ctx, p, words, rows, o)
	default:
		err = trees[float32](ctx, p, words, rows, o)
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// Probabilities returns the exact chance of each row of clbits, clbit b at bit b of
// the index, for up to MaxDensityQubits qubits.
func (s *Simulation) Probabilities(ctx context.Context, o Options) ([]float64, error) {
	prob, _, err := s.Exact(ctx, nil, o)
	return prob, err
}

// Exact returns Probabilities and the expectation values of Pauli strings, written
// as for statevector.State, before the measurements that end the circuit.
func (s *Simulation) Exact(ctx context.Context, paulis []string, o Options) (prob, values []float64, err error) {
	e, err := s.p.exact(ctx, paulis, o)
	if err != nil {
		return nil, nil, err
	}
	return e.prob, e.values, nil
}

// SampleProbabilities draws rows from what Probabilities gave; shot i uses word i.
func (s *Simulation) SampleProbabilities(prob []float64, shots int, o Options) ([]byte, error) {
	words, err := seed.NewShotWords(o.Key)
	if err != nil {
		return nil, err
	}
	rb := guest.RowBytes(s.p.clbits)
	rows := make([]byte, shots*rb)
	densityRows(prob, rows, rb, words.At)
	return rows, nil
}

// trees splits the shots into chunks, as large as memory allows and small enough
// to keep all threads busy.
func trees[T float](ctx context.Context, p *program, words *seed.ShotWords, rows []byte, o Options) error {
	if err := statevector.Admit(p.qubits, o.Precision, 0); err != nil {
		return err
	}
	rb := guest.RowBytes(p.clbits)
	n := len(rows) / rb
	workers := o.threads()
	chunk := min(max((n+4*workers-1)/(4*workers), 64), window)
	for o.MemoryBytes > 0 && uint64(workers)*treeBytes(p.qubits, chunk, o.Precision) > o.MemoryBytes {
		switch {
		case workers > 1:
			workers--
		case chunk > 1:
			chunk /= 2
		default:
			one := func(width int) uint64 { return treeBytes(width, 1, o.Precision) }
			return tooLarge(fmt.Sprintf("%d qubits of %s with noise", p.qubits, o.Precision), one(p.qubits), o.MemoryBytes, p.qubits, one)
		}
	}
	pool := make([]*tree[T], workers)
	defer func() {
		for _, t := range pool {
			if t != nil {
				t.close()
			}
		}
	}()
	count := counter{total: n, report: o.Progress}
	return parallel(ctx, workers, (n+chunk-1)/chunk, func(w, task int) error {
		if pool[w] == nil {
			pool[w] = newTree[T](ctx, p, words)
		}
		lo, hi := task*chunk, min((task+1)*chunk, n)
		defer count.add(hi - lo)
		return pool[w].run(uint64(lo), rows[lo*rb:hi*rb])
	})
}

// tooLarge refuses what needs more memory than is allowed, and names the width below
// that would fit.
func tooLarge(what string, need, memory uint64, width int, bytes func(width int) uint64) error {
	fit := width - 1
	for fit > 0 && bytes(fit) > memory {
		fit--
	}
	return fmt.Errorf("%s need %d bytes, %d are allowed, which fit %d qubits: %w", what, need, memory, fit, backends.ErrTooLarge)
}

// parallel calls fn(worker, task) for all tasks on up to threads goroutines and
// returns an error of the lowest task that failed, or ctx's.
func parallel(ctx context.Context, threads, tasks int, fn func(worker, task int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, tasks)
	for w := range min(max(threads, 1), tasks) {
		wg.Go(func() {
			for t := int(next.Add(1)) - 1; t < tasks && ctx.Err() == nil; t = int(next.Add(1)) - 1 {
				if errs[t] = fn(w, t); errs[t] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
