package circuit

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// doubling defines gates that call the one before twice.
func doubling(n int, leaf string) string {
	var b strings.Builder
	b.WriteString("gate g0 a { " + leaf + " }\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "gate g%d a { g%d a; g%d a; }\n", i, i-1, i-1)
	}
	return b.String()
}

// hostile programs, each with the code of its refusal.
func hostile() map[string]struct {
	code Code
	src  string
} {
	type row = struct {
		code Code
		src  string
	}
	deep := func(open, middle, end string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	return map[string]row{
		"parentheses":              {CodeLimitNesting, "qubit q; rx(" + deep("(", "1", ")", 1<<20) + ") q;"},
		"minus signs":              {CodeLimitNesting, "qubit q; rx(" + strings.Repeat("-", 1<<20) + "1) q;"},
		"powers":                   {CodeLimitNesting, "qubit q; rx(" + strings.Repeat("1**", 1<<19) + "1) q;"},
		"a long sum":               {CodeLimitNesting, "qubit q; rx(" + strings.Repeat("1+", 1<<19) + "1) q;"},
		"blocks":                   {CodeLimitNesting, "qubit q; " + deep("if (true) {", "x q;", "}", 1<<18)},
		"else ifs":                 {CodeLimitNesting, "qubit q; " + strings.Repeat("if (false) x q; else ", 1<<18) + "x q;"},
		"calls in calls":           {CodeLimitNesting, "qubit q; rx(" + deep("sin(", "1", ")", 1<<18) + ") q;"},
		"open braces":              {CodeLimitNesting, strings.Repeat("for int i in [0:1] {", 1<<18)},
		"a billion qubits":         {CodeLimitQubits, "qubit[1000000000] q;"},
		"qubits by power":          {CodeLimitQubits, "qubit[2**62] q;"},
		"negative qubits":          {CodeLimitQubits, "qubit[-1] q;"},
		"many registers":           {CodeLimitQubits, "qubit[4096] q; qubit r;"},
		"physical qubit":           {CodeLimitQubits, "x $4000000000;"},
		"physical qubit beyond 32": {CodeSyntax, "x $99999999999999999999;"},
		"a billion bits":           {CodeLimitClbits, "qubit q; bit[1000000000] c;"},
		"bits in a loop":           {CodeLimitClbits, "qubit q; for int i in [0:100000] { bit[60000] c; }"},
		"wide integer":             {CodeLimitClbits, "int[65] a;"},
		"range loop":               {CodeLimitLoops, "qubit q; for int i in [0:1000000000000] x q;"},
		"empty range loop":         {CodeLimitLoops, "qubit q; for int i in [0:1000000000000] {}"},
		"full range loop":          {CodeLimitLoops, "qubit q; for int i in [-9223372036854775807:9223372036854775807] {}"},
		"nested loops":             {CodeLimitLoops, "qubit q; for int i in [0:1000] for int j in [0:1000] for int k in [0:1000] {}"},
		"while true":               {CodeLimitLoops, "while (true) {}"},
		"gates in loops":           {CodeLimitGates, "qubit[100] q; for int i in [0:100000] h q;"},
		"doubling gates":           {CodeLimitGates, doubling(40, "x a; y a; x a; y a; x a; y a;") + "qubit q; g40 q;"},
		"doubling empty gates":     {CodeLimitSteps, doubling(60, "") + "qubit q; g60 q;"},
		"doubling under inv":       {CodeLimitGates, doubling(40, "x a;") + "qubit q; inv @ g40 q;"},
		"doubling phases":          {CodeLimitSteps, doubling(60, "gphase(1);") + "qubit q; g60 q;"},
		"power of a gate":          {CodeLimitGates, "qubit q; pow(1000000000000) @ x q;"},
		"power of a phase":         {CodeLimitSteps, "gate g a { gphase(1); gphase(2); } qubit q; pow(1000000000000000) @ g q;"},
		"power of powers":          {CodeOverflow, "qubit q; pow(4294967296) @ pow(4294967296) @ x q;"},
		"many controls":            {CodeLimitQubits, "qubit q; ctrl(1000000000) @ x q;"},
		"controls on registers":    {CodeLimitGates, "qubit[4096] q; ctrl(4095) @ x " + operandList(4096) + ";"},
		"long gate chain":          {CodeLimitNesting, chain(5000) + "qubit q; g5000 q;"},
		"recursive gate":           {CodeRecursion, "gate g a { g a; } qubit q; g q;"},
		"mutual gates":             {CodeUnknownName, "gate f a { g a; } gate g a { f a; }"},
		"recursive def":            {CodeRecursion, "qubit q; def f(qubit a) { f(a); } f(q);"},
		"mutual defs":              {CodeRecursion, "qubit q; def f(qubit a) { g(a); } def g(qubit a) { f(a); } f(q);"},
		"def in value":             {CodeRecursion, "def f(int n) -> int { return f(n - 1) + f(n - 2); } int x = f(90);"},
		"doubling defs":            {CodeLimitSteps, defChain(60) + "f60(1);"},
		"NaN":                      {CodeNotFinite, "qubit q; rx(sqrt(-1)) q;"},
		"NaN by arccos":            {CodeNotFinite, "qubit q; rx(arccos(2)) q;"},
		"infinite literal":         {CodeNotFinite, "qubit q; rx(1e999) q;"},
		"infinite product":         {CodeNotFinite, "qubit q; rx(1e308 * 1e308) q;"},
		"infinity minus infinity":  {CodeNotFinite, "qubit q; rx(1e308*10 - 1e308*10) q;"},
		"division by zero":         {CodeDivisionByZero, "qubit q; rx(1/0) q;"},
		"division by 0.0":          {CodeDivisionByZero, "qubit q; rx(1/0.0) q;"},
		"modulo zero":              {CodeDivisionByZero, "int a = 5 % 0;"},
		"smallest over minus one":  {CodeOverflow, "int a = (-9223372036854775807 - 1) / -1;"},
		"overflow":                 {CodeOverflow, "int a = 9223372036854775807 + 1;"},
		"power overflow":           {CodeOverflow, "int a = 3 ** 1000000000;"},
		"unsigned below zero":      {CodeOverflow, "uint a = 0; a = a - 1;"},
		"literal too large":        {CodeOverflow, "int a = 99999999999999999999999999;"},
		"sines":                    {CodeLimitSteps, "float x = 1; for int i in [0:100000] { x = sin(x); }"},
		"huge powers":              {CodeLimitSteps, "float x = 1.5; for int i in [0:100000] { x = 1.0000001 ** 1000000.0; }"},
		"alias growth":             {CodeLimitQubits, "qubit[4096] q; let a = q ++ q;"},
		"condition explosion":      {CodeLimitConditions, "qubit q; bit[64] c; if (" + xorChain(40) + ") x q;"},
		"inequality explosion":     {CodeRuntimeValue, "qubit q; bit[60] c; if (c < 1000000000000) x q;"},
		"many conditions":          {CodeLimitConditions, "qubit q; bit[32] c; for uint i in [0:100000] { if (c == i) x q; }"},
		"nested conditions":        {CodeLimitConditions, "qubit q; bit[100] c; " + nestedIfs(100)},
		"unended comment":          {CodeSyntax, "qubit q; /* x q;"},
		"unended string":           {CodeSyntax, "include \"qelib1.inc"},
		"file inclusion":           {CodeInclude, "include \"/etc/passwd\";"},
		"invalid UTF-8":            {CodeSyntax, "qubit q; x \xff\xfe;"},
		"NUL byte":                 {CodeSyntax, "qubit q;\x00 x q;"},
		"letters behind a number":  {CodeSyntax, "rx(10" + strings.Repeat("G\xa8", 1<<16) + ") q;"},
		"a long name":              {CodeUnknownName, "qubit q; " + strings.Repeat("x", 1<<20) + " q;"},
		"semicolons":               {CodeSyntax, ";;;;;;"},
		"braces":                   {CodeSyntax, "}}}}"},
		"only a version":           {CodeNoQubits, "OPENQASM 3;"},
		"future version":           {CodeVersion, "OPENQASM 9.9; qubit q;"},
		"second version":           {CodeVersion, "qubit q; OPENQASM 3;"},
	}
}

func operandList(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("q[%d]", i))
	}
	return strings.Join(s, ",")
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("gate g0 a { x a; }")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "gate g%d a { g%d a; }", i, i-1)
	}
	return b.String()
}

