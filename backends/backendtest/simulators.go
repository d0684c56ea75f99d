package backendtest

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// What only simulators can promise: rows that are a function of circuit, key and
// slot number.

func mustCollect(t tb, be backends.Backend, b *backends.Batch) []byte {
	t.Helper()
	rows, err := Collect(t.Context(), be, b)
	require.NoError(t, err)
	return rows
}

func checkThreads(t tb, be backends.Backend) {
	b := mixed(5, 300)
	b.Threads = 1
	want := mustCollect(t, be, b)
	for _, threads := range []int{0, 2, 8, 1} {
		b.Threads = threads
		require.Equal(t, want, mustCollect(t, be, b), "%d threads", threads)
	}
}

// checkChunks cuts one batch into batches of 1, 7, 64 and all slots, runs them
// from the last to the first, and wants the same rows (decision C2).
func checkChunks(t tb, be backends.Backend) {
	const slots = 300
	b := mixed(6, slots)
	want := mustCollect(t, be, b)
	for _, chunk := range []int{1, 7, 64, 4096} {
		var starts []int
		for s := 0; s < slots; s += chunk {
			starts = append(starts, s)
		}
		slices.Reverse(starts)
		for _, s := range starts {
			end := min(s+chunk, slots)
			require.Equal(t, want[s:end], mustCollect(t, be, Slice(b, s, end)), "slots %d to %d", s, end)
		}
	}
}

// checkPads: un-padding a padded slot gives the sample of the un-padded circuit
// under the same words, whether it is Clifford or not.
func checkPads(t tb, be backends.Backend) {
	for _, clifford := range []bool{false, true} {
		r, s := Stream(88), Brickwork(9, 5)
		var plain, padded [][]circuit.U3Angles
		var pads []byte
		for range 60 {
			u := RandomTriples(r, s, clifford)
			if len(plain)%3 > 0 {
				u = plain[0]
			}
			p, row := Pad(r, s, u)
			plain, padded, pads = append(plain, u), append(padded, p), append(pads, row...)
		}
		a, b := Build(s, plain), Build(s, padded)
		a.Key, b.Key = [16]byte{1}, [16]byte{1}
		want, got := mustCollect(t, be, a), mustCollect(t, be, b)
		require.NotEqual(t, want, got)
		for i := range got {
			got[i] ^= pads[i]
		}
		require.Equal(t, want, got)
	}
}

func checkKey(t tb, be backends.Backend) {
	b := mixed(9, 200)
	want := mustCollect(t, be, b)
	b.Meta = backends.Meta{JobID: "11", LeaseID: "22"}
	require.Equal(t, want, mustCollect(t, be, b), "labels change nothing")
	b.Key[15] ^= 1
	require.NotEqual(t, want, mustCollect(t, be, b))
}

// checkMemory: a circuit that is not Clifford and does not fit is refused before
// any outcome, with the width that would fit in the message.
func checkMemory(t tb, be backends.Backend) {
	s := Brickwork(24, 1)
	b := Build(s, [][]circuit.U3Angles{RandomTriples(Stream(12), s, false)})
	b.MemoryBytes = 10 << 20
	err := be.Run(t.Context(), b, func(*guest.Outcomes) error {
		t.Errorf("an outcome came")
		return nil
	})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	require.ErrorContains(t, err, "24 qubits")
	require.ErrorContains(t, err, "fit 20 qubits")
}
