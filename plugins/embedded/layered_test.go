package embedded

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

type mat [2][2]complex128

func rad(a circuit.Angle) float64 { return float64(a) / (1 << 32) / (1 << 32) * 4 * math.Pi }

func matrix(t, p, l circuit.Angle) mat {
	c, s := math.Cos(rad(t)/2), math.Sin(rad(t)/2)
	return mat{{complex(c, 0), -cmplx.Rect(s, rad(l))}, {cmplx.Rect(s, rad(p)), cmplx.Rect(c, rad(p)+rad(l))}}
}

func (a mat) mul(b mat) (c mat) {
	for i := range 2 {
		for j := range 2 {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}

// vector is a state of w qubits, qubit 0 the lowest bit.
type vector []complex128

func (v vector) gate(q int, m mat) {
	for i := range v {
		if k := i | 1<<q; k != i {
			v[i], v[k] = m[0][0]*v[i]+m[0][1]*v[k], m[1][0]*v[i]+m[1][1]*v[k]
		}
	}
}

func (v vector) cz(a, b int) {
	for i := range v {
		if (i>>a)&(i>>b)&1 == 1 {
			v[i] = -v[i]
		}
	}
}

func runCircuit(c *circuit.Circuit, width int) vector {
	v := make(vector, 1<<width)
	v[0] = 1
	for _, op := range c.Ops {
		switch op.Gate {
		case circuit.U3:
			v.gate(int(op.Q[0]), matrix(op.Params[0], op.Params[1], op.Params[2]))
		case circuit.CZ:
			v.cz(int(op.Q[0]), int(op.Q[1]))
		}
	}
	return v
}

func runLayered(l *circuit.Layered) vector {
	v := make(vector, 1<<l.Width)
	v[0] = 1
	for j := 0; j <= len(l.Layers); j++ {
		for q := range l.Width {
			u := l.U[j*l.Width+q]
			v.gate(q, matrix(u.Theta, u.Phi, u.Lambda))
		}
		if j < len(l.Layers) {
			for _, p := range l.Layers[j] {
				v.cz(int(p.A), int(p.B))
			}
		}
	}
	return v
}

func compileWith(t testing.TB, g *guestInstance, c *circuit.Circuit, target guest.Target) (*circuit.Layered, error) {
	in, err := guest.AppendCircuit(nil, c)
	require.NoError(t, err)
	g.in = map[uint32][]byte{1: in, 2: guest.AppendTarget(nil, target)}
	if err := g.call("qx_compile"); err != nil {
		return nil, err
	}
	l, err := guest.ParseLayered(g.out[16])
	require.NoError(t, err)
	require.Equal(t, g.out[16], guest.AppendLayered(nil, l))
	return l, nil
}

func u3(q int, t, p, l circuit.Angle) circuit.Op {
	return circuit.Op{Gate: circuit.U3, NQ: 1, Q: [4]uint16{uint16(q)}, Params: [4]circuit.Angle{t, p, l}}
}

func cz(a, b int) circuit.Op {
	return circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{uint16(a), uint16(b)}}
}

func measure(q, c int) circuit.Op {
	return circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [4]uint16{uint16(q)}, Clbit: uint32(c)}
}

func anyAngle(r *rand.Rand) circuit.Angle {
	switch r.IntN(4) {
	case 0:
		return circuit.Angle(r.IntN(8)) << 61
	case 1:
		return circuit.Angle(r.IntN(16))<<60 + circuit.Angle(r.IntN(5)-2)<<12
	case 2:
		return circuit.Angle(r.IntN(8))<<61 + circuit.Angle(r.Uint64N(1<<40))&^0xfff
	default:
		return circuit.Angle(r.Uint64()) &^ 0xfff
	}
}

