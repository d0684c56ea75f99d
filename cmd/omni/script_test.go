package main

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/strictjson"
)

// TestGuideJob holds the embedded job equal to the example.
func TestGuideJob(t *testing.T) {
	want, err := os.ReadFile("../../examples/jobs/guide.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(guideJob))
}

func TestMain(m *testing.M) {
	host.MaybeWorker()
	devnet.MaybeDevice()
	if dir := os.Getenv(stayFolder); dir != "" {
		os.Args = []string{"omni", "devnet", "--stay", "--jobs", "0", "--keep", dir, "--json"}
		os.Exit(run())
	}
	testscript.Main(m, map[string]func(){"omni": main})
}

func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			home := env.Getenv("WORK") + "/home"
			env.Setenv("HOME", home)
			env.Setenv("REPO", repo)
			env.Setenv("XDG_CONFIG_HOME", "")
			return os.MkdirAll(home, 0o700)
		},
	})
}

// answers runs cases without the command line.
func answers(t testing.TB, cases string) []map[string]any {
	nodes, err := batchCases([]byte(`{"cases":[` + cases + `]}`))
	require.NoError(t, err)
	var out []map[string]any
	for i := range nodes {
		b, err := json.Marshal((&simulator{}).answer(&nodes[i]))
		require.NoError(t, err)
		var v map[string]any
		require.NoError(t, json.Unmarshal(b, &v))
		out = append(out, v)
	}
	return out
}

func TestAnswers(t *testing.T) {
	a := answers(t, `
{"op":"split","total":1001},
{"op":"split","total":15,"bps":[3333,3334,3333],"remainder":"treasury"},
{"op":"units","width":20,"depth":120,"shots":4096},
{"op":"price","units":3,"per_unit":900000,"surge":1.2},
{"op":"price","units":3,"per_unit":900000,"surge":"1.2"},
{"op":"severity","traps_ratio":0.95},
{"op":"backoff","attempt":3},
{"op":"settle","per_unit":{"AI":1000},"splits_bps":{"AI":{"provider":8000,"miner":1500,"treasury":500}},"remainder":"treasury","cap_rule":"pro_rata","cap":null,"claims":[{"task_id":"a","provider_id":"p","miner_id":"m","kind":"AI","units":20}],"slashes":[{"provider_id":"p","amount":30000,"reason":"late"}]},
{"op":"assign","random_seed":"0xdeadbeef","providers":[{"id":"d","stake":1,"health":1.0,"caps":["AI"],"region":"us"}],"quotas":{"d":{"concurrent":2}},"inflight":[{"provider_id":"d","task_id":"x"}],"jobs":[{"task_id":"1","job_kind":"AI","priority":0.9},{"task_id":"2","job_kind":"AI","priority":0.8}]},
{"op":"sla","table":{"severity_base":{"major":{"slash_tokens":7,"cooldown_epochs":1,"jail_epochs":1}},"escalation":{"multipliers":[1.0,1.5]}},"stake":100,"recent_offenses":5,"metrics":{"traps":{"fail_ratio":0.06,"samples":1200}}},
{"op":"heartbeat","events":[{"t":1000,"ok":true,"latency_ms":100},{"t":999,"ok":true},{"t":1000,"ok":false}]},
{"op":"shuffle","beacon":"01","epoch":3,"salt":"Q","candidates":["a","b","c"]},
{"op":"task_id","chain_id":1,"height":5,"tx_hash":"aa","caller":"0xbb","payload":{"b":1}},
{"op":"task_id","chain_id":1,"height":5,"tx_hash":"0xaa","caller":"bb","payload":"0xa1616201"}`)
	require.Equal(t, map[string]any{"provider": 851., "treasury": 100., "miner": 50.}, a[0])
	require.Equal(t, map[string]any{"provider": 4., "treasury": 7., "miner": 4.}, a[1])
	require.Equal(t, 1200., a[2]["units"])
	require.Equal(t, 3_240_000., a[3]["price"])
	require.Equal(t, a[3], a[4])
	require.Equal(t, map[string]any{"reason": "invalid_attestation", "severity": 0.05}, a[5])
	require.Equal(t, 6.48, a[6]["seconds"])
	require.Equal(t, map[string]any{"p": 14000.}, a[7]["debits"])
	require.Equal(t, 31000., a[7]["treasury"])
	require.Equal(t, map[string]any{"2": "quota"}, a[8]["reasons"])
	require.Equal(t, map[string]any{"decision": "SLASH", "severity": "major", "slash": 10., "cooldown_epochs": 2., "jail_epochs": 2., "stake_after": 90.}, a[9])
	steps := a[10]["steps"].([]any)
	require.Equal(t, map[string]any{"score": 0.5, "status": "DEGRADED"}, steps[0])
	require.Contains(t, steps[1], "ignored")
	require.Contains(t, steps[2], "refused")
	require.Equal(t, []any{"b", "a", "c"}, a[11]["order"])
	require.Equal(t, a[12], a[13], "a payload as JSON and as its CBOR")
}

