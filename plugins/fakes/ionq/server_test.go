package ionq

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/fakes/faults"
)

const good = `{"type":"ionq.circuit.v1","backend":"qpu.aria-1","shots":3,"input":{"gateset":"qis","qubits":9,"circuit":[{"gate":"x","target":8},{"gate":"cnot","control":8,"target":0}]}}`

func serve(t *testing.T, o Options) (*Server, func(method, path, body string) (int, string)) {
	o.Key, o.Now = "k", time.Now
	s := New(o)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/v0.4/"+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "apiKey k")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
}

// TestTrueToTheCircuit: X on qubit 8 and CNOT to qubit 0 is 257, every shot.
func TestTrueToTheCircuit(t *testing.T) {
	s, call := serve(t, Options{})
	status, _ := call("POST", "jobs", good)
	require.Equal(t, 201, status)
	status, body := call("GET", "jobs/"+s.order[0]+"/results/shots", "")
	require.Equal(t, 200, status)
	require.Equal(t, "[257,257,257]", body)
	_, body = call("GET", "jobs/"+s.order[0]+"/results/probabilities", "")
	require.JSONEq(t, `{"257":1}`, body)
}

// TestNative: gpi(φ) and two gpi2(φ) turn by π; ms and zz at a quarter turn, twice,
// by π about the product.
func TestNative(t *testing.T) {
	s, call := serve(t, Options{})
	const head = `{"type":"ionq.circuit.v1","backend":"qpu.aria-1","shots":1,"input":{"gateset":"native","qubits":2,"circuit":[`
	for gates, want := range map[string]string{
		`{"gate":"gpi","target":1,"phase":0.3}`:                                                                                                                                           "2",
		`{"gate":"gpi2","target":0,"phase":0.7},{"gate":"gpi2","target":0,"phase":0.7}`:                                                                                                   "1",
		`{"gate":"ms","targets":[0,1],"phases":[0.1,0.9]},{"gate":"ms","targets":[0,1],"phases":[0.1,0.9],"angle":0.25}`:                                                                  "3",
		`{"gate":"gpi2","target":0,"phase":0},{"gate":"zz","targets":[0,1],"angle":0.25},{"gate":"zz","targets":[1,0],"phase":0.25},{"gate":"gpi2","target":0,"phase":0}`:                 "0",
		`{"gate":"gpi2","target":0,"phase":0.25},{"gate":"ms","targets":[0,1],"phases":[0.25,0]},{"gate":"gpi2","target":0,"phase":0.25},{"gate":"ms","targets":[1,0],"phases":[0,0.25]}`: "2",
	} {
		status, body := call("POST", "jobs", head+gates+`]}}`)
		require.Equal(t, 201, status, body)
		_, body = call("GET", "jobs/"+s.order[len(s.order)-1]+"/results/shots", "")
		require.Equal(t, "["+want+"]", body, gates)
	}
	for _, bad := range []string{`{"gate":"x","target":0}`, `{"gate":"gpi","target":0}`, `{"gate":"gpi","target":0,"phase":0,"rotation":1}`, `{"gate":"zz","targets":[0,1]}`, `{"gate":"ms","targets":[0,1],"phases":[0]}`,
		`{"gate":"ms","targets":[0,0],"phases":[0,0]}`, `{"gate":"gpi2","target":-1,"phase":0}`, `{"gate":"gpi","target":0,"phase":1e4}`} {
		status, _ := call("POST", "jobs", head+bad+`]}}`)
		require.Equal(t, 400, status, bad)
	}
}

// TestBackends: the list, one of it, and its characterization both ways.
func TestBackends(t *testing.T) {
	_, call := serve(t, Options{})
	for path, want := range map[string]string{"backends": `[{`, "backends/qpu.forte-1": `"qubits":36`, "backends/qpu.forte-1/characterizations": `{"characterizations":[{`, "backends/qpu.forte-1/characterizations/" + calibrationID("qpu.forte-1"): `"t1":100`} {
		status, body := call("GET", path, "")
		require.Equal(t, 200, status, path)
		require.Contains(t, body, want, path)
	}
	for _, path := range []string{"backends/none", "backends/simulator/characterizations", "backends/qpu.aria-1/characterizations/x", "backends/qpu.aria-1/x", "backends/qpu.aria-1/characterizations/x/y"} {
		status, _ := call("GET", path, "")
		require.Equal(t, 404, status, path)
	}
}