// TestMergeAccuracy composes random and nearly special gates and compares with
// matrices from package math.
func TestMergeAccuracy(t *testing.T) {
	g := instantiate(t, "layered")
	r := rand.New(rand.NewPCG(1, 1))
	const n = 60
	for range 100 {
		c := &circuit.Circuit{Qubits: n}
		want := make([]mat, n)
		runs := 2 + r.IntN(3)
		for q := range n {
			want[q] = mat{{1, 0}, {0, 1}}
			for range runs {
				op := u3(q, anyAngle(r), anyAngle(r), anyAngle(r))
				c.Ops = append(c.Ops, op)
				want[q] = matrix(op.Params[0], op.Params[1], op.Params[2]).mul(want[q])
			}
		}
		l, err := compileWith(t, g, c, guest.Target{})
		require.NoError(t, err)
		require.Empty(t, l.Layers)
		for q := range n {
			u := l.U[q]
			m := matrix(u.Theta, u.Phi, u.Lambda)
			var tr complex128 // the phase between the two
			for i := range 2 {
				for j := range 2 {
					tr += cmplx.Conj(m[i][j]) * want[q][i][j]
				}
			}
			for i := range 2 {
				for j := range 2 {
					require.InDelta(t, 0, cmplx.Abs(m[i][j]*tr/complex(cmplx.Abs(tr), 0)-want[q][i][j]), 1e-13, "%v", c.Ops[q*runs:(q+1)*runs])
				}
			}
		}
	}
}

// TestMergeExact: products that are on the grid come out to the last bit.
func TestMergeExact(t *testing.T) {
	g := instantiate(t, "layered")
	r := rand.New(rand.NewPCG(2, 1))
	one := func(ops ...circuit.Op) circuit.U3Angles {
		l, err := compileWith(t, g, &circuit.Circuit{Qubits: 1, Ops: ops}, guest.Target{})
		require.NoError(t, err)
		return l.U[0]
	}
	const h = circuit.HalfPi
	for range 300 {
		a, b, x := anyAngle(r), anyAngle(r), anyAngle(r)
		require.Equal(t, circuit.U3Angles{Theta: x, Phi: a, Lambda: b}.Normal(), one(u3(0, x, a, b)), "one gate passes unchanged")
		require.Equal(t, circuit.U3Angles{}, one(u3(0, x, a, b), u3(0, -x, -b, -a)), "a gate and its inverse")
		require.Equal(t, circuit.U3Angles{Theta: x, Phi: a, Lambda: b}.Normal(), one(u3(0, 0, 0, b), u3(0, x, 0, 0), u3(0, 0, a, 0)), "Rz Ry Rz")
		for p := range circuit.Pauli(4) {
			pauli := circuit.U3Angles{}.Left(p)
			u := circuit.U3Angles{Theta: x, Phi: a, Lambda: b}
			require.Equal(t, u.Right(p), one(u3(0, pauli.Theta, pauli.Phi, pauli.Lambda), u3(0, x, a, b)))
			require.Equal(t, u.Left(p), one(u3(0, x, a, b), u3(0, pauli.Theta, pauli.Phi, pauli.Lambda)))
		}
		// Cliffords are closed, and H·H = (S·H)^3 = 1 up to phase.
		k := func() circuit.Angle { return circuit.Angle(r.IntN(8)) * h }
		require.True(t, one(u3(0, k(), k(), k()), u3(0, k(), k(), k()), u3(0, k(), k(), k())).IsClifford())
	}
	hh, s := u3(0, h, 0, 2*h), u3(0, 0, 0, h)
	require.Equal(t, circuit.U3Angles{}, one(hh, hh))
	require.Equal(t, circuit.U3Angles{}, one(hh, s, hh, s, hh, s))
	require.Equal(t, circuit.U3Angles{}, one())
}

