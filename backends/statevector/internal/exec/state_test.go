package exec

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func TestRunRefuses(t *testing.T) {
	p, err := plan.FromOps(5, trapset(t, 5, 3))
	require.NoError(t, err)
	q, err := plan.FromOps(6, trapset(t, 6, 3))
	require.NoError(t, err)
	_, err = Run(context.Background(), p, plan.New(q), Options{})
	require.ErrorIs(t, err, ErrPlan)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Run(ctx, p, plan.New(p), Options{})
	require.ErrorIs(t, err, context.Canceled)
}

// cancelAfter is a context that is done from the n-th look on.
type cancelAfter struct {
	context.Context
	n int
}

func (c *cancelAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancel stops a run in its first pass and leaves nothing behind that a
// later run could see.
func TestCancel(t *testing.T) {
	p, err := plan.FromOps(13, trapset(t, 13, 8))
	require.NoError(t, err)
	_, err = Run(&cancelAfter{context.Background(), 9}, p, plan.New(p), Options{Threads: 1})
	require.ErrorIs(t, err, context.Canceled)
}

// TestBytes: the bound of decision makers covers what a run holds, with at most
// five per cent above the amplitudes where they matter.
func TestBytes(t *testing.T) {
	for _, width := range []int{1, 4, 10, 16, 18} {
		s := run(t, width, trapset(t, width, 4), Options{Threads: 2})
		held := 4*len(s.x) + 8*len(s.leaves.cum)
		require.GreaterOrEqual(t, Bytes(width, 2), uint64(held))
		s.Close()
	}
	require.LessOrEqual(t, float64(Bytes(28, 2)), 1.05*8*(1<<28))
}

func TestProgress(t *testing.T) {
	p, err := plan.FromOps(13, trapset(t, 13, 12))
	require.NoError(t, err)
	var seen []int
	s, err := Run(context.Background(), p, plan.New(p), Options{Progress: func(done, total int) { seen = append(seen, done, total) }})
	require.NoError(t, err)
	defer s.Close()
	n := len(seen) / 2
	require.Positive(t, n)
	for i := range n {
		require.Equal(t, []int{i + 1, n}, seen[2*i:2*i+2])
	}
}

func TestSampleIsOutcome(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, width := range []int{1, 4, 6, 7, 12, 15, 16} {
		for _, threads := range []int{1, 3} {
			s := run(t, width, randomOps(r, width, 6*width), Options{Threads: threads})
			for _, n := range []int{0, 1, 5, 3 * minShots} {
				words, out := make([]uint64, n), make([]uint64, n)
				for i := range words {
					words[i] = r.Uint64()
				}
				copy(words, []uint64{0, math.MaxUint64, 1 << 63})
				s.Sample(out, words)
				for i := range out {
					require.Equal(t, s.Outcome(words[i]), out[i])
					require.NotZero(t, s.Probability(out[i]), "an outcome of weight 0")
					require.Zero(t, out[i]>>width)
				}
				backward, again := slices.Clone(words), make([]uint64, n)
				slices.Reverse(backward)
				s.Sample(again, backward)
				slices.Reverse(again)
				require.Equal(t, out, again)
			}
			s.Close()
		}
	}
}

// TestSampleFrequencies compares 10^6 evenly spaced words with probabilities:
// inverting the running sums makes the counts exact to one per outcome.
func TestSampleFrequencies(t *testing.T) {
	const width, n = 8, 1 << 20
	s := run(t, width, trapset(t, width, 12), Options{})
	defer s.Close()
	words, out := make([]uint64, n), make([]uint64, n)
	for i := range words {
		words[i] = uint64(i) << 44
	}
	s.Sample(out, words)
	counts := make([]int, 1<<width)
	for _, x := range out {
		counts[x]++
	}
	for x, c := range counts {
		require.InDelta(t, s.Probability(uint64(x))/s.Total()*n, c, 1.001)
	}
}

// TestWideSample sorts by the upper bits of leaves only.
func TestWideSample(t *testing.T) {
	s := run(t, 21, trapset(t, 21, 3), Options{})
	defer s.Close()
	words, out := make([]uint64, 2000), make([]uint64, 2000)
	r := rand.New(rand.NewPCG(1, 8))
	for i := range words {
		words[i] = r.Uint64()
	}
	s.Sample(out, words)
	for i := range out {
		require.Equal(t, s.Outcome(words[i]), out[i])
	}
}

// TestPrecision: norm and fidelity on a deep circuit.
func TestPrecision(t *testing.T) {
	width, depth := 12, 120
	if kernel.Best() == kernel.Generic {
		width = 8
	}
	ops := trapset(t, width, depth)
	s := run(t, width, ops, Options{})
	defer s.Close()
	require.InDelta(t, 1, s.Total(), 1e-5)
	overlap := complex128(0)
	for i, w := range oracle(width, ops) {
		a, err := s.Amplitude(uint64(i))
		require.NoError(t, err)
		overlap += complex(real(w), -imag(w)) * a
	}
	fidelity := (real(overlap)*real(overlap) + imag(overlap)*imag(overlap)) / s.Total()
	require.InDelta(t, 1, fidelity, 1e-6)
}

func TestAmplitudeOutside(t *testing.T) {
	s := run(t, 3, nil, Options{})
	defer s.Close()
	_, err := s.Amplitude(8)
	require.Error(t, err)
	a, err := s.Amplitude(0)
	require.NoError(t, err)
	require.Equal(t, complex128(1), a)
	require.EqualValues(t, 3, s.Width())
}

// FuzzAgainstOracle: any list of gates on up to five qubits.
func FuzzAgainstOracle(f *testing.F) {
	f.Add(uint8(2), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add(uint8(4), []byte("some text that is a circuit as well as any other"))
	f.Fuzz(func(t *testing.T, width uint8, data []byte) {
		w := int(width)%5 + 1
		data = data[:min(len(data), 300)]
		var ops []circuit.Op
		for ; len(data) >= 4; data = data[4:] {
			a, b := uint16(int(data[0]>>1)%w), uint16(int(data[1])%w)
			op := circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{a, b}}
			if a == b || data[0]&1 == 0 {
				op.Gate, op.NQ = circuit.U3, 1
				for i := range op.Params[:3] {
					op.Params[i] = circuit.Angle(data[1+i]) << 56
				}
			}
			ops = append(ops, op)
		}
		requireClose(t, w, ops, Options{Threads: 1})
	})
}
