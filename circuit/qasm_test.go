package circuit

import (
	"encoding/json"
	"fmt"
	"math/cmplx"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func mustParse(t testing.TB, src string) *Circuit {
	t.Helper()
	c, _, err := ParseQASM([]byte(src), Options{})
	if err != nil {
		t.Fatalf("%s\n%v", src, asError(err).Detail())
	}
	require.NoError(t, c.Validate())
	return c
}

func hashOf(t testing.TB, c *Circuit) string {
	t.Helper()
	h, err := c.Hash()
	require.NoError(t, err)
	return h.String()
}

// TestKnownAmplitudes compares whole programs, lowered and not, with amplitudes
// that two other simulators agree on.
func TestKnownAmplitudes(t *testing.T) {
	for _, name := range []string{"ghz_n8", "qft_n8", "clifford_n8", "w1_n6_d24"} {
		src, err := os.ReadFile("testdata/" + name + ".qasm")
		require.NoError(t, err)
		text, err := os.ReadFile("testdata/" + name + ".json")
		require.NoError(t, err)
		var want struct {
			Argmax int
			Amps   [][3]float64
		}
		require.NoError(t, json.Unmarshal(text, &want))
		c := mustParse(t, string(src))
		low, err := c.Lower()
		require.NoError(t, err)
		for _, c := range []*Circuit{c, low} {
			v := runState(t, c)
			phase := v[want.Argmax] / complex(cmplx.Abs(v[want.Argmax]), 0)
			for _, a := range want.Amps {
				require.Less(t, cmplx.Abs(v[int(a[0])]/phase-complex(a[1], a[2])), 1e-12, "%s amplitude %v", name, a[0])
			}
			require.NotEmpty(t, want.Amps)
		}
		require.Equal(t, name == "ghz_n8" || name == "clifford_n8", c.IsClifford(), name)
	}
}

func TestSpellingsOfOneCircuit(t *testing.T) {
	want := hashOf(t, mustParse(t, `OPENQASM 2.0; include "qelib1.inc"; qreg q[3]; creg c[3];
		u3(pi/2,0,pi) q[0]; u1(pi/4) q[1]; cu1(-pi/8) q[0],q[2]; cx q[0],q[1]; barrier q; measure q -> c;`))
	for _, src := range []string{
		`OPENQASM 2.0; include "qelib1.inc"; qreg q[3]; creg c[3]; // a comment
		 U(1.5707963267948966,0,3.141592653589793) q[0]; p(0.7853981633974483) q[1]; cp(-0.39269908169872414) q[0],q[2]; CX q[0],q[1]; barrier q[2],q[0],q[1];
		 measure q[0] -> c[0]; measure q[1]->c[1]; measure q[2]->c[2];`,
		`OPENQASM 3; include "stdgates.inc"; qubit[2] a; qubit b; bit c0; bit[2] c;
		 /* the names
		    do not count */ u3(0.5*pi, 0, π) a[0]; phase(tau/8) a[1]; cphase(-π/2**3) a[0], b; cx a[0], a[1]; barrier; c0 = measure a[0]; c[0] = measure a[1]; c[1] = measure b;`,
		`OPENQASM 3.0; include "stdgates.inc"; const float h = pi/2; qubit[3] q;
		 gate g(x) a { U(x, 0, 2*x) a; } g(h) q[0]; p(h/2) q[1]; ctrl @ p(-h/4) q[0], q[2]; ctrl @ x q[0], q[1]; barrier q[0:1], q[2];`,
	} {
		require.Equal(t, want, hashOf(t, mustParse(t, src)), src)
	}
}

// TestPrograms gives programs and the list of operations that they mean.
func TestPrograms(t *testing.T) {
	for src, want := range map[string]string{
		"qubit[2] q; h q;": "h 0; h 1",
		"qubit[2] q; qubit[2] r; cx q, r; cx q[0], r; cx q, r[1];":            "cx 0 2; cx 1 3; cx 0 2; cx 0 3; cx 0 3; cx 1 3",
		"qubit[4] q; x q[1:2]; y q[{3,0}]; z q[-1]; s q[0:2:3]; t q[3:-1:2];": "x 1; x 2; y 3; y 0; z 3; s 0; s 2; t 3; t 2",
		"qubit[3] q; let a = q[1:2]; let b = q[0] ++ a; x b; h a[1];":         "x 0; x 1; x 2; h 2",
		"x $2; cx $0, $2;": "x 2; cx 0 2",
		"qubit q; inv @ s q; inv @ t q; inv @ sx q; pow(3) @ rx(0.5) q; pow(-2) @ h q;":                                                       "sdg 0; tdg 0; sxdg 0; rx(1.5) 0; h 0; h 0",
		"qubit[3] q; ctrl @ x q[0], q[1]; ctrl(2) @ z q[0], q[1], q[2]; negctrl @ x q[2], q[0];":                                              "cx 0 1; ccz 0 1 2; x 2; cx 2 0; x 2",
		"qubit[2] q; ctrl @ gphase(pi/4) q[0]; ctrl @ ctrl @ gphase(pi) q[0], q[1]; gphase(1);":                                               "p(pi/4) 0; cz 0 1",
		"qubit q; gate a x { h x; s x; } gate b x { a x; t x; } inv @ b q; pow(2) @ a q;":                                                     "tdg 0; sdg 0; h 0; h 0; s 0; h 0; s 0",
		"qubit[2] q; gate g(a) x, y { rx(a/2) x; ctrl @ rz(-a) x, y; } g(1) q[0], q[1]; inv @ g(1) q[1], q[0];":                               "rx(0.5) 0; crz(-1) 0 1; crz(1) 1 0; rx(-0.5) 1",
		"qubit[4] q; for uint i in [0:2] { cx q[i], q[i+1]; } for int i in {3, 1} x q[i]; for int i in [3:-2:0] h q[i];":                      "cx 0 1; cx 1 2; cx 2 3; x 3; x 1; h 3; h 1",
		"qubit[2] q; int n = 0; while (n < 3) { n += 1; if (n == 2) continue; rx(n) q[0]; } if (n == 3) x q[1]; else y q[1];":                 "rx(1) 0; rx(3) 0; x 1",
		"qubit q; switch (2) { case 0, 1 { x q; } case 2 { y q; } default { z q; } }":                                                         "y 0",
		"qubit q; def f(int n, qubit a) { for int i in [1:n] { x a; } } f(2, q); f(1) q;":                                                     "x 0; x 0; x 0",
		"qubit q; def f(int n) -> int { if (n > 2) { return 2*n; } return n; } rx(f(3)) q; rx(f(1)) q;":                                       "rx(6) 0; rx(1) 0",
		"qubit q; uint[4] a = 5; for uint i in [0:3] { if (bool(a[i])) x q; }":                                                                "x 0; x 0",
		"qubit[2] q; bit[2] c; def m(qubit a) -> bit { h a; return measure a; } c[1] = m(q[0]); bit d = m(q[1]);":                             "h 0; measure 0 -> 1; h 1; measure 1 -> 2",
		"qubit[2] q; bit[2] c; def m(qubit[2] a) -> bit[2] { bit[2] r; r = measure a; return r; } c = m(q);":                                  "measure 0 -> 0; measure 1 -> 1",
		"qubit[2] q; bit c; c = measure q[0]; if (c) x q[1];":                                                                                 "measure 0 -> 0; [0]=1 x 1",
		"qubit[2] q; bit[2] c; c = measure q; if (c == 2) x q[0]; else y q[0];":                                                               "measure 0 -> 0; measure 1 -> 1; [0 1]=2 x 0; [0 1]!2 y 0",
		"qubit q; bit[2] c; if (c[0] && !c[1]) x q; else { y q; }":                                                                            "[0]=1&[1]=0 x 0; [0]=0 y 0; [0]=1&[1]=1 y 0",
		"qubit q; bit[2] c; if (c[0] || c[1]) x q;":                                                                                           "[0]=1 x 0; [0]=0&[1]=1 x 0",
		"qubit q; bit[2] c; if (c[0] ^ c[1]) x q;":                                                                                            "[0]=1&[1]=0 x 0; [0]=0&[1]=1 x 0",
		"qubit q; bit[2] c; if (uint[2](c) < 2) x q; if (c >= 1) y q;":                                                                        "[0 1]=0 x 0; [0 1]=1 x 0; [0 1]=1 y 0; [0 1]=2 y 0; [0 1]=3 y 0",
		"qubit q; bit[2] c; switch (c) { case 1 { x q; } case 2, 3 { y q; } default { z q; } }":                                               "[0 1]=1 x 0; [0 1]=2 y 0; [0 1]=3 y 0; [0 1]!1&[0 1]!2&[0 1]!3 z 0",
		"qubit q; bit[2] c; if (c[0]) { if (c[1]) x q; y q; }":                                                                                "[0]=1&[1]=1 x 0; [0]=1 y 0",
		"qubit q; bit[2] c; if (c == 1) { if (c == 2) x q; if (c != 2) y q; }":                                                                "[0 1]=1 y 0",
		"qubit q; bit[2] c; if (c == \"10\") x q; if (true == c[1]) y q; if (c[1:1] != 1) z q;":                                               "[0 1]=2 x 0; [1]=1 y 0; [1]=0 z 0",
		"qubit q; bit c; if (c) { c = measure q; }":                                                                                           "[0]=1 measure 0 -> 0",
		"qubit[6] q; barrier q[0:4]; barrier q[0], q[1]; barrier q;":                                                                          "barrier 0 1 2 3; barrier 0 4; barrier 0 1 2 3; barrier 0 1; barrier",
		"qubit q; bit[3] f = \"101\"; if (f == 5) x q; if (f[1]) y q;":                                                                        "x 0",
		"qubit q; bit f = \"1\"; pragma engine.while_limit 2\nwhile (f) { h q; f = measure q; }":                                              "h 0; measure 0 -> 0; [0]=1 h 0; [0]=1 measure 0 -> 0; [0]=1 h 0; [0]=1 measure 0 -> 0",
		"qubit[2] q; angle[3] c; rz(c) q[1]; measure q[0] -> c[0]; c <<= 1; inv @ p(c) q[1]; measure q[0] -> c[0]; ctrl @ rz(-c) q[0], q[1];": "rz(0) 1; measure 0 -> 0; [0]=1 p(-pi/2) 1; measure 0 -> 1; [1]=1 crz(-pi/4) 0 1; [0]=1 crz(-pi/2) 0 1",
		"qubit q; angle[2] c = pi; c[0] = measure q; rx(c) q; c >>= 1; rx(c) q; if (c == 1) x q;":                                             "measure 0 -> 0; [0]=1 rx(pi/2) 0; rx(pi) 0; rx(pi/2) 0; x 0",
		"include \"stdgates.inc\"; gate cu1(p0) a, b { cp(p0) a, b; } gate sxdg a { x a; } qubit[2] q; cu1(1) q[0], q[1]; sxdg q[0];":         "cp(1) 0 1; x 0",
		"qubit q; end; x q;": "",
		"qubit q; rx(sin(pi/6)) q; ry(arctan(1)) q; rz(-sqrt(4)/2) q; rx(2**3) q; rx(7/2) q; rx(7.0/2) q;":                            "rx(0.5) 0; ry(pi/4) 0; rz(-1) 0; rx(-4.566370614359173) 0; rx(3) 0; rx(3.5) 0",
		"qubit q; angle[4] a = pi/7; rz(a) q; bit[4] b = \"0100\"; rz(angle[4](b)) q;":                                                "rz(pi/8) 0; rz(pi/2) 0",
		"qubit[5] q; c3x q[0], q[1], q[2], q[3]; rccx q[0], q[1], q[2];":                                                              "*",
		"OPENQASM 2.0; include \"qelib1.inc\"; qreg q[2]; creg c[2]; rx(1/2) q[0]; rx(2^3/16) q[0]; if(c==3) x q[1]; opaque magic a;": "rx(0.5) 0; rx(0.5) 0; [0 1]=3 x 1",
		"OPENQASM 2.0; qreg ctrl[1]; creg bit[1]; U(0,0,0) ctrl[0]; measure ctrl -> bit;":                                             "u3(0,0,0) 0; measure 0 -> 0",
		"gate rzz(t) a, b { cx a, b;  rz(t) b; cx a,b; } qubit[2] q; rzz(1) q[0], q[1];":                                              "rzz(1) 0 1",
		"gate rzz(t) a, b { rz(t) b; } qubit[2] q; rzz(1) q[0], q[1];":                                                                "rz(1) 1",
		"qubit q; gate id2 a {} id2 q; pow(1000000000000) @ id2 q; pow(0) @ x q;":                                                     "",
	} {
		t.Run(src, func(t *testing.T) {
			c := mustParse(t, src)
			if want != "*" {
				require.Equal(t, want, listing(c))
			}
		})
	}
}

// listing prints operations for comparison.
func listing(c *Circuit) string {
	var out []string
	for _, op := range c.Ops {
		s := op.Gate.String()
		if n := op.Gate.Info().Params; n > 0 {
			var p []string
			for _, a := range op.Params[:n] {
				p = append(p, a.PiText())
			}
			s += "(" + strings.Join(p, ",") + ")"
		}
		for _, q := range op.Q[:op.NQ] {
			s += fmt.Sprint(" ", q)
		}
		if op.Gate == Measure {
			s += fmt.Sprint(" -> ", op.Clbit)
		}
		if op.Cond != 0 {
			var terms []string
			for _, t := range c.Conds[op.Cond-1].Terms {
				terms = append(terms, fmt.Sprint(t.Bits, map[bool]string{true: "!", false: "="}[t.Negate], t.Value))
			}
			s = strings.Join(terms, "&") + " " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}