// randomCircuit has measures in the end with some probability, each into another
// clbit.
func randomCircuit(r *rand.Rand, n, ops int) *circuit.Circuit {
	c := &circuit.Circuit{Qubits: n, Clbits: n + 2}
	for range ops {
		switch a, b := r.IntN(n), r.IntN(n); {
		case r.IntN(20) == 0:
			c.Ops = append(c.Ops, circuit.Op{Gate: circuit.Barrier})
		case a == b || r.IntN(3) == 0:
			c.Ops = append(c.Ops, u3(a, anyAngle(r), anyAngle(r), anyAngle(r)))
		default:
			c.Ops = append(c.Ops, cz(a, b))
		}
	}
	if r.IntN(3) > 0 {
		to := r.Perm(n + 2)
		for _, q := range r.Perm(n)[:1+r.IntN(n)] {
			c.Ops = append(c.Ops, measure(q, to[q]))
		}
	}
	return c
}

// wires maps each logical qubit of c to the physical qubit that l measures for it.
func wires(t *testing.T, c *circuit.Circuit, l *circuit.Layered) map[int]int {
	clbit, out := map[int]int{}, map[int]int{}
	for _, op := range c.Ops {
		if op.Gate == circuit.Measure {
			clbit[int(op.Clbit)] = int(op.Q[0])
		}
	}
	if len(clbit) == 0 {
		for q := range c.Qubits {
			clbit[q] = q
		}
	}
	for p, b := range l.Measure {
		if b != circuit.NoClbit {
			q, ok := clbit[b]
			require.True(t, ok)
			out[q] = p
		}
	}
	require.Len(t, out, len(clbit))
	return out
}

