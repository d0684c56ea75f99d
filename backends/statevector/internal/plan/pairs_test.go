package plan

import (
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func on(g circuit.Gate, a circuit.Angle, q ...int) circuit.Op {
	op := circuit.Op{Gate: g, NQ: uint8(len(q))}
	op.Params[0] = a
	for k, x := range q {
		op.Q[k] = uint16(x)
	}
	return op
}

// TestWhatBecomesAnExchange: what is taken together, and what stands in the way.
func TestWhatBecomesAnExchange(t *testing.T) {
	const a, b = circuit.Angle(3 << 56), circuit.Angle(5 << 55)
	xx, yy := on(circuit.RXX, a, 0, 1), on(circuit.RYY, a, 0, 1)
	cx, cry := on(circuit.CX, 0, 0, 1), on(circuit.CRY, a, 1, 0)
	start := []circuit.Op{on(circuit.RY, a, 0), on(circuit.RY, b, 1), on(circuit.RY, b, 2)}
	for name, c := range map[string]struct {
		ops       []circuit.Op
		exchanges int
		fused     bool
		phases    []Phase
	}{
		"rxx ryy of one angle":              {[]circuit.Op{xx, yy}, 1, true, nil},
		"ryy rxx":                           {[]circuit.Op{yy, xx}, 1, true, nil},
		"operands the other way round":      {[]circuit.Op{xx, on(circuit.RYY, a, 1, 0)}, 1, true, nil},
		"opposite angles":                   {[]circuit.Op{xx, on(circuit.RYY, ^a+1, 0, 1)}, 1, true, nil},
		"different angles":                  {[]circuit.Op{xx, on(circuit.RYY, b, 0, 1)}, 2, true, nil},
		"rzz in between":                    {[]circuit.Op{xx, on(circuit.RZZ, b, 1, 0), yy}, 1, true, nil},
		"others in between, barrier too":    {[]circuit.Op{xx, on(circuit.RY, b, 2), on(circuit.Barrier, 0, 0, 1), yy}, 1, true, nil},
		"quarter turns are names":           {[]circuit.Op{on(circuit.RXX, circuit.HalfPi, 0, 1), on(circuit.RYY, circuit.HalfPi, 0, 1)}, 0, true, nil},
		"half turns are phases":             {[]circuit.Op{on(circuit.RXX, circuit.Pi, 0, 1), on(circuit.RYY, circuit.Pi, 0, 1)}, 0, true, nil},
		"cx cry cx":                         {[]circuit.Op{cx, cry, cx}, 1, true, nil},
		"cx crx cx":                         {[]circuit.Op{cx, on(circuit.CRX, a, 1, 0), cx}, 1, true, nil},
		"three of a kind":                   {[]circuit.Op{xx, yy, xx}, 1, true, nil},
		"twice":                             {[]circuit.Op{xx, yy, xx, yy}, 2, true, nil},
		"rxx alone":                         {[]circuit.Op{xx}, 0, false, nil},
		"rxx rxx":                           {[]circuit.Op{xx, xx}, 0, false, nil},
		"cp in between":                     {[]circuit.Op{xx, on(circuit.CP, b, 0, 1), yy}, 0, false, nil},
		"one qubit in between":              {[]circuit.Op{xx, on(circuit.Z, 0, 1), yy}, 0, false, nil},
		"another pair in between":           {[]circuit.Op{xx, on(circuit.RXX, a, 1, 2), yy}, 0, false, nil},
		"rzz of another pair":               {[]circuit.Op{xx, on(circuit.RZZ, a, 1, 2), yy}, 0, false, nil},
		"another pair":                      {[]circuit.Op{xx, on(circuit.RYY, a, 0, 2)}, 0, false, nil},
		"cry the other way round":           {[]circuit.Op{cx, on(circuit.CRY, a, 0, 1), cx}, 0, false, nil},
		"cx the other way round at the end": {[]circuit.Op{cx, cry, on(circuit.CX, 0, 1, 0)}, 0, false, nil},
		"something within cx cry cx":        {[]circuit.Op{cx, on(circuit.S, 0, 1), cry, cx}, 0, false, nil},
		"a phase in between":                {[]circuit.Op{xx, yy}, 0, false, []Phase{{Before: 4, Qubits: 0b110, Angle: b}}},
		"a phase of others":                 {[]circuit.Op{xx, yy}, 1, true, []Phase{{Before: 4, Qubits: 0b100, Angle: b}}},
	} {
		p, err := FromGates(3, append(append([]circuit.Op{}, start...), c.ops...), c.phases)
		require.NoError(t, err, name)
		require.Len(t, p.Pairs, c.exchanges, name)
		require.Equal(t, c.fused, p.Fused, name)
		requireValid(t, p, New(p))
	}
}

// TestExchangeOfZeros: two qubits that nothing touched stay |00⟩, except where X or
// unequal angles make an exchange of it.
func TestExchangeOfZeros(t *testing.T) {
	const a = circuit.Angle(3 << 56)
	for _, c := range []struct {
		ops  []circuit.Op
		want int
	}{
		{[]circuit.Op{on(circuit.RXX, a, 0, 1), on(circuit.RYY, a, 0, 1)}, 0},
		{[]circuit.Op{on(circuit.X, 0, 0), on(circuit.RXX, a, 0, 1), on(circuit.RYY, a, 0, 1)}, 1},
		{[]circuit.Op{on(circuit.X, 0, 0), on(circuit.X, 0, 1), on(circuit.RXX, a, 0, 1), on(circuit.RYY, a, 0, 1)}, 0},
		{[]circuit.Op{on(circuit.RXX, a, 0, 1), on(circuit.RYY, ^a+1, 0, 1)}, 1},
	} {
		p, err := FromOps(2, c.ops)
		require.NoError(t, err)
		require.Len(t, p.Pairs, c.want)
		require.True(t, p.Fused)
	}
}

// exchangesOf makes layers of rotations and exchanges on the pairs that next gives.
func exchangesOf(t testing.TB, width, layers int, next func(layer int) [][2]int) *Program {
	r := rand.New(rand.NewPCG(uint64(width), 3))
	var ops []circuit.Op
	for l := range layers {
		for q := range width {
			ops = append(ops, on(circuit.RY, circuit.Angle(r.Uint64())&^0xfff, q), on(circuit.T, 0, q))
		}
		for _, e := range next(l) {
			a := circuit.Angle(r.Uint64()) &^ 0xfff
			ops = append(ops, on(circuit.RXX, a, e[0], e[1]), on(circuit.RYY, a, e[0], e[1]))
		}
	}
	p, err := FromOps(width, ops)
	require.NoError(t, err)
	return p
}

// TestPlansOfExchanges: neighbours, and any two qubits, also those that no window of
// consecutive qubits holds.
func TestPlansOfExchanges(t *testing.T) {
	for width := 2; width <= 30; width++ {
		chain := exchangesOf(t, width, 12, func(l int) (out [][2]int) {
			for q := l % 2; q+1 < width; q += 2 {
				out = append(out, [2]int{q, q + 1})
			}
			return out
		})
		requireValid(t, chain, New(chain))
		r := rand.New(rand.NewPCG(4, uint64(width)))
		all := exchangesOf(t, width, 4, func(int) (out [][2]int) {
			p := r.Perm(width)
			for i := 0; i+1 < width; i += 2 {
				out = append(out, [2]int{p[i], p[i+1]})
			}
			return out
		})
		pl := New(all)
		requireValid(t, all, pl)
		require.True(t, pl.Fits(all))
		other := *all
		other.Pairs = append([]Exchange{}, all.Pairs...)
		other.Pairs[0].Angle++
		require.True(t, pl.Fits(&other), "angles do not matter")
		other.Pairs[0].Even = !other.Pairs[0].Even
		require.False(t, pl.Fits(&other), "another exchange")
	}
}

// TestExchangesAreCheaper: the plan's own estimate for circuits of exchanges on
// neighbours is below that of the same gates taken one by one, at every width.
func TestExchangesAreCheaper(t *testing.T) {
	for _, width := range []int{2, 4, 8, 12, 16, 20, 24} {
		r := rand.New(rand.NewPCG(5, uint64(width)))
		var together, apart []circuit.Op
		for l := range 10 {
			for q := l % 2; q+1 < width; q += 2 {
				a := circuit.Angle(r.Uint64()) &^ 0xfff
				for _, g := range []circuit.Op{on(circuit.RY, a+1<<50, q), on(circuit.RXX, a, q, q+1), on(circuit.ID, 0, q), on(circuit.RYY, a, q, q+1)} {
					apart = append(apart, g)
					if g.Gate != circuit.ID { // which keeps the two apart
						together = append(together, g)
					}
				}
			}
		}
		cost := func(ops []circuit.Op, fused bool) int {
			p, err := FromOps(width, ops)
			require.NoError(t, err)
			require.Equal(t, fused, p.Fused)
			_, c := newTuned(t.Context(), p, &tunings[0])
			return c
		}
		a, b := cost(together, true), cost(apart, false)
		require.Less(t, a, b, "width %d", width)
		if width >= 12 {
			require.Less(t, 2*a, b, "width %d", width)
		}
	}
}
