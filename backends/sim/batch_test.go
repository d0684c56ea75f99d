package sim

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/backendtest"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// job is padded copies of one circuit with every tenth slot a Clifford circuit
// of its own, as a trap library makes it.
func job(width, layers, slots int) *backends.Batch {
	r, s := backendtest.Stream(uint64(100*width+layers)), backendtest.Brickwork(width, layers)
	target := backendtest.RandomTriples(r, s, false)
	var all [][]circuit.U3Angles
	for i := range slots {
		u := target
		if i%10 == 9 {
			u = backendtest.RandomTriples(r, s, true)
		}
		u, _ = backendtest.Pad(r, s, u)
		all = append(all, u)
	}
	b := backendtest.Build(s, all)
	b.Key = [16]byte{42}
	return b
}

// TestSharedStates: all padded targets are one group, all traps their own.
func TestSharedStates(t *testing.T) {
	b := job(6, 8, 100)
	p, err := newPlan(t.Context(), b)
	require.NoError(t, err)
	require.Len(t, p.groups, 11)
	require.Equal(t, group{first: 0, slots: 90}, p.groups[0])
	for g, gr := range p.groups[1:] {
		require.Equal(t, group{first: 10*g + 9, slots: 1, clifford: true}, gr)
	}
}

// TestGoldenRows freezes the rows of numeric version 1 at several shapes.
func TestGoldenRows(t *testing.T) {
	for _, c := range []struct {
		width, layers, slots int
		want                 string
	}{{4, 3, 200, "4abbbf673c876f48143a6ce08c32336177fbe84068f761108fbaa00319507e06"}, {9, 10, 700, "b986b72d5a30bd6a3d3710d7a0e15f241fdab289dc2c480904b28829385dead3"}, {13, 6, 300, "66c4e109f02ed871ad8fce3c50fc15ccbc9a60565f5b630b5d0db016be4b379c"}} {
		rows, err := backendtest.Collect(t.Context(), New(), job(c.width, c.layers, c.slots))
		require.NoError(t, err)
		h := sha3.Sum256(rows)
		require.Equal(t, c.want, hex.EncodeToString(h[:]), "%d×%d, %d slots", c.width, c.layers, c.slots)
	}
}

// TestPaddedDistribution: the rows of differently padded slots, un-padded, follow
// the probabilities of the circuit (chi-square at ten standard deviations).
func TestPaddedDistribution(t *testing.T) {
	r, s := backendtest.Stream(15), backendtest.Brickwork(4, 6)
	u := backendtest.RandomTriples(r, s, false)
	const slots = 20000
	var pads []byte
	all := make([][]circuit.U3Angles, slots)
	for i := range all {
		p, row := backendtest.Pad(r, s, u)
		all[i], pads = p, append(pads, row...)
	}
	rows, err := backendtest.Collect(t.Context(), New(), backendtest.Build(s, all))
	require.NoError(t, err)
	count := [16]float64{}
	for i, x := range rows {
		count[x^pads[i]]++
	}
	prog, err := statevector.FromSkeleton(&s, u)
	require.NoError(t, err)
	st, err := statevector.Simulate(t.Context(), prog, statevector.Options{Precision: statevector.Complex128})
	require.NoError(t, err)
	chi := 0.0
	for x, p := range st.Probabilities() {
		require.Greater(t, p*slots, 5.0)
		chi += (count[x] - p*slots) * (count[x] - p*slots) / (p * slots)
	}
	require.InDelta(t, 15, chi, 10*math.Sqrt(30))
}

// TestManyStates: several circuits that are not Clifford, slots interleaved,
// each as if it were alone.
func TestManyStates(t *testing.T) {
	r, s := backendtest.Stream(25), backendtest.Brickwork(5, 4)
	var kinds, all [][]circuit.U3Angles
	for i := range 6 {
		kinds = append(kinds, backendtest.RandomTriples(r, s, i == 3))
	}
	for range 200 {
		all = append(all, kinds[r.Uniform(uint64(len(kinds)))])
	}
	b := backendtest.Build(s, all)
	rows, err := backendtest.Collect(t.Context(), New(), b)
	require.NoError(t, err)
	for _, k := range kinds {
		alone, err := backendtest.Collect(t.Context(), New(), backendtest.Build(s, slices.Repeat([][]circuit.U3Angles{k}, 200)))
		require.NoError(t, err)
		for i := range all {
			if &all[i][0] == &k[0] {
				require.Equal(t, alone[i], rows[i])
			}
		}
	}
}

// TestWideClifford needs no state vector, however little memory there is.
func TestWideClifford(t *testing.T) {
	r, s := backendtest.Stream(26), backendtest.Brickwork(200, 6)
	b := backendtest.Build(s, [][]circuit.U3Angles{backendtest.RandomTriples(r, s, true), backendtest.RandomTriples(r, s, true)})
	b.MemoryBytes = 1
	rows, err := backendtest.Collect(t.Context(), New(), b)
	require.NoError(t, err)
	require.Len(t, rows, 50)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, New().Run(ctx, b, nil), context.Canceled)
}

func TestChunksAreWindows(t *testing.T) {
	for n, want := range map[int]int{1: 64, 4096: 64, 10_000: 156, guest.MaxShots: 512} {
		require.Equal(t, want, chunkSlots(n))
	}
	var sizes []int
	b := job(3, 1, 150)
	b.Rows.First = 64
	err := New().Run(t.Context(), b, func(o *guest.Outcomes) error {
		sizes = append(sizes, o.N)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{64, 64, 22}, sizes)
}

func TestCapabilitiesOfTheSimulator(t *testing.T) {
	c, err := New().Capabilities(t.Context())
	require.NoError(t, err)
	require.Equal(t, "simulator", New().Name())
	require.Equal(t, "numeric/1", c.Device.Firmware)
	require.Empty(t, c.Device.Serial+c.Device.CalibrationID)
	require.True(t, c.Device.DeviceKeySHA3.IsZero() && c.Device.VendorCertSHA3.IsZero())
}
