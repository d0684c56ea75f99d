package circuit

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomCircuit uses every gate; dynamic adds measure, reset and conditions.
func randomCircuit(r *rand.Rand, qubits, ops int, dynamic bool) *Circuit {
	c := &Circuit{Qubits: qubits, Clbits: qubits}
	gates := Gates()
	if dynamic {
		c.Conds = []Cond{
			{Terms: []CondTerm{{Bits: []uint32{0, 1}, Value: uint64(r.IntN(4))}}},
			{Terms: []CondTerm{{Bits: []uint32{2}, Value: 0, Negate: true}}},
			{Terms: []CondTerm{{Bits: []uint32{2, 0}, Value: 1, Negate: true}, {Bits: []uint32{1}, Value: 1}}},
		}
	}
	for range ops {
		g := gates[r.IntN(len(gates))]
		if n := r.IntN(12); dynamic && n < 2 {
			g = []Gate{Measure, Reset}[n]
		} else if n == 2 {
			g = Barrier
		}
		info := g.Info()
		p := make([]Angle, info.Params)
		for i := range p {
			p[i] = randomAngle(r)
		}
		n := info.Qubits
		if g == Barrier {
			n = r.IntN(3)
		}
		op := gateOp(g, p, r.Perm(qubits)[:n]...)
		if g == Measure {
			op.Clbit = uint32(r.IntN(qubits))
		}
		if dynamic && g != Barrier && r.IntN(3) == 0 {
			op.Cond = uint32(1 + r.IntN(3))
		}
		c.Ops = append(c.Ops, op)
	}
	return c
}

func TestRoundTrips(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for i := range 150 {
		c := randomCircuit(r, 4, 40, i%3 > 0)
		if i%2 == 0 {
			c.QRegs, c.CRegs = []Register{{"a", 1}, {"bb", 3}}, []Register{{"cc", 4}}
		}
		want := hashOf(t, c)
		for _, f := range []Format{FormatQASM2, FormatQASM3, FormatJSON} {
			src, err := c.Export(f)
			if f == FormatQASM2 && i%3 > 0 {
				if err != nil {
					require.ErrorIs(t, err, ErrUnsupported)
					continue
				}
			}
			require.NoError(t, err)
			back, warnings, err := Parse(f, src, Options{})
			require.NoError(t, err, "%s\n%s", f, src)
			require.Empty(t, warnings)
			require.Equal(t, want, hashOf(t, back), "%s\n%s", f, src)
		}
	}
}

func TestQASM2Conditions(t *testing.T) {
	c := mustParse(t, "qubit[2] q; bit[5] c; c[0:1] = measure q; if (c[0:1] == 2) x q[0]; if (c[4]) y q[0]; if (!c[4]) z q[0];")
	src, err := c.Export(FormatQASM2)
	require.NoError(t, err)
	require.Contains(t, string(src), "creg c0[2];\ncreg c1[2];\ncreg c2[1];")
	require.Contains(t, string(src), "if (c0 == 2) x q[0];\nif (c2 == 1) y q[0];\nif (c2 == 0) z q[0];")
	require.Equal(t, hashOf(t, c), hashOf(t, mustParse(t, string(src))))
	for _, src := range []string{
		"if (c[0:1] != 2) x q[0];", "if (c[0] && c[1]) x q[0];", "if (c[0:1] == 1) x q[0]; if (c[1:2] == 1) x q[0];", "if (c[{0,2}] == 1) x q[0];",
	} {
		_, err := mustParse(t, "qubit[2] q; bit[5] c; c[0:1] = measure q; "+src).Export(FormatQASM2)
		require.ErrorIs(t, err, ErrUnsupported, src)
	}
}

func TestRegisterNamesNeverCollide(t *testing.T) {
	for _, regs := range [][2][]Register{
		{{{"c", 2}}, {{"c", 2}}}, {{{"q", 1}, {"c", 1}}, nil}, {{{"gate", 2}}, {{"if", 2}}}, {{{"h", 2}}, {{"θ", 2}}}, {{{"a", 1}}, {{"q", 2}}}, {{{"x", 1}, {"x", 1}}, {{"q", 1}, {"r", 1}}},
	} {
		c := &Circuit{Qubits: 2, Clbits: 2, QRegs: regs[0], CRegs: regs[1]}
		c.add(CX, nil, 0, 1)
		for _, f := range []Format{FormatQASM2, FormatQASM3, FormatJSON} {
			src, err := c.Export(f)
			require.NoError(t, err)
			back, _, err := Parse(f, src, Options{})
			require.NoError(t, err, string(src))
			require.Equal(t, hashOf(t, c), hashOf(t, back))
		}
	}
}

// TestDefinitionsInExports checks that the gate definitions written for other
// readers mean what the table means.
func TestDefinitionsInExports(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	for _, g := range Gates() {
		def := g.Info().qasm
		if def == "" {
			continue
		}
		p := make([]Angle, g.Info().Params)
		for i := range p {
			p[i] = randomAngle(r)
		}
		c := oneGate(g, p)
		src, err := c.Export(FormatQASM3)
		require.NoError(t, err)
		text := strings.ReplaceAll(strings.ReplaceAll(string(src), "gate "+g.String(), "gate my"), "\n"+g.String(), "\nmy")
		require.NotEqual(t, string(src), text)
		back := mustParse(t, text)
		if g != SXdg { // inv @ sx is sxdg
			require.NotContains(t, back.GateCounts(), g.String())
		}
		back.Ops = back.Ops[:len(back.Ops)-c.Qubits] // without the measurements
		require.Less(t, upToPhase(circuitMatrix(t, back), circuitMatrix(t, c)), 1e-12, text)
	}
}

