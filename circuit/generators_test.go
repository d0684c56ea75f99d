package circuit

import (
	"encoding/hex"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// runState applies the unitary part of c to |0…0>.
func runState(t testing.TB, c *Circuit) []complex128 {
	v := make([]complex128, 1<<c.Qubits)
	v[0] = 1
	for i, op := range c.Ops {
		if info := op.Gate.Info(); info.Unitary() {
			require.Zero(t, op.Cond, "operation %d", i)
			applyState(v, op.Gate.Matrix(op.Params[:info.Params]), opQubits(op))
		}
	}
	return v
}

func probability(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }

var testSeed = [32]byte{1, 2, 3}

func TestTrapsetOfTheGuide(t *testing.T) {
	c, err := Generate("animica.quantum.trapset.v1", 20, 120, [32]byte{})
	require.NoError(t, err)
	require.Equal(t, 20, c.Width())
	require.Equal(t, 120, c.Depth())
	require.Equal(t, map[string]int{"u3": 1200, "cz": 570}, c.GateCounts())
	require.NoError(t, c.Validate())
	h, err := c.Hash()
	require.NoError(t, err)
	require.Equal(t, "921c99d650294c72d291243b768a76f566e042f13c0598c015f108633d3e1288", h.String(), "computed from SPEC.md by another implementation")
	for _, wd := range [][2]int{{3, 1}, {3, 2}, {4, 7}, {5, 8}, {9, 33}} {
		c, err := Generate("animica.quantum.trapset.v1", wd[0], wd[1], testSeed)
		require.NoError(t, err)
		require.Equal(t, wd[1], c.Depth())
		long, err := Generate("animica.quantum.trapset.v1", wd[0], wd[1]+1, testSeed)
		require.NoError(t, err)
		require.Equal(t, c.Ops, long.Ops[:len(c.Ops)], "a longer circuit begins with the shorter one")
	}
}

func TestTrapsetWords(t *testing.T) {
	c, err := Generate("animica.quantum.trapset.v1", 2, 3, [32]byte{})
	require.NoError(t, err)
	// SHAKE256("qprov/v1/circuit-stream" ‖ 0^8 ‖ 0^32) and with cycle 1, from another implementation
	first, _ := hex.DecodeString("d08d0f415edab0ca025541b2b32b9db05b5103593dcdac39e7198cb02c574178b0e98f58c9b07f4b3f47389aa680f062")
	second, _ := hex.DecodeString("b4f11eecf3306cda235b646d14cac0bdfcfac991ccae76e1ffe3e7842cb4726147c2c269c2ad528a88b59d7babe34a8e")
	want := []Op{}
	word := func(b []byte, i int) Angle {
		var a Angle
		for k := 7; k >= 0; k-- {
			a = a<<8 | Angle(b[8*i+k])
		}
		return a >> 12 << 12
	}
	for q := range 2 {
		want = append(want, gateOp(U3, []Angle{word(first, 3*q), word(first, 3*q+1), word(first, 3*q+2)}, q))
	}
	want = append(want, gateOp(CZ, nil, 0, 1))
	for q := range 2 {
		want = append(want, gateOp(U3, []Angle{word(second, 3*q), word(second, 3*q+1), word(second, 3*q+2)}, q))
	}
	require.Equal(t, want, c.Ops)
}

func TestGHZ(t *testing.T) {
	c, err := Generate("ghz", 5, 0, testSeed)
	require.NoError(t, err)
	require.Equal(t, 5, c.Depth())
	v := runState(t, c)
	require.InDelta(t, 0.5, probability(v[0]), 1e-12)
	require.InDelta(t, 0.5, probability(v[31]), 1e-12)
}

func TestQFTSmallGivesItsInteger(t *testing.T) {
	for w := 2; w <= 8; w++ {
		for k := range byte(4) {
			seed := [32]byte{k, byte(w)}
			c, err := Generate("qft_small", w, 0, seed)
			require.NoError(t, err)
			y, ok := Answer("qft_small", w, seed)
			require.True(t, ok)
			require.InDelta(t, 1, probability(runState(t, c)[y]), 1e-9, "width %d", w)
		}
	}
}

func TestGroverFindsItsItem(t *testing.T) {
	depths := map[int]int{}
	for w := 2; w <= 7; w++ {
		for k := range byte(4) {
			seed := [32]byte{k, byte(w)}
			c, err := Generate("grover_demo", w, 0, seed)
			require.NoError(t, err)
			y, _ := Answer("grover_demo", w, seed)
			require.Greater(t, probability(runState(t, c)[y]), 0.94, "width %d", w)
			if depths[w] == 0 {
				depths[w] = c.Depth()
			}
			require.Equal(t, depths[w], c.Depth(), "depth depends on the width alone")
		}
	}
	require.Equal(t, []int{1, 2, 3, 4}, groverIterations[2:6])
}

func TestGenerateRefuses(t *testing.T) {
	for _, c := range []struct {
		id           string
		width, depth int
		message      string
	}{
		{"nope", 2, 0, "known are"}, {"ghz", 1, 0, "width"}, {"ghz", 5, 6, "it is 5"}, {"ghz", 5, -1, "depth"},
		{"animica.quantum.trapset.v1", 20, 0, "depth"}, {"animica.quantum.trapset.v1", 0, 1, "width"},
		{"animica.quantum.trapset.v1", 4096, 1 << 30, "depth"}, {"grover_demo", 13, 0, "width"}, {"qft_small", 4, 3, "it is"},
	} {
		_, err := Generate(c.id, c.width, c.depth, testSeed)
		require.ErrorIs(t, err, ErrGenerator)
		require.ErrorContains(t, err, c.message)
	}
	for _, g := range Generators() {
		c, err := Generate(g.ID, 5, map[bool]int{true: 9}[g.FreeDepth], testSeed)
		require.NoError(t, err)
		require.NoError(t, c.Validate())
		require.NotEmpty(t, g.Doc)
		other, err := Generate(g.ID, 5, map[bool]int{true: 9}[g.FreeDepth], [32]byte{77})
		require.NoError(t, err)
		require.Equal(t, g.Seeded, !slices.Equal(c.Ops, other.Ops), g.ID)
	}
}

// TestMultiControlled compares the constructions with their definition, with
// and without borrowed qubits.
func TestMultiControlled(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for n := 1; n <= 7; n++ {
		q := r.Perm(n)
		for _, lambda := range []Angle{Pi, HalfPi, Angle(r.Uint64()) & angleMask, 0} {
			c := &Circuit{Qubits: n, Ops: multiControlledPhase(lambda, q)}
			want := identity(1 << n)
			want[1<<n-1][1<<n-1] = unit(lambda, 1)
			require.Less(t, matDistance(circuitMatrix(t, c), want), 1e-12, "phase on %d", n)
		}
		for dirty := 0; dirty+n <= 8; dirty++ {
			q := r.Perm(n + dirty)
			c := &Circuit{Qubits: n + dirty, Ops: multiControlledX(q[:n-1], q[n-1], q[n:])}
			u := circuitMatrix(t, c)
			mask := 0
			for _, k := range q[:n-1] {
				mask |= 1 << k
			}
			for col := range u {
				row := col
				if col&mask == mask {
					row ^= 1 << q[n-1]
				}
				require.Less(t, cmplx.Abs(u[row][col]-1), 1e-12, "x with %d controls and %d borrowed", n-1, dirty)
			}
		}
	}
	all := make([]int, 40)
	for i := range all {
		all[i] = i
	}
	require.Less(t, len(multiControlledPhase(Pi, all)), 20000)
}

// TestDeclaredDepths: the layers of every narrow trapset circuit are among those
// that its own depth allows.
func TestDeclaredDepths(t *testing.T) {
	const id = "animica.quantum.trapset.v1"
	for w := 1; w <= 4; w++ {
		for layers := 1; layers <= 200; layers++ {
			c, err := Generate(id, w, layers, testSeed)
			require.NoError(t, err)
			all := DeclaredDepths(id, w, c.Depth())
			require.Contains(t, all, layers, "width %d", w)
			require.LessOrEqual(t, len(all), 6)
		}
	}
	require.Equal(t, []int{7}, DeclaredDepths("ghz", 2, 7))
}
