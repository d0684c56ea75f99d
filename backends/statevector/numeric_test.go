package statevector

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

func generated(t testing.TB, id string, width, depth int) *Program {
	c, err := circuit.Generate(id, width, depth, [32]byte{7})
	require.NoError(t, err)
	c, err = c.Lower()
	require.NoError(t, err)
	p, err := FromOps(width, unitaryOps(c))
	require.NoError(t, err)
	return p
}

// numericDigest covers every amplitude bit and 1000 sampled rows.
func numericDigest(t testing.TB, p *Program, o Options) string {
	s := mustRun(t, p, o)
	h := sha3.New256()
	var b [16]byte
	for _, a := range s.Amplitudes() {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(real(a)))
		binary.LittleEndian.PutUint64(b[8:], math.Float64bits(imag(a)))
		h.Write(b[:])
	}
	rows, err := s.Sample([16]byte{1, 2, 3}, 5, 1000)
	require.NoError(t, err)
	h.Write(rows)
	return hex.EncodeToString(h.Sum(nil))
}

// TestGolden freezes both numeric versions, whatever the threads and the kernel.
func TestGolden(t *testing.T) {
	mixed, err := FromOps(14, randomOps(rand.New(rand.NewPCG(14, 1)), 14, 300))
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		p    *Program
		want [2]string // complex64, complex128
	}{
		{"trapset 6x24", generated(t, "animica.quantum.trapset.v1", 6, 24), [2]string{"8cd4c167151039e708ca4b09a20b74eac08526ccd4b11aeb8d9e8f7062feb271", "335f4e430aafb034778f11eb5925422b0ce770e3811f8652f7cd1b3727105581"}},
		{"trapset 15x20", generated(t, "animica.quantum.trapset.v1", 15, 20), [2]string{"8b598321efcff450f851a12b79edf6f8e97385b79457067ca03dcb40e7e7881d", "d35bd7fc4a83749d4e6bbc370e820e5d2a07094a5567f691eaba7f4c09407df9"}},
		{"qft_small 13", generated(t, "qft_small", 13, 0), [2]string{"fdbe0663a5a6f39ea3fd3036d1cb02c869cad526da70f6b8c83664b4ff399e9c", "0df06c9ab653a1857d4f61c27ff75db4ef7de77777b14890d97e24694d901df9"}},
		{"ghz 5", generated(t, "ghz", 5, 0), [2]string{"dd731a21d6c43fb4e610909a0cb7d656a5757df96c68c1b3b32c9f704ac3e985", "4e8cf8e7fab6648253bbdaf6bcb26151e631e309547da5eb3b6004057ea82c43"}},
		{"mixed 14", mixed, [2]string{"1a457cb2bb45259e1bcdc248f676221776a2783dd08318fef81c7f210d43313b", "f5097f828840dae271359eb829b232adad03cb403a1556fcd218ae85f97fbe06"}},
	} {
		for _, prec := range []Precision{Complex64, Complex128} {
			for _, k := range Kernels() {
				for _, threads := range []int{1, 2, 3, 7} {
					require.Equal(t, c.want[prec], numericDigest(t, c.p, Options{Threads: threads, Precision: prec, Kernel: k}), "%s %s, %s, %d threads", c.name, prec, k, threads)
				}
			}
		}
	}
}

// TestSampleIsRandomAccess: shot i is the same in whatever piece it is drawn.
func TestSampleIsRandomAccess(t *testing.T) {
	s := mustRun(t, generated(t, "animica.quantum.trapset.v1", 9, 12), Options{})
	key := [16]byte{9}
	all, err := s.Sample(key, 0, 2000)
	require.NoError(t, err)
	for _, chunk := range []int{1, 7, 64, 1500} {
		for first := 0; first < 2000; first += chunk {
			n := min(chunk, 2000-first)
			rows, err := s.Sample(key, uint64(first), n)
			require.NoError(t, err)
			require.Equal(t, all[2*first:2*(first+n)], rows)
		}
	}
	other, err := s.Sample([16]byte{8}, 0, 2000)
	require.NoError(t, err)
	require.NotEqual(t, all, other)
}

