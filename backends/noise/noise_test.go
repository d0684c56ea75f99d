package noise

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

const header = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n"

// mixed has every kind of noise.
const mixed = `{"format":"noise/v1","gates":[
 {"gate":"cx","qubits":[1,0],"pair_depolarizing":0.2,"amplitude_damping":0.1},
 {"gate":"2q","pair_depolarizing":0.1,"depolarizing":0.02,"duration_ns":100},
 {"gate":"reset","depolarizing":0.1},
 {"gate":"any","depolarizing":0.05,"phase_damping":0.1,"amplitude_damping":0.15,"duration_ns":30}],
 "qubits":[{"t1_ns":1000,"t2_ns":800,"readout_0to1":0.02,"readout_1to0":0.07},{"qubit":1,"t1_ns":500,"readout_1to0":0.2}]}`

// dynamic measures, branches and resets in mid-circuit.
const dynamic = header + `qreg q[3]; creg c[4];
h q[0]; cx q[0],q[1]; ry(0.9) q[2]; cx q[1],q[2];
measure q[1] -> c[3];
if(c==8) x q[0];
reset q[1]; u3(0.4,1.1,0.3) q[1]; cx q[1],q[0]; t q[2]; h q[2];
measure q[0] -> c[0]; measure q[1] -> c[1]; measure q[2] -> c[2];`

func parseQASM(t testing.TB, src string) *circuit.Circuit {
	c, _, err := circuit.ParseQASM([]byte(src), circuit.Options{})
	require.NoError(t, err)
	return c.Explicit()
}

func model(t testing.TB, s string) *Model {
	m, err := Parse([]byte(s))
	require.NoError(t, err)
	return m
}

func simulation(t testing.TB, src, m string) *Simulation {
	s, err := New(parseQASM(t, src), model(t, m))
	require.NoError(t, err)
	return s
}

func sample(t testing.TB, s *Simulation, m Method, n int, o Options) []byte {
	rows, err := s.Sample(t.Context(), m, n, o)
	require.NoError(t, err)
	return rows
}

// near demands every count within four standard deviations of n·prob, and a
// chi-square within six of its mean.
func near(t testing.TB, prob []float64, rows []byte) {
	t.Helper()
	n, chi, cells := float64(len(rows)), 0.0, 0.0
	count := make([]float64, len(prob))
	for _, x := range rows {
		count[x]++
	}
	for x, p := range prob {
		sigma := math.Sqrt(n * p * (1 - p))
		require.LessOrEqual(t, math.Abs(count[x]-n*p), 4*sigma+1e-6, "outcome %b: %v, want %v ± %v", x, count[x], n*p, sigma)
		if p > 0 {
			chi, cells = chi+(count[x]-n*p)*(count[x]-n*p)/(n*p), cells+1
		}
	}
	require.InDelta(t, cells-1, chi, 6*math.Sqrt(2*cells))
}

