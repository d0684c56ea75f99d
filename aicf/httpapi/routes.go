package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/animicaorg/engine/aicf"
)

// access is who may make a call.
type access int

const (
	anyone access = iota
	member        // signed, or an older client's bearer key
	signed        // signed by an enrolled key
)

// route is one row of the table.
type route struct {
	method, path string
	need         access
	add          func(*Server, *http.ServeMux)
}

// routes are all routes but those of Config.Extra. The provider guide's section 13 has the
// first six.
var routes = []route{
	op(http.MethodPost, "/aicf/register", "register", "providers", signed, "Register a provider by its bundle", (*Server).register),
	op(http.MethodPost, "/aicf/heartbeat", "heartbeat", "providers", signed, "Say that the provider lives", (*Server).heartbeat),
	op(http.MethodGet, "/aicf/leases/next", "next", "leases", signed, "The open offer, or the next job", (*Server).next),
	op(http.MethodPost, "/aicf/leases/ack", "ack", "leases", signed, "Take an offer: the signed lease with its seed", (*Server).ack),
	op(http.MethodPost, "/aicf/leases/result", "result", "leases", signed, "Hand in a proof", (*Server).result),
	op(http.MethodPost, "/aicf/stake", "stake", "providers", signed, "Move available balance into stake", (*Server).stake),

	op(http.MethodPost, "/aicf/unstake", "unstake", "providers", signed, "Begin to move stake back", (*Server).unstake),
	op(http.MethodPost, "/aicf/retire", "retire", "providers", signed, "End a provider's work", (*Server).retire),
	op(http.MethodPost, "/aicf/keys", "enrol", "accounts", signed, "Enrol a buyer's key, which signs the call", (*Server).enrol),
	op(http.MethodPost, "/aicf/runners/nonce", "runner-nonce", "providers", signed, "The nonce that a runner's quote must bind", (*Server).runnerNonce),
	op(http.MethodPost, "/aicf/runners", "enrol-runner", "providers", signed, "Enrol a key inside a TEE, which leases are sealed to", (*Server).enrolRunner),
	op(http.MethodPost, "/aicf/leases/renew", "renew", "leases", signed, "Ask for more time", (*Server).renew),
	op(http.MethodPost, "/aicf/leases/release", "release", "leases", signed, "Give a lease or an offer back", (*Server).release),
	op(http.MethodGet, "/aicf/leases/{id}", "lease", "leases", anyone, "One lease", (*Server).lease),
	op(http.MethodPost, "/aicf/jobs", "submit", "jobs", member, "Submit a job: the guide's document, or one with wishes around it", (*Server).submit),
	op(http.MethodGet, "/aicf/jobs", "jobs", "jobs", anyone, "Jobs in the order of submission", (*Server).jobs),
	op(http.MethodGet, "/aicf/jobs/{id}", "job", "jobs", anyone, "One job with its document", (*Server).job),
	op(http.MethodGet, "/aicf/jobs/{id}/timeline", "timeline", "jobs", anyone, "What happened to a job", (*Server).timeline),
	op(http.MethodGet, "/aicf/jobs/{id}/leases", "job-leases", "jobs", anyone, "The leases of a job by fence", (*Server).jobLeases),
	op(http.MethodGet, "/aicf/leases/{id}/proof", "proof", "leases", anyone, "The proof that was handed in under a lease", (*Server).proof),
	op(http.MethodGet, "/aicf/jobs/{id}/explain", "explain", "jobs", anyone, "How the pay of a job comes about", (*Server).explain),
	op(http.MethodPost, "/aicf/jobs/{id}/cancel", "cancel", "jobs", member, "End a queued job and refund it", (*Server).cancel),
	op(http.MethodGet, "/aicf/providers", "providers", "providers", anyone, "The registry by provider_id", (*Server).providers),
	op(http.MethodGet, "/aicf/providers/{id}", "provider", "providers", anyone, "One provider", (*Server).provider),
	op(http.MethodGet, "/aicf/providers/{id}/eligibility", "eligibility", "providers", anyone, "Why a provider gets no work", (*Server).eligibility),
	op(http.MethodGet, "/aicf/providers/{id}/windows", "windows", "providers", anyone, "SLA windows of a provider, newest first", (*Server).windows),
	op(http.MethodGet, "/aicf/balance/{id}", "balance", "money", anyone, "What an account has", (*Server).balance),
	op(http.MethodGet, "/aicf/statement/{id}", "statement", "money", signed, "The pay of every job, explained", (*Server).statement),
	op(http.MethodPost, "/aicf/claims", "claim", "money", signed, "Claim the pay of an epoch", (*Server).claim),
	op(http.MethodGet, "/aicf/payouts/{id}", "payouts", "money", anyone, "Payouts of a provider, newest first", (*Server).payouts),
	op(http.MethodPost, "/aicf/deposits", "deposit", "money", signed, "Credit an account, by the treasury", (*Server).deposit),
	op(http.MethodPost, "/aicf/faucet", "faucet", "money", member, "Credit an account of a development network", (*Server).faucet),
	op(http.MethodGet, "/aicf/epochs", "epochs", "money", anyone, "Epochs, newest first", (*Server).epochs),
	op(http.MethodGet, "/aicf/epochs/{n}", "epoch", "money", anyone, "One epoch", (*Server).epoch),
	op(http.MethodGet, "/aicf/epochs/{n}/proof/{claim}", "inclusion", "money", anyone, "A claim under its epoch's root", (*Server).inclusion),
	op(http.MethodPost, "/aicf/disputes", "dispute", "disputes", signed, "Appeal a slash, or accuse a provider", (*Server).dispute),
	op(http.MethodGet, "/aicf/slashes", "slashes", "disputes", anyone, "Slash proposals in their order", (*Server).slashes),
	op(http.MethodGet, "/aicf/slashes/{id}", "slash", "disputes", anyone, "One proposal with its evidence", (*Server).slash),
	op(http.MethodGet, "/aicf/rounds/{n}", "round", "beacon", anyone, "One beacon round", (*Server).round),
	op(http.MethodPost, "/aicf/rounds/{n}/commit", "commit", "beacon", signed, "Commit to a round's value", (*Server).commit),
	op(http.MethodPost, "/aicf/rounds/{n}/reveal", "reveal", "beacon", signed, "Open a commitment", (*Server).reveal),
	op(http.MethodGet, "/aicf/policy", "policy", "network", anyone, "The active policy and the next", (*Server).policy),
	op(http.MethodGet, "/aicf/status", "status", "network", anyone, "The head of the network", (*Server).status),
	op(http.MethodGet, "/aicf/overview", "overview", "network", anyone, "The network in numbers", (*Server).overview),
	op(http.MethodGet, "/aicf/ledger", "ledger", "money", anyone, "The trial balance", (*Server).ledger),
	op(http.MethodGet, "/aicf/ledger/transfers", "transfers", "money", anyone, "Entries of the ledger, newest first", (*Server).transfers),
	op(http.MethodGet, "/aicf/check", "check", "network", anyone, "The ledger's invariants, judged now", (*Server).check),

	rpcRoute(),
	op(http.MethodPost, "/jobs/quantum", "mine", "lineage", member, "Submit a circuit, as the lineage's miner does", (*Server).mine),
	op(http.MethodGet, "/jobs/{id}", "mined", "lineage", anyone, "Where a task stands", (*Server).mined),
	op(http.MethodGet, "/jobs/{id}/result", "mined-result", "lineage", anyone, "The result of a task", (*Server).minedResult),
	op(http.MethodPost, "/aicf/providers/{id}/claim", "claim-upto", "lineage", signed, "Claim every settled epoch, or those up to one", (*Server).claimUpto),
	op(http.MethodGet, "/aicf/providers/{id}/balance", "provider-balance", "lineage", anyone, "What a provider has, in the lineage's members", (*Server).providerBalance),

	raw(http.MethodPut, "/aicf/bundles/{sha3_256}", "put-bundle", "leases", "Store a proof bundle by its hash, at most 64 MiB", (*Server).putBundle),
	raw(http.MethodGet, "/aicf/bundles/{sha3_256}", "bundle", "leases", "A stored proof bundle", (*Server).bundle),
	raw(http.MethodGet, "/aicf/events", "events", "network", "The event log as server-sent events; Last-Event-ID resumes", (*Server).events),
	raw(http.MethodGet, "/aicf/ws", "socket", "lineage", "The lineage's WebSocket: ?topics=aicf.jobAssigned,aicf.jobCompleted,aicf.providerSlashed,aicf.epochSettled, ?after=N", (*Server).socket),
	raw(http.MethodGet, "/healthz", "healthz", "network", "Whether the process answers", (*Server).healthz),
	raw(http.MethodGet, "/readyz", "readyz", "network", "Whether it takes work", (*Server).readyz),
	raw(http.MethodGet, "/errors/{code}", "error", "network", "Cause and fix of a problem code", (*Server).explainCode),
}