func TestRefusedCases(t *testing.T) {
	for i, v := range answers(t, `5,{},{"op":"nope"},{"op":"split"},{"op":"split","total":-1},{"op":"split","total":1.5},{"op":"split","total":"1"},{"op":"split","total":1,"x":1},
{"op":"split","total":1,"bps":{"provider":1}},{"op":"settle","claims":[{"task_id":"a"}]},{"op":"settle"},{"op":"price","units":1,"surge":0},{"op":"units","width":1,"depth":1,"shots":1,"profile":"x"},
{"op":"slash_plan","reason":"x","severity_bps":10001,"stake":1,"earnings":1,"epoch":1},{"op":"severity","traps_ratio":1.1},{"op":"backoff","attempt":0},{"op":"heartbeat","events":[{"t":1}]},
{"op":"sla","stake":1,"metrics":{"other":{}}},{"op":"sla","table":{"escalation":{"multipliers":[]}},"stake":1,"metrics":{}},{"op":"assign","random_seed":"0x0","providers":[],"jobs":[]},
{"op":"job_id","chain_id":1,"height":1,"tx_hash":"0xzz","caller":"a","payload":"b"},{"op":"task_id","chain_id":1,"height":1,"tx_hash":"aa","caller":"bb","payload":"0x01ff"},{"op":"bridge_id","chain_id":1,"height":1,"tx_hash":"a","caller":"b","shots":1}`) {
		require.Contains(t, v, "error", "case %d", i)
	}
}

func FuzzCases(f *testing.F) {
	f.Add([]byte(`{"cases":[{"op":"split","total":1001}]}`))
	f.Add([]byte(`{"cases":[{"op":"heartbeat","events":[{"t":1e39,"ok":true}]}]}`))
	f.Add([]byte(`{"cases":[{"op":"bridge_id","chain_id":1,"height":1,"tx_hash":"a","caller":"b","shots":1,"circuit":{"a":[1.5,"\u0001"]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := batchCases(b)
		if err != nil {
			return
		}
		for i := range nodes {
			if _, err := json.Marshal((&simulator{}).answer(&nodes[i])); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{"0.10": "0.1", "1": "1", "1.0": "1.0", "0.00001": "1e-05", "1e16": "1e+16", "0.5e1": "5.0"} {
		require.Equal(t, want, jsonNumber(in))
	}
	require.Equal(t, "0.05", number(big.NewRat(1, 20)).String())
	n, err := strictjson.Parse([]byte(`{"z":[],"a":{"k":"\"\\\n\u0001é"},"b":[1,null,true]}`), strictjson.Limits{Bytes: 100, Depth: 5, Values: 20})
	require.NoError(t, err)
	require.Equal(t, `{"a":{"k":"\"\\\n\u0001é"},"b":[1,null,true],"z":[]}`, string(sortedJSON(nil, n)))
}
