package circuit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONOfSample(t *testing.T) {
	src, err := sample().JSON()
	require.NoError(t, err)
	c, err := ParseJSON(src, Limits{})
	require.NoError(t, err)
	require.Equal(t, listing(sample()), listing(c))
	require.Equal(t, sample().QRegs, c.QRegs)
	require.Equal(t, hashOf(t, sample()), hashOf(t, c))
	again, err := c.JSON()
	require.NoError(t, err)
	require.Equal(t, string(src), string(again))
}

func TestJSONAngles(t *testing.T) {
	for text, want := range map[string]Angle{
		"1.5707963267948966": HalfPi, "\"1.5707963267948966\"": HalfPi, "\"pi/2\"": HalfPi, "\"a64:2000000000000000\"": HalfPi, "\"-pi\"": 3 << 62, "\"3*pi/4\"": 3 << 60,
		"0": 0, "-0": 0, "1e-400": 0, "\"5*pi\"": Pi, "\"pi/3\"": mustAngle(t, 3.141592653589793/3), "\"a64:0000000000001000\"": 1 << 12, "\"-3*pi/1073741824\"": 1<<64 - 3<<32, "6.283185307179586": TwoPi,
	} {
		c, err := ParseJSON([]byte(`{"format":"engine-circuit/1","qubits":1,"ops":[{"gate":"rx","qubits":[0],"params":[`+text+`]}]}`), Limits{})
		require.NoError(t, err, text)
		require.Equal(t, want, c.Ops[0].Params[0], text)
	}
}

