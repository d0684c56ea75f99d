package statevector

import (
	"bufio"
	"crypto/sha3"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

var updateDigests = flag.Bool("update", false, "rewrite testdata/digests*.txt: new numeric versions")

// kinds are circuits whose samples are frozen, for both precisions, every kernel
// and any number of threads. Names are keys of testdata/digests.txt.
func kinds(t testing.TB) (names []string, programs []*Program) {
	add := func(name string, p *Program, err error) {
		require.NoError(t, err, name)
		names, programs = append(names, name), append(programs, p)
	}
	gen := func(name, id string, width, depth int) {
		c, err := circuit.Generate(id, width, depth, [32]byte{7})
		require.NoError(t, err)
		p, err := FromOps(width, c.Ops)
		add(name, p, err)
	}
	gen("brickwork 10", "animica.quantum.trapset.v1", 10, 16)
	gen("brickwork 16", "animica.quantum.trapset.v1", 16, 6)
	gen("fourier 14", "qft_small", 14, 0)
	gen("ghz 15", "ghz", 15, 0)
	gen("grover 8", "grover_demo", 8, 0)
	p, err := FromGates(9, nativeSearch(9, 5), nativePhases(9, 5))
	add("search 9 with native phases", p, err)
	p, err = FromOps(14, supremacy(14, 12))
	add("supremacy chain 14", p, err)
	p, err = FromOps(13, ansatz(13, 3))
	add("parameterised ansatz 13", p, err)
	p, err = FromOps(12, clifford(12, 60))
	add("clifford 12", p, err)
	p, err = FromOps(13, everyGate(13))
	add("every gate 13", p, err)
	return names, programs
}

func gateOn(g circuit.Gate, a circuit.Angle, q ...int) circuit.Op {
	op := circuit.Op{Gate: g, NQ: uint8(len(q))}
	for k := range g.Info().Params {
		op.Params[k] = a + circuit.Angle(k)<<59
	}
	for k, x := range q {
		op.Q[k] = uint16(x)
	}
	return op
}

func nativeSearch(width, rounds int) (ops []circuit.Op) {
	for range rounds + 1 {
		for q := range width {
			ops = append(ops, gateOn(circuit.H, 0, q), gateOn(circuit.RY, 3<<57, q))
		}
	}
	return ops
}

func nativePhases(width, rounds int) (out []Phase) {
	for i := range rounds {
		out = append(out, Phase{Before: 2 * width * (i + 1), Qubits: 1<<width - 1, Angle: circuit.Pi},
			Phase{Before: 2 * width * (i + 1), Qubits: 0b101010101, Angle: 5 << 57})
	}
	return out
}

// supremacy is √X, √Y or T on all qubits, then iswap-like and cz gates on pairs.
func supremacy(width, cycles int) (ops []circuit.Op) {
	r := rand.New(rand.NewPCG(5, 5))
	for c := range cycles {
		for q := range width {
			switch r.IntN(3) {
			case 0:
				ops = append(ops, gateOn(circuit.SX, 0, q))
			case 1:
				ops = append(ops, gateOn(circuit.RY, circuit.HalfPi, q))
			default:
				ops = append(ops, gateOn(circuit.T, 0, q))
			}
		}
		for q := c % 3; q+1 < width; q += 3 {
			ops = append(ops, gateOn([]circuit.Gate{circuit.ISwap, circuit.CZ}[r.IntN(2)], 0, q, q+1))
			ops = append(ops, gateOn(circuit.CP, circuit.Pi/6&^0xfff, q, q+1))
		}
	}
	return ops
}

func ansatz(width, layers int) (ops []circuit.Op) {
	r := rand.New(rand.NewPCG(6, 6))
	angle := func() circuit.Angle { return circuit.Angle(r.Uint64()) &^ 0xfff }
	for range layers {
		for q := range width {
			ops = append(ops, gateOn(circuit.RY, angle(), q), gateOn(circuit.RZ, angle(), q))
		}
		for q := range width {
			ops = append(ops, gateOn(circuit.RZZ, angle(), q, (q+1)%width))
		}
	}
	return ops
}

func clifford(width, n int) (ops []circuit.Op) {
	r := rand.New(rand.NewPCG(8, 8))
	for range n {
		q := r.Perm(width)
		ops = append(ops, gateOn(circuit.H, 0, q[0]), gateOn(circuit.S, 0, q[1]), gateOn(circuit.CX, 0, q[2], q[3]), gateOn(circuit.ECR, 0, q[4], q[5]))
	}
	return ops
}

func everyGate(width int) (ops []circuit.Op) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 2 {
		for _, g := range circuit.Gates() {
			ops = append(ops, gateOn(g, circuit.Angle(r.Uint64())&^0xfff, r.Perm(width)[:g.Info().Qubits]...))
		}
	}
	return ops
}

