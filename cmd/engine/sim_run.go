package main

import (
	"context"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
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
	Seconds        float64            `json:"seconds"`
	NumericVersion string             `json:"numeric_version"`
	Width          int                `json:"width"`
	Depth          int                `json:"depth"`
}

// simulation is one run of "engine sim".
type simulation struct {
	f      *simFlags
	low    *circuit.Circuit
	gates  []circuit.Op // of a circuit that measures at its end
	clbit  []int        // per qubit; nil where the circuit measures and goes on
	states []uint64     // of --amplitudes, nil for all
	answer simAnswer
}

func newSimulation(c *circuit.Circuit, f *simFlags) (*simulation, error) {
	s := &simulation{f: f}
	s.answer = simAnswer{Counts: map[string]uint64{}, Shots: f.shots, Method: "statevector", NumericVersion: f.bits().Numeric(), Width: c.Width(), Depth: c.Depth()}
	var err error
	if s.low, err = c.Explicit().Lower(); err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "CIRCUIT", "%w", err).Named("CircuitInvalid")
	}
	var ends bool
	s.gates, s.clbit, ends = terminal(s.low)
	if !ends && (f.amplitudes != "" || f.probabilities || len(f.expect) > 0) {
		return nil, cli.Errorf(cli.Unsupported, "CIRCUIT", "the circuit measures, resets or branches before its end and so has no single state").Named("FeatureUnsupported").
			WithHint("such circuits can be sampled: --shots N")
	}
	if f.method.Value == "stabilizer" {
		return nil, cli.Errorf(cli.Unsupported, "--method", "the stabilizer simulator is not in this build").Named("FeatureUnsupported").WithHint("--method statevector")
	}
	for _, pauli := range f.expect {
		if len(pauli) != c.Qubits || strings.Trim(pauli, "IXYZ") != "" {
			return nil, cli.Errorf(cli.Usage, "--expect", "%.80q is no Pauli string of %d qubits", pauli, c.Qubits).WithHint("one letter I, X, Y or Z per qubit, the highest qubit first")
		}
	}
	if (f.probabilities || f.amplitudes == "all") && c.Qubits > maxDenseWidth {
		return nil, cli.Errorf(cli.Unsupported, "CIRCUIT", "%d qubits have too many basis states to list; at most %d qubits", c.Qubits, maxDenseWidth).Named("TooLarge").WithHint("--amplitudes LIST names the basis states that matter")
	}
	if f.amplitudes != "" && f.amplitudes != "all" {
		if s.states, err = basisStates(f.amplitudes, c.Qubits); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *simulation) run(ctx context.Context, e *program) error {
	if s.clbit == nil {
		return s.runTrajectories(ctx, e)
	}
	p, err := statevector.FromOps(len(s.clbit), s.gates)
	if err != nil {
		return err
	}
	prog := e.Progress(ctx)
	bar := prog.Bar("simulate", "layers", int64(p.Steps()))
	o := s.options()
	o.Progress = func(done, total int) { bar.Set(int64(done), int64(total)) }
	st, err := statevector.Simulate(ctx, p, o)
	bar.Done()
	prog.Close()
	if err != nil {
		return err
	}
	if err := s.observe(st); err != nil {
		return err
	}
	return s.sample(ctx, st)
}

// options of the simulator; none but the precision changes a result.
func (s *simulation) options() statevector.Options {
	return statevector.Options{Precision: s.f.bits(), Threads: s.f.threads, MemoryBytes: memoryLimit(s.f.memory)}
}

// runTrajectories runs the circuit once per shot.
func (s *simulation) runTrajectories(ctx context.Context, e *program) error {
	t, err := statevector.NewTrajectories(s.low)
	if err != nil || s.f.shots == 0 {
		return err
	}
	key, err := seed.ShotKey([32]byte{}, s.f.seed)
	if err != nil {
		return err
	}
	prog := e.Progress(ctx)
	defer prog.Close()
	bar := prog.Bar("simulate", "shots", int64(s.f.shots))
	defer bar.Done()
	var rows []byte
	const chunk = 1024
	for first := uint64(0); first < s.f.shots; first += chunk {
		part, err := t.Sample(ctx, key, first, int(min(chunk, s.f.shots-first)), s.options())
		if err != nil {
			return err
		}
		rows = append(rows, part...)
		bar.Set(int64(first), int64(s.f.shots))
	}
	return s.count(rows)
}

// observe fills in what is not sampled.
func (s *simulation) observe(st *statevector.State) error {
	switch {
	case s.f.amplitudes == "all":
		for _, a := range st.Amplitudes() {
			s.answer.Amplitudes = append(s.answer.Amplitudes, [2]float64{real(a), imag(a)})
		}
	case s.states != nil:
		for _, x := range s.states {
			a, err := st.Amplitude(x)
			if err != nil {
				return err
			}
			s.answer.Amplitudes = append(s.answer.Amplitudes, [2]float64{real(a), imag(a)})
		}
	}
	if s.f.probabilities {
		s.answer.Probabilities = st.Probabilities()
	}
	for _, pauli := range s.f.expect {
		v, err := st.Expectation(pauli)
		if err != nil {
			return err
		}
		if s.answer.Expectations == nil {
			s.answer.Expectations = map[string]float64{}
		}
		s.answer.Expectations[pauli] = v
	}
	return nil
}

// sampleChunk is how many shots are drawn between looks at ctx.
const sampleChunk = 1 << 16

// sample draws the shots with the key of a job whose transcript hash is zero.
func (s *simulation) sample(ctx context.Context, st *statevector.State) error {
	if s.f.shots == 0 {
		return nil
	}
	key, err := seed.ShotKey([32]byte{}, s.f.seed)
	if err != nil {
		return err
	}
	stride := guest.RowBytes(s.low.Clbits)
	rows := make([]byte, 0, int(s.f.shots)*stride)
	for first := uint64(0); first < s.f.shots; first += sampleChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := st.Sample(key, first, int(min(sampleChunk, s.f.shots-first)))
		if err != nil {
			return err
		}
		rows = s.byClbit(rows, raw, stride)
	}
	return s.count(rows)
}

// byClbit appends rows by qubit as rows by clbit.
func (s *simulation) byClbit(out, raw []byte, stride int) []byte {
	in := guest.RowBytes(len(s.clbit))
	for ; len(raw) > 0; raw = raw[in:] {
		at := len(out)
		out = append(out, make([]byte, stride)...)
		row := out[at:]
		for q, c := range s.clbit {
			if c != circuit.NoClbit {
				row[c>>3] |= raw[q>>3] >> (q & 7) & 1 << (c & 7)
			}
		}
	}
	return out
}

func (s *simulation) count(rows []byte) error {
	h, err := transcript.HistOfRows(uint64(s.low.Clbits), rows)
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