// fromIonQ and fromIQM read the exports back, written from the vendors'
// descriptions of their gates.
func fromIonQ(t *testing.T, src []byte) *Circuit {
	var in struct {
		Qubits  int
		Circuit []struct {
			Gate     string
			Target   int
			Control  *int
			Targets  []int
			Rotation float64
		}
	}
	require.NoError(t, json.Unmarshal(src, &in))
	c := &Circuit{Qubits: in.Qubits}
	names := map[string]Gate{"x": X, "y": Y, "z": Z, "h": H, "s": S, "si": Sdg, "t": T, "ti": Tdg, "v": SX, "vi": SXdg, "rx": RX, "ry": RY, "rz": RZ, "cnot": CX, "swap": Swap}
	for _, g := range in.Circuit {
		gate, ok := names[g.Gate]
		require.True(t, ok, g.Gate)
		q := []int{g.Target}
		switch {
		case g.Targets != nil:
			q = g.Targets
		case g.Control != nil:
			q = []int{*g.Control, g.Target}
		}
		var p []Angle
		if gate.Info().Params == 1 {
			p = []Angle{mustAngle(t, g.Rotation)}
		}
		c.add(gate, p, q...)
	}
	return c
}

func TestIonQ(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	for range 60 {
		c := randomCircuit(r, 3, 12, false)
		src, err := c.Export(FormatIonQ)
		require.NoError(t, err)
		require.Less(t, upToPhase(circuitMatrix(t, fromIonQ(t, src)), circuitMatrix(t, c)), 1e-12)
	}
}

// TestIQM runs prx as its matrix [[cos, -i·e^(-iφ)·sin], [-i·e^(iφ)·sin, cos]]
// and compares probabilities: the last Rz are dropped.
func TestIQM(t *testing.T) {
	r := rand.New(rand.NewPCG(47, 48))
	for range 60 {
		c := randomCircuit(r, 3, 12, false)
		src, err := c.Export(FormatIQM)
		require.NoError(t, err)
		var in struct {
			Instructions []struct {
				Name  string
				Locus []string
				Args  struct {
					Angle, Phase float64
					Key          string
				}
			}
		}
		require.NoError(t, json.Unmarshal(src, &in))
		v := make([]complex128, 8)
		v[0] = 1
		measured := 0
		for _, i := range in.Instructions {
			var q []int
			for _, name := range i.Locus {
				q = append(q, int(name[2]-'1'))
			}
			switch i.Name {
			case "prx":
				s, co := math.Sincos(i.Args.Angle / 2)
				e := cmplx.Rect(1, i.Args.Phase) * -1i * complex(s, 0)
				applyState(v, matrix{{complex(co, 0), -cmplx.Conj(e)}, {e, complex(co, 0)}}, q)
			case "cz":
				applyState(v, CZ.Matrix(nil), q)
			case "measure":
				require.Equal(t, "c_"+string(rune('0'+q[0])), i.Args.Key)
				measured++
			default:
				require.Equal(t, "barrier", i.Name)
			}
		}
		require.Equal(t, 3, measured)
		for k, a := range runState(t, c) {
			require.InDelta(t, probability(a), probability(v[k]), 1e-10)
		}
	}
}

func TestQIRGolden(t *testing.T) {
	c := &Circuit{Qubits: 3}
	c.add(H, nil, 0)
	c.add(CX, nil, 0, 1)
	c.add(RX, []Angle{HalfPi}, 2)
	c.add(U3, []Angle{HalfPi, 1 << 60, TwoPi}, 1)
	c.add(Tdg, nil, 1)
	c.add(CZ, nil, 1, 2)
	src, err := c.Export(FormatQIR)
	require.NoError(t, err)
	const path = "testdata/base_profile.ll"
	if *update {
		require.NoError(t, os.WriteFile(path, src, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(src))
	require.Contains(t, string(src), "call void @__quantum__qis__rx__body(double 0x3FF921FB54442D18, ptr inttoptr (i64 2 to ptr))")
	require.Equal(t, 1, strings.Count(string(src), "declare void @__quantum__qis__rz__body(double, ptr)"))
}

func TestExportRefuses(t *testing.T) {
	for src, formats := range map[string][]Format{
		"reset q[0];": {FormatIonQ, FormatQIR},
		"bit[2] c; c = measure q; if (c[0]) x q[1];":          {FormatIonQ, FormatQIR, FormatIQM},
		"bit[2] c; c[0] = measure q[0]; x q[0];":              {FormatIonQ, FormatQIR},
		"bit[2] c; c[0] = measure q[1]; c[1] = measure q[0];": {FormatIonQ},
		"bit[2] c; c[0] = measure q[0];":                      {FormatIonQ, FormatQIR},
		"bit[2] c; c[0] = measure q[0]; c[0] = measure q[1];": {FormatIonQ, FormatQIR, FormatIQM},
	} {
		c := mustParse(t, "qubit[2] q; "+src)
		for _, f := range formats {
			_, err := c.Export(f)
			require.ErrorIs(t, err, ErrUnsupported, "%s as %s", src, f)
			require.ErrorContains(t, err, string(f))
		}
	}
	_, err := sample().Export("svg")
	require.ErrorIs(t, err, ErrUnsupported)
	_, _, err = Parse(FormatIonQ, nil, Options{})
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = (&Circuit{}).Export(FormatJSON)
	require.ErrorIs(t, err, ErrInvalid)
	contradiction := &Circuit{Qubits: 1, Clbits: 1, Conds: []Cond{{Terms: []CondTerm{{Bits: []uint32{0}, Value: 1}, {Bits: []uint32{0}, Value: 0}}}}}
	contradiction.Ops = []Op{{Gate: X, NQ: 1, Cond: 1}}
	_, err = contradiction.Export(FormatQASM3)
	require.ErrorIs(t, err, ErrUnsupported)
}
