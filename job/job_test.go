package job

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

const id64 = "bd1af6ac0b8a72e0c6a0ca14d0ebcecbb9174629c2c78310a9cada348459246b"

// guideJob is the job of the provider guide §5.1 with real ids.
const guideJob = `{
  "job_id": "` + id64 + `",
  "kind": "quantum",
  "spec": {
    "circuit_id": "animica.quantum.trapset.v1",
    "width": 20,
    "depth": 120,
    "shots": 4096,
    "trap_ratio": 0.1,
    "seed": "2e548fdff9e20f5f4f4d478618ea096c397edb8615ec5fd4f0311cb0c02a5d94"
  },
  "max_latency_ms": 2000,
  "price": {"units": 1200}
}`

func TestGuideJob(t *testing.T) {
	j, err := Parse([]byte(guideJob))
	require.NoError(t, err)
	jobID, err := digest.Parse(id64)
	require.NoError(t, err)
	require.Equal(t, jobID, j.JobID)
	j.JobID = digest.Digest{}
	seed := j.Spec.Seed
	require.Equal(t, &Job{Kind: "quantum", Spec: Spec{CircuitID: "animica.quantum.trapset.v1", Width: 20, Depth: 120, Shots: 4096,
		TrapRatioPPM: 100000, TrapMode: TrapModeProcess, Seed: seed}, MaxLatencyMS: 2000, PriceUnits: 1200}, j)
	require.Equal(t, "2e548fdff9e20f5f4f4d478618ea096c397edb8615ec5fd4f0311cb0c02a5d94", seed.String())
}

func replace(t *testing.T, old, new string) string {
	t.Helper()
	require.Contains(t, guideJob, old)
	return strings.Replace(guideJob, old, new, 1)
}

func TestJobVariants(t *testing.T) {
	for name, doc := range map[string]string{
		"own circuit":  replace(t, `"circuit_id": "animica.quantum.trapset.v1",`, `"circuit":{"format":"openqasm3","source":"x","params":{"a":0.5,"b":-1e-3}},`),
		"circuit file": replace(t, `"circuit_id": "animica.quantum.trapset.v1",`, `"circuit":{"format":"openqasm2","path":"c.qasm"},`),
		"no depth":     replace(t, `"depth": 120,`, ``),
		"mode":         replace(t, `"shots"`, `"trap_mode":"tee","shots"`),
		"family":       replace(t, `"shots"`, `"trap_family":"iqp@1","shots"`),
		"ratio 1":      replace(t, `0.1`, `1`),
		"ratio 0":      replace(t, `0.1`, `0`),
		"six decimals": replace(t, `0.1`, `0.123456`),
		"no latency":   replace(t, `"max_latency_ms": 2000,`, ``),
		"no price": replace(t, `,
  "price": {"units": 1200}`, ``),
		"most shots": replace(t, `4096`, `10000000`),
	} {
		j, err := Parse([]byte(doc))
		require.NoError(t, err, name)
		again, err := json.Marshal(j)
		require.NoError(t, err, name)
		k, err := Parse(again)
		require.NoError(t, err, "%s: %s", name, again)
		require.Equal(t, j, k, name)
	}
}