func defChain(n int) string {
	var b strings.Builder
	b.WriteString("def f0(int a) { }")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "def f%d(int a) { f%d(a); f%d(a); }", i, i-1, i-1)
	}
	return b.String()
}

func xorChain(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("c[%d]", i))
	}
	return strings.Join(s, "^")
}

func nestedIfs(n int) string {
	s := "x q;"
	for i := range n {
		s = fmt.Sprintf("if (c[%d]) { %s }", i, s)
	}
	return s
}

// TestHostilePrograms runs all with an eighth of the default work limits and
// some with the defaults.
func TestHostilePrograms(t *testing.T) {
	small := Limits{Gates: 1 << 18, EvalSteps: 1 << 20, LoopIterations: 1 << 17}
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			opt := Options{Limits: small}
			switch name {
			case "doubling gates", "sines", "bits in a loop", "nested loops":
				opt = Options{}
			}
			_, _, err := ParseQASM([]byte(c.src), opt)
			e := asError(err)
			require.NotNil(t, e, "accepted")
			require.Equal(t, c.code, e.Code, "%v", e)
			require.NotEmpty(t, e.Detail())
			require.Less(t, len(e.Detail()), 1000)
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
		})
	}
}

// TestLimits hits each limit with a small value of it.
func TestLimits(t *testing.T) {
	for code, c := range map[Code]struct {
		l   Limits
		src string
	}{
		CodeLimitSource:     {Limits{SourceBytes: 10}, "qubit q; x q;"},
		CodeLimitTokens:     {Limits{Tokens: 5}, "qubit q; x q;"},
		CodeLimitNesting:    {Limits{Nesting: 4}, "qubit q; rx(((((1))))) q;"},
		CodeLimitGates:      {Limits{Gates: 3}, "qubit[4] q; x q;"},
		CodeLimitQubits:     {Limits{Qubits: 3}, "qubit[4] q;"},
		CodeLimitClbits:     {Limits{Clbits: 3}, "bit[4] c;"},
		CodeLimitLoops:      {Limits{LoopIterations: 3}, "for int i in [1:4] {}"},
		CodeLimitSteps:      {Limits{EvalSteps: 3}, "int i = 1 + 2 + 3 + 4;"},
		CodeLimitConditions: {Limits{Conditions: 1}, "qubit q; bit c; if (c) x q; if (!c) x q;"},
	} {
		_, _, err := ParseQASM([]byte(c.src), Options{Limits: c.l})
		require.Equal(t, code, asError(err).Code)
		if code != CodeLimitNesting {
			_, _, err = ParseQASM([]byte("qubit q0; "+c.src), Options{})
			require.NoError(t, err, c.src)
		}
	}
}

