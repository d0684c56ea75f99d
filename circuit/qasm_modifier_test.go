package circuit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// underControl is the definition: m where the first qubits equal on, else 1.
func underControl(m matrix, on []bool) matrix {
	n := len(on)
	out := identity(len(m) << n)
	pattern := 0
	for i, b := range on {
		if b {
			pattern |= 1 << i
		}
	}
	for r := range m {
		for c := range m {
			out[r<<n|pattern][c<<n|pattern] = m[r][c]
		}
	}
	return out
}

func matPower(m matrix, k int) matrix {
	out := identity(len(m))
	if k < 0 {
		m, k = dagger(m), -k
	}
	for range k {
		out = matMul(out, m)
	}
	return out
}

// TestModifiers compares ctrl, negctrl, inv and pow of every gate with the
// matrices they are defined by.
func TestModifiers(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, g := range Gates() {
		info := g.Info()
		for n := 0; n <= 3; n++ {
			for _, k := range []int{1, -1, 3} {
				var mods, params, qubits []string
				var on []bool
				for range n {
					on = append(on, r.IntN(3) > 0)
					mods = append(mods, map[bool]string{true: "ctrl @ ", false: "negctrl @ "}[on[len(on)-1]])
				}
				switch k {
				case -1:
					mods = append(mods, "inv @ ")
				case 3:
					mods = append([]string{"pow(3) @ "}, mods...)
				}
				p := make([]Angle, info.Params)
				for i := range p {
					p[i] = randomAngle(r)
					params = append(params, p[i].PiText())
				}
				for i := range n + info.Qubits {
					qubits = append(qubits, fmt.Sprintf("q[%d]", i))
				}
				m, name := g.Matrix(p), g.String()
				switch g { // det-1 in stdgates.inc
				case U3:
					m = scaled(m, unit(p[1], -0.5)*unit(p[2], -0.5))
				case U2:
					m = scaled(m, unit(p[0], -0.5)*unit(p[1], -0.5))
				}
				src := fmt.Sprintf("qubit[%d] q; %s%s", n+info.Qubits, strings.Join(mods, ""), name)
				if info.Params > 0 {
					src += "(" + strings.Join(params, ", ") + ")"
				}
				src += " " + strings.Join(qubits, ", ") + ";"
				c := mustParse(t, src)
				want := underControl(matPower(m, k), on)
				if len(c.Ops) == 0 {
					c.add(ID, nil, 0)
				}
				require.Less(t, upToPhase(circuitMatrix(t, c), want), 1e-12, src)
			}
		}
	}
}

// TestControlledBodies puts controls on user gates with phases.
func TestControlledBodies(t *testing.T) {
	const defs = "gate g(a) x, y { gphase(a/3); rx(a) x; cx x, y; U(a, 0.5, 0.25) y; negctrl @ u2(a, 1) y, x; } qubit[4] q; "
	body := func() matrix {
		u := identity(4)
		a := mustAngle(t, 0.7)
		applyTo(u, matrixRX([]Angle{a}), []int{0})
		applyTo(u, CX.Matrix(nil), []int{0, 1})
		f, l := mustAngle(t, 0.5), mustAngle(t, 0.25)
		applyTo(u, scaled(matrixU3([]Angle{a, f, l}), unit(a, 0.5)), []int{1})
		one := mustAngle(t, 1)
		applyTo(u, underControl(scaled(U2.Matrix([]Angle{a, one}), unit(a, -0.5)*unit(one, -0.5)), []bool{false}), []int{1, 0})
		return scaled(u, unit(a, 1.0/3))
	}()
	for src, want := range map[string]matrix{
		"ctrl @ g(0.7) q[0], q[1], q[2];":                                 underControl(body, []bool{true}),
		"negctrl @ ctrl @ g(0.7) q[0], q[1], q[2], q[3];":                 underControl(body, []bool{false, true}),
		"ctrl @ inv @ g(0.7) q[0], q[1], q[2];":                           underControl(dagger(body), []bool{true}),
		"inv @ pow(2) @ ctrl(1) @ g(0.7) q[0], q[1], q[2];":               underControl(matPower(body, -2), []bool{true}),
		"gate h2 x, y { inv @ g(0.7) x, y; } ctrl @ h2 q[0], q[1], q[2];": underControl(dagger(body), []bool{true}),
	} {
		c := mustParse(t, defs+src)
		n := 0
		for 1<<n < len(want) {
			n++
		}
		c.Qubits = 4
		full := identity(16)
		var q []int
		for i := range n {
			q = append(q, i)
		}
		applyTo(full, want, q)
		require.Less(t, upToPhase(circuitMatrix(t, c), full), 1e-12, src)
	}
}