func TestJobRefusals(t *testing.T) {
	own := func(c string) string {
		return replace(t, `"circuit_id": "animica.quantum.trapset.v1",`, `"circuit":`+c+`,`)
	}
	for _, c := range []struct{ name, doc, field string }{
		{"repeated member", replace(t, `"shots": 4096`, `"shots": 4096, "shots": 4096`), ""},
		{"unknown member", replace(t, `"shots"`, `"x":1,"shots"`), "/spec/x"},
		{"unknown at the top", replace(t, `"kind"`, `"x":1,"kind"`), "/x"},
		{"unknown in price", replace(t, `{"units": 1200}`, `{"units": 1200,"x":1}`), "/price/x"},
		{"case variant", replace(t, `"shots"`, `"Shots"`), "/spec/Shots"},
		{"trailing data", guideJob + `{}`, ""},
		{"NaN", replace(t, `0.1`, `NaN`), ""},
		{"float shots", replace(t, `4096`, `4096.0`), "/spec/shots"},
		{"exponent shots", replace(t, `4096`, `4e3`), "/spec/shots"},
		{"text shots", replace(t, `4096`, `"4096"`), "/spec/shots"},
		{"negative shots", replace(t, `4096`, `-1`), "/spec/shots"},
		{"zero shots", replace(t, `4096`, `0`), "/spec/shots"},
		{"too many shots", replace(t, `4096`, `10000001`), "/spec/shots"},
		{"zero width", replace(t, `20,`, `0,`), "/spec/width"},
		{"too wide", replace(t, `20,`, `4097,`), "/spec/width"},
		{"no width", replace(t, `"width": 20,`, ``), "/spec/width"},
		{"zero depth", replace(t, `120,`, `0,`), "/spec/depth"},
		{"too deep", replace(t, `120,`, `1000001,`), "/spec/depth"},
		{"huge integer", replace(t, `120,`, `99999999999999999999,`), "/spec/depth"},
		{"ratio text", replace(t, `0.1`, `"0.1"`), "/spec/trap_ratio"},
		{"ratio exponent", replace(t, `0.1`, `1e-1`), "/spec/trap_ratio"},
		{"ratio 1.0", replace(t, `0.1`, `1.0`), "/spec/trap_ratio"},
		{"ratio seven decimals", replace(t, `0.1`, `0.1000000`), "/spec/trap_ratio"},
		{"ratio negative", replace(t, `0.1`, `-0.1`), "/spec/trap_ratio"},
		{"ratio above 1", replace(t, `0.1`, `1.1`), "/spec/trap_ratio"},
		{"kind", replace(t, `"quantum"`, `"ai"`), "/kind"},
		{"upper-case hex", replace(t, `bd1af6ac`, `BD1AF6AC`), "/job_id"},
		{"short hex", replace(t, id64, id64[2:]), "/job_id"},
		{"prefixed hex", replace(t, id64, "0x"+id64[2:]), "/job_id"},
		{"no seed", replace(t, `"seed": "2e548fdff9e20f5f4f4d478618ea096c397edb8615ec5fd4f0311cb0c02a5d94"`, `"trap_mode": "process"`), "/spec/seed"},
		{"mode", replace(t, `"shots"`, `"trap_mode":"none","shots"`), "/spec/trap_mode"},
		{"family form", replace(t, `"shots"`, `"trap_family":"Accredit","shots"`), "/spec/trap_family"},
		{"family without version", replace(t, `"shots"`, `"trap_family":"iqp","shots"`), "/spec/trap_family"},
		{"family version 0", replace(t, `"shots"`, `"trap_family":"iqp@0","shots"`), "/spec/trap_family"},
		{"family type", replace(t, `"shots"`, `"trap_family":1,"shots"`), "/spec/trap_family"},
		{"no circuit", replace(t, `"circuit_id": "animica.quantum.trapset.v1",`, ``), "/spec/circuit_id"},
		{"empty circuit id", replace(t, `animica.quantum.trapset.v1`, ``), "/spec/circuit_id"},
		{"circuit id not NFC", replace(t, `animica.quantum.trapset.v1`, "e\u0301"), "/spec/circuit_id"},
		{"both circuits", replace(t, `"width"`, `"circuit":{"format":"json","source":"x"},"width"`), "/spec/circuit"},
		{"format", own(`{"format":"qir","source":"x"}`), "/spec/circuit/format"},
		{"no source", own(`{"format":"json"}`), "/spec/circuit/source"},
		{"empty source", own(`{"format":"json","source":""}`), "/spec/circuit/source"},
		{"two sources", own(`{"format":"json","source":"x","path":"y"}`), "/spec/circuit/path"},
		{"parameter text", own(`{"format":"openqasm3","source":"x","params":{"a":"1"}}`), "/spec/circuit/params/a"},
		{"parameter infinite", own(`{"format":"openqasm3","source":"x","params":{"a":1e999}}`), "/spec/circuit/params/a"},
		{"parameters list", own(`{"format":"openqasm3","source":"x","params":[]}`), "/spec/circuit/params"},
		{"lone surrogate", replace(t, `animica.quantum.trapset.v1`, `\ud800`), ""},
		{"invalid UTF-8", replace(t, `animica.quantum.trapset.v1`, "\xff"), ""},
		{"null spec", replace(t, `"max_latency_ms": 2000`, `"max_latency_ms": null`), "/max_latency_ms"},
		{"list", `[]`, ""},
		{"empty", ``, ""},
		{"deep", strings.Repeat("[", 17) + strings.Repeat("]", 17), ""},
		{"long", `"` + strings.Repeat("a", MaxDocument) + `"`, ""},
		{"values", `[` + strings.Repeat("1,", 1<<16) + `1]`, ""},
	} {
		_, err := Parse([]byte(c.doc))
		var e *Error
		require.True(t, errors.As(err, &e), c.name)
		require.Equal(t, c.field, e.Field, "%s: %v", c.name, err)
		_, _, err = ParseAny([]byte(c.doc))
		require.Error(t, err, c.name)
	}
}

func FuzzParseAny(f *testing.F) {
	f.Add([]byte(guideJob))
	f.Add([]byte(`{"lease_id":"` + id64 + `","ttl_ms":2000,"job_spec":` + guideJob + `}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		j, l, err := ParseAny(b)
		if err != nil {
			return
		}
		doc, err := json.Marshal(j)
		if l != nil {
			doc, err = json.Marshal(l)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ParseAny(doc); err != nil {
			t.Fatalf("%s accepted, its rewriting %s refused: %v", b, doc, err)
		}
	})
}

// TestTrapFamily: naming the default changes nothing, another family changes
// job_hash and params.
func TestTrapFamily(t *testing.T) {
	digests := func(doc string) [2]digest.Digest {
		j, err := Parse([]byte(doc))
		require.NoError(t, err)
		h, err := transcript.Sum(j.SpecFrame(digest.Digest{1}, 20, 120))
		require.NoError(t, err)
		p, err := (&Lease{Job: j}).Params(20, 120).Hash()
		require.NoError(t, err)
		return [2]digest.Digest{h, p}
	}
	plain := digests(replace(t, "", ""))
	require.Equal(t, plain, digests(replace(t, `"shots"`, `"trap_family":"accredit@1","shots"`)))
	other := digests(replace(t, `"shots"`, `"trap_family":"iqp@1","shots"`))
	require.NotEqual(t, plain[0], other[0])
	require.NotEqual(t, plain[1], other[1])
	var s Spec
	require.True(t, s.TakesTraps("accredit", "1.4.0"))
	require.False(t, s.TakesTraps("accredit", "2.0.0"))
	require.NoError(t, s.SetTrapFamily("iqp@2"))
	require.False(t, s.TakesTraps("iqp", "1.0.0"))
	require.True(t, s.TakesTraps("iqp", "2.1.0"))
}