// op is a route whose request and answer are documents.
func op[I, O any](method, path, id, tag string, need access, summary string, fn func(*Server, context.Context, aicf.Call, *I) (*O, error)) route {
	add := func(s *Server, _ *http.ServeMux) {
		o := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, Errors: documented(method, need), MaxBodyBytes: maxBody, Security: security(need)}
		// Who calls is judged before what is asked.
		o.Middlewares = huma.Middlewares{func(c huma.Context, next func(huma.Context)) {
			if _, err := s.admit(c.Context(), need); err != nil {
				r, w := humago.Unwrap(c)
				s.refuse(w, r, err)
				return
			}
			next(c)
		}}
		if _, plain := reflect.TypeFor[I]().FieldByName("RawBody"); plain {
			o.SkipValidateBody = true // a document with a parser of its own
		}
		huma.Register(s.api, o, func(ctx context.Context, in *I) (*O, error) {
			out, err := fn(s, ctx, callerOf(ctx).call, in)
			if err != nil {
				p := *s.problem(ctx, err)
				p.Instance = requestID(ctx)
				return nil, &p
			}
			return out, nil
		})
	}
	return route{method, path, need, add}
}

// raw is a route that streams, or is no JSON.
func raw(method, path, id, tag, summary string, fn func(*Server, http.ResponseWriter, *http.Request)) route {
	add := func(s *Server, mux *http.ServeMux) {
		need := anyone
		if method == http.MethodPut {
			need = signed
		}
		s.api.OpenAPI().AddOperation(&huma.Operation{
			OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, Parameters: pathParameters(path), Security: security(need),
			Responses: map[string]*huma.Response{"default": {Description: summary}},
		})
		mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) { fn(s, w, r) })
	}
	return route{method, path, anyone, add}
}

// admit checks who calls.
func (s *Server) admit(ctx context.Context, need access) (aicf.Call, error) {
	c := callerOf(ctx)
	switch {
	case need == anyone, c.signed, c.call.Unsigned, need == member && c.bearer:
		return c.call, nil
	case c.bearer:
		return c.call, aicf.Refuse(aicf.Forbidden, "a bearer key may submit and read, nothing else").Try("sign the call with an enrolled key")
	}
	return c.call, aicf.Refuse(aicf.Unauthorized, "the call is not signed").Try("sign by RFC 9421; /errors/Unauthorized has the profile")
}

func documented(method string, need access) []int {
	out := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if need != anyone {
		out = append(out, http.StatusUnauthorized, http.StatusForbidden)
	}
	if method != http.MethodGet {
		out = append(out, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge)
	}
	return out
}
