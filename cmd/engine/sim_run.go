package main

import (
	"context"
	"strings"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// simAnswer is the JSON answer of "engine sim".
type simAnswer struct {
	Counts         map[string]uint64  `json:"counts"`
	HistDigest     *digest.Digest     `json:"hist_digest,omitempty"`
	Shots          uint64             `json:"shots"`
	Amplitudes     [][2]float64       `json:"amplitudes,omitempty"`
	Probabilities  []float64          `json:"probabilities,omitempty"`
	Expectations   map[string]float64 `json:"expectations,omitempty"`
	Method         string             `json:"method"`
	Reason         string             `json:"reason"` // why this method
	Seconds        float64            `json:"seconds"`
	NumericVersion string             `json:"numeric_version"`
	Kernel         string             `json:"kernel"`              // the arithmetic loops that ran
	CutGates       int                `json:"cut_gates,omitempty"` // left out, as no measured qubit depends on them
	CutQubits      int                `json:"cut_qubits,omitempty"`
	CalibrationID  string             `json:"calibration_id,omitempty"` // of --noise
	Width          int                `json:"width"`
	Depth          int                `json:"depth"`
}

// simulation is one run of "engine sim".
type simulation struct {
	f      *simFlags
	c      *circuit.Circuit
	noise  *noise.Model
	states []uint64            // of --amplitudes, nil for all
	engine statevector.Options // Reuse is given up by run
	series *statevector.Series // that runs state vectors; nil: each alone
	answer simAnswer
}

// observes reports whether anything but counts was asked for.
func (f *simFlags) observes() bool { return f.amplitudes != "" || f.probabilities || len(f.expect) > 0 }

// options are those of the state vectors.
func (f *simFlags) options() statevector.Options {
	return statevector.Options{Precision: f.bits(), Threads: f.threads, MemoryBytes: memoryLimit(f.memory), Kernel: f.engineKernel()}
}

func newSimulation(c *circuit.Circuit, f *simFlags) (*simulation, error) {
	s := &simulation{f: f, c: c, engine: f.options()}
	s.answer = simAnswer{Counts: map[string]uint64{}, Shots: f.shots, Width: c.Width(), Depth: c.Depth()}
	for _, pauli := range f.expect {
		if len(pauli) != c.Qubits || strings.Trim(pauli, "IXYZ") != "" {
			return nil, cli.Errorf(cli.Usage, "--expect", "%.80q is no Pauli string of %d qubits", pauli, c.Qubits).WithHint("one letter I, X, Y or Z per qubit, the highest qubit first")
		}
	}
	if f.observes() && f.method.Value == string(sim.Stabilizer) {
		return nil, cli.Errorf(cli.Unsupported, "--method", "the stabilizer simulator gives counts only").Named("FeatureUnsupported").WithHint("--method statevector")
	}
	if (f.probabilities || f.amplitudes == "all") && c.Qubits > maxDenseWidth {
		return nil, cli.Errorf(cli.Unsupported, "CIRCUIT", "%d qubits have too many basis states to list; at most %d qubits", c.Qubits, maxDenseWidth).Named("TooLarge").WithHint("--amplitudes LIST names the basis states that matter")
	}
	if f.amplitudes != "" && f.amplitudes != "all" {
		var err error
		if s.states, err = basisStates(f.amplitudes, c.Qubits); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// run observes the state and draws the shots; progress may be nil. The key of the shots is that of a
// job whose transcript hash is zero.
func (s *simulation) run(ctx context.Context, progress func(done, total int)) error {
	key, err := seed.ShotKey([32]byte{}, s.f.seed)
	if err != nil {
		return err
	}
	o := sim.SimOptions{Key: key, Method: sim.Method(s.f.method.Value), Precision: s.engine.Precision, Threads: s.engine.Threads, MemoryBytes: s.engine.MemoryBytes, Kernel: s.engine.Kernel, Noise: s.noise, Reuse: s.engine.Reuse, Series: s.series, Progress: progress}
	s.engine.Reuse = nil
	var r *sim.SimResult
	if o.Method == sim.Density {
		o.Expect = s.f.expect
	} else if s.f.observes() {
		if r, err = s.observe(ctx, o); err != nil {
			return err
		}
		if s.series == nil {
			o.Reuse = r.State
		}
	}
	if s.f.shots > 0 || r == nil {
		o.Shots = int(s.f.shots)
		if r, err = sim.Sim(ctx, s.c, o); err != nil {
			return err
		}
	}
	if s.noise != nil {
		s.answer.CalibrationID = s.noise.ID
	}
	if r.Probabilities != nil {
		s.answer.Probabilities = r.Probabilities
		s.expected(r.Expectations)
	}
	s.answer.Method, s.answer.Reason, s.answer.NumericVersion = string(r.Method), r.Reason, r.Numeric
	s.answer.Kernel, s.answer.CutGates, s.answer.CutQubits = r.Kernel, r.CutGates, r.CutQubits
	return s.count(r)
}

// observe runs the state vector, whatever the method of the shots, and fills in
// what is not sampled.
func (s *simulation) observe(ctx context.Context, o sim.SimOptions) (*sim.SimResult, error) {
	o.Method = sim.StateVector
	r, err := sim.Sim(ctx, s.c, o)
	if err != nil {
		return nil, err
	}
	if r.State == nil {
		_, why, err := sim.Choose(s.c)
		if err != nil {
			return nil, err
		}
		return nil, cli.Errorf(cli.Unsupported, "CIRCUIT", "the circuit has no single state: %s", why).Named("FeatureUnsupported").WithHint("such circuits can be sampled: --shots N; --method density averages over outcomes, up to %d qubits", noise.MaxDensityQubits)
	}
	if err := s.fill(ctx, r.State); err != nil {
		if s.series == nil {
			r.State.Close()
		}
		return nil, err
	}
	return r, nil
}

// fill reads what is wanted of a state, and stops where ctx ends.
func (s *simulation) fill(ctx context.Context, st *statevector.State) (err error) {
	add := func(a complex128) { s.answer.Amplitudes = append(s.answer.Amplitudes, [2]float64{real(a), imag(a)}) }
	const part = 1 << 12
	if s.f.amplitudes == "all" {
		buf := make([]complex128, min(part, 1<<st.Width()))
		for first := 0; first < 1<<st.Width() && ctx.Err() == nil; first += len(buf) {
			st.ReadAmplitudes(buf, uint64(first))
			for _, a := range buf {
				add(a)
			}
		}
	}
	for _, x := range s.states {
		a, err := st.Amplitude(x)
		if err != nil {
			return err
		}
		if add(a); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s.f.probabilities {
		p := make([]float64, 1<<st.Width())
		for first := 0; first < len(p) && ctx.Err() == nil; first += part {
			st.ReadProbabilities(p[first:min(first+part, len(p))], uint64(first))
		}
		s.answer.Probabilities = p
	}
	if len(s.f.expect) == 0 {
		return ctx.Err()
	}
	values, err := st.Expectations(ctx, s.f.expect, s.f.threads)
	if err != nil {
		return err
	}
	s.expected(values)
	return ctx.Err()
}

// expected puts the values of --expect, if any, into the answer.
func (s *simulation) expected(values []float64) {
	if len(values) > 0 {
		s.answer.Expectations = map[string]float64{}
	}
	for i, v := range values {
		s.answer.Expectations[s.f.expect[i]] = v
	}
}

func (s *simulation) count(r *sim.SimResult) error {
	if s.f.shots == 0 {
		return nil
	}
	h, err := transcript.HistOfRows(uint64(r.Clbits), r.Rows)
	if err != nil {
		return err
	}
	d, err := h.Digest()
	if err != nil {
		return err
	}
	s.answer.HistDigest = &d
	s.answer.Counts = countsOf(h, len(h.Bins))
	return nil
}
