package plan

import (
	"context"
	"math/bits"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func trapset(t testing.TB, width, depth int, seed byte) *Program {
	c, err := circuit.Generate("animica.quantum.trapset.v1", width, depth, [32]byte{seed})
	require.NoError(t, err)
	p, err := FromOps(width, c.Ops)
	require.NoError(t, err)
	return p
}

// requireValid replays a plan: each rotation once and in order, each CZ exactly
// once and while its qubits have the right counts, chunks inside of tiles.
func requireValid(t testing.TB, p *Program, pl *Plan) {
	next, done := make([]int32, pl.Width), make([]bool, len(p.CZs))
	for q, r := range p.Rots {
		next[q] = int32(min(len(r), 1))
	}
	for _, ps := range pl.Passes {
		require.LessOrEqual(t, len(ps.Local), TileMax)
		for _, sub := range ps.Subs {
			require.LessOrEqual(t, len(sub.Local), ChunkMax)
			require.Subset(t, ps.Local, sub.Local)
			require.Equal(t, []uint8{0, 1, 2, 3}, sub.Local[:Lanes])
			for i := range sub.Steps {
				replay(t, p, pl, sub.Local, &sub.Steps[i], next, done)
			}
		}
	}
	for q, r := range p.Rots {
		require.EqualValues(t, len(r), next[q], "rotations of qubit %d", q)
	}
	for i, d := range done {
		require.True(t, d, "cz %d is left out", i)
	}
}

func replay(t testing.TB, p *Program, pl *Plan, local []uint8, st *Step, next []int32, done []bool) {
	inside := func(q uint8) bool {
		for _, pos := range local {
			if int(pos) == pl.Position(int(q)) {
				return true
			}
		}
		return false
	}
	apply := func(id int) {
		c := p.CZs[id]
		require.False(t, done[id], "cz %d twice", id)
		require.Equal(t, [2]int32{c.KA, c.KB}, [2]int32{next[c.A], next[c.B]}, "cz %d at the wrong time", id)
		done[id] = true
	}
	for _, id := range st.CZs {
		require.True(t, inside(p.CZs[id].A) && inside(p.CZs[id].B))
		apply(int(id))
	}
	for _, c := range st.Cross {
		require.True(t, inside(c.In) && !inside(c.Out))
		id := -1
		for i, z := range p.CZs {
			if !done[i] && (z.A == c.In && z.B == c.Out || z.B == c.In && z.A == c.Out) && z.KA == next[z.A] && z.KB == next[z.B] {
				id = i
			}
		}
		require.GreaterOrEqual(t, id, 0, "crossing cz %v does not exist", c)
		apply(id)
	}
	require.NotEmpty(t, st.Rots)
	parts := map[int32]int{}
	for _, r := range st.Rots {
		if n := p.Rots[r.Q][r.K].Pair; n != 0 {
			parts[n-1]++
		}
	}
	require.Len(t, parts, len(st.Pairs), "exchanges of the step")
	require.IsIncreasing(t, append([]int{-1}, firstQubits(p, st)...))
	for _, id := range st.Pairs {
		e := p.Pairs[id]
		require.Equal(t, 2, parts[id], "both qubits of exchange %d", id)
		require.Equal(t, [2]int32{e.KA, e.KB}, [2]int32{next[e.A], next[e.B]}, "exchange %d at the wrong time", id)
	}
	for _, r := range st.Rots {
		require.True(t, inside(r.Q))
		require.Equal(t, next[r.Q], r.K, "rotation out of order")
		for _, l := range p.ends(int(r.Q), r.K) {
			require.True(t, done[l.id], "rotation %v before cz %d", r, l.id)
		}
	}
	for _, r := range st.Rots {
		next[r.Q]++
	}
}

func firstQubits(p *Program, st *Step) (out []int) {
	for _, id := range st.Pairs {
		out = append(out, int(p.Pairs[id].A))
	}
	return out
}

func TestPlansAreValid(t *testing.T) {
	for width := 1; width <= 26; width++ {
		p := trapset(t, width, 30, 1)
		requireValid(t, p, New(p))
	}
	for _, id := range []string{"ghz", "qft_small"} {
		c, err := circuit.Generate(id, 18, 0, [32]byte{})
		require.NoError(t, err)
		low, err := c.Lower()
		require.NoError(t, err)
		p, err := FromOps(18, low.Ops)
		require.NoError(t, err)
		requireValid(t, p, New(p))
	}
}

// TestPlanIgnoresAngles: equal structure gives an equal plan.
func TestPlanIgnoresAngles(t *testing.T) {
	a, b := trapset(t, 18, 20, 1), trapset(t, 18, 20, 2)
	require.NotEqual(t, a.Rots, b.Rots)
	require.Equal(t, New(a), New(b))
	require.Equal(t, New(a), New(a))
	require.True(t, New(a).Fits(b))
	require.False(t, New(a).Fits(trapset(t, 18, 22, 1)), "another number of rotations")
	require.False(t, New(a).Fits(trapset(t, 17, 20, 1)), "another width")
	c := *a
	c.CZs = a.CZs[1:]
	require.False(t, New(a).Fits(&c), "another list of CZs")
}

// TestPlanOfW1 pins what makes the workload fast: few diagonals, few passes.
func TestPlanOfW1(t *testing.T) {
	p := trapset(t, 20, 120, 0)
	pl := New(p)
	steps := 0
	for _, ps := range pl.Passes {
		for _, s := range ps.Subs {
			steps += len(s.Steps)
		}
	}
	require.LessOrEqual(t, len(pl.Passes), 12)
	require.LessOrEqual(t, steps, 120, "59 layers need at least 59 diagonals")
}

func TestPositions(t *testing.T) {
	for width := Lanes; width <= 20; width++ {
		pl := New(trapset(t, width, 3, 0))
		for q := range width {
			require.EqualValues(t, 1<<pl.Position(q), pl.Index(1<<q))
		}
		for _, i := range []uint64{0, 1, 0x5a5a5a, 0xffffff, 0x123456} {
			i &= 1<<width - 1
			require.Equal(t, i, pl.Qubits(pl.Index(i)))
			require.Equal(t, bits.OnesCount64(i), bits.OnesCount64(pl.Index(i)))
		}
	}
}

func TestRefusals(t *testing.T) {
	_, err := FromOps(0, nil)
	require.ErrorIs(t, err, ErrWidth)
	_, err = FromOps(MaxWidth+1, nil)
	require.ErrorIs(t, err, ErrWidth)
	for _, op := range []circuit.Op{
		{Gate: circuit.Measure, NQ: 1},
		{Gate: circuit.H, NQ: 2},
		{Gate: circuit.Gate(200), NQ: 1},
		{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{2}},
		{Gate: circuit.U3, NQ: 1, Cond: 1},
		{Gate: circuit.CZ, NQ: 2},
		{Gate: circuit.CZ, NQ: circuit.MaxOpQubits + 1},
	} {
		_, err := FromOps(2, []circuit.Op{op})
		require.ErrorIs(t, err, ErrOp, "%v", op)
	}
	_, err = FromOps(2, []circuit.Op{{Gate: circuit.Barrier, NQ: 2, Q: [circuit.MaxOpQubits]uint16{0, 1}}})
	require.NoError(t, err)
	_, err = FromLayered(&circuit.Layered{})
	require.ErrorIs(t, err, circuit.ErrSkeleton)
	_, err = FromSkeleton(&circuit.Skeleton{Width: 2}, nil)
	require.ErrorIs(t, err, circuit.ErrSkeleton)
}

// TestPaulisCostNothing: half turns go to the frame, phases and CZs on |0⟩ vanish,
// equal CZs cancel, and what no rotation follows is kept apart.
func TestPaulisCostNothing(t *testing.T) {
	u3 := func(q uint16, theta, phi, lambda circuit.Angle) circuit.Op {
		op := circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{q}}
		op.Params[0], op.Params[1], op.Params[2] = theta, phi, lambda
		return op
	}
	cz := circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{1, 0}}
	p, err := FromOps(2, []circuit.Op{cz, u3(0, circuit.Pi, 0, circuit.Pi), cz, u3(1, circuit.HalfPi, 5<<12, 0), cz, cz, cz})
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Frame)
	require.Empty(t, p.Rots[0])
	require.Len(t, p.Rots[1], 1)
	require.Empty(t, p.CZs)
	require.Empty(t, p.Last.CZs, "qubit 0 is a fixed bit")
	require.Equal(t, 3*circuit.Pi+5<<12, p.Last.Alpha[1], "behind a 1 each cz is z")
	p, err = FromOps(2, []circuit.Op{u3(0, 1<<60, 0, 0), u3(1, 1<<60, 0, 0), cz, cz, cz})
	require.NoError(t, err)
	require.Len(t, p.Last.CZs, 1)
	require.Empty(t, New(p).Passes, "all of it is the product state at the start")
}

