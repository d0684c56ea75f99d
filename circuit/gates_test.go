package circuit

import (
	"flag"
	"fmt"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

type matrix = [][]complex128

func matMul(a, b matrix) matrix {
	out := square(len(a))
	for r := range a {
		for c := range a {
			for k := range a {
				out[r][c] += a[r][k] * b[k][c]
			}
		}
	}
	return out
}

func dagger(a matrix) matrix {
	out := square(len(a))
	for r := range a {
		for c := range a {
			out[c][r] = cmplx.Conj(a[r][c])
		}
	}
	return out
}

func matDistance(a, b matrix) (d float64) {
	for r := range a {
		for c := range a {
			d = max(d, cmplx.Abs(a[r][c]-b[r][c]))
		}
	}
	return d
}

func identity(n int) matrix {
	m := square(n)
	for i := range m {
		m[i][i] = 1
	}
	return m
}

// applyTo multiplies the gate m on operands q into the state columns of u.
func applyTo(u, m matrix, q []int) {
	for col := range u[0] {
		v := make([]complex128, len(u))
		for i := range u {
			v[i] = u[i][col]
		}
		applyState(v, m, q)
		for i := range u {
			u[i][col] = v[i]
		}
	}
}

func applyState(v []complex128, m matrix, q []int) {
	mask := 0
	for _, k := range q {
		mask |= 1 << k
	}
	idx, in := make([]int, len(m)), make([]complex128, len(m))
	for base := range v {
		if base&mask != 0 {
			continue
		}
		for s := range m {
			i := base
			for j, k := range q {
				i |= s >> j & 1 << k
			}
			idx[s], in[s] = i, v[i]
		}
		for r := range m {
			var sum complex128
			for c := range m {
				sum += m[r][c] * in[c]
			}
			v[idx[r]] = sum
		}
	}
}

func pauliString(s string) matrix {
	sign := complex128(1)
	if s[0] == '-' {
		sign, s = -1, s[1:]
	}
	byLetter := map[byte]func([]Angle) matrix{'I': matrixID, 'X': matrixX, 'Y': matrixY, 'Z': matrixZ}
	u := identity(1 << len(s))
	for k := range s {
		applyTo(u, byLetter[s[k]](nil), []int{k})
	}
	for r := range u {
		for c := range u {
			u[r][c] *= sign
		}
	}
	return u
}

func scaled(m matrix, f complex128) matrix {
	out := square(len(m))
	for r := range m {
		for c := range m {
			out[r][c] = m[r][c] * f
		}
	}
	return out
}

// decomposed multiplies the decomposition column out.
func decomposed(g Gate, p []Angle) matrix {
	i := g.Info()
	u := identity(1 << i.Qubits)
	if i.u3 != nil {
		a := i.u3(p)
		u = matrixU3([]Angle{a.Theta, a.Phi, a.Lambda})
	} else {
		for _, s := range i.steps(p) {
			var q []int
			for _, k := range s.Q[:s.Gate.Info().Qubits] {
				q = append(q, int(k))
			}
			applyTo(u, s.Gate.Matrix(s.P[:s.Gate.Info().Params]), q)
		}
	}
	if i.phase != nil {
		u = scaled(u, unit(i.phase(p), 1))
	}
	return u
}

// TestGateTable proves the columns of every row against its matrix.
func TestGateTable(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	seen := map[string]Gate{}
	for g := range numGates {
		i := g.Info()
		require.NotEmpty(t, i.Name, "gate %d", g)
		for _, name := range append([]string{i.Name, i.QASM2, i.QASM3}, i.qasmAlias...) {
			if old, ok := seen[name]; ok && name != "" {
				require.Equal(t, old, g, "name %s", name)
			}
			seen[name] = g
		}
		got, ok := GateByName(i.Name)
		require.True(t, ok)
		require.Equal(t, g, got)
		if !i.Unitary() {
			continue
		}
		require.True(t, i.QASM2 != "" && i.QASM3 != "" || i.qasm != "", "%s has no OpenQASM spelling", g)
		require.True(t, (i.u3 != nil) == (i.Qubits == 1) && (i.steps != nil) == (i.Qubits > 1 && g != CZ), "%s decomposition", g)
		for range 60 {
			p := make([]Angle, i.Params)
			for k := range p {
				p[k] = randomAngle(r)
			}
			m := g.Matrix(p)
			require.Less(t, matDistance(matMul(m, dagger(m)), identity(len(m))), 1e-12, "%s unitary", g)
			inv, ip := g.Inverse(p)
			require.Equal(t, i.Params, inv.Info().Params)
			require.Less(t, matDistance(inv.Matrix(ip[:i.Params]), dagger(m)), 1e-12, "%s inverse at %x", g, p)
			if g != CZ {
				require.Less(t, matDistance(decomposed(g, p), m), 5e-14, "%s decomposition at %x", g, p)
			}
			if i.Scales {
				require.Less(t, matDistance(g.Matrix([]Angle{3 * p[0]}), matMul(m, matMul(m, m))), 1e-12, "%s scales", g)
			}
			base := i.Base.Matrix(p)
			for range i.Controls {
				base = controlled(func([]Angle) matrix { return base })(nil)
			}
			if i.Controls > 0 {
				require.Less(t, matDistance(base, m), 1e-12, "%s controls", g)
			}
		}
		checkFlows(t, g)
	}
}

// checkFlows tests the Flows column, that exactly the fixed Clifford gates have
// one, and that they lower to Clifford gates.
func checkFlows(t *testing.T, g Gate) {
	i := g.Info()
	if i.Params > 0 {
		require.Empty(t, i.Flows, "%s has parameters", g)
		return
	}
	m := g.Matrix(nil)
	isClifford := true
	for k := range 2 * i.Qubits {
		in := strings.Repeat("I", k/2) + "XZ"[k%2:k%2+1] + strings.Repeat("I", i.Qubits-k/2-1)
		image, ok := matMul(m, matMul(pauliString(in), dagger(m))), false
		for n := range 2 << (2 * i.Qubits) {
			out := ""
			for q := range i.Qubits {
				out += "IXYZ"[n>>(2*q)&3 : n>>(2*q)&3+1]
			}
			if n>>(2*i.Qubits) == 1 {
				out = "-" + out
			}
			if matDistance(image, pauliString(out)) < 1e-12 {
				ok = true
				if i.Clifford() {
					require.Equal(t, in+">"+out, i.Flows[k], "%s flow", g)
				}
			}
		}
		isClifford = isClifford && ok
	}
	require.Equal(t, isClifford, i.Clifford(), "%s Clifford", g)
	if isClifford {
		require.Len(t, i.Flows, 2*i.Qubits)
	}
	c := oneGate(g, nil)
	low, err := c.Lower()
	require.NoError(t, err)
	for _, op := range low.Ops {
		if op.Gate == U3 && isClifford {
			require.True(t, U3Angles{op.Params[0], op.Params[1], op.Params[2]}.IsClifford(), "%s lowers to a non-Clifford u3", g)
		}
	}
}

func oneGate(g Gate, p []Angle) *Circuit {
	c := &Circuit{Qubits: max(1, g.Info().Qubits)}
	op := Op{Gate: g, NQ: uint8(g.Info().Qubits), Params: params(p...)}
	for k := range g.Info().Qubits {
		op.Q[k] = uint16(k)
	}
	c.Ops = append(c.Ops, op)
	return c
}

// circuitMatrix is the unitary of a circuit without measure, reset and
// conditions.
func circuitMatrix(t testing.TB, c *Circuit) matrix {
	u := identity(1 << c.Qubits)
	for _, op := range c.Ops {
		if op.Gate == Barrier {
			continue
		}
		require.True(t, op.Gate.Info().Unitary() && op.Cond == 0)
		applyTo(u, op.Gate.Matrix(op.Params[:op.Gate.Info().Params]), opQubits(op))
	}
	return u
}

func opQubits(op Op) (q []int) {
	for _, k := range op.Q[:op.NQ] {
		q = append(q, int(k))
	}
	return q
}

// upToPhase is the distance after the best global phase.
func upToPhase(a, b matrix) float64 {
	var tr complex128
	for r := range a {
		for c := range a {
			tr += cmplx.Conj(b[r][c]) * a[r][c]
		}
	}
	if cmplx.Abs(tr) < 1e-6 {
		return 2
	}
	return matDistance(a, scaled(b, tr/complex(cmplx.Abs(tr), 0)))
}

func TestLowerIsExactUpToPhase(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, g := range Gates() {
		for range 30 {
			p := make([]Angle, g.Info().Params)
			for k := range p {
				p[k] = randomAngle(r)
			}
			c := oneGate(g, p)
			low, err := c.Lower()
			require.NoError(t, err)
			for _, op := range low.Ops {
				require.True(t, op.Gate == U3 || op.Gate == CZ)
				for _, a := range op.Params {
					require.Zero(t, a&^angleMask, "%s leaves the angle grid", g)
				}
			}
			require.Less(t, upToPhase(circuitMatrix(t, low), circuitMatrix(t, c)), 5e-14, "%s at %x", g, p)
		}
	}
}

// TestGatesDocument keeps docs/gates.md equal to the table.
func TestGatesDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Gates\n\nGenerated from the gate table by `go test ./circuit -run TestGatesDocument -update`; the table proves its own columns in `TestGateTable`.\n\n" +
		"Operand 0 of a flow is its left letter. \"lowered\" counts the u3 and cz of `Circuit.Lower`, exact to one unit of 4π/2^52 and up to global phase.\n\n" +
		"| no. | name | qubits | params | controls | inverse | OpenQASM 2 | OpenQASM 3 | lowered | Clifford flows |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for g := range numGates {
		i := g.Info()
		inv, controls, lowered := "", "", ""
		if i.Unitary() {
			p := make([]Angle, i.Params)
			for k := range p {
				p[k] = Angle(k+1) << 55
			}
			ig, _ := i.inverse(p)
			inv = ig.String()
			low, err := oneGate(g, p).Lower()
			require.NoError(t, err)
			n := low.GateCounts()
			lowered = fmt.Sprintf("%d u3, %d cz", n["u3"], n["cz"])
		}
		if i.Controls > 0 {
			controls = fmt.Sprintf("%d × %s", i.Controls, i.Base)
		}
		fmt.Fprintf(&b, "| %d | %s | %d | %d | %s | %s | %s | %s | %s | %s |\n", g, i.Name, i.Qubits, i.Params, controls, inv,
			strings.Join(append([]string{i.QASM2}, i.qasmAlias...), " "), i.QASM3, lowered, strings.Join(i.Flows, ", "))
	}
	const path = "../docs/gates.md"
	if *update {
		require.NoError(t, os.MkdirAll("../docs", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "run with -update")
}