// TestCompiledCircuitsAreEquivalent compares state vectors up to global phase and
// the final permutation, on complete, linear, ring and star coupling maps.
func TestCompiledCircuitsAreEquivalent(t *testing.T) {
	g := instantiate(t, "layered")
	r := rand.New(rand.NewPCG(3, 1))
	for round := range 160 {
		n := 1 + r.IntN(6)
		c := randomCircuit(r, n, r.IntN(40))
		target := guest.Target{}
		if r.IntN(3) == 0 {
			target.Width = n + r.IntN(3)
		}
		w := max(n, target.Width)
		shape := round % 4
		for q := range w {
			switch {
			case shape == 1 && q > 0:
				target.Edges = append(target.Edges, circuit.Pair{A: uint16(q - 1), B: uint16(q)})
			case shape == 2 && q > 1:
				target.Edges = append(target.Edges, circuit.Pair{A: 0, B: uint16(q)})
			case shape == 3 && w > 2 && q == 0:
				target.Edges = append(target.Edges, circuit.Pair{A: 0, B: 1}, circuit.Pair{A: 0, B: uint16(w - 1)})
			case shape == 3 && w > 2 && q < w-1:
				target.Edges = append(target.Edges, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
			}
		}
		if shape == 2 && w > 1 { // a star around 0
			target.Edges = append([]circuit.Pair{{A: 0, B: 1}}, target.Edges...)
		}
		l, err := compileWith(t, g, c, target)
		require.NoError(t, err)
		require.Equal(t, w, l.Width)
		allowed := map[circuit.Pair]bool{}
		for _, e := range target.Edges {
			allowed[e] = true
		}
		for _, layer := range l.Layers {
			require.NotEmpty(t, layer)
			for _, p := range layer {
				require.True(t, len(allowed) == 0 || allowed[p], "CZ %v is not an edge", p)
			}
		}
		sameMarginals(t, runCircuit(c, w), runLayered(l), wires(t, c, l))
		if to := wires(t, c, l); len(to) == n { // all measured: amplitudes too
			sameAmplitudes(t, runCircuit(c, w), runLayered(l), to)
		}
	}
}

// sameMarginals compares the distributions of the measured wires.
func sameMarginals(t *testing.T, a, b vector, to map[int]int) {
	pa, pb := map[int]float64{}, map[int]float64{}
	for i := range a {
		x, y := 0, 0
		for q, p := range to {
			x |= i >> q & 1 << q
			y |= i >> p & 1 << q
		}
		pa[x] += real(a[i])*real(a[i]) + imag(a[i])*imag(a[i])
		pb[y] += real(b[i])*real(b[i]) + imag(b[i])*imag(b[i])
	}
	for x := range pa {
		require.InDelta(t, pa[x], pb[x], 1e-11)
	}
}

// sameAmplitudes compares states whose unmapped wires are |0>.
func sameAmplitudes(t *testing.T, a, b vector, to map[int]int) {
	var overlap complex128
	for i := range a {
		j := 0
		rest := i
		for q, p := range to {
			j |= i >> q & 1 << p
			rest &^= 1 << q
		}
		if rest == 0 {
			overlap += cmplx.Conj(a[i]) * b[j]
		}
	}
	require.InDelta(t, 1, cmplx.Abs(overlap), 1e-11)
}

// TestBrickworkKeepsItsLayers: 20 x 120 has its 60 CZ layers, in order.
func TestBrickworkKeepsItsLayers(t *testing.T) {
	g := instantiate(t, "layered")
	r := rand.New(rand.NewPCG(4, 1))
	c := &circuit.Circuit{Qubits: 20}
	var want [][]circuit.Pair
	for cycle := range 60 {
		for q := range 20 {
			c.Ops = append(c.Ops, u3(q, anyAngle(r), anyAngle(r), anyAngle(r)))
		}
		var layer []circuit.Pair
		for q := cycle % 2; q+1 < 20; q += 2 {
			c.Ops = append(c.Ops, cz(q+1, q))
			layer = append(layer, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
		want = append(want, layer)
	}
	l, err := compileWith(t, g, c, guest.Target{})
	require.NoError(t, err)
	require.Equal(t, want, l.Layers)
	require.Equal(t, 20, l.Clbits)
	for q, b := range l.Measure {
		require.Equal(t, q, b)
	}
	first, err := compileWith(t, instantiate(t, "layered"), c, guest.Target{})
	require.NoError(t, err)
	require.Equal(t, l, first)
}

// TestBarrierHoldsGatesBack: a CZ behind a barrier shares no layer with one in
// front of it.
func TestBarrierHoldsGatesBack(t *testing.T) {
	g := instantiate(t, "layered")
	c := &circuit.Circuit{Qubits: 4, Ops: []circuit.Op{cz(0, 1), {Gate: circuit.Barrier}, u3(2, 1<<61, 0, 0), cz(2, 3)}}
	l, err := compileWith(t, g, c, guest.Target{})
	require.NoError(t, err)
	require.Equal(t, [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 2, B: 3}}}, l.Layers)
	require.Equal(t, circuit.Angle(1<<61), l.U[4+2].Theta)
	c.Ops = append(c.Ops[:1], c.Ops[2:]...)
	l, err = compileWith(t, g, c, guest.Target{})
	require.NoError(t, err)
	require.Len(t, l.Layers, 1)
}

func TestCompilerRefuses(t *testing.T) {
	g := instantiate(t, "layered")
	line := guest.Target{Edges: []circuit.Pair{{A: 0, B: 1}}}
	for name, c := range map[string]struct {
		qubits, clbits int
		target         guest.Target
		ops            []circuit.Op
		want           string
	}{
		"gate after measure":    {2, 2, guest.Target{}, []circuit.Op{measure(0, 0), u3(0, 1<<61, 0, 0)}, "operation 1: a gate follows the measurement"},
		"cz after measure":      {2, 2, guest.Target{}, []circuit.Op{measure(1, 0), cz(0, 1)}, "operation 1: a gate follows the measurement"},
		"qubit measured twice":  {2, 2, guest.Target{}, []circuit.Op{measure(0, 0), measure(0, 1)}, "operation 1: a qubit is measured twice"},
		"clbit measured twice":  {2, 2, guest.Target{}, []circuit.Op{measure(0, 0), measure(1, 0)}, "operation 1: a clbit is measured twice"},
		"clbit range":           {2, 1, guest.Target{}, []circuit.Op{measure(0, 1)}, "clbit out of range"},
		"qubit range":           {2, 1, guest.Target{}, []circuit.Op{u3(2, 0, 0, 0)}, "operand out of range"},
		"cz of one qubit":       {2, 1, guest.Target{}, []circuit.Op{cz(1, 1)}, "operand out of range"},
		"angle below the grid":  {2, 1, guest.Target{}, []circuit.Op{u3(0, 1, 0, 0)}, "operand out of range"},
		"narrow target":         {3, 0, guest.Target{Width: 2}, nil, "the circuit has 3 qubits, the target 2"},
		"no path":               {3, 0, line, []circuit.Op{cz(0, 2)}, "no path of the coupling map"},
		"edge out of range":     {2, 0, guest.Target{Edges: []circuit.Pair{{A: 0, B: 2}}}, nil, "edges must be"},
		"edges out of order":    {3, 0, guest.Target{Edges: []circuit.Pair{{A: 1, B: 2}, {A: 0, B: 1}}}, nil, "edges must be"},
		"edge twice":            {3, 0, guest.Target{Edges: []circuit.Pair{{A: 0, B: 1}, {A: 0, B: 1}}}, nil, "edges must be"},
		"no qubits":             {0, 0, guest.Target{}, nil, "at least one qubit"},
		"too many qubits":       {4097, 0, guest.Target{}, nil, "4097 qubits"},
		"too many clbits":       {1, 4097, guest.Target{}, nil, "4097 clbits"},
		"target above the most": {1, 0, guest.Target{Width: 4097}, nil, "the target 4097"},
	} {
		_, err := compileWith(t, g, &circuit.Circuit{Qubits: c.qubits, Clbits: c.clbits, Ops: c.ops}, c.target)
		require.ErrorContains(t, err, c.want, name)
	}
	big := &circuit.Circuit{Qubits: 4096}
	for i := range 300 {
		big.Ops = append(big.Ops, cz(i%2, 2))
	}
	_, err := compileWith(t, g, big, guest.Target{})
	require.ErrorContains(t, err, "gate positions")

	// Every cut and every changed byte is refused or still compiles: no trap.
	in, err := guest.AppendCircuit(nil, randomCircuit(rand.New(rand.NewPCG(5, 1)), 3, 6))
	require.NoError(t, err)
	for i := range in {
		g.in = map[uint32][]byte{1: in[:i], 2: guest.AppendTarget(nil, line)}
		require.Error(t, g.call("qx_compile"))
		b := append([]byte(nil), in...)
		b[i] ^= 0x81
		g.in[1] = b
		if g.call("qx_compile") == nil {
			_, err := guest.ParseLayered(g.out[16])
			require.NoError(t, err)
		}
	}
	g.in = map[uint32][]byte{1: in, 2: guest.AppendTarget(nil, guest.Target{})}
	g.outMax = 40
	require.ErrorContains(t, g.call("qx_compile"), "output limit")
	delete(g.in, 2)
	require.Error(t, g.call("qx_compile"))
}

func TestDescribe(t *testing.T) {
	for _, m := range All() {
		g := instantiate(t, m.Name)
		require.NoError(t, g.call("qx_describe"))
		require.Equal(t, "abi=1\nkind="+m.Kind+"\nname="+m.Name+"\nversion="+m.Version+"\n", string(g.out[16]))
	}
}

func BenchmarkCompileBrickwork(b *testing.B) {
	g := instantiate(b, "layered")
	r := rand.New(rand.NewPCG(6, 1))
	c := &circuit.Circuit{Qubits: 20}
	for cycle := range 60 {
		for q := range 20 {
			c.Ops = append(c.Ops, u3(q, anyAngle(r), anyAngle(r), anyAngle(r)))
		}
		for q := cycle % 2; q+1 < 20; q += 2 {
			c.Ops = append(c.Ops, cz(q, q+1))
		}
	}
	in, err := guest.AppendCircuit(nil, c)
	require.NoError(b, err)
	g.in = map[uint32][]byte{1: in, 2: guest.AppendTarget(nil, guest.Target{})}
	for b.Loop() {
		require.NoError(b, g.call("qx_compile"))
	}
}
