package statevector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// variants are circuits of one structure, one of another, and one of half turns.
func variants(t testing.TB, width, n int) []*circuit.Circuit {
	var out []*circuit.Circuit
	for i := range n {
		c, err := circuit.Generate("animica.quantum.trapset.v1", width, 12+6*(i/3%2), [32]byte{byte(i)})
		require.NoError(t, err)
		for k := range c.Ops {
			if op := &c.Ops[k]; i%4 == 3 && op.Gate == circuit.U3 {
				op.Params[0] &= 7 << 61
			}
		}
		out = append(out, c)
	}
	return out
}

// alone is what Simulate says.
func alone(t testing.TB, c *circuit.Circuit, o Options) ([]byte, []complex128) {
	low, err := c.Lower()
	require.NoError(t, err)
	p, err := FromOps(low.Qubits, low.Ops)
	require.NoError(t, err)
	s, err := Simulate(t.Context(), p, o)
	require.NoError(t, err)
	defer s.Close()
	rows, err := s.Sample([16]byte{1}, 3, 200)
	require.NoError(t, err)
	return rows, s.Amplitudes()
}

// TestBatch: rows and amplitudes of a batch are those of each circuit alone.
func TestBatch(t *testing.T) {
	for _, width := range []int{3, 10, 13, 17} {
		for _, prec := range []Precision{Complex64, Complex128} {
			for _, threads := range []int{1, 3} {
				t.Run(fmt.Sprintf("%d/%s/%d", width, prec, threads), func(t *testing.T) {
					n := 9
					if width == 17 || prec == Complex128 {
						n = 4
					}
					circuits := variants(t, width, n)
					b := NewBatch(Options{Threads: threads, Precision: prec})
					defer b.Close()
					for range 2 {
						rows, amps := make([][]byte, len(circuits)), make([][]complex128, len(circuits))
						require.NoError(t, b.Each(t.Context(), len(circuits), width, func(s *Series, i int) error {
							st, err := s.Run(t.Context(), circuits[i])
							if err == nil {
								amps[i] = st.Amplitudes()
								rows[i], err = st.Sample([16]byte{1}, 3, 200)
							}
							return err
						}))
						for i, c := range circuits {
							wantRows, want := alone(t, c, Options{Threads: 1, Precision: prec})
							require.Equal(t, wantRows, rows[i])
							require.Equal(t, want, amps[i])
						}
					}
				})
			}
		}
	}
}

func TestBatchMembers(t *testing.T) {
	b := NewBatch(Options{Threads: 4})
	require.Equal(t, 4, b.members(10, batchWidth))
	require.Equal(t, 3, b.members(3, 5))
	require.Equal(t, 1, b.members(10, batchWidth+1))
	b = NewBatch(Options{Threads: 4, MemoryBytes: 2*Bytes(10, Complex64) + 1})
	require.Equal(t, 2, b.members(10, 10))
	require.Equal(t, 1, b.members(10, 16), "Simulate is to refuse it")
}

func TestBatchErrors(t *testing.T) {
	b := NewBatch(Options{Threads: 2})
	defer b.Close()
	boom := errors.New("boom")
	var mu sync.Mutex
	calls := 0
	err := b.Each(t.Context(), 1000, 4, func(_ *Series, i int) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return boom
	})
	require.ErrorIs(t, err, boom)
	require.LessOrEqual(t, calls, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Each(ctx, 3, 4, func(*Series, int) error { return nil }), context.Canceled)
	require.NoError(t, b.Each(ctx, 0, 4, func(*Series, int) error { return boom }))
	measured := &circuit.Circuit{Qubits: 1, Clbits: 1, Ops: []circuit.Op{{Gate: circuit.Measure, NQ: 1}}}
	_, err = NewSeries(Options{}).Run(t.Context(), measured)
	require.ErrorIs(t, err, backends.ErrUnsupported)
}

// TestSeriesKeep: a series goes on in the memory of a state from elsewhere.
func TestSeriesKeep(t *testing.T) {
	c := variants(t, 11, 1)[0]
	s := NewSeries(Options{Threads: 2})
	defer s.Close()
	first, err := s.Run(t.Context(), c)
	require.NoError(t, err)
	want := first.Amplitudes()
	o := s.Options()
	require.Equal(t, first, o.Reuse)
	low, err := c.Lower()
	require.NoError(t, err)
	p, err := FromOps(low.Qubits, low.Ops)
	require.NoError(t, err)
	other, err := Simulate(t.Context(), p, o)
	require.NoError(t, err)
	s.Keep(other)
	again, err := s.Run(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, want, again.Amplitudes())
}

// TestSampleInto: rows of every length and number are those of single words.
func TestSampleInto(t *testing.T) {
	words, err := seed.NewShotWords([16]byte{5})
	require.NoError(t, err)
	for _, width := range []int{3, 8, 9, 16, 17} {
		s, err := NewSeries(Options{}).Run(t.Context(), variants(t, width, 1)[0])
		require.NoError(t, err)
		for n := range 10 {
			rb := (width + 7) / 8
			rows := make([]byte, n*rb)
			require.NoError(t, s.SampleInto(rows, [16]byte{5}, 7))
			for i := range n {
				var b [8]byte
				binary.LittleEndian.PutUint64(b[:], s.Outcome(words.At(uint64(7+i))))
				require.Equal(t, b[:rb], rows[i*rb:][:rb])
			}
		}
		s.Close()
	}
}