// sampleDigest hashes 500 rows.
func sampleDigest(t testing.TB, p *Program, o Options) string {
	s := mustRun(t, p, o)
	defer s.Close()
	require.InDelta(t, 1, s.Norm(), 1e-5)
	rows, err := s.Sample([16]byte{42}, 3, 500)
	require.NoError(t, err)
	h := sha3.Sum256(rows)
	return hex.EncodeToString(h[:])
}

// exchanges are circuits whose samples are frozen as numeric/1-exchange and
// numeric/1-complex128-exchange, in testdata/digests-exchange.txt.
func exchanges(t testing.TB) (names []string, programs []*Program) {
	add := func(name string, width int, ops []circuit.Op) {
		p, err := FromOps(width, ops)
		require.NoError(t, err, name)
		require.Equal(t, "numeric/1-exchange", p.Numeric(Complex64), name)
		names, programs = append(names, name), append(programs, p)
	}
	r := rand.New(rand.NewPCG(10, 10))
	angle := func() circuit.Angle { return circuit.Angle(r.Uint64()) &^ 0xfff }
	var chain, givens, trotter []circuit.Op
	for layer := range 8 {
		for q := range 14 {
			chain = append(chain, gateOn(circuit.U3, angle(), q))
		}
		for q := layer % 2; q+1 < 14; q += 2 {
			a := angle()
			chain = append(chain, gateOn(circuit.RXX, a, q, q+1), gateOn(circuit.RYY, a, q, q+1), gateOn(circuit.CP, angle(), q, q+1))
		}
		for q := range 12 {
			a, b := (q+layer)%13, (q+layer+1)%13
			givens = append(givens, gateOn(circuit.CX, 0, a, b), gateOn(circuit.CRY, angle(), b, a), gateOn(circuit.CX, 0, a, b), gateOn(circuit.RZ, angle(), b))
		}
		for q := range 10 {
			trotter = append(trotter, gateOn(circuit.RX, 3<<57, q), gateOn(circuit.RXX, 5<<57, q, (q+3)%10), gateOn(circuit.RZZ, 1<<58, q, (q+3)%10), gateOn(circuit.RYY, 3<<56, q, (q+3)%10))
		}
	}
	add("fsim chain 14", 14, chain)
	add("givens 13", 13, append([]circuit.Op{gateOn(circuit.X, 0, 0), gateOn(circuit.X, 0, 5)}, givens...))
	add("xyz model 10", 10, trotter)
	return names, programs
}

// TestSampleDigests is the promise that a seed gives one histogram.
func TestSampleDigests(t *testing.T) {
	names, programs := kinds(t)
	requireDigests(t, "testdata/digests.txt", names, programs)
	names, programs = exchanges(t)
	requireDigests(t, "testdata/digests-exchange.txt", names, programs)
}

func requireDigests(t *testing.T, file string, names []string, programs []*Program) {
	if *updateDigests {
		var out strings.Builder
		for i, name := range names {
			for _, prec := range []Precision{Complex64, Complex128} {
				fmt.Fprintf(&out, "%s, %s: %s\n", name, prec, sampleDigest(t, programs[i], Options{Precision: prec, Kernel: "generic", Threads: 1}))
			}
		}
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
	}
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	want := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, sum, _ := strings.Cut(sc.Text(), ": ")
		want[name] = sum
	}
	require.Len(t, want, 2*len(names))
	for _, k := range Kernels() {
		for i, name := range names {
			for _, prec := range []Precision{Complex64, Complex128} {
				for j, threads := range []int{1, 2, 3, 7} {
					if k == "generic" && j != i%4 {
						continue // slow: each circuit with one number of threads
					}
					got := sampleDigest(t, programs[i], Options{Precision: prec, Kernel: k, Threads: threads})
					require.Equal(t, want[fmt.Sprintf("%s, %s", name, prec)], got, "%s %s, %s, %d threads", name, prec, k, threads)
				}
			}
		}
	}
}
