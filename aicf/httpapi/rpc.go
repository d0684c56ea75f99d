package httpapi

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Limits of POST /rpc. A body is bounded as everywhere (maxBody).
const (
	maxRPCBatch  = 20      // calls of one batch
	maxRPCDepth  = 32      // containers around a value
	maxRPCValues = 200_000 // JSON values of a body
	maxRPCID     = 256     // bytes of an id as it is written
	maxRPCAnswer = 2 << 20 // bytes of results in one answer
)

// The numbers of JSON-RPC 2.0. A refusal of the service has the lineage's number
// (aicf.Code.Number), rpcRefused where the lineage has none; data.code has the name.
const (
	rpcParse    = -32700
	rpcRequest  = -32600
	rpcMethod   = -32601
	rpcParams   = -32602
	rpcInternal = -32603
	rpcRefused  = -32000
)

var rpcWords = map[int]string{rpcParse: "Parse error", rpcRequest: "Invalid Request", rpcMethod: "Method not found", rpcParams: "Invalid params", rpcInternal: "Internal error"}

// rpcError is the error member; Data is the problem document that a REST route would give.
type rpcError struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Data    *Problem `json:"data,omitempty"`
}

// Error implements error.
func (e *rpcError) Error() string { return e.Message }

// rpcFault is a standard error with what is wrong.
func rpcFault(number int, f *aicf.Fault) *rpcError {
	return &rpcError{number, rpcWords[number] + ": " + f.Message, ofFault(f)}
}

// rpcAnswer is one answer; of Result and Error one is set.
type rpcAnswer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

// rpcCall is one request object.
type rpcCall struct {
	id     json.RawMessage // null where it could not be read
	silent bool            // a notification: no answer
	method string
	params *strictjson.Node // nil: none
	err    *rpcError        // why it is no call
}

// isRPC is the route whose body is judged by its own rules.
func isRPC(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/rpc" }

var jsonNull = json.RawMessage("null")

// rpc answers JSON-RPC 2.0: one call, or a batch of at most maxRPCBatch, which run in their
// order. Whatever a call comes to, the HTTP status is 200, or 204 where nothing is answered;
// who may not speak at all (a bad signature, an unknown key, a body over the limit) gets the
// problem document of every route.
func (s *Server) rpc(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.refuse(w, r, aicf.Refuse(aicf.LimitExceeded, "the body has more than %d bytes", maxBody))
		return
	}
	calls, batch, bad := readRPC(body)
	if bad != nil {
		writeJSON(w, http.StatusOK, rpcAnswer{Version: "2.0", ID: jsonNull, Error: bad})
		return
	}
	answers, room := []rpcAnswer{}, maxRPCAnswer
	for i := range calls {
		at := -1
		if batch {
			at = i
		}
		if a := s.answerRPC(r, &calls[i], at, &room); a != nil {
			answers = append(answers, *a)
		}
	}
	switch {
	case len(answers) == 0:
		w.WriteHeader(http.StatusNoContent)
	case batch:
		writeJSON(w, http.StatusOK, answers)
	default:
		writeJSON(w, http.StatusOK, answers[0])
	}
}

// readRPC reads a body: what is no JSON, or over a limit, is refused as a whole.
func readRPC(body []byte) (calls []rpcCall, batch bool, bad *rpcError) {
	n, err := strictjson.Parse(body, strictjson.Limits{Bytes: maxBody, Depth: maxRPCDepth, Values: maxRPCValues})
	if err != nil {
		return nil, false, rpcFault(rpcParse, aicf.Refuse(aicf.SchemaError, "%v", err))
	}
	if n.Kind != strictjson.Array {
		return []rpcCall{readCall(n)}, false, nil
	}
	if len(n.Items) == 0 {
		return nil, true, rpcFault(rpcRequest, aicf.Refuse(aicf.SchemaError, "the batch is empty"))
	}
	if len(n.Items) > maxRPCBatch {
		return nil, true, rpcFault(rpcRequest, aicf.Refuse(aicf.LimitExceeded, "the batch has %d calls, at most %d", len(n.Items), maxRPCBatch).Try("send several batches"))
	}
	for i := range n.Items {
		calls = append(calls, readCall(&n.Items[i]))
	}
	return calls, true, nil
}