func published(t testing.TB) (src string, prob []float64) {
	var ref struct{ Probabilities []float64 }
	b, err := os.ReadFile("testdata/w1_n6_d24.depolarizing_0.001.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &ref))
	require.Len(t, ref.Probabilities, 64)
	q, err := os.ReadFile("testdata/w1_n6_d24.qasm")
	require.NoError(t, err)
	return string(q), ref.Probabilities
}

const depolarizing = `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":0.001}]}`

// TestPublishedProbabilities compares both methods with a density matrix that was
// computed elsewhere.
func TestPublishedProbabilities(t *testing.T) {
	src, want := published(t)
	s := simulation(t, src, depolarizing)
	got, err := s.Probabilities(t.Context(), Options{})
	require.NoError(t, err)
	require.InDeltaSlice(t, want, got, 1e-11)
	require.Equal(t, Layers, s.Method(false, statevector.Complex64))
	require.Equal(t, Frames, s.Method(true, statevector.Complex128))
	near(t, want, sample(t, s, Layers, 40_000, Options{}))
	near(t, want, sample(t, s, Frames, 20_000, Options{}))
	near(t, want, sample(t, s, Trajectories, 10_000, Options{}))
}

// TestTrajectoriesFollowTheDensityMatrix for all channels together, with and
// without operations in mid-circuit, in both precisions.
func TestTrajectoriesFollowTheDensityMatrix(t *testing.T) {
	for name, src := range map[string]string{
		"dynamic": dynamic,
		"static":  header + "qreg q[3]; h q[0]; cx q[0],q[1]; ry(1) q[2]; cx q[2],q[1]; cx q[1],q[0]; h q[2]; t q[0]; h q[0]; ccx q[0],q[1],q[2];",
		"twice":   header + "qreg q[2]; creg c[3]; h q[0]; measure q[0]->c[0]; measure q[0]->c[1]; cx q[0],q[1]; measure q[1]->c[2];",
	} {
		t.Run(name, func(t *testing.T) {
			s := simulation(t, src, mixed)
			want := map[string]Method{"dynamic": Trajectories, "static": Layers, "twice": Trajectories}[name]
			require.Equal(t, want, s.Method(false, statevector.Complex64))
			prob, err := s.Probabilities(t.Context(), Options{})
			require.NoError(t, err)
			sum := 0.0
			for _, p := range prob {
				sum += p
			}
			require.InDelta(t, 1, sum, 1e-12)
			near(t, prob, sample(t, s, Trajectories, 30_000, Options{Key: [16]byte{7}}))
			if want == Layers {
				near(t, prob, sample(t, s, Layers, 20_000, Options{Key: [16]byte{7}}))
			}
			near(t, prob, sample(t, s, Trajectories, 30_000, Options{Precision: statevector.Complex128, Key: [16]byte{8}}))
			rows, err := s.SampleProbabilities(prob, 30_000, Options{})
			require.NoError(t, err)
			near(t, prob, rows)
		})
	}
}

// TestCliffordErrors takes the stabilizer engine for the same answer.
func TestCliffordErrors(t *testing.T) {
	s := simulation(t, header+"qreg q[3]; creg c[3]; h q[0]; cx q[0],q[1]; s q[1]; h q[1]; cx q[1],q[2]; measure q->c;",
		`{"format":"noise/v1","gates":[{"gate":"2q","pair_depolarizing":0.3},{"gate":"1q","phase_damping":0.5}],"qubits":[{"readout_0to1":0.1}]}`)
	require.Equal(t, Clifford, s.Method(false, statevector.Complex64))
	require.Equal(t, Layers, s.Method(true, statevector.Complex64))
	prob, err := s.Probabilities(t.Context(), Options{})
	require.NoError(t, err)
	for _, m := range []Method{Clifford, Layers, Frames, Trajectories} {
		near(t, prob, sample(t, s, m, 40_000, Options{}))
	}
	wide, err := circuit.Generate("ghz", 500, 0, [32]byte{})
	require.NoError(t, err)
	w, err := New(wide.Explicit(), model(t, depolarizing))
	require.NoError(t, err)
	require.Len(t, sample(t, w, Clifford, 20, Options{}), 20*63)
}

// TestThreadsMemoryAndPrefix: none of them changes a row.
func TestThreadsMemoryAndPrefix(t *testing.T) {
	w1, _ := published(t)
	for name, c := range map[string]struct {
		src, model, want string
		method           Method
	}{
		"frames":  {w1, `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":0.01}]}`, "", Frames},
		"layers":  {w1, `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":0.01}]}`, "9f8fc189198d62f1637d5577dca1c54c26c92e1b5e31f8b0a3a07de1fb50e96d", Layers},
		"damped":  {w1, `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":0.01,"duration_ns":30}],"qubits":[{"t1_ns":900,"t2_ns":800}]}`, "32ea3b6ccb600ec48ab85f9674f8843fda20df03f007df0df3b276ede0dcf59e", Layers},
		"dynamic": {dynamic, mixed, "e992d8c3e2cc388dc89d0b0781b8ee455548e75e44687144dd0aaddf28ab6db3", Trajectories},
	} {
		s := simulation(t, c.src, c.model)
		want := sample(t, s, c.method, 2000, Options{Threads: 1})
		for _, o := range []Options{{Threads: 2}, {Threads: 7}, {Threads: 2, MemoryBytes: 40_000}, {MemoryBytes: 300}} {
			if c.method != Trajectories && o.MemoryBytes == 300 {
				_, err := s.Sample(t.Context(), c.method, 1, o)
				require.ErrorIs(t, err, backends.ErrTooLarge)
				continue
			}
			require.Equal(t, sha3.Sum256(want), sha3.Sum256(sample(t, s, c.method, 2000, o)), "%s %+v", name, o)
		}
		for _, k := range statevector.Kernels() {
			require.Equal(t, sha3.Sum256(want), sha3.Sum256(sample(t, s, c.method, 2000, Options{Kernel: k})), "%s %s", name, k)
		}
		require.Equal(t, want[:77], sample(t, s, c.method, 77, Options{}))
		if c.want == "" { // the state vector has golden rows of its own
			continue
		}
		h := sha3.Sum256(want)
		require.Equal(t, c.want, hex.EncodeToString(h[:]), name)
	}
}

// TestReadoutOnly: readout errs as often as it should, also where the bit steers.
func TestReadoutOnly(t *testing.T) {
	const m = `{"format":"noise/v1","qubits":[{"qubit":0,"readout_0to1":0.25,"readout_1to0":1}]}`
	s := simulation(t, header+"qreg q[2]; creg c[2]; measure q[0]->c[0]; if(c==1) x q[1]; measure q[1]->c[1];", m)
	prob, err := s.Probabilities(t.Context(), Options{})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{0.75, 0, 0, 0.25}, prob, 1e-15)
	near(t, prob, sample(t, s, Trajectories, 10_000, Options{}))
	s = simulation(t, header+"qreg q[1]; x q[0];", m)
	require.Equal(t, make([]byte, 50), sample(t, s, Clifford, 50, Options{}))
}

