package plan

import (
	"math/bits"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func gate(g circuit.Gate, a circuit.Angle, q ...int) circuit.Op {
	op := circuit.Op{Gate: g, NQ: uint8(len(q))}
	for k := range g.Info().Params {
		op.Params[k] = a
	}
	for k, x := range q {
		op.Q[k] = uint16(x)
	}
	return op
}

// spread puts every qubit into a superposition, so that phases count.
func spread(width int) (ops []circuit.Op) {
	for q := range width {
		ops = append(ops, gate(circuit.RY, 1<<60, q))
	}
	return ops
}

func program(t testing.TB, width int, ops ...circuit.Op) *Program {
	p, err := FromOps(width, ops)
	require.NoError(t, err)
	return p
}

// TestControlledPhaseIsOneTerm: the decomposition of a phase under any number of
// controls is found again, with X around it as a pattern.
func TestControlledPhaseIsOneTerm(t *testing.T) {
	for n := 3; n <= 12; n++ {
		q := make([]int, n)
		for i := range q {
			q[i] = i
		}
		ops := append(spread(n), gate(circuit.X, 0, 1))
		ops = append(ops, circuit.ControlledPhase(circuit.Pi, q)...)
		ops = append(ops, gate(circuit.X, 0, 1))
		ops = append(ops, spread(n)...)
		p := program(t, n, ops...)
		full := uint64(1)<<n - 1
		require.Len(t, p.Terms, 1, "%d qubits", n)
		require.Equal(t, Term{full, full &^ 2, circuit.Pi, p.Terms[0].K}, p.Terms[0])
		require.Zero(t, p.Frame)
		for i := range q {
			require.Len(t, p.Rots[i], 2)
			require.Zero(t, p.Rots[i][1].Alpha)
		}
		same, err := FromGates(n, append(append(spread(n), gate(circuit.X, 0, 1), gate(circuit.X, 0, 1)), spread(n)...), []Phase{{n + 1, full, circuit.Pi}})
		require.NoError(t, err)
		require.Equal(t, p.Terms, same.Terms)
		require.Equal(t, p.Rots, same.Rots)
		require.True(t, New(p).Fits(same))
		require.False(t, New(p).Fits(program(t, n, append(spread(n), spread(n)...)...)), "without the term")
		requireValid(t, p, New(p))
	}
}

// TestPhaseBetweenTwoCX is RZZ; an open CX is no run, and neither is one around a
// rotation.
func TestPhaseBetweenTwoCX(t *testing.T) {
	rest := []circuit.Op{gate(circuit.CX, 0, 0, 1), gate(circuit.RZ, 5<<40, 1), gate(circuit.CX, 0, 0, 1)}
	p := program(t, 2, append(append(spread(2), rest...), spread(2)...)...)
	q := program(t, 2, append(append(spread(2), gate(circuit.RZZ, 5<<40, 0, 1)), spread(2)...)...)
	require.Equal(t, q.Terms, p.Terms)
	require.Equal(t, q.Rots, p.Rots)
	require.Empty(t, findRuns(rest[:2], nil))
	require.Empty(t, findRuns([]circuit.Op{rest[0], gate(circuit.H, 0, 1), rest[2]}, nil))
	require.Len(t, findRuns(rest, nil), 1)
	require.Empty(t, findRuns(rest, []Phase{{1, 1, 1}}), "a phase in between")
}

// TestRunsAreBounded: none of these is followed for long.
func TestRunsAreBounded(t *testing.T) {
	var chain, star, long []circuit.Op
	for q := range 20 {
		chain = append(chain, gate(circuit.CX, 0, q, q+1))
		star = append(star, gate(circuit.CCX, 0, q, q+1, 30))
	}
	require.Empty(t, findRuns(append(chain, chain...), nil))
	require.Empty(t, findRuns(append(star, gate(circuit.P, 8, 30)), nil))
	for range maxBlock {
		long = append(long, gate(circuit.P, 8, 0))
	}
	cx := gate(circuit.CX, 0, 0, 1)
	require.Empty(t, findRuns(append(append([]circuit.Op{cx}, long...), cx), nil))
	require.Len(t, findRuns(append(append([]circuit.Op{cx}, long[2:]...), cx), nil), 1)
	c := classical{}
	require.Zero(t, c.block([]circuit.Op{cx, cx}), "no budget")
}

// TestSwapsRename: swaps in three spellings cost nothing and end with every qubit
// at its own place.
func TestSwapsRename(t *testing.T) {
	ops := append(spread(3), gate(circuit.Swap, 0, 0, 1),
		gate(circuit.CX, 0, 1, 2), gate(circuit.CX, 0, 2, 1), gate(circuit.CX, 0, 1, 2),
		gate(circuit.P, 1<<50, 2), gate(circuit.RY, 3<<58, 2))
	p := program(t, 3, ops...)
	require.Empty(t, p.CZs)
	require.Equal(t, []int{1, 1, 2}, []int{len(p.Rots[0]), len(p.Rots[1]), len(p.Rots[2])})
	p = program(t, 2, append(spread(2), gate(circuit.ISwap, 0, 0, 1), gate(circuit.ISwapDg, 0, 1, 0))...)
	require.Empty(t, p.Last.CZs)
	require.Equal(t, []circuit.Angle{0, 0}, p.Last.Alpha)
}

// TestRotationsJoin: of gates other than u3, where at most Z is between them.
func TestRotationsJoin(t *testing.T) {
	h, s, cz := gate(circuit.H, 0, 0), gate(circuit.S, 0, 0), gate(circuit.CZ, 0, 0, 1)
	for i, c := range []struct {
		ops  []circuit.Op
		want int // rotations of qubit 0
	}{
		{[]circuit.Op{h, h}, 0},
		{[]circuit.Op{h, s, h}, 2},
		{[]circuit.Op{h, s, s, h}, 0},
		{[]circuit.Op{h, cz, h}, 2},
		{[]circuit.Op{h, cz, h, h, h}, 2},
		{[]circuit.Op{h, cz, h, h, h, h}, 1},
		{[]circuit.Op{h, cz, h, h, cz, h}, 2},
		{[]circuit.Op{gate(circuit.RX, 1<<58, 0), gate(circuit.RX, 1<<59, 0)}, 1},
		{[]circuit.Op{gate(circuit.U3, 1<<58, 0), gate(circuit.U3, 3<<58, 0)}, 2},
	} {
		p := program(t, 2, append([]circuit.Op{gate(circuit.RY, 1<<60, 1)}, c.ops...)...)
		require.Len(t, p.Rots[0], c.want, "case %d", i)
		requireValid(t, p, New(p))
	}
}

func TestPhaseRefusals(t *testing.T) {
	for _, f := range []Phase{{0, 0, 1}, {0, 4, 1}, {-1, 1, 1}, {3, 1, 1}} {
		_, err := FromGates(2, spread(2), []Phase{f})
		require.ErrorIs(t, err, ErrOp, "%v", f)
	}
	_, err := FromGates(2, spread(2), []Phase{{2, 1, 1}, {1, 1, 1}})
	require.ErrorIs(t, err, ErrOp, "not ascending")
	_, err = FromOps(2, []circuit.Op{gate(circuit.CP, 1<<60, 0, 0)})
	require.ErrorIs(t, err, ErrOp)
}

// TestTermsOnZeros: a qubit that never rotated is a fixed bit.
func TestTermsOnZeros(t *testing.T) {
	p := program(t, 4, gate(circuit.RY, 1<<60, 0), gate(circuit.RY, 1<<60, 1), gate(circuit.X, 0, 3),
		gate(circuit.CP, 1<<58, 0, 2), gate(circuit.CCZ, 0, 0, 1, 3), gate(circuit.CP, 1<<58, 0, 3))
	require.Empty(t, p.Terms)
	require.Len(t, p.Last.Terms, 1, "ccz on a 1 is cz")
	require.EqualValues(t, 3, p.Last.Terms[0].Mask)
	require.Equal(t, circuit.Angle(1<<58), p.Last.Alpha[0])
}

// requireTerms checks that each term is done once, before its qubits rotate on.
func requireTerms(t testing.TB, p *Program, pl *Plan) {
	next, done := make([]int32, pl.Width), make([]int, len(p.Terms))
	for q, r := range p.Rots {
		next[q] = int32(min(len(r), 1))
	}
	for _, ps := range pl.Passes {
		for _, sub := range ps.Subs {
			for _, st := range sub.Steps {
				for _, id := range st.Terms {
					require.True(t, p.Terms[id].exact(next), "term %d out of turn", id)
					done[id]++
				}
				for _, r := range st.Rots {
					for _, id := range p.termsOf(int(r.Q), r.K) {
						require.Equal(t, 1, done[id], "term %d when qubit %d rotates", id, r.Q)
					}
					next[r.Q]++
				}
			}
		}
	}
	for id, n := range done {
		require.Equal(t, 1, n, "term %d", id)
	}
}

// FuzzGates: any list of gates gives a valid plan.
func FuzzGates(f *testing.F) {
	f.Add(uint8(5), []byte("some gates on five qubits, some of them equal"))
	f.Add(uint8(21), []byte{26, 1, 2, 37, 3, 4, 26, 1, 2, 29, 7, 9, 40, 1, 2, 38, 5, 6, 8, 1, 2})
	f.Fuzz(func(t *testing.T, width uint8, data []byte) {
		w, gates := int(width)%24+3, circuit.Gates()
		data = data[:min(len(data), 600)]
		ops := spread(w)
		for i := 0; i+2 < len(data); i += 3 {
			g := gates[int(data[i])%len(gates)]
			a, step := int(data[i+1])%w, 1+int(data[i+2])%((w-1)/2)
			ops = append(ops, gate(g, circuit.Angle(data[i+2])<<56, []int{a, (a + step) % w, (a + 2*step) % w}[:g.Info().Qubits]...))
		}
		p, err := FromOps(w, ops)
		require.NoError(t, err)
		pl := New(p)
		requireValid(t, p, pl)
		requireTerms(t, p, pl)
		require.Zero(t, p.Frame>>w)
		for _, term := range p.Terms {
			require.GreaterOrEqual(t, bits.OnesCount64(term.Mask), 2)
		}
	})
}