// TestPreludeGates checks the rare gates of qelib1.inc by what they must do.
func TestPreludeGates(t *testing.T) {
	for src, want := range map[string]matrix{
		"c3x q[0], q[1], q[2], q[3];":                                     underControl(X.Matrix(nil), []bool{true, true, true}),
		"c4x q[0], q[1], q[2], q[3], q[4];":                               underControl(X.Matrix(nil), []bool{true, true, true, true}),
		"c3sqrtx q[0], q[1], q[2], q[3];":                                 underControl(SX.Matrix(nil), []bool{true, true, true}),
		"csx q[0], q[1];":                                                 underControl(SX.Matrix(nil), []bool{true}),
		"u0(1) q[0]; id q[1];":                                            identity(4),
		"rccx q[0], q[1], q[2]; inv @ rccx q[0], q[1], q[2];":             identity(8),
		"rc3x q[0], q[1], q[2], q[3]; inv @ rc3x q[0], q[1], q[2], q[3];": identity(16),
	} {
		n := 0
		for 1<<n < len(want) {
			n++
		}
		c := mustParse(t, fmt.Sprintf("qubit[%d] q; %s", n, src))
		require.Less(t, upToPhase(circuitMatrix(t, c), want), 1e-12, src)
	}
	for n, name := range map[int]string{3: "rccx", 4: "rc3x"} { // Toffolis up to relative phases
		c := mustParse(t, fmt.Sprintf("qubit[%d] q; %s %s;", n, name, operandList(n)))
		u, want := circuitMatrix(t, c), underControl(X.Matrix(nil), []bool{true, true, true}[:n-1])
		for i := range u {
			for k := range u {
				require.InDelta(t, probability(want[i][k]), probability(u[i][k]), 1e-12, name)
			}
		}
	}
}

// TestFunctions compares with package math to two units in the last place.
func TestFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	near := func(name string, x, got, want float64) {
		t.Helper()
		if math.IsNaN(want) || math.IsInf(want, 0) || want == 0 {
			require.True(t, got == want || math.IsNaN(want) && math.IsNaN(got), "%s(%v) = %v, want %v", name, x, got, want)
			return
		}
		require.InDelta(t, 1, got/want, 5e-16, "%s(%v) = %v, want %v", name, x, got, want)
	}
	for range 400 {
		x := (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(6)-3))
		near("sin", x, sinOf(x), math.Sin(x))
		near("cos", x, cosOf(x), math.Cos(x))
		near("tan", x, tanOf(x), math.Tan(x))
		near("arctan", x, arctanOf(x), math.Atan(x))
		near("exp", x, expOf(x), math.Exp(x))
		near("log", x, logOf(math.Abs(x)), math.Log(math.Abs(x)))
		u := 2*r.Float64() - 1
		near("arcsin", u, arcsinOf(u), math.Asin(u))
		require.InDelta(t, math.Acos(u), arccosOf(u), 5e-16)                                  // math.Acos subtracts from π/2, so only its absolute error is small
		require.InEpsilon(t, math.Pow(math.Abs(x), u*20), powFloat(math.Abs(x), u*20), 4e-15) // math.Pow is coarser
	}
}

func TestFunctionEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct{ got, want float64 }{
		{sinOf(0), 0}, {cosOf(0), 1}, {sinOf(inf), nan}, {sinOf(1e30), nan}, {sinOf(1e15), math.Sin(1e15)}, {tanOf(nan), nan},
		{arctanOf(inf), math.Pi / 2}, {arctanOf(1), math.Pi / 4}, {arctanOf(-1e300), -math.Pi / 2}, {arcsinOf(1), math.Pi / 2}, {arcsinOf(1.1), nan},
		{arccosOf(0.5), math.Pi / 3}, {arccosOf(-1), math.Pi}, {arccosOf(0), math.Pi / 2}, {arcsinOf(0.5), math.Pi / 6},
		{expOf(0), 1}, {expOf(1), math.E}, {expOf(1000), inf}, {expOf(-1000), 0}, {logOf(0), -inf}, {logOf(-1), nan}, {logOf(1), 0}, {logOf(inf), inf},
		{powFloat(2, 10), 1024}, {powFloat(2, -1), 0.5}, {powFloat(0, 0), 1}, {powFloat(0, -1), inf}, {powFloat(-2, 3), -8}, {powFloat(-2, 0.5), nan}, {powFloat(4, 0.5), 2}, {powFloat(1e308, 2), inf}, {powFloat(10, -400), 0}, {powFloat(1e-320, 1<<19), 0},
	} {
		require.True(t, c.got == c.want || math.IsNaN(c.got) && math.IsNaN(c.want) || math.Abs(c.got-c.want) < 2e-16*math.Abs(c.want), "%v, want %v", c.got, c.want)
	}
}
