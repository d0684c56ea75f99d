package iqm

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/plugins/fakes/faults"
)

// good puts QB5 and QB3 of the star to 1 and measures in two steps, QB5 first.
const good = `{"shots":2,"circuits":[{"name":"c","instructions":[
  {"name":"prx","locus":["QB5"],"args":{"angle":3.141592653589793,"phase":0.5}},
  {"name":"prx","locus":["QB3"],"args":{"angle":1.5707963267948966,"phase":1.5707963267948966}},
  {"name":"cz","locus":["QB3","QB5"],"args":{}},
  {"name":"prx","locus":["QB3"],"args":{"angle":1.5707963267948966,"phase":-1.5707963267948966}},
  {"name":"measure","locus":["QB5","QB1"],"args":{"key":"a"}},
  {"name":"measure","locus":["QB3"],"args":{"key":"b"}}]}]}`

func serve(t *testing.T, o Options) (*Server, func(method, path, body string) (int, string)) {
	o.Token, o.Now = "k", time.Now
	s, err := New(o)
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/api/v1/"+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer k")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
}

func submit(t *testing.T, call func(method, path, body string) (int, string), path, body string) string {
	status, answer := call("POST", path, body)
	require.Equal(t, 200, status, answer)
	var j struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(answer), &j))
	return j.ID
}

// TestTrueToTheCircuit: prx, cz and the order of bits and keys.
func TestTrueToTheCircuit(t *testing.T) {
	s, call := serve(t, Options{})
	id := submit(t, call, "jobs/adonis/circuit?tag=x", good)
	_, body := call("GET", "jobs/"+id+"/artifacts/measurements", "")
	require.JSONEq(t, `[{"a":[[1,0],[1,0]],"b":[[1],[1]]}]`, body)
	_, body = call("GET", "jobs/"+id+"/artifacts/measurement_counts", "")
	require.JSONEq(t, `[{"measurement_keys":["a","b"],"counts":{"101":2}}]`, body)
	_, body = call("GET", "jobs/"+id+"/payload", "")
	require.JSONEq(t, good, body)
	require.Equal(t, 1, s.Jobs("x"))
	require.NotEqual(t, id, submit(t, call, "jobs/adonis/circuit?tag=x", good), "a tag keeps nothing apart")
	require.Equal(t, 2, s.Jobs("x"))
}

// TestStrict: what the vendor does not know is refused, and not counted.
func TestStrict(t *testing.T) {
	s, call := serve(t, Options{})
	for _, edit := range [][2]string{{`"shots":2`, `"shots":0`}, {`"shots":2`, `"shots":20001`}, {`"shots":2`, `"shot":2`}, {`"QB5"`, `"QB6"`}, {`"QB3","QB5"`, `"QB1","QB5"`}, {`"QB3","QB5"`, `"QB3","QB3"`},
		{`"cz"`, `"cx"`}, {`"key":"b"`, `"key":"a"`}, {`"key":"b"`, `"key":""`}, {`"phase":0.5`, `"phase_t":0.5`}, {`,"phase":0.5`, ``}, {`"locus":["QB5"]`, `"qubits":["QB5"]`}, {`"shots":2`, `"shots":2,"dd_mode":"enabled"`},
		{`"shots":2`, `"shots":2,"calibration_set_id":"00000000-0000-0000-0000-000000000000"`}, {`"name":"cz"`, `"name":"cz","implementation":"slepian"`}, {`"angle":3.14`, `"angle":1e9,"x":3.14`}} {
		body := strings.Replace(good, edit[0], edit[1], 1)
		require.NotEqual(t, good, body)
		status, answer := call("POST", "jobs/adonis/circuit", body)
		require.Equal(t, 400, status, edit[1])
		require.Contains(t, answer, `"error_code":"invalid_job_payload"`)
	}
	for path, want := range map[string]int{"jobs/adonis/sweep": 400, "jobs/nowhere/circuit": 404, "jobs/adonis/circuit?tag=" + strings.Repeat("x", 51): 400, "jobs/adonis/circuit?use_timeslot=true": 403} {
		status, _ := call("POST", path, good)
		require.Equal(t, want, status, path)
	}
	require.Zero(t, s.Total())
}

