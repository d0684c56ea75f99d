package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/animicaorg/engine/aicf"
)

// Problem is RFC 9457 with the members that callers decide on.
type Problem struct {
	Type     string `json:"type"` // /errors/CODE, a page with cause and fix
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // the request's id

	Code         aicf.Code `json:"code"`
	Number       int       `json:"number,omitempty"` // of the lineage
	Field        string    `json:"field,omitempty"`  // JSON pointer
	Hint         string    `json:"hint,omitempty"`   // the next step
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
	ServerTimeMS int64     `json:"server_time_ms,omitempty"` // with ClockSkew
	Errors       []Detail  `json:"errors,omitempty"`         // everything that is wrong with the request
}

// Detail is one thing that is wrong.
type Detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfterMS > 0 {
		h.Set("Retry-After", strconv.FormatInt((p.RetryAfterMS+999)/1000, 10))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Signature")
	}
	return h
}

const problemType = "application/problem+json"

func ofFault(f *aicf.Fault) *Problem {
	return &Problem{
		Type: "/errors/" + string(f.Code), Title: string(f.Code), Status: f.Code.Status(), Detail: f.Message,
		Code: f.Code, Number: f.Code.Number(), Field: f.Field, Hint: f.Hint, RetryAfterMS: f.RetryAfterMS,
	}
}

// internalError is the code of what is the operator's business.
const internalError aicf.Code = "InternalError"

// problem turns any error into what a stranger may read; the rest is logged.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	p := s.judged(ctx, err)
	courseOf(ctx).code = p.Code
	return p
}

func (s *Server) judged(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *aicf.Fault
	if errors.As(err, &f) {
		p := ofFault(f)
		if f.Code == aicf.ClockSkew {
			p.ServerTimeMS = s.now().UnixMilli()
		}
		if p.Status == http.StatusServiceUnavailable && p.RetryAfterMS == 0 {
			p.RetryAfterMS = time.Second.Milliseconds()
		}
		return p
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ofFault(aicf.Refuse(aicf.Overloaded, "the call ended before its answer").After(1000))
	}
	s.cfg.Log.Error("call failed", "request", requestID(ctx), "error", err)
	return &Problem{Type: "/errors/" + string(internalError), Title: string(internalError), Status: http.StatusInternalServerError,
		Code: internalError, Detail: "the service failed; its log has the cause under this request's id", Hint: "try again with the same Idempotency-Key"}
}

// refuse answers outside of a huma operation.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := *s.problem(r.Context(), err)
	p.Instance = requestID(r.Context())
	raw, bad := json.Marshal(&p)
	if bad != nil {
		panic(bad) // a struct of strings and numbers
	}
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(raw, '\n')) // the client may have gone
}

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, aicf.Refuse(aicf.NotFound, "no route %s %.200s", r.Method, r.URL.Path).Try("/openapi.yaml lists the routes"))
}

// huma makes its own errors (a body that breaks its schema) by these package variables; the
// two below give them the form of the rest.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return validation(status, message, errs)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return validation(status, message, errs)
	}
}

func validation(status int, message string, errs []error) *Problem {
	code := aicf.SchemaError
	switch status {
	case http.StatusRequestEntityTooLarge:
		code = aicf.LimitExceeded
	case http.StatusNotFound:
		code = aicf.NotFound
	case http.StatusInternalServerError:
		code = internalError
	}
	p := &Problem{Type: "/errors/" + string(code), Title: string(code), Status: status, Detail: message, Code: code, Number: code.Number()}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, Detail{Field: d.Location, Message: d.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, Detail{Message: err.Error()})
		}
	}
	if len(p.Errors) > 0 {
		p.Field = p.Errors[0].Field
		p.Detail = fmt.Sprintf("%s: %s: %s", message, p.Errors[0].Field, p.Errors[0].Message)
		p.Hint = "/openapi.yaml has the schema"
	}
	return p
}