// TestCertainErrors have one outcome.
func TestCertainErrors(t *testing.T) {
	for rule, want := range map[string]byte{`"amplitude_damping":1`: 0, `"phase_damping":1`: 3, `"duration_ns":1e12`: 0} {
		s := simulation(t, header+"qreg q[2]; x q[0]; x q[1];", `{"format":"noise/v1","gates":[{"gate":"x",`+rule+`}],"qubits":[{"t1_ns":1}]}`)
		for _, x := range sample(t, s, s.Method(false, statevector.Complex64), 100, Options{}) {
			require.Equal(t, want, x, rule)
		}
	}
}

// TestLongDamping would underflow if states were never scaled.
func TestLongDamping(t *testing.T) {
	src := header + "qreg q[2]; x q[1];"
	for range 300 {
		src += "h q[0]; "
	}
	s := simulation(t, src, `{"format":"noise/v1","gates":[{"gate":"h","amplitude_damping":0.9},{"gate":"x","depolarizing":0.3}]}`)
	prob, err := s.Probabilities(t.Context(), Options{})
	require.NoError(t, err)
	near(t, prob, sample(t, s, Trajectories, 3000, Options{}))
}

// TestSkipping: the events of many shots are those of independent trials, over
// several segments and with certain sites among them.
func TestSkipping(t *testing.T) {
	p := &program{qubits: 1}
	for i := range 60 {
		p.sites = append(p.sites, site{kind: pauli1, p: []float64{0.001, 0.3, 0.9, 0.05, 1}[i%5]})
	}
	p.lay(2, 3)
	require.Greater(t, len(p.segment), 3)
	require.Equal(t, uint64(1+2+3+60+len(p.segment)-1+60), p.k)
	s := &Simulation{p: p}
	w := words(t)
	const n = 20_000
	hits, pairs := make([]float64, 60), 0.0
	var buf []event
	for i := range n {
		buf = p.draw(w, uint64(i), buf[:0])
		require.IsIncreasing(t, buf)
		seen := 0
		for _, e := range buf {
			hits[e.site()]++
			if e.site() == 1 || e.site() == 6 {
				seen++
			}
		}
		if seen == 2 {
			pairs++
		}
	}
	for i, x := range hits {
		q := p.sites[i].p
		require.InDelta(t, q*n, x, 4*math.Sqrt(n*q*(1-q))+1e-9, "site %d", i)
	}
	require.InDelta(t, 0.09*n, pairs, 4*math.Sqrt(n*0.09*0.91))
	require.Equal(t, p.k, s.WordsPerShot())
}