// TestWhatTheVendorsClientSends: a request that iqm-client 36.0.0 made is taken.
func TestWhatTheVendorsClientSends(t *testing.T) {
	b, err := os.ReadFile("testdata/client.json")
	require.NoError(t, err)
	_, call := serve(t, Options{})
	id := submit(t, call, "jobs/adonis/circuit?use_timeslot=false", string(b))
	_, body := call("GET", "jobs/"+id+"/artifacts/measurements", "")
	require.JSONEq(t, `[{"m":[[0,1],[0,1],[0,1]]}]`, body)
}

func TestStatesAndCancel(t *testing.T) {
	s, call := serve(t, Options{Delay: time.Hour})
	now := time.Unix(0, 0)
	s.o.Now = func() time.Time { return now }
	one, two := submit(t, call, "jobs/garnet/circuit", strings.ReplaceAll(good, "QB5", "QB8")), submit(t, call, "jobs/adonis/circuit", good)
	for age, want := range map[time.Duration]string{0: "waiting", 40 * time.Minute: "processing", time.Hour: "completed"} {
		now = time.Unix(0, 0).Add(age)
		_, body := call("GET", "jobs/"+one+"?wait_until_terminal=true&timeout_seconds=0", "")
		require.Contains(t, body, `"status":"`+want+`"`)
	}
	now = time.Unix(0, 0)
	status, body := call("POST", "jobs/"+two+"/cancel", "")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"status":"cancelled"`)
	status, body = call("POST", "jobs/"+two+"/cancel", "")
	require.Equal(t, 403, status)
	require.Contains(t, body, "illegal_job_status")
	status, _ = call("GET", "jobs/"+two+"/artifacts/measurements", "")
	require.Equal(t, 404, status)
	status, _ = call("DELETE", "jobs/"+two, "")
	require.Equal(t, 204, status)
	status, _ = call("GET", "jobs/"+two, "")
	require.Equal(t, 404, status)
	require.Equal(t, 2, s.Total())
}

// TestNoise: depolarized to the utmost a qubit that should be 1 is 0 in a half of
// the shots, and the metrics say so.
func TestNoise(t *testing.T) {
	m, err := noise.Parse([]byte(`{"format":"noise/v1","gates":[{"gate":"1q","depolarizing":0.75}]}`))
	require.NoError(t, err)
	_, call := serve(t, Options{Noise: m})
	id := submit(t, call, "jobs/adonis/circuit", `{"shots":10000,"circuits":[{"name":"c","instructions":[{"name":"prx","locus":["QB5"],"args":{"angle":3.141592653589793,"phase":0}},{"name":"measure","locus":["QB5"],"args":{"key":"a"}}]}]}`)
	_, body := call("GET", "jobs/"+id+"/artifacts/measurement_counts", "")
	var out []struct{ Counts map[string]float64 }
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	require.InDelta(t, 5000, out[0].Counts["1"], 5*math.Sqrt(2500))
	_, body = call("GET", "calibration-sets/adonis/default/metrics", "")
	require.Contains(t, body, `"dut_field":"metrics.rb.prx.drag_gaussian.QB1.fidelity:par=d1","invalid":false`)
	require.Contains(t, body, `"value":0.5`)
	m, err = noise.Parse([]byte(`{"format":"noise/v1","gates":[{"gate":"1q","qubits":[1],"depolarizing":0.75}]}`))
	require.NoError(t, err)
	_, err = New(Options{Noise: m})
	require.ErrorIs(t, err, ErrNoise)
}

func TestFaultsInTheVendorsForm(t *testing.T) {
	s, call := serve(t, Options{Faults: []faults.Fault{{Kind: "429", N: 1}, {Kind: "500", Post: true, N: 1}, {Kind: "lost-reply", Post: true, N: 1}, {Kind: "stale-auth", N: 1}}})
	for _, want := range []int{429, 500, 0, 401, 200} {
		status, _ := call("POST", "jobs/adonis/circuit", good)
		require.Equal(t, want, status)
	}
	require.Equal(t, 2, s.Total(), "the lost reply's job is there")
	_, body := call("GET", "quantum-computers/nowhere/health", "")
	require.Contains(t, body, `"error_code":"qc_not_found"`)
}

// FuzzParse: a body is refused or becomes circuits that are valid.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"circuits":[{"name":"n","instructions":[{"name":"measure","implementation":"constant","locus":["a"],"args":{"key":"k"}}],"metadata":{}}],"qubit_mapping":[{"logical_name":"a","physical_name":"QB2"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, list, err := parse(b, computers[1]); err == nil {
			for _, p := range list {
				require.NoError(t, p.circuit.Validate())
			}
		}
	})
}
