package stabilizer

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// TestSample: tables, single bits and any chunk give the same rows; the digest
// freezes the use of words.
func TestSample(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 2))
	for _, c := range []struct {
		width, layers int
		want          string
	}{{3, 0, "fc0d141c73ddbfddc3c9b417fefa42f3ed7992d8aa773a6edf229fb93ca79b15"}, {20, 2, "939897510364aa5e5d69dbf424c15d321051c7b716d6f9ee07eda020b24cfc07"}, {64, 6, "bb15c9249cadc7f430bc9e9792fcbf60b5f7495ed795623c27b1a7c3a2a2edec"}, {100, 3, "cd304287bc195dbee15e69b1d02ac3c2c3705767c7f2b1f56206dae82d3d1d4b"}} {
		a, err := Compile(t.Context(), brickwork(r, c.width, c.layers))
		require.NoError(t, err)
		rows, err := a.Sample(t.Context(), [16]byte{5}, 3, 2000)
		require.NoError(t, err)
		rb := (c.width + 7) / 8
		for _, chunk := range []int{1, 100, 511, 700} {
			for i := 0; i < 2000; i += chunk {
				n := min(chunk, 2000-i)
				part, err := a.Sample(t.Context(), [16]byte{5}, uint64(3+i), n)
				require.NoError(t, err)
				require.Equal(t, rows[i*rb:(i+n)*rb], part)
			}
		}
		h := sha3.New256()
		for _, v := range append([][]uint64{a.Ref}, a.Basis...) {
			h.Write(binary.LittleEndian.AppendUint64(nil, v[0]))
		}
		h.Write(rows)
		require.Equal(t, c.want, hex.EncodeToString(h.Sum(nil)), "width %d, %d random bits", c.width, a.K())
	}
}

func TestRefusals(t *testing.T) {
	for name, op := range map[string]circuit.Op{
		"not Clifford": opU3(0, circuit.U3Angles{Theta: 1 << 60}),
		"measure":      {Gate: circuit.Measure, NQ: 1},
		"conditional":  {Gate: circuit.U3, NQ: 1, Cond: 1},
		"range":        opU3(3, circuit.U3Angles{}),
		"cz range":     opCZ(0, 3),
		"same qubit":   opCZ(1, 1),
	} {
		_, err := CompileOps(t.Context(), 3, []circuit.Op{op})
		require.ErrorIs(t, err, backends.ErrUnsupported, name)
	}
	_, err := CompileOps(t.Context(), 4097, nil)
	require.ErrorIs(t, err, backends.ErrTooLarge)
	l := brickwork(rand.New(rand.NewPCG(1, 1)), 3, 2)
	l.U[4] = circuit.U3Angles{Theta: 1 << 60}
	_, err = Compile(t.Context(), l)
	require.EqualError(t, err, "u3 on qubit 1 before layer 1 is not Clifford: "+backends.ErrUnsupported.Error())
	_, err = Compile(t.Context(), &circuit.Layered{})
	require.ErrorIs(t, err, circuit.ErrSkeleton)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l = brickwork(rand.New(rand.NewPCG(1, 1)), 3, 2)
	a, err := Compile(t.Context(), l)
	require.NoError(t, err)
	_, err = a.Sample(ctx, [16]byte{}, 0, 10)
	require.ErrorIs(t, err, context.Canceled)
	_, err = Compile(ctx, l)
	require.ErrorIs(t, err, context.Canceled)
	_, err = CompileOps(ctx, 3, []circuit.Op{opCZ(0, 1)})
	require.ErrorIs(t, err, context.Canceled)
	_, err = CompileOps(ctx, 3, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// TestGateOfAllClasses: all multiples of π/2 fall into the 24 Cliffords; that each
// acts as it should is what TestAgainstExactAmplitudes shows.
func TestGateOfAllClasses(t *testing.T) {
	seen := map[Gate]bool{}
	for i := range circuit.Angle(8 * 8 * 8) {
		u := circuit.U3Angles{Theta: i % 8 * circuit.HalfPi, Phi: i / 8 % 8 * circuit.HalfPi, Lambda: i / 64 * circuit.HalfPi}
		g, ok := GateOf(u)
		require.True(t, ok)
		n, _ := GateOf(u.Normal())
		require.Equal(t, n, g)
		seen[g] = true
	}
	require.Len(t, seen, 24)
	gates, ok := GatesOf([]circuit.U3Angles{{}, {Theta: 1 << 60}})
	require.Equal(t, []bool{true, false}, ok)
	require.Zero(t, gates[0], "the identity")
}