// readCall reads one request object. Without a readable id its answer has null.
func readCall(n *strictjson.Node) rpcCall {
	c := rpcCall{id: jsonNull, silent: true}
	stop := func(field, format string, a ...any) rpcCall {
		c.silent, c.err = false, rpcFault(rpcRequest, aicf.Refuse(aicf.SchemaError, format, a...).In(field))
		return c
	}
	if n.Kind != strictjson.Object {
		return stop("", "a call is %s, want an object", n.Kind)
	}
	version := ""
	for i := range n.Members { // the id first: it goes into the refusals of the rest
		m := &n.Members[i]
		if m.Key != "id" {
			continue
		}
		c.silent = false
		if m.Value.Kind != strictjson.String && m.Value.Kind != strictjson.Number && m.Value.Kind != strictjson.Null {
			return stop("/id", "id is %s, want a string, a number or null", m.Value.Kind)
		}
		if len(m.Value.Raw) > maxRPCID {
			return stop("/id", "id has %d bytes, at most %d", len(m.Value.Raw), maxRPCID)
		}
		c.id = json.RawMessage(m.Value.Raw)
	}
	for i := range n.Members {
		m := &n.Members[i]
		switch m.Key {
		case "id":
		case "jsonrpc":
			version = m.Value.Text
		case "method":
			if m.Value.Kind != strictjson.String || m.Value.Text == "" {
				return stop("/method", "method is no name")
			}
			c.method = m.Value.Text
		case "params":
			if m.Value.Kind != strictjson.Object && m.Value.Kind != strictjson.Array {
				return stop("/params", "params is %s, want an object or an array", m.Value.Kind)
			}
			c.params = &m.Value
		default:
			return stop("", "unknown member %.40q", m.Key)
		}
	}
	if version != "2.0" {
		return stop("/jsonrpc", `jsonrpc is not "2.0"`)
	}
	if c.method == "" {
		return stop("/method", "method is missing")
	}
	return c
}

// answerRPC runs one call; nil for a notification. at is its place in a batch, -1 outside.
// room is what the answer may still hold.
func (s *Server) answerRPC(r *http.Request, c *rpcCall, at int, room *int) *rpcAnswer {
	out := &rpcAnswer{Version: "2.0", ID: c.id}
	result, err := s.runRPC(r, c, at)
	if err == nil {
		out.Result, err = json.Marshal(result)
	}
	if *room -= len(out.Result); err == nil && *room < 0 {
		out.Result, err = nil, aicf.Refuse(aicf.LimitExceeded, "the answers have more than %d bytes", maxRPCAnswer).Try("ask for shorter pages, or in several calls")
	}
	if err != nil {
		out.Error = s.rpcProblem(r.Context(), err)
	}
	if c.silent {
		return nil
	}
	return out
}

func (s *Server) runRPC(r *http.Request, c *rpcCall, at int) (any, error) {
	if c.err != nil {
		return nil, c.err
	}
	m := rpcMethods[c.method]
	if m == nil {
		return nil, rpcFault(rpcMethod, aicf.Refuse(aicf.NotFound, "%.60q", c.method).Try("docs/network-api.md lists the methods"))
	}
	who := callerOf(r.Context())
	if at > 0 { // the first has paid for the request
		if err := s.limits.take(who.limitKey(r), s.now()); err != nil {
			return nil, err
		}
	}
	call, err := s.admit(r.Context(), m.need)
	if err != nil {
		return nil, err
	}
	p, err := m.bind(c.params)
	if err != nil {
		return nil, err
	}
	return m.run(s, r.Context(), inBatch(call, at), p)
}

// inBatch gives the calls of a batch a nonce and an idempotency key of their own, each a
// function of the request's: the batch as a whole is good once, and can be repeated.
func inBatch(c aicf.Call, at int) aicf.Call {
	if at < 0 {
		return c
	}
	place := binary.BigEndian.AppendUint64(nil, uint64(at))
	if len(c.Nonce) > 0 {
		sum := digest.SumParts([]byte("qprov/v1/rpc-nonce"), place, c.Nonce)
		c.Nonce = sum[:16]
	}
	if c.IdempotencyKey != "" {
		c.IdempotencyKey = digest.SumParts([]byte("qprov/v1/rpc-key"), place, []byte(c.IdempotencyKey)).String()
		c.RequestSHA3 = digest.SumParts(place, c.RequestSHA3[:])
	}
	return c
}

// rpcProblem is any error as an error member.
func (s *Server) rpcProblem(ctx context.Context, err error) *rpcError {
	var out *rpcError
	if errors.As(err, &out) {
		return out
	}
	p := *s.problem(ctx, err)
	p.Instance = requestID(ctx)
	out = &rpcError{Code: p.Number, Message: p.Error(), Data: &p}
	switch {
	case p.Code == internalError:
		out.Code = rpcInternal
	case out.Code == 0:
		out.Code = rpcRefused
	}
	return out
}

// rpcRoute puts POST /rpc into the table and the document.
func rpcRoute() route {
	return route{http.MethodPost, "/rpc", anyone, func(s *Server, mux *http.ServeMux) {
		any := &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeObject, AdditionalProperties: true}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}}
		content := map[string]*huma.MediaType{"application/json": {Schema: any}}
		s.api.OpenAPI().AddOperation(&huma.Operation{
			OperationID: "rpc", Method: http.MethodPost, Path: "/rpc", Tags: []string{"lineage"}, Security: append(security(member), map[string][]string{}),
			Summary:     "JSON-RPC 2.0: the methods of older clients, one call or a batch",
			RequestBody: &huma.RequestBody{Required: true, Content: content},
			Responses:   map[string]*huma.Response{"200": {Description: "an answer, or a list of them", Content: content}, "204": {Description: "notifications alone"}},
		})
		mux.HandleFunc("POST /rpc", s.rpc)
	}}
}