// TestSampleFollowsProbabilities is a chi-square test at 10 standard deviations;
// the draw is fixed.
func TestSampleFollowsProbabilities(t *testing.T) {
	s := mustRun(t, generated(t, "animica.quantum.trapset.v1", 6, 10), Options{})
	p := s.Probabilities()
	const n = 200_000
	rows, err := s.Sample([16]byte{4}, 0, n)
	require.NoError(t, err)
	count := make([]float64, 64)
	for _, r := range rows {
		count[r]++
	}
	chi := 0.0
	for x, c := range count {
		e := p[x] / s.Norm() * n
		require.Greater(t, e, 5.0)
		chi += (c - e) * (c - e) / e
	}
	require.InDelta(t, 63, chi, 10*math.Sqrt(2*63))
}

// TestOutcomeEdges: words 0 and 2^64-1 select possible outcomes, and impossible
// ones never come.
func TestOutcomeEdges(t *testing.T) {
	for _, width := range []int{1, 5, 8} { // X on every qubit: the frame alone
		var ops []circuit.Op
		for q := range width {
			ops = append(ops, opU3(q, circuit.Pi, 0, circuit.Pi))
		}
		p, err := FromOps(width, ops)
		require.NoError(t, err)
		s := mustRun(t, p, Options{})
		for _, w := range []uint64{0, 1, 1 << 63, ^uint64(0)} {
			require.Equal(t, uint64(1)<<width-1, s.Outcome(w))
		}
	}
	ghz := mustRun(t, generated(t, "ghz", 9, 0), Options{})
	require.Equal(t, uint64(0), ghz.Outcome(0))
	require.Equal(t, uint64(511), ghz.Outcome(^uint64(0)))
	r := rand.New(rand.NewPCG(3, 3))
	for range 1000 {
		require.Contains(t, []uint64{0, 511}, ghz.Outcome(r.Uint64()))
	}
}

func TestExpectation(t *testing.T) {
	ghz := mustRun(t, generated(t, "ghz", 3, 0), Options{Precision: Complex128})
	for pauli, want := range map[string]float64{"III": 1, "ZZI": 1, "IZZ": 1, "ZII": 0, "XXX": 1, "YYX": -1, "XYY": -1, "YYY": 0} {
		got, err := ghz.Expectation(pauli)
		require.NoError(t, err)
		require.InDelta(t, want, got, 1e-12, pauli)
	}
	for _, bad := range []string{"", "ZZ", "ZZZZ", "ZZz", "AZZ"} {
		_, err := ghz.Expectation(bad)
		require.ErrorIs(t, err, backends.ErrUnsupported)
	}
	_, err := ghz.Amplitude(8)
	require.ErrorIs(t, err, backends.ErrUnsupported)
}