// FuzzPlan: any list of u3 and cz gives a valid plan.
func FuzzPlan(f *testing.F) {
	f.Add(uint8(3), []byte{0x01, 0x12, 0x83, 0x20, 0x01, 0x12})
	f.Add(uint8(20), []byte("a long enough line of text to entangle many of the qubits there are"))
	f.Fuzz(func(t *testing.T, width uint8, data []byte) {
		w := int(width)%24 + 1
		data = data[:min(len(data), 400)]
		var ops []circuit.Op
		for i := 0; i+1 < len(data); i += 2 {
			a, b := uint16(int(data[i])%w), uint16(int(data[i+1])%w)
			op := circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{a, b}}
			if a == b || data[i]&1 == 0 {
				op.Gate, op.NQ = circuit.U3, 1
				op.Params[0] = circuit.Angle(data[i+1]) << 58
			}
			ops = append(ops, op)
		}
		p, err := FromOps(w, ops)
		require.NoError(t, err)
		requireValid(t, p, New(p))
	})
}

func TestNewContextStops(t *testing.T) {
	p := trapset(t, 5, 6, 1)
	ctx, cancel := context.WithCancel(t.Context())
	pl, err := NewContext(ctx, p)
	require.NoError(t, err)
	require.Equal(t, New(p), pl)
	cancel()
	_, err = NewContext(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
}