// TestStrict: what the vendor's schema does not know is refused, and not counted.
func TestStrict(t *testing.T) {
	s, call := serve(t, Options{})
	for _, edit := range [][2]string{{`"shots":3`, `"shots":0`}, {`"shots":3`, `"shots":3,"shot":1`}, {`"qubits":9`, `"qubits":26`}, {`"x"`, `"cz"`}, {`"target":8}`, `"target":9}`},
		{`"target":8}`, `"target":8,"rotation":1}`}, {`aria-1`, `aria-9`}, {`circuit.v1`, `multi-circuit.v1`}, {`"target":8}`, `"target":8,"phase":1}`}, {`"qis"`, `"other"`}} {
		status, _ := call("POST", "jobs", strings.Replace(good, edit[0], edit[1], 1))
		require.Equal(t, 400, status, edit[1])
	}
	require.Zero(t, s.Total())
}

func TestStatesAndCancel(t *testing.T) {
	now := time.Unix(0, 0)
	s, call := serve(t, Options{Delay: time.Hour})
	s.o.Now = func() time.Time { return now }
	_, _ = call("POST", "jobs", good)
	_, _ = call("POST", "jobs", good)
	for age, want := range map[time.Duration]string{0: "submitted", 20 * time.Minute: "ready", 40 * time.Minute: "started", time.Hour: "completed"} {
		now = time.Unix(0, 0).Add(age)
		_, body := call("GET", "jobs/"+s.order[0], "")
		require.Contains(t, body, `"status":"`+want+`"`)
	}
	now = time.Unix(0, 0)
	status, _ := call("PUT", "jobs/"+s.order[1]+"/status/cancel", "")
	require.Equal(t, 200, status)
	now = now.Add(2 * time.Hour)
	_, body := call("GET", "jobs?limit=1", "")
	require.Contains(t, body, `"status":"canceled"`)
	require.Contains(t, body, `"next":"`+s.order[0]+`"`)
	_, body = call("GET", "jobs?limit=1&next="+s.order[0], "")
	require.Contains(t, body, `"next":null`)
}

// TestFaults: a planned fault is the vendor's form of an error, and a lost reply's
// job is there.
func TestFaults(t *testing.T) {
	plan, err := faults.Parse("429*2,post:500,lost-reply")
	require.NoError(t, err)
	s, call := serve(t, Options{Faults: plan})
	for _, want := range []int{429, 429, 500, 0, 201} {
		status, _ := call("POST", "jobs", good)
		require.Equal(t, want, status)
	}
	require.Equal(t, 2, s.Total())
	s.Plan([]faults.Fault{{Kind: "429", N: 1}})
	_, body := call("GET", "backends", "")
	require.JSONEq(t, `{"statusCode":429,"error":"Too Many Requests","message":"slow down"}`, body)
}

// FuzzParse: a body is refused or becomes circuits that are valid.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"type":"ionq.multi-circuit.v1","backend":"simulator","shots":1,"input":{"gateset":"qis","qubits":2,"circuits":[{"name":"0","circuit":[{"gate":"zz","targets":[0,1],"rotation":-1.5}]}]}}`))
	f.Add([]byte(`{"type":"ionq.circuit.v1","backend":"qpu.aria-1","shots":1,"input":{"gateset":"native","qubits":2,"circuit":[{"gate":"ms","targets":[0,1],"phases":[0,0.5]},{"gate":"gpi2","target":0,"phase":-0.2},{"gate":"zz","targets":[0,1],"angle":0.1}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, list, err := parse(b, Backends); err == nil {
			for _, c := range list {
				require.NoError(t, c.Validate())
			}
		}
	})
}