func TestRefusalsOfRuns(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, m := range []string{depolarizing, mixed} {
		s := simulation(t, header+"qreg q[2]; h q[0]; t q[0]; cx q[0],q[1];", m)
		_, err := s.Sample(ctx, s.Method(false, statevector.Complex64), 5, Options{})
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Probabilities(ctx, Options{})
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Sample(t.Context(), Layers, 5, Options{Precision: statevector.Complex128})
		require.ErrorIs(t, err, backends.ErrUnsupported)
		_, err = s.Sample(t.Context(), Clifford, 5, Options{})
		require.ErrorIs(t, err, backends.ErrUnsupported)
		_, err = s.Probabilities(t.Context(), Options{MemoryBytes: 255})
		require.ErrorIs(t, err, backends.ErrTooLarge)
		require.ErrorContains(t, err, "density matrices of 2 qubits need 256 bytes, 255 are allowed, which fit 1 qubits")
		_, err = s.Probabilities(t.Context(), Options{MemoryBytes: 256})
		require.NoError(t, err)
	}
	s := simulation(t, dynamic, mixed)
	_, err := s.Sample(t.Context(), Trajectories, 5, Options{MemoryBytes: 100})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	require.ErrorContains(t, err, "3 qubits of complex64 with noise need 136 bytes, 100 are allowed, which fit 2 qubits")
	wide := simulation(t, header+"qreg q[9]; h q[8]; t q[8]; h q[8];", depolarizing)
	_, err = wide.Sample(t.Context(), Layers, 100, Options{MemoryBytes: 1 << 14})
	require.ErrorContains(t, err, "9 qubits with noise need 61440 bytes, 16384 are allowed, which fit 7 qubits")
	long := header + "qreg q[1]; creg c[1];"
	for range maxBranches + 1 {
		long += "measure q[0]->c[0]; h q[0];"
	}
	for _, src := range []string{header + "qreg q[13]; h q[0];", header + "qreg q[1]; creg c[21]; measure q[0]->c[0];", long} {
		_, err = simulation(t, src, depolarizing).Probabilities(t.Context(), Options{})
		require.ErrorIs(t, err, backends.ErrTooLarge)
	}
	_, err = New(&circuit.Circuit{}, nil)
	require.ErrorIs(t, err, circuit.ErrInvalid)
	none, err := New(parseQASM(t, header+"qreg q[1]; x q[0];"), nil)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 1}, sample(t, none, Clifford, 2, Options{}))
	require.Empty(t, sample(t, none, Clifford, 0, Options{}))
}

func TestNumericNames(t *testing.T) {
	for m, want := range map[Method]string{Frames: "noise/1+numeric/1", Clifford: "noise/1+numeric/1", Trajectories: "noise/1", Layers: "noise/1", Density: "noise/1-density"} {
		got := Numeric(m, statevector.Complex64)
		if m == Frames {
			want = fmt.Sprintf("noise/1+%s", statevector.Complex64.Numeric())
		}
		require.Equal(t, want, got)
	}
	require.Equal(t, "noise/1-complex128", Numeric(Trajectories, statevector.Complex128))
	require.Equal(t, 1, guest.RowBytes(3))
}

// TestProgress counts all shots once, whatever the method.
func TestProgress(t *testing.T) {
	src, _ := published(t)
	for m, s := range map[Method]*Simulation{Layers: simulation(t, src, depolarizing), Frames: simulation(t, src, depolarizing), Trajectories: simulation(t, dynamic, mixed),
		Clifford: simulation(t, header+"qreg q[2]; h q[0]; cx q[0],q[1];", depolarizing)} {
		last := 0
		sample(t, s, m, 700, Options{Threads: 3, Progress: func(done, total int) {
			require.Greater(t, done, last)
			require.Equal(t, 700, total)
			last = done
		}})
		require.Equal(t, 700, last, m)
	}
}
