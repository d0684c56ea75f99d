package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
)

const goodJob = `{"job_id":"abababababababababababababababababababababababababababababababab","kind":"quantum",` +
	`"spec":{"circuit_id":"ghz","width":3,"shots":640,"trap_ratio":0.2,"seed":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"},` +
	`"max_latency_ms":2000,"price":{"units":1200}}`

// change replaces one part of the good job.
func change(from, to string) string {
	if !strings.Contains(goodJob, from) {
		panic("the good job has no " + from)
	}
	return strings.Replace(goodJob, from, to, 1)
}

// own is the good job with a circuit of its own in place of the generator.
func own(format, source string) string {
	return change(`"circuit_id":"ghz","width":3`, fmt.Sprintf(`"circuit":{"format":%q,"source":%q}`, format, source))
}

// hostileJobs must be refused before anything runs.
var hostileJobs = []struct {
	name, doc   string
	code        cli.Code
	field, text string
}{
	{"empty", ``, 10, "", ""},
	{"not JSON", `job`, 10, "", ""},
	{"a number", `7`, 10, "", ""},
	{"cut off", goodJob[:len(goodJob)-3], 10, "", ""},
	{"trailing data", goodJob + "{}", 10, "", ""},
	{"byte order mark", "\xef\xbb\xbf" + goodJob, 10, "", ""},
	{"deep arrays", strings.Repeat("[", 1_000_000), 10, "", ""},
	{"deep objects in a member", change(`"units":1200`, `"units":`+strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)), 10, "", ""},
	{"a million members", "{" + strings.Repeat(`"a":1,`, 1_000_000) + `"b":1}`, 10, "", ""},
	{"repeated member", change(`"kind":"quantum"`, `"kind":"quantum","kind":"quantum"`), 10, "", "kind"},
	{"unknown member", change(`"shots":640`, `"shots":640,"shotz":1`), 10, "spec.shotz", "unknown"},
	{"missing seed", change(`,"seed":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"`, ``), 10, "spec.seed", ""},
	{"short seed", change(`"seed":"c0c0`, `"seed":"c0`), 10, "spec.seed", ""},
	{"upper-case job_id", change(`"job_id":"abab`, `"job_id":"ABAB`), 10, "job_id", ""},
	{"no shots", change(`"shots":640`, `"shots":0`), 10, "spec.shots", ""},
	{"10^9 shots", change(`"shots":640`, `"shots":1000000000`), 10, "spec.shots", ""},
	{"10^30 shots", change(`"shots":640`, `"shots":1000000000000000000000000000000`), 10, "spec.shots", ""},
	{"negative shots", change(`"shots":640`, `"shots":-1`), 10, "spec.shots", ""},
	{"fractional shots", change(`"shots":640`, `"shots":640.5`), 10, "spec.shots", ""},
	{"exponent shots", change(`"shots":640`, `"shots":6e2`), 10, "spec.shots", ""},
	{"shots as text", change(`"shots":640`, `"shots":"640"`), 10, "spec.shots", ""},
	{"NaN ratio", change(`"trap_ratio":0.2`, `"trap_ratio":NaN`), 10, "", ""},
	{"ratio above one", change(`"trap_ratio":0.2`, `"trap_ratio":1.5`), 10, "spec.trap_ratio", ""},
	{"ratio with seven decimals", change(`"trap_ratio":0.2`, `"trap_ratio":0.1234567`), 10, "spec.trap_ratio", ""},
	{"negative ratio", change(`"trap_ratio":0.2`, `"trap_ratio":-0.1`), 10, "spec.trap_ratio", ""},
	{"no width", change(`"width":3,`, ``), 10, "spec.width", ""},
	{"huge width", change(`"width":3`, `"width":1000000000`), 10, "spec.width", ""},
	{"wrong depth", change(`"width":3`, `"width":3,"depth":99`), 10, "spec", "depth"},
	{"huge depth", change(`"width":3`, `"width":3,"depth":999999999`), 10, "spec.depth", ""},
	{"trapset of a million layers on 4096 qubits", change(`"circuit_id":"ghz","width":3`, `"circuit_id":"animica.quantum.trapset.v1","width":4096,"depth":1000000`), 10, "spec", ""},
	{"unknown generator", change(`"ghz"`, `"frobnicate"`), 10, "spec.circuit_id", "frobnicate"},
	{"grover on 4096 qubits", change(`"circuit_id":"ghz","width":3`, `"circuit_id":"grover_demo","width":4096`), 10, "spec", ""},
	{"circuit and generator", change(`"circuit_id":"ghz"`, `"circuit_id":"ghz","circuit":{"format":"openqasm3","source":"qubit q;"}`), 10, "spec.circuit", ""},
	{"other kind", change(`"kind":"quantum"`, `"kind":"classical"`), 10, "kind", ""},
	{"zero latency", change(`"max_latency_ms":2000`, `"max_latency_ms":0`), 10, "max_latency_ms", ""},
	{"negative units", change(`"units":1200`, `"units":-1`), 10, "price.units", ""},
	{"unknown format", own("quil", "H 0"), 10, "spec.circuit.format", ""},
	{"mistake in a program", own("openqasm3", "qubit q;\nfrobnicate q;"), 10, "spec.circuit.source:2:1", "frobnicate"},
	{"bomb in a program", own("openqasm3", header+"qubit[1000000] q;"), 10, "spec.circuit.source:3:", "limit-qubits"},
	{"calibration in a program", own("openqasm3", header+`defcalgrammar "openpulse";`), 11, "spec.circuit.source", "feature-"},
	{"no qubits", own("openqasm3", "OPENQASM 3.0;\nbit c;"), 10, "spec.circuit", ""},
	{"a file outside", change(`"circuit_id":"ghz","width":3`, `"circuit":{"format":"openqasm3","path":"../../etc/passwd"}`), 10, "spec.circuit.path", ""},
	{"a file that is not there", change(`"circuit_id":"ghz","width":3`, `"circuit":{"format":"openqasm3","path":"none.qasm"}`), 10, "spec.circuit.path", ""},
	{"source and path", change(`"circuit_id":"ghz","width":3`, `"circuit":{"format":"openqasm3","source":"qubit q;","path":"a"}`), 10, "spec.circuit", ""},
	{"16 MiB and a byte", strings.Repeat(" ", job.MaxDocument+1), 10, "JOB", ""},
}

func TestHostileJobs(t *testing.T) {
	require.GreaterOrEqual(t, len(hostileJobs), 40)
	for _, c := range hostileJobs {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runHere(t, c.doc, "run", "-", "--json")
			require.Equal(t, int(c.code), code, "%.300s%.300s", out, errs)
			e := refusedJSON(t, code, out)
			require.Contains(t, e.Field, c.field)
			require.Contains(t, e.Message, c.text)
			require.Empty(t, errs)
		})
	}
}

// TestInterrupted: a run whose context ends is code 32 and leaves no proof.
func TestInterrupted(t *testing.T) {
	for _, args := range [][]string{{"run", "-", "--json"}, {"sim", "-", "--json"}} {
		in := goodJob
		if args[0] == "sim" {
			in = header + "qubit[2] q; rx(0.3) q[0];"
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		code, out, _ := runUntil(t, ctx, in, args...)
		require.Equal(t, 32, code, out)
		require.Equal(t, "Cancelled", refusedJSON(t, code, out).Name)
	}
}