// TestExpectationsOfWideStates: strings that stay within a block of amplitudes and
// strings that leave it, against the definition, with any number of threads.
func TestExpectationsOfWideStates(t *testing.T) {
	const width = 15
	p := generated(t, "animica.quantum.trapset.v1", width, 8)
	paulis := []string{strings.Repeat("I", width), "ZIIIIIIIIIIIIIZ", "IIIIIIIIIIIIIIX", "XIIIIIIIIIIIIII", "IYXIIIIIIIIIIYZ", strings.Repeat("Y", width), "ZZXIIIIIIIYIIII"}
	for _, prc := range []Precision{Complex64, Complex128} {
		s := mustRun(t, p, Options{Precision: prc})
		a := s.Amplitudes()
		got, err := s.Expectations(t.Context(), paulis, 1)
		require.NoError(t, err)
		again, err := s.Expectations(t.Context(), paulis, 3)
		require.NoError(t, err)
		require.Equal(t, got, again)
		for k, pauli := range paulis {
			want, total := complex128(0), 0.0
			for i, u := range a {
				j, c := i, complex128(1)
				for q := range width {
					bit := i >> q & 1
					switch pauli[width-1-q] {
					case 'X':
						j ^= 1 << q
					case 'Y':
						j ^= 1 << q
						c *= complex(0, 1-2*float64(bit))
					case 'Z':
						c *= complex(1-2*float64(bit), 0)
					}
				}
				want += cmplx.Conj(a[j]) * c * u
				total += real(u)*real(u) + imag(u)*imag(u)
			}
			require.InDelta(t, real(want)/total, got[k], 1e-8, pauli)
			one, err := s.Expectation(pauli)
			require.NoError(t, err)
			require.Equal(t, got[k], one, "alone and with others")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Expectations(ctx, paulis, 2)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// TestComplex64Fidelity: the precision that a numeric version must keep.
func TestComplex64Fidelity(t *testing.T) {
	p := generated(t, "animica.quantum.trapset.v1", 13, 120)
	a, b := mustRun(t, p, Options{}), mustRun(t, p, Options{Precision: Complex128})
	require.InDelta(t, 1, a.Norm(), 1e-5)
	require.InDelta(t, 1, b.Norm(), 1e-13)
	x, y, f := a.Amplitudes(), b.Amplitudes(), complex128(0)
	for i := range x {
		f += complex(real(x[i]), -imag(x[i])) * y[i]
	}
	require.Greater(t, (real(f)*real(f)+imag(f)*imag(f))/a.Norm()/b.Norm(), 1-1e-6)
}

func TestAdmission(t *testing.T) {
	require.ErrorIs(t, Admit(20, Complex64, 1<<23), backends.ErrTooLarge)
	require.NoError(t, Admit(20, Complex64, 1<<23+1<<23/20), "5 percent above the amplitudes suffice")
	require.NoError(t, Admit(26, Complex64, 1<<29+1<<29/20))
	require.EqualError(t, Admit(26, Complex64, 1<<28),
		"26 qubits of complex64 need 551583744 bytes, 268435456 are allowed, which fit 24 qubits: request does not fit in memory")
	require.EqualError(t, Admit(40, Complex64, 0), "40 qubits: a state vector holds up to 34 qubits: request does not fit in memory")
	require.ErrorContains(t, Admit(4096, Complex128, 1<<30), "which fit 25 qubits of complex128")
	require.Equal(t, 0, FitWidth(10, Complex64))
	p, err := FromOps(15, nil)
	require.NoError(t, err)
	_, err = Simulate(t.Context(), p, Options{MemoryBytes: 1 << 17})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	_, err = FromOps(35, nil)
	require.ErrorIs(t, err, backends.ErrTooLarge)
	for w := 1; w <= 34; w++ {
		require.LessOrEqual(t, Bytes(w-1, Complex64), Bytes(w, Complex64))
		require.Equal(t, max(w, 4), FitWidth(Bytes(w, Complex64), Complex64), "four qubits take as much as one")
		require.LessOrEqual(t, Bytes(w-1, Complex128), Bytes(w, Complex128))
		require.Equal(t, max(w, 4), FitWidth(Bytes(w, Complex128), Complex128))
	}
}

func TestCancellationAndProgress(t *testing.T) {
	p := generated(t, "animica.quantum.trapset.v1", 14, 40)
	for _, threads := range []int{1, 2} {
		ctx, cancel := context.WithCancelCause(t.Context())
		seen := 0
		_, err := Simulate(ctx, p, Options{Threads: threads, Progress: func(done, total int) {
			require.Equal(t, 5, total)
			if seen = done; done == 3 {
				cancel(errors.New("stop"))
			}
		}})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 3, seen)
	}
}

// TestReuse: what an earlier state left in memory does not show.
func TestReuse(t *testing.T) {
	big, small := generated(t, "animica.quantum.trapset.v1", 13, 9), generated(t, "ghz", 7, 0)
	want := mustRun(t, small, Options{}).Amplitudes()
	old := mustRun(t, big, Options{})
	s := mustRun(t, small, Options{Reuse: old})
	require.Equal(t, want, s.Amplitudes())
	require.Equal(t, mustRun(t, big, Options{}).Amplitudes(), mustRun(t, big, Options{Reuse: s}).Amplitudes())
}

func TestFromOpsRefusals(t *testing.T) {
	for name, op := range map[string]circuit.Op{
		"measure":     {Gate: circuit.Measure, NQ: 1},
		"reset":       {Gate: circuit.Reset, NQ: 1},
		"no gate":     {Gate: circuit.Gate(250), NQ: 1},
		"conditional": {Gate: circuit.U3, NQ: 1, Cond: 1},
		"range":       {Gate: circuit.U3, NQ: 1, Q: [4]uint16{3}},
		"one operand": {Gate: circuit.CZ, NQ: 1},
		"same qubit":  {Gate: circuit.CZ, NQ: 2, Q: [4]uint16{1, 1}},
		"too many":    {Gate: circuit.U3, NQ: 9},
	} {
		_, err := FromOps(3, []circuit.Op{op})
		require.ErrorIs(t, err, backends.ErrUnsupported, name)
	}
	_, err := FromSkeleton(&circuit.Skeleton{Width: 2}, nil)
	require.ErrorIs(t, err, circuit.ErrSkeleton)
	_, err = FromLayered(&circuit.Layered{})
	require.ErrorIs(t, err, circuit.ErrSkeleton)
	_, err = Simulate(t.Context(), generated(t, "ghz", 2, 0), Options{Precision: 7})
	require.ErrorIs(t, err, backends.ErrUnsupported)
}

// TestKernels: names of other machines' kernels are refused, own ones run.
func TestKernels(t *testing.T) {
	p := generated(t, "ghz", 3, 0)
	require.Equal(t, "generic", Kernels()[len(Kernels())-1])
	for _, name := range []string{"avx1024", "avx2,avx512", "GENERIC"} {
		require.ErrorIs(t, CheckKernel(name), backends.ErrUnsupported)
		_, err := Simulate(t.Context(), p, Options{Kernel: name})
		require.ErrorIs(t, err, backends.ErrUnsupported)
	}
	for _, name := range append(Kernels(), "") {
		require.NoError(t, CheckKernel(name))
		mustRun(t, p, Options{Kernel: name}).Close()
	}
}

// TestClose: memory that lies outside of the heap goes back, also after reuse by
// another precision, and twice does no harm.
func TestClose(t *testing.T) {
	p := generated(t, "animica.quantum.trapset.v1", 19, 3)
	s := mustRun(t, p, Options{})
	old := s.fast
	next := mustRun(t, p, Options{Reuse: s})
	require.Nil(t, s.fast)
	require.Zero(t, *old, "its memory has moved on")
	old = next.fast
	wide := mustRun(t, generated(t, "ghz", 2, 0), Options{Reuse: next, Precision: Complex128})
	require.Panics(t, func() { old.Stored(0) }, "closed")
	wide.Close()
	wide.Close()
	s.Close()
}

// TestPlanIsShared: of a program and of those of equal structure.
func TestPlanIsShared(t *testing.T) {
	a, b := generated(t, "animica.quantum.trapset.v1", 13, 6), generated(t, "animica.quantum.trapset.v1", 13, 6)
	s := mustRun(t, a, Options{})
	plan := s.plan
	require.Same(t, plan, mustRun(t, b, Options{Reuse: s}).plan)
	require.NotSame(t, plan, mustRun(t, generated(t, "animica.quantum.trapset.v1", 13, 7), Options{}).plan)
}
