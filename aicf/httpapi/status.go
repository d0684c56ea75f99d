package httpapi

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// PolicyAnswer is the policy in force and the one that waits for its epoch.
type PolicyAnswer struct {
	Hash   digest.Digest   `json:"hash"`
	Policy json.RawMessage `json:"policy"`
	Next   json.RawMessage `json:"next,omitempty"`
}

func (s *Server) policy(ctx context.Context, _ aicf.Call, _ *nothing) (*answer[PolicyAnswer], error) {
	active, next, hash, err := s.cfg.Network.Policy(ctx)
	if err != nil {
		return nil, err
	}
	out := PolicyAnswer{Hash: hash}
	if out.Policy, err = json.Marshal(active); err != nil {
		return nil, err
	}
	if next != nil {
		if out.Next, err = json.Marshal(next); err != nil {
			return nil, err
		}
	}
	return &answer[PolicyAnswer]{out}, nil
}

func (s *Server) status(ctx context.Context, _ aicf.Call, _ *nothing) (*answer[aicf.NetworkStatus], error) {
	return give(s.cfg.Network.Status(ctx))
}

func (s *Server) check(ctx context.Context, _ aicf.Call, _ *nothing) (*answer[aicf.Audit], error) {
	return give(s.cfg.Network.Check(ctx))
}

func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, aicf.Health{Status: "ok"})
}

// readyz is false while the service shuts down or its store does not answer.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.health.off.Load() {
		writeJSON(w, http.StatusServiceUnavailable, aicf.Health{Status: "draining", Detail: "the service shuts down"})
		return
	}
	if _, err := s.cfg.Network.Status(r.Context()); err != nil {
		s.cfg.Log.Error("not ready", "error", err)
		writeJSON(w, http.StatusServiceUnavailable, aicf.Health{Status: "unavailable", Detail: "the store does not answer"})
		return
	}
	writeJSON(w, http.StatusOK, aicf.Health{Status: "ready"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // fixed structs of strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the client may have gone
}

var codePage = template.Must(template.New("code").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Code}}</title><body><main><h1>{{.Code}}</h1><p>HTTP status {{.Status}}.</p><p>{{.Cause}}</p><p>{{.Fix}}</p></main></body></html>
`))

func (s *Server) explainCode(w http.ResponseWriter, r *http.Request) {
	code := aicf.Code(r.PathValue("code"))
	text, ok := explanations[code]
	if !ok {
		s.refuse(w, r, aicf.Refuse(aicf.NotFound, "no code %.40q", code))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	_ = codePage.Execute(w, map[string]any{"Code": code, "Status": code.Status(), "Cause": text.cause, "Fix": text.fix}) // the client may have gone
}