// TestRefusals names the code of each thing that the profile leaves out or the
// language forbids.
func TestRefusals(t *testing.T) {
	const head = "qubit[3] q; bit[3] c; "
	for src, code := range map[string]Code{
		"extern f(int) -> int;": CodeExtern, "cal { }": CodeCalibration, "defcal x q { }": CodeCalibration, "defcalgrammar \"openpulse\";": CodeCalibration,
		"duration d = 1ns;": CodeTiming, "stretch s;": CodeTiming, "delay[10ns] q;": CodeTiming, "rx(1)[5ns] q[0];": CodeTiming, "int a = 5ns;": CodeTiming, "int a = durationof({x q;});": CodeTiming,
		"box { x q; }": CodeBox, "complex[float] z;": CodeComplex, "float a = 2im;": CodeComplex,
		"array[int[8], 4] a;": CodeArray, "x q[0][1];": CodeArray, "def f(readonly array[int, 2] a) { }": CodeArray,
		"while (c != 0) { x q; }": CodeRuntimeWhile, "opaque m a; m q[0];": CodeOpaque,
		"measure q;": CodeDiscarded, "def m(qubit a) -> bit { return measure a; } m(q[0]);": CodeDiscarded,
		"pow(0.5) @ x q;": CodePower, "x r;": CodeUnknownName, "foo q;": CodeUnknownName, "rx(alpha) q;": CodeUnknownName, "gate g(a) b { rx(z) b; }": CodeUnknownName, "rx(foo(1)) q;": CodeUnknownName,
		"qubit q;": CodeRedefined, "bit[2] c;": CodeRedefined, "gate g a { } gate g a { }": CodeRedefined, "gate g(a) a { }": CodeRedefined, "gate U a { }": CodeRedefined, "gate gphase(x) a { }": CodeRedefined, "include \"stdgates.inc\"; gate h a { }": CodeRedefined,
		"cx q[0];": CodeArgumentCount, "rx q;": CodeArgumentCount, "h(1) q;": CodeArgumentCount, "rx(1, 2) q;": CodeArgumentCount, "float f = sin(1, 2);": CodeArgumentCount, "inv(2) @ x q;": CodeArgumentCount,
		"cx q[0], q[0];": CodeRepeatedQubit, "cx q, q[1];": CodeRepeatedQubit, "gate g a { cx a, a; }": CodeRepeatedQubit,
		"x q[3];": CodeIndexRange, "x q[-4];": CodeIndexRange, "x q[0:5];": CodeIndexRange, "x q[2:1];": CodeIndexRange, "x q[0:0:2];": CodeIndexRange,
		"qubit[2] r; cx q, r;": CodeSizeMismatch, "measure q -> c[0:1];": CodeSizeMismatch, "bit[2] d = measure q;": CodeSizeMismatch,
		"x c;": CodeType, "measure c -> c;": CodeType, "c[0] = q[0];": CodeType, "const int n = 1; n = 2;": CodeType, "int n = \"01\" + 0.5; n[0] = 1;": CodeType, "q = 1;": CodeType, "h(q);": CodeType, "ctrl @ f q; def f(qubit a) { }": CodeUnknownName,
		"angle[4] a; a[0] = measure q[0]; u2(a, 0) q;": CodeRuntimeValue, "angle[4] a; a[0] = measure q[0]; ctrl @ gphase(a) q[0];": CodeRuntimeValue, "angle[4] a; a[0] = measure q[0]; rx(a + 1) q;": CodeRuntimeValue,
		"angle[4] a; a[0] = measure q[0]; if (c[0]) a <<= 1;": CodeRuntimeValue, "angle a; a[0] = measure q[0];": CodeRuntimeValue,
		"x $0;": CodeMixedQubits, "int n = c;": CodeRuntimeValue, "rx(c[0]) q;": CodeRuntimeValue, "c[0] = 1;": CodeRuntimeValue, "c = measure q; c[0] = 0;": CodeRuntimeValue,
		"bit[2] d; if (c[0:1] == d) x q;": CodeRuntimeValue, "if (c + 1 == 2) x q;": CodeRuntimeValue, "int n = measure q[0];": CodeRuntimeValue, "int n; if (c[0]) n = 1;": CodeRuntimeValue,
		"for int i in [0:1] { if (c[0]) break; }": CodeRuntimeValue, "if (c[0]) end;": CodeRuntimeValue,
		"if (c[0]) { c[0] = measure q[0]; x q[1]; }":                      CodeClobbered,
		"if (c[0]) { c[0] = measure q[0]; } else { x q[1]; }":             CodeClobbered,
		"if (c == 1) { c = measure q; }":                                  CodeClobbered,
		"if (c[1]) { if (c[0]) { c[1] = measure q[0]; } x q; }":           CodeClobbered,
		"switch (c) { case 0 { c[0] = measure q[0]; } default { x q; } }": CodeClobbered,
		"input float a;": CodeMissingInput, "break;": CodeSyntax, "return;": CodeSyntax, "if (true) { qubit r; }": CodeSyntax, "gate g a { measure a -> c; }": CodeType, "x q": CodeSyntax, "1 + 1;": CodeSyntax,
		"int n = 1 +;": CodeSyntax, "\"01\" = c;": CodeSyntax, "x q; }": CodeSyntax, "let a = ;": CodeSyntax, "0x;": CodeSyntax, "switch (1) { default {} case 1 {} }": CodeSyntax, "5q;": CodeSyntax,
	} {
		t.Run(src, func(t *testing.T) {
			_, _, err := ParseQASM([]byte(head+src), Options{})
			e := asError(err)
			require.NotNil(t, e, "accepted")
			require.Equal(t, code, e.Code, "%v", e)
		})
	}
}

