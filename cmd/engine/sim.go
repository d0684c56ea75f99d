package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

// Limits and defaults of a simulation.
const (
	maxSimShots     = 10_000_000
	defaultSimShots = 1024
	maxDenseWidth   = 22 // of answers with one entry per basis state
	maxExpectations = 10_000
)

type simFlags struct {
	source         sourceFlags
	shots          uint64
	seed           digest.Digest
	amplitudes     string
	probabilities  bool
	expect         []string
	noise          string
	sweep          []string
	method, kernel cli.Choice
	precision      cli.Choice
	threads        int
	memory         cli.Size
	plot           plotFlags
}

func (e *program) simVerb() *cobra.Command {
	f := &simFlags{
		method:    cli.Choice{Value: "auto", Allowed: []string{"auto", "statevector", "stabilizer", "density"}},
		kernel:    cli.Choice{Value: "auto", Allowed: []string{"auto", "generic", "avx2", "avx512", "neon"}},
		precision: cli.Choice{Value: "32", Allowed: []string{"32", "64"}},
	}
	c := &cobra.Command{
		Use: "sim CIRCUIT", Short: "Simulate a circuit: counts, amplitudes, probabilities, expectation values",
		Long: `Simulate a circuit without traps and without a proof. CIRCUIT is a file with
OpenQASM 2, OpenQASM 3 or the engine's JSON form; "-" is stdin.

Bit strings show the highest bit first. A circuit without measure is measured as
a whole, qubit i into bit i. Amplitudes and probabilities stand in the order of
the index, qubit 0 being its lowest bit; they are those before measurement. The
letters of a Pauli string stand for the qubits from the highest to qubit 0.

The same circuit, seed and numeric version give the same counts on every machine,
with any number of threads and any --kernel. --kernel holds for the state vector
and for the stabilizer simulator; the answer's "kernel" says what ran. Circuits that
go on after a measurement without being Clifford, and density matrices, have the
generic one only. A kernel that this machine has not is exit 11.

With --noise, gates and readout err as a calibration snapshot says (docs/noise.md).
--method density gives the exact probabilities of the bit strings instead, and
exact expectation values with --expect, of up to 12 qubits. --sweep runs an
OpenQASM 3 circuit once per value of its input declarations; the JSON answer then
has one entry per point.`,
		Example: `  engine sim bell.qasm --shots 1000
  engine sim bell.qasm --noise device.json --shots 1000
  engine sim bell.qasm --noise device.json --method density --expect ZZ,XX
  engine sim ansatz.qasm --sweep theta=0:3.14159:9 --param phi=0.5 --json
  engine sim bell.qasm --amplitudes all --precision 64 --json
  engine sim bell.qasm --amplitudes 00,11
  engine sim bell.qasm --expect ZZ,XX
  engine sim bell.qasm --plot svg --out bell.svg`,
		Args: cli.Args("CIRCUIT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.plot.changed = cmd.Flags().Changed("plot")
			return e.sim(cmd.Context(), cmd.Flags().Changed("shots"), args[0], f)
		},
	}
	p := c.Flags()
	p.Uint64Var(&f.shots, "shots", defaultSimShots, "`N` samples, 0 to 10000000; with amplitudes, probabilities or expectations none by default")
	p.Var(hexFlag{&f.seed}, "seed", "64 hexadecimal digits that drive sampling")
	p.StringVar(&f.amplitudes, "amplitudes", "", "all, or a `LIST` of bit strings or decimal indexes separated by commas")
	p.BoolVar(&f.probabilities, "probabilities", false, "probability of every basis state, up to 22 qubits")
	p.StringSliceVar(&f.expect, "expect", nil, "expectation values of `PAULIS`, such as ZZI,IXX")
	p.StringVar(&f.noise, "noise", "", "calibration snapshot `FILE` (JSON, noise/v1) of the device to imitate")
	p.StringArrayVar(&f.sweep, "sweep", nil, "`NAME=FROM:TO:N` for N values of an input declaration, or a JSON file with a list of points; repeat for a grid")
	p.Var(&f.method, "method", "how to simulate; auto takes stabilizer for Clifford circuits, else statevector")
	p.Var(&f.kernel, "kernel", "loops of the simulators, auto takes the fastest of this CPU; results do not depend on it")
	p.Var(&f.precision, "precision", "bits of the real numbers; 64 doubles the memory")
	addLimits(p, &f.threads, &f.memory)
	f.source.add(p)
	f.plot.add(p)
	return c
}

func (e *program) sim(ctx context.Context, shotsGiven bool, path string, f *simFlags) error {
	if err := f.check(shotsGiven); err != nil {
		return err
	}
	if err := f.plot.check(e); err != nil {
		return err
	}
	model, err := e.readNoise(f.noise)
	if err != nil {
		return err
	}
	if len(f.sweep) > 0 {
		return e.simSweep(ctx, path, f, model)
	}
	c, err := e.readCircuit("CIRCUIT", path, &f.source)
	if err != nil {
		return err
	}
	s, err := newSimulation(c, f)
	if err != nil {
		return err
	}
	s.noise = model
	began := time.Now()
	if err := e.simulate(ctx, s); err != nil {
		return simError(err)
	}
	s.answer.Seconds = time.Since(began).Seconds()
	return e.printSim(path, c, s, f)
}