func TestJSONRefuses(t *testing.T) {
	doc := func(members string) string { return `{"format":"engine-circuit/1",` + members + `}` }
	op := func(o string) string { return doc(`"qubits":2,"clbits":2,"ops":[` + o + `]`) }
	good := op(`{"gate":"rx","qubits":[0],"params":[1]},{"gate":"measure","qubits":[1],"clbit":0},{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":1}]}`)
	_, err := ParseJSON([]byte(good), Limits{})
	require.NoError(t, err)
	for n := range good {
		_, err := ParseJSON([]byte(good[:n]), Limits{})
		require.ErrorIs(t, err, ErrJSON)
	}
	for name, src := range map[string]string{
		"text behind":         good + "x",
		"unknown member":      doc(`"qubits":1,"ops":[],"extra":1`),
		"other case":          doc(`"Qubits":1,"ops":[]`),
		"repeated member":     doc(`"qubits":1,"qubits":1,"ops":[]`),
		"escaped name":        doc(`"qubit\u0073":1,"ops":[]`),
		"format late":         `{"qubits":1,"format":"engine-circuit/1","ops":[]}`,
		"no format":           `{"qubits":1,"ops":[]}`,
		"other format":        `{"format":"engine-circuit/2","qubits":1,"ops":[]}`,
		"no ops":              doc(`"qubits":1`),
		"no qubits":           doc(`"ops":[]`),
		"qubits as text":      doc(`"qubits":"1","ops":[]`),
		"fractional qubits":   doc(`"qubits":1.0,"ops":[]`),
		"negative qubits":     doc(`"qubits":-1,"ops":[]`),
		"too many qubits":     doc(`"qubits":4097,"ops":[]`),
		"huge qubits":         doc(`"qubits":99999999999999999999999,"ops":[]`),
		"null":                doc(`"qubits":null,"ops":[]`),
		"trailing comma":      doc(`"qubits":1,"ops":[],`),
		"leading zero":        doc(`"qubits":01,"ops":[]`),
		"comment":             doc(`"qubits":1,/* */"ops":[]`),
		"ops as object":       doc(`"qubits":1,"ops":{}`),
		"deep":                doc(`"qubits":1,"ops":` + strings.Repeat("[", 1<<16)),
		"unknown gate":        op(`{"gate":"foo","qubits":[0]}`),
		"gate in upper case":  op(`{"gate":"X","qubits":[0]}`),
		"alias":               op(`{"gate":"cnot","qubits":[0,1]}`),
		"no gate":             op(`{"qubits":[0]}`),
		"few qubits":          op(`{"gate":"cx","qubits":[0]}`),
		"many operands":       op(`{"gate":"barrier","qubits":[0,1,0,1,0]}`),
		"repeated qubit":      op(`{"gate":"cx","qubits":[0,0]}`),
		"qubit out of range":  op(`{"gate":"x","qubits":[2]}`),
		"qubit above 65535":   op(`{"gate":"x","qubits":[65536]}`),
		"few parameters":      op(`{"gate":"rx","qubits":[0]}`),
		"many parameters":     op(`{"gate":"rx","qubits":[0],"params":[1,2]}`),
		"five parameters":     op(`{"gate":"rx","qubits":[0],"params":[1,2,3,4,5]}`),
		"unknown op member":   op(`{"gate":"x","qubits":[0],"note":1}`),
		"measure without bit": op(`{"gate":"measure","qubits":[0]}`),
		"gate with bit":       op(`{"gate":"x","qubits":[0],"clbit":0}`),
		"bit out of range":    op(`{"gate":"measure","qubits":[0],"clbit":2}`),
		"empty condition":     op(`{"gate":"x","qubits":[0],"if":[]}`),
		"condition as object": op(`{"gate":"x","qubits":[0],"if":{}}`),
		"both comparisons":    op(`{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":1,"differs":1}]}`),
		"no comparison":       op(`{"gate":"x","qubits":[0],"if":[{"bits":[0]}]}`),
		"value out of range":  op(`{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":2}]}`),
		"value above 64 bits": op(`{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":18446744073709551616}]}`),
		"register too large":  doc(`"qubits":1,"qregs":[{"name":"q","size":2}],"ops":[]`),
		"unknown reg member":  doc(`"qubits":1,"qregs":[{"name":"q","size":1,"x":1}],"ops":[]`),
		"long string":         doc(`"qubits":1,"qregs":[{"name":"` + strings.Repeat("q", 300) + `","size":1}],"ops":[]`),
		"invalid UTF-8":       doc("\"qubits\":1,\"qregs\":[{\"name\":\"\xff\",\"size\":1}],\"ops\":[]"),
	} {
		_, err := ParseJSON([]byte(src), Limits{})
		require.ErrorIs(t, err, ErrJSON, name)
	}
	for _, a := range []string{`"a64:200000000000000"`, `"a64:2000000000000001"`, `"a64:+200000000000000"`, `"pi/0"`, `"2pi"`, `"pi*2"`, `"--pi"`, `"-+1*pi"`, `"nan"`, `"inf"`, `"0x1p3"`, `"1_0"`, `""`, `" 1"`, `1e999`, `NaN`, `+1`, `.5`, `true`} {
		_, err := ParseJSON([]byte(op(`{"gate":"rx","qubits":[0],"params":[`+a+`]}`)), Limits{})
		require.ErrorIs(t, err, ErrJSON, a)
	}
	for name, l := range map[string]Limits{"bytes": {SourceBytes: 10}, "gates": {Gates: 2}, "qubits": {Qubits: 1}, "clbits": {Clbits: 1}} {
		_, err := ParseJSON([]byte(good), l)
		require.ErrorIs(t, err, ErrJSON, name)
	}
	_, err = ParseJSON([]byte(op(`{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":1}]},{"gate":"x","qubits":[0],"if":[{"bits":[0],"equals":0}]}`)), Limits{Conditions: 1})
	require.ErrorIs(t, err, ErrJSON)
}

func FuzzParseJSON(f *testing.F) {
	src, _ := sample().JSON()
	f.Add(src)
	f.Add([]byte(`{"format":"engine-circuit/1","qubits":1,"ops":[{"gate":"rx","qubits":[0],"params":["a64:2000000000000000"]}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := ParseJSON(src, Limits{SourceBytes: 1 << 16})
		if err != nil {
			return
		}
		want, err := c.Hash()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseJSON(out, Limits{})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, _ := back.Hash(); got != want {
			t.Fatalf("another circuit comes back:\n%s", out)
		}
	})
}