func TestDiagnosticPointsAtItsPlace(t *testing.T) {
	_, _, err := ParseQASM([]byte("OPENQASM 3;\nqubit[2] q;\n\thh q[0];\n"), Options{})
	require.Equal(t, "line 3:2: gate \"hh\" is not defined [unknown-name]\n  \thh q[0];\n  \t^\n  hint: did you mean h?", asError(err).Detail())
	_, _, err = ParseQASM([]byte("qubit[2] q; x q[α];"), Options{})
	require.Equal(t, "line 1:17: \"α\" is not defined here [unknown-name]", err.Error())
	long := "qubit q; " + strings.Repeat("x q; ", 1000) + "y r;" + strings.Repeat(" x q;", 1000)
	_, _, err = ParseQASM([]byte(long), Options{})
	d := strings.Split(asError(err).Detail(), "\n")
	require.Equal(t, byte('r'), d[1][len(d[2])-1], "%q", d)
}

func TestInputs(t *testing.T) {
	const src = "input float a; input angle[8] b; input int[4] n; input bit[2] m; input bool f; qubit[2] q; rx(a) q[n]; rz(b) q[0]; if (m == 2) x q[0]; if (f) y q[0];"
	p := map[string]float64{"a": 0.25, "b": math.Pi / 4, "n": 1, "m": 2, "f": 1}
	c, _, err := ParseQASM([]byte(src), Options{Params: p})
	require.NoError(t, err)
	require.Equal(t, "rx(0.25) 1; rz(pi/4) 0; x 0; y 0", listing(c))
	for name, bad := range map[string]float64{"a": math.NaN(), "n": 0.5, "m": 4, "b": math.Inf(1), "f": 0.1} {
		q := map[string]float64{"a": 0, "b": 0, "n": 0, "m": 0, "f": 0}
		q[name] = bad
		_, _, err := ParseQASM([]byte(src), Options{Params: q})
		require.Equal(t, CodeType, asError(err).Code, name)
	}
	p["z"] = 1
	_, _, err = ParseQASM([]byte(src), Options{Params: p})
	require.Equal(t, CodeUnknownInput, asError(err).Code)
}