// simulate runs s behind a bar.
func (e *program) simulate(ctx context.Context, s *simulation) error {
	prog := e.Progress(ctx)
	defer prog.Close()
	bar := prog.Bar("simulate", "", 0)
	defer bar.Done()
	return s.run(ctx, func(done, total int) { bar.Set(int64(done), int64(total)) })
}

// check refuses what does not go together and settles the number of shots.
func (f *simFlags) check(shotsGiven bool) error {
	if density := f.method.Value == string(sim.Density); f.noise != "" && f.observes() && !density {
		return cli.Errorf(cli.Unsupported, "--noise", "a circuit with noise has no single state").Named("FeatureUnsupported").WithHint("--method density gives probabilities and expectation values of up to %d qubits, --shots N counts", noise.MaxDensityQubits)
	} else if density && f.amplitudes != "" {
		return cli.Errorf(cli.Unsupported, "--amplitudes", "a density matrix has none").Named("FeatureUnsupported").WithHint("--probabilities, --expect; without noise --method statevector")
	}
	if len(f.sweep) > 0 && f.plot.changed || len(f.sweep) > 0 && f.plot.out != "" {
		return cli.Errorf(cli.Usage, "--sweep", "a sweep has no single drawing").WithHint("leave --plot and --out out")
	}
	if err := statevector.CheckKernel(f.engineKernel()); err != nil {
		return kernelError(err)
	}
	if f.shots > maxSimShots {
		return cli.Errorf(cli.Usage, "--shots", "%d shots, at most %d", f.shots, maxSimShots)
	}
	if f.threads < 0 {
		return cli.Errorf(cli.Usage, "--threads", "%d is negative", f.threads).WithHint("0 means one per CPU")
	}
	if len(f.expect) > maxExpectations {
		return cli.Errorf(cli.Usage, "--expect", "%d Pauli strings, at most %d", len(f.expect), maxExpectations)
	}
	if !shotsGiven && (f.observes() || f.method.Value == string(sim.Density)) {
		f.shots = 0
	}
	return nil
}

// kernelError refuses a kernel that this machine has not.
func kernelError(err error) error {
	return cli.Errorf(cli.Unsupported, "--kernel", "%w", err).Named("FeatureUnsupported").WithHint("--kernel auto or generic gives the same result")
}

// engineKernel is --kernel as the state vector takes it.
func (f *simFlags) engineKernel() string {
	if f.kernel.Value == "auto" {
		return ""
	}
	return f.kernel.Value
}

func (f *simFlags) bits() statevector.Precision {
	if f.precision.Value == "64" {
		return statevector.Complex128
	}
	return statevector.Complex64
}

// simError gives refusals of the simulators an exit code.
func simError(err error) error {
	var coded *cli.Error
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, backends.ErrTooLarge):
		return cli.Errorf(cli.Unsupported, "--memory", "%w", err).Named("TooLarge").WithHint("a Clifford circuit runs with --method stabilizer at any width; else give more --memory or use fewer qubits")
	case errors.Is(err, stabilizer.ErrKernel):
		return kernelError(err)
	case errors.Is(err, backends.ErrUnsupported):
		return cli.Errorf(cli.Unsupported, "CIRCUIT", "%w", err).Named("FeatureUnsupported")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return cli.Errorf(cli.ExecutionFailed, "", "%w", err)
}

// basisStates reads --amplitudes LIST for a width: bit strings of that many
// digits, the highest qubit first, or decimal indexes.
func basisStates(list string, width int) ([]uint64, error) {
	items := strings.Split(list, ",")
	if len(items) > 1<<maxDenseWidth {
		return nil, cli.Errorf(cli.Usage, "--amplitudes", "%d basis states, at most %d", len(items), 1<<maxDenseWidth)
	}
	out := make([]uint64, len(items))
	for i, s := range items {
		base := 10
		if len(s) == width && strings.Trim(s, "01") == "" {
			base = 2
		}
		x, err := strconv.ParseUint(s, base, 64)
		if err != nil || width < 64 && x>>width != 0 {
			return nil, cli.Errorf(cli.Usage, "--amplitudes", "%.80q is no basis state of %d qubits", s, width).WithHint("all, %d binary digits, or an index below 2^%[1]d", width)
		}
		out[i] = x
	}
	return out, nil
}

// hexFlag is a flag of 64 hexadecimal digits.
type hexFlag struct{ d *digest.Digest }

func (h hexFlag) Set(s string) error {
	d, err := digest.Parse(strings.ToLower(s))
	if err == nil {
		*h.d = d
	}
	return err
}
func (h hexFlag) String() string { return h.d.String() }
func (hexFlag) Type() string     { return "HEX" }
