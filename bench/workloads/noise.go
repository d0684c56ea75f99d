package workloads

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// noiseSide runs trajectories of one circuit: from the parsed circuit and the
// calibration to rows.
type noiseSide struct {
	w       *Workload
	circuit *circuit.Circuit
	model   *noise.Model
	threads int
	rows    []byte
}

// depolarizing is a device whose every gate is followed by a depolarizing error on
// each of its qubits.
func depolarizing(p float64) (*noise.Model, error) {
	return noise.Parse(fmt.Appendf(nil, `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":%g}]}`, p))
}

func newNoiseSide(w *Workload, c *circuit.Circuit, threads int) (*noiseSide, error) {
	m, err := depolarizing(w.errors)
	return &noiseSide{w: w, circuit: c.Explicit(), model: m, threads: threads}, err
}

func (s *noiseSide) settle() { runtime.GC() }

func (s *noiseSide) run(ctx context.Context) error {
	p, err := noise.New(s.circuit, s.model)
	if err != nil {
		return err
	}
	m := p.Method(false, s.w.precision)
	s.rows, err = p.Sample(ctx, m, s.w.shots, noise.Options{Key: key, Precision: s.w.precision, Threads: s.threads})
	return err
}

// check compares how far both samples follow the circuit without noise: the mean
// of 2^n·p(x) over outcomes x, p without noise (linear cross-entropy, Arute et al.,
// Nature 574, 505 (2019)). It falls with the chance that a shot has an error, and
// is 1 for outcomes that have to do with another circuit.
func (s *noiseSide) check(ctx context.Context, p *peers.Peer, name, setting string) error {
	low, err := s.circuit.Lower()
	if err != nil {
		return err
	}
	gates := low.Ops[:0:0]
	for _, op := range low.Ops {
		if op.Gate != circuit.Measure {
			gates = append(gates, op)
		}
	}
	prog, err := statevector.FromOps(low.Qubits, gates)
	if err != nil {
		return err
	}
	st, err := statevector.Simulate(ctx, prog, statevector.Options{Threads: s.threads})
	if err != nil {
		return err
	}
	defer st.Close()
	prob := st.Probabilities()
	theirs, err := p.Samples(ctx, name, setting, s.w.shots)
	if err != nil {
		return err
	}
	ours := make([][]byte, s.w.shots)
	for i := range ours {
		n := len(s.rows) / s.w.shots
		ours[i] = s.rows[i*n:][:n]
	}
	a, da := crossEntropy(prob, ours)
	b, db := crossEntropy(prob, theirs)
	if d := math.Hypot(da, db); math.Abs(a-b) > 6*d || b < 1+6*d {
		return fmt.Errorf("%w: cross-entropy is %.3f ± %.3f, that of %s at %s %.3f ± %.3f", ErrDisagree, a, da, p.Name, setting, b, db)
	}
	return nil
}

// crossEntropy is the mean of 2^n·p(x) over rows x, and its standard deviation.
func crossEntropy(prob []float64, rows [][]byte) (mean, deviation float64) {
	n, sum, squares := float64(len(rows)), 0.0, 0.0
	for _, r := range rows {
		x := 0
		for b := range r {
			x |= int(r[b]) << (8 * b)
		}
		if x >= len(prob) {
			return math.Inf(-1), 0
		}
		v := prob[x] * float64(len(prob))
		sum, squares = sum+v, squares+v*v
	}
	mean = sum / n
	return mean, math.Sqrt(max(squares/n-mean*mean, 0) / n)
}

// noiseFloor counts layers of trajectories with errors: those with one error start
// at it, half-way on average, and equal ones are one; those with more start no
// later than a third of the way, as one of two errors does. An estimate: they share
// more.
func noiseFloor(width, depth int, shots int, p float64) counts {
	layers := float64((depth + 1) / 2)
	gates := (depth+1)/2*width + brickworkPairs(width, depth)
	sites := float64((depth+1)/2*width + 2*brickworkPairs(width, depth))
	none := math.Pow(1-p, sites)
	one := none * sites * p / (1 - p)
	kinds := 3 * sites
	single := kinds * (1 - math.Exp(-float64(shots)*one/kinds))
	several := float64(shots) * (1 - none - one)
	passes := layers + single*layers/2 + several*layers/3
	c := stateCounts(width, width, 1, 0, shots, false)
	c.fma32 *= passes
	c.keyStream *= 2
	c.gates = math.Ldexp(float64(gates)*float64(shots), width)
	return c
}