func TestWarnings(t *testing.T) {
	for src, code := range map[string]Code{
		"qubit q; h q;": WarnNoInclude,
		"qubit q; U(0,0,0) q;\n#pragma vendor thing\n":                               WarnPragma,
		"@bind x\nqubit q;":                                                          WarnAnnotation,
		"qubit[2] q; ctrl @ U(1,0,0) q[0], q[1];":                                    WarnControlledU,
		"qubit q; U(1/2,0,0) q;":                                                     WarnIntDivision,
		"qubit q; output bit c;":                                                     WarnOutput,
		"qubit q; if (true) { bit b = measure q; }":                                  WarnLocalBit,
		"qubit q; bit c;\npragma engine.while_limit 1\nwhile (c) { c = measure q; }": WarnWhileLimited,
	} {
		_, w, err := ParseQASM([]byte(src), Options{})
		require.NoError(t, err)
		require.Len(t, w, 1, src)
		require.Equal(t, code, w[0].Code)
		require.Contains(t, w[0].String(), string(code))
	}
}

func FuzzParseQASM(f *testing.F) {
	for _, c := range hostile() {
		if len(c.src) < 400 {
			f.Add(c.src)
		}
	}
	f.Add(bigProgram(20, true))
	f.Add("OPENQASM 3; include \"stdgates.inc\"; qubit[3] q; bit[3] c; def m(qubit a) -> bit { return measure a; } c[0] = m(q[0]); if (c[0] || c[1]) { ctrl @ pow(2) @ inv @ rx(pi/3) q[1], q[2]; } else x q;")
	f.Add("gate g(t) a, b { for int i in [0:2] { rx(t**i) a; ctrl @ s a, b; } gphase(t); } qubit[4] q; negctrl @ g(arcsin(0.3)) q[0], q[1:2], q[3]; switch (2) { case 1 {} default { barrier q; reset q[0]; } }")
	limits := Limits{SourceBytes: 1 << 16, Gates: 1 << 12, Qubits: 64, Clbits: 256, LoopIterations: 1 << 10, EvalSteps: 1 << 16, Conditions: 1 << 8, Nesting: 64}
	f.Fuzz(func(t *testing.T, src string) {
		c, _, err := ParseQASM([]byte(src), Options{Limits: limits, WhileLimit: 2})
		if err != nil {
			e := asError(err)
			if e == nil || e.Code == "" || e.Line < 1 || len(e.Detail()) > 5000 {
				t.Fatalf("not a diagnostic: %v", err)
			}
			return
		}
		b, err := c.CanonicalBytes()
		if err != nil {
			t.Fatalf("accepted, but not valid: %v", err)
		}
		if _, err := ParseCanonical(b); err != nil {
			t.Fatal(err)
		}
	})
}
