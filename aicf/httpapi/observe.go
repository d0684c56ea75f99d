package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/animicaorg/engine/aicf"
)

// Observer is told of answered calls. It decides nothing, is called by many goroutines and
// must not wait.
type Observer interface {
	Answered(Answer)
	// Streaming is called with 1 when an event stream begins and with -1 when it ends.
	Streaming(change int)
}

// Answer is one answered call.
type Answer struct {
	Route  string // the pattern of the table, such as "POST /aicf/leases/ack"; "other" where none matched
	Status int    // HTTP
	Code   aicf.Code
	Took   time.Duration // without the time in which a long poll waited for work
}

// course is what the handlers of one call note for the observer.
type course struct {
	code   aicf.Code
	waited time.Duration
}

type courseKey struct{}

func courseOf(ctx context.Context) *course {
	if c, ok := ctx.Value(courseKey{}).(*course); ok {
		return c
	}
	return &course{} // nobody asks
}

// observe tells the observer of every call that mux has a pattern for.
func (s *Server) observe(mux *http.ServeMux, next http.Handler) http.Handler {
	if s.cfg.Observer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		_, route := mux.Handler(r)
		if route == "" || route == "/" {
			route = "other"
		}
		c := &course{}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), courseKey{}, c)))
		if c.code == "" && seen.status >= http.StatusBadRequest && seen.status < http.StatusInternalServerError {
			c.code = aicf.SchemaError // of the frame that parses requests
		}
		s.cfg.Observer.Answered(Answer{Route: route, Status: seen.status, Code: c.code, Took: time.Since(began) - c.waited})
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status  int
	written bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.written {
		w.status, w.written = status, status >= http.StatusOK
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.written = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
