package httpapi_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/httpsig"
	"github.com/animicaorg/engine/keys"
)

const bell = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"

// post sends a body to /rpc and returns status and answer.
func (w *world) post(body string, edit func(*http.Request)) (int, string) {
	r, err := http.NewRequest(http.MethodPost, w.at+"/rpc", strings.NewReader(body))
	require.NoError(w, err)
	r.Header.Set("Content-Type", "application/json")
	if edit != nil {
		edit(r)
	}
	a, err := http.DefaultClient.Do(r)
	require.NoError(w, err)
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	require.NoError(w, err)
	return a.StatusCode, strings.TrimSpace(string(raw))
}

// answered is what a test looks at of one answer.
type answered struct {
	ID     json.RawMessage `json:"id"`
	Result map[string]any  `json:"result"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    httpapi.Problem `json:"data"`
	} `json:"error"`
}

// call makes one call, which the service must answer with 200.
func (w *world) call(method, params string) answered {
	w.Helper()
	status, raw := w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params), nil)
	require.Equal(w, 200, status, raw)
	var a answered
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		a.Result = map[string]any{"raw": raw}
	}
	return a
}

func unsigned(c *httpapi.Config) { c.Dev = true }

// TestRPCProtocol holds every rule of JSON-RPC 2.0 against the bytes of the answers.
func TestRPCProtocol(t *testing.T) {
	w := start(t, unsigned)
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, c := range map[string]struct {
		body, want string // want: the answer up to its data
	}{
		"no JSON":          {`{`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error`},
		"nothing":          {``, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error`},
		"two values":       {`{} {}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error`},
		"a name twice":     {`{"jsonrpc":"2.0","id":1,"id":2,"method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error`},
		"deep":             {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":` + deep + `}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error: JSON byte 89: nested deeper than 32`},
		"a number":         {`1`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request`},
		"an empty batch":   {`[]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request: the batch is empty`},
		"a batch of 1":     {`[1]`, `[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request`},
		"a long batch":     {"[" + strings.Repeat("1,", 20) + "1]", `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request: the batch has 21 calls, at most 20`},
		"no version":       {`{"id":7,"method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid Request`},
		"version 1.0":      {`{"jsonrpc":"1.0","id":7,"method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid Request`},
		"no method":        {`{"jsonrpc":"2.0","id":"x"}`, `{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"Invalid Request`},
		"a method of 1":    {`{"jsonrpc":"2.0","id":"x","method":1}`, `{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"Invalid Request`},
		"params of 1":      {`{"jsonrpc":"2.0","id":"x","method":"aicf.listJobs","params":1}`, `{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"Invalid Request`},
		"another member":   {`{"jsonrpc":"2.0","id":"x","method":"aicf.listJobs","more":1}`, `{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"Invalid Request`},
		"id an object":     {`{"jsonrpc":"2.0","id":{},"method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request`},
		"id true":          {`{"jsonrpc":"2.0","id":true,"method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request`},
		"a long id":        {`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 255) + `","method":"aicf.listJobs"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request: id has 257 bytes, at most 256`},
		"id null":          {`{"jsonrpc":"2.0","id":null,"method":"aicf.nothing"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found`},
		"an unknown":       {`{"jsonrpc":"2.0","id":1.50,"method":"aicf.nothing"}`, `{"jsonrpc":"2.0","id":1.50,"error":{"code":-32601,"message":"Method not found`},
		"AI":               {`{"jsonrpc":"2.0","id":1,"method":"cap.enqueueAI","params":{}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found`},
		"many params":      {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":["a","b"]}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: 2 parameters`},
		"an unknown param": {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":{"job":"a"}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: job aicf.getJob has no such parameter; it has jobId`},
		"a param twice":    {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":{"job_id":"a","jobId":"b"}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: jobId is given twice`},
		"no param":         {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: jobId is missing`},
		"no id":            {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":["0xzz"]}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: jobId is no id`},
		"a long page":      {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":{"limit":501}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: limit is 501`},
		"a far offset":     {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":{"offset":10001}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: offset is 10001`},
		"kind":             {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":["GPU"]}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: kind is`},
		"status":           {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":{"status":"done"}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params: status is`},
		"not there":        {`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":["` + strings.Repeat("0", 64) + `"]}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"NotFound: `},
		"empty":            {`{"jsonrpc":"2.0","id":1,"method":"aicf.listJobs","params":[]}`, `{"jsonrpc":"2.0","id":1,"result":{"items":[],"nextOffset":0,"jobs":[]}}`},
		"a list of AI":     {`{"jsonrpc":"2.0","id":1,"method":"cap.listJobs","params":{"kind":"AI","limit":50}}`, `{"jsonrpc":"2.0","id":1,"result":[]}`},
	} {
		status, got := w.post(c.body, nil)
		require.Equal(t, 200, status, name)
		require.True(t, strings.HasPrefix(got, c.want), "%s: %s", name, got)
	}
	status, got := w.post(`{"jsonrpc":"2.0","method":"aicf.nothing"}`, nil)
	require.Equal(t, 204, status)
	require.Empty(t, got, "a notification has no answer, whatever it comes to")
	status, got = w.post(`[{"jsonrpc":"2.0","method":"aicf.listJobs"},{"jsonrpc":"2.0","method":"aicf.listJobs","params":[]}]`, nil)
	require.Equal(t, 204, status, got)
	_, got = w.post(`[{"jsonrpc":"2.0","method":"aicf.listJobs"},{"jsonrpc":"2.0","id":"a","method":"cap.listJobs"},{"foo":1},{"jsonrpc":"2.0","id":"b","method":"no"}]`, nil)
	var list []answered
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(got, `"result":[]`, `"result":{}`)), &list), got)
	require.Len(t, list, 3, "in the order of the calls, without the notification")
	require.Equal(t, []string{`"a"`, `null`, `"b"`}, []string{string(list[0].ID), string(list[1].ID), string(list[2].ID)})
	status, got = w.post(strings.Repeat(" ", 1<<20+1), nil)
	require.Equal(t, 413, status, got)
	status, got = w.post(`{}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	require.Equal(t, 422, status, got)
}

// TestRPCMethods walks the lineage's clients through their calls: every name and spelling.
func TestRPCMethods(t *testing.T) {
	w := start(t, unsigned)
	a := w.call("cap.enqueueQuantum", fmt.Sprintf(`{"circuit":"0x%s","shots":4096,"fee":0}`, hex.EncodeToString([]byte(bell))))
	require.Nil(t, a.Error)
	id := a.Result["jobId"].(string)
	for _, name := range []string{"job_id", "id", "task_id", "taskId"} {
		require.Equal(t, id, a.Result[name], name)
	}
	again := w.call("aicf.queueSubmitQuantum", fmt.Sprintf(`["0x%s",4096]`, hex.EncodeToString([]byte(bell))))
	require.Equal(t, id, again.Result["jobId"], "the id is a function of what is asked")
	other := w.call("cap.enqueueQuantum", fmt.Sprintf(`{"circuit":%q,"shots":4096,"metadata":{"run":2}}`, bell))
	require.NotEqual(t, id, other.Result["jobId"], other)

	// The adapter's form, with the SDKs' shared vector as its circuit.
	vector := `{"qubits":4,"gates":[{"op":"H","q":[0]},{"op":"CNOT","q":[0,1]},{"op":"MEASURE","q":[0,1]}],"measure":[0,1]}`
	for _, name := range []string{"aicf.queueSubmit", "aicf.enqueue", "aicf.submitJob"} {
		a = w.call(name, `{"kind":"QUANTUM","payload":{"circuit":`+vector+`,"shots":1024,"fee_units":null,"tags":{},"priority":3.0,"ttl_s":600.0,"caller":null}}`)
		require.Nil(t, a.Error, "%+v", a.Error)
		require.EqualValues(t, 600_000, a.Result["receipt"].(map[string]any)["ttl_ms"])
	}
	adapted := a.Result["job_id"].(string)
	doc := `{"job_id":"` + strings.Repeat("ab", 32) + `","kind":"quantum","spec":{"circuit_id":"ghz","width":3,"depth":3,"shots":1024,"trap_ratio":0.5,"seed":"` + strings.Repeat("cd", 32) + `"}}`
	require.Equal(t, strings.Repeat("ab", 32), w.call("aicf.submitJob", `{"job":`+doc+`}`).Result["jobId"])

	for _, name := range []string{"aicf.getJob", "aicf.jobGet", "aicf.jobStatus", "cap.getJob", "explorer_get_quantum_job"} {
		for _, params := range []string{`["` + id + `"]`, `["0x` + id + `"]`, `{"job_id":"` + id + `"}`, `{"jobId":"` + id + `"}`, `{"id":"` + id + `"}`, `[{"taskId":"` + id + `"}]`} {
			j := w.call(name, params)
			require.Nil(t, j.Error, "%s %s", name, params)
			require.Equal(t, []any{id, "queued", "QUANTUM", 2., 2.}, []any{j.Result["id"], j.Result["status"], j.Result["kind"], j.Result["width"], j.Result["depth"]})
		}
	}
	require.EqualValues(t, 4, w.call("aicf.getJob", `["`+adapted+`"]`).Result["width"])

	// Four jobs: by offset, by cursor, by filter.
	page := w.call("aicf.listJobs", `{"kind":"QUANTUM","status":"Queued","offset":1,"limit":2}`).Result
	require.Len(t, page["items"], 2)
	require.Equal(t, page["items"], page["jobs"])
	require.EqualValues(t, 3, page["nextOffset"])
	first := w.call("aicf.listJobs", `[{"limit":3}]`).Result
	require.Len(t, first["jobs"], 3)
	rest := w.call("aicf.listJobs", fmt.Sprintf(`[{"limit":3,"cursor":%q}]`, first["nextCursor"])).Result
	require.Len(t, rest["jobs"], 1)
	require.NotContains(t, rest, "nextCursor")
	require.Len(t, w.call("aicf.listJobs", `{"offset":4}`).Result["items"], 0)
	require.Len(t, w.call("aicf.listJobs", `{"kind":"AI"}`).Result["items"], 0)
	require.Len(t, w.call("aicf.listJobs", `{"status":"completed"}`).Result["items"], 0)

	early := w.call("cap.getResult", `["`+id+`"]`)
	require.Equal(t, []any{9003, aicf.NoResultYet, 409}, []any{early.Error.Code, early.Error.Data.Code, early.Error.Data.Status})
	unknown := strings.Repeat("9", 64)
	require.Empty(t, w.call("explorer_get_quantum_job", `["`+unknown+`"]`).Result)
	require.Empty(t, w.call("explorer_get_result", `["`+id+`","`+unknown+`"]`).Result)
	require.Equal(t, `{"jsonrpc":"2.0","id":1,"result":[]}`, w.call("explorer_list_job_results", `["`+id+`"]`).Result["raw"])
	require.EqualValues(t, 0, w.call("aicf.listProviders", `{"offset":0,"limit":100}`).Result["nextOffset"])
	require.Equal(t, aicf.NotFound, w.call("aicf.getProvider", `["`+unknown+`"]`).Error.Data.Code)
	b := w.call("aicf.getBalance", `{"account":"`+unknown+`"}`).Result
	require.Equal(t, []any{unknown, 0., 0., 0., 0., 0.}, []any{b["providerId"], b["balance"], b["available"], b["pending"], b["escrow"], b["lastSettlementEpoch"]})

	// Refusals carry the lineage's numbers, the field and the next step.
	few := w.call("cap.enqueueQuantum", fmt.Sprintf(`{"circuit":%q,"shots":10}`, bell))
	require.Equal(t, []any{6002, aicf.SchemaError}, []any{few.Error.Code, few.Error.Data.Code})
	require.NotEmpty(t, few.Error.Data.Hint)
	require.Equal(t, 6002, w.call("aicf.enqueue", `{"kind":"AI","payload":{"circuit":"","shots":1}}`).Error.Code)
	require.Equal(t, rpcParams, w.call("aicf.enqueue", `{"kind":"QUANTUM"}`).Error.Code)
	require.Equal(t, rpcParams, w.call("aicf.enqueue", `{"payload":{"circuit":{},"shots":1,"color":2}}`).Error.Code)
	require.Equal(t, rpcParams, w.call("cap.enqueueQuantum", `{"circuit":"0x`+strings.Repeat("00", 128<<10+1)+`","shots":1}`).Error.Code)
	require.Equal(t, rpcParams, w.call("cap.enqueueQuantum", `{"circuit":"q","shots":1,"metadata":{"x":"`+strings.Repeat("x", 16<<10)+`"}}`).Error.Code)
	require.Equal(t, 9002, w.call("cap.enqueueQuantum", `{"circuit":"`+strings.Repeat("q", 128<<10+1)+`","shots":1}`).Error.Code)
}

const rpcParams = -32602

// TestRPCAnswersAreBounded: the answers of a batch end at their limit, and say so.
func TestRPCAnswersAreBounded(t *testing.T) {
	w := start(t, unsigned)
	text := strings.Repeat("x", 126<<10)
	a := w.call("cap.enqueueQuantum", fmt.Sprintf(`{"circuit":%q,"shots":4096}`, bell+"// "+text))
	require.Nil(t, a.Error)
	one := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":[%q]}`, a.Result["jobId"])
	_, raw := w.post("["+strings.Repeat(one+",", 19)+one+"]", nil)
	var list []answered
	require.NoError(t, json.Unmarshal([]byte(raw), &list))
	require.Len(t, list, 20)
	fit := 0
	for ; fit < 20 && list[fit].Error == nil; fit++ {
	}
	require.InDelta(t, 15, fit, 2, "answers of 130 kB in 2 MiB")
	require.Equal(t, []any{9002, aicf.LimitExceeded}, []any{list[19].Error.Code, list[19].Error.Data.Code})
	require.Less(t, len(raw), 2<<20+8<<10)
}

// TestRPCRate: each call of a batch counts, not only the request.
func TestRPCRate(t *testing.T) {
	w := start(t, func(c *httpapi.Config) { c.Rate, c.Dev = 2, true }) // bursts of four
	one := `{"jsonrpc":"2.0","id":1,"method":"cap.listJobs"}`
	_, raw := w.post("["+strings.Repeat(one+",", 5)+one+"]", nil)
	require.Equal(t, 4, strings.Count(raw, `"result":[]`), raw)
	require.Equal(t, 2, strings.Count(raw, `"code":"RateLimited"`), raw)
}

// TestRPCCallers: who may call what is the same as on the routes.
func TestRPCCallers(t *testing.T) {
	account, token := digest.Sum([]byte("older client")), "0123456789abcdef"
	w := start(t, func(c *httpapi.Config) {
		c.APIKeys = map[digest.Digest]digest.Digest{digest.Sum([]byte(token)): account}
	})
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	call := func(method, params string, edit func(*http.Request)) answered {
		status, raw := w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params), edit)
		require.Equal(t, 200, status, raw)
		var a answered
		require.NoError(t, json.Unmarshal([]byte(raw), &a))
		return a
	}
	enqueue := fmt.Sprintf(`{"circuit":%q,"shots":4096}`, bell)
	require.Equal(t, aicf.Unauthorized, call("cap.enqueueQuantum", enqueue, nil).Error.Data.Code)
	require.Nil(t, call("aicf.listJobs", "{}", nil).Error, "reading is for all")
	require.Equal(t, aicf.Forbidden, call("aicf.claimPayout", `{"providerId":"`+account.String()+`"}`, bearer).Error.Data.Code, "never a provider's verb")
	mine := call("cap.enqueueQuantum", enqueue, bearer)
	require.Nil(t, mine.Error, "%+v", mine.Error)
	job := call("aicf.getJob", `["`+mine.Result["jobId"].(string)+`"]`, nil)
	require.Equal(t, account.String(), job.Result["requester"])
	require.Equal(t, aicf.NoResultYet, call("cap.getResult", `["`+mine.Result["jobId"].(string)+`"]`, bearer).Error.Data.Code)
	require.Equal(t, aicf.Unauthorized, call("cap.getResult", `["`+mine.Result["jobId"].(string)+`"]`, nil).Error.Data.Code)
	status, raw := w.post(`{}`, func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") })
	require.Equal(t, 401, status, raw)
}

// signRPC signs a call as the client does.
func (w *world) signRPC(k *keys.Ed25519Key, body, idempotency string, nonce byte) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Idempotency-Key", idempotency)
		signer := httpsig.Signer{KeyID: k.KeyID().String(), Sign: func(m []byte) ([]byte, error) { return k.SignMessage(ctx, m) }}
		require.NoError(w, httpsig.SignRequest(r, []byte(body), signer, w.now, 0, [httpsig.NonceSize]byte{nonce}))
	}
}

// TestRPCSignedBatch: a signed batch has its effects once under its nonce, and once under its
// idempotency key; another batch under the key is refused.
func TestRPCSignedBatch(t *testing.T) {
	w := start(t, nil)
	_, err := w.client(w.buys).Enrol(ctx, "")
	require.NoError(t, err)
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range 3 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"jsonrpc":"2.0","id":%d,"method":"cap.enqueueQuantum","params":{"circuit":%q,"shots":4096,"metadata":{"n":%d}}}`, i, bell, i)
	}
	body.WriteByte(']')
	status, first := w.post(body.String(), w.signRPC(w.buys, body.String(), "k", 1))
	require.Equal(t, 200, status, first)
	require.NotContains(t, first, `"error"`)
	done := w.events()
	status, again := w.post(body.String(), w.signRPC(w.buys, body.String(), "k", 2))
	require.Equal(t, 200, status)
	require.Equal(t, first, again, "the same request has the same answer")
	require.Equal(t, done, w.events(), "and no effect")
	_, replayed := w.post(body.String(), w.signRPC(w.buys, body.String(), "other", 1))
	require.Equal(t, 3, strings.Count(replayed, `"code":"ReplayDetected"`), replayed)
	require.Equal(t, done, w.events())
	less := strings.Replace(body.String(), `"n":2`, `"n":7`, 1)
	_, mixed := w.post(less, w.signRPC(w.buys, less, "k", 3))
	require.Equal(t, 3, strings.Count(mixed, `"code":"IdempotencyMismatch"`), mixed)
	require.Equal(t, done, w.events())
	forged := w.signRPC(w.buys, body.String(), "k4", 4)
	status, raw := w.post(less, forged)
	require.Equal(t, 401, status, raw)
}

// TestMinerRoutes: submit, look, wait for the result.
func TestMinerRoutes(t *testing.T) {
	w := start(t, unsigned)
	send := func(body string) (int, map[string]any) {
		a, err := http.Post(w.at+"/jobs/quantum", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer a.Body.Close()
		var v map[string]any
		require.NoError(t, json.NewDecoder(a.Body).Decode(&v))
		return a.StatusCode, v
	}
	get := func(path string) (int, map[string]any) {
		a, err := http.Get(w.at + path)
		require.NoError(t, err)
		defer a.Body.Close()
		var v map[string]any
		require.NoError(t, json.NewDecoder(a.Body).Decode(&v))
		return a.StatusCode, v
	}
	// {"name":"ghz"} as the miner's own example has it: a depth of 12 for a circuit of 8.
	status, task := send(`{"width":8,"depth":12,"shots":2048,"trap_fraction":0.25,"circuit_json_b64":"eyJuYW1lIjoiZ2h6In0=","trap_seed_b64":"AQEBAQ==","qos":null}`)
	require.Equal(t, 200, status, task)
	id := task["task_id"].(string)
	require.Len(t, id, 64)
	status, same := send(`{"width":8,"depth":12,"shots":2048,"trap_fraction":0.25,"circuit_json_b64":"eyJuYW1lIjoiZ2h6In0=","trap_seed_b64":"AQEBAQ==","qos":"normal"}`)
	require.Equal(t, 200, status)
	require.Equal(t, id, same["task_id"])
	status, seen := get("/jobs/" + id)
	require.Equal(t, []any{200, "queued"}, []any{status, seen["status"]})
	status, early := get("/jobs/" + id + "/result")
	require.Equal(t, []any{409, "NoResultYet", 9003.}, []any{status, early["code"], early["number"]})
	j := w.call("aicf.getJob", `["`+id+`"]`).Result
	require.Equal(t, []any{8., 8., 2048.}, []any{j["width"], j["depth"], j["shots"]})

	for name, c := range map[string]struct {
		body, field string
		status      int
	}{
		"width":    {`{"width":129,"depth":12,"shots":1,"circuit_json_b64":""}`, "body.width", 422},
		"shots":    {`{"width":1,"depth":12,"shots":1000001,"circuit_json_b64":""}`, "body.shots", 422},
		"fraction": {`{"width":1,"depth":12,"shots":1,"trap_fraction":0.6,"circuit_json_b64":""}`, "body.trap_fraction", 422},
		"base64":   {`{"width":1,"depth":12,"shots":1,"circuit_json_b64":"!"}`, "/circuit_json_b64", 422},
		"large":    {`{"width":1,"depth":12,"shots":1,"circuit_json_b64":"` + strings.Repeat("A", 200<<10) + `"}`, "/circuit_json_b64", 413},
		"a lie":    {`{"width":7,"depth":12,"shots":2048,"circuit_json_b64":"eyJxdWJpdHMiOjIsImdhdGVzIjpbeyJvcCI6ImgiLCJxIjowfV19"}`, "/width", 422},
		"shallow":  {`{"width":8,"depth":7,"shots":2048,"circuit_json_b64":"eyJuYW1lIjoiZ2h6In0="}`, "/depth", 422},
		"a member": {`{"width":8,"depth":7,"shots":2048,"circuit_json_b64":"","more":1}`, "body.more", 422},
	} {
		status, p := send(c.body)
		require.Equal(t, c.status, status, "%s: %v", name, p)
		require.Equal(t, c.field, p["field"], "%s: %v", name, p)
	}
	status, p := get("/jobs/" + strings.Repeat("0", 64))
	require.Equal(t, []any{404, "NotFound"}, []any{status, p["code"]})
	status, b := get("/aicf/providers/" + id + "/balance")
	require.Equal(t, []any{200, 0.}, []any{status, b["available"]})
}
