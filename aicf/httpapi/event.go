package httpapi

import (
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	eventPage  = 500
	keepAlive  = 15 * time.Second
	writeLimit = 20 * time.Second
)

// events streams the log from behind Last-Event-ID, or the parameter after, in order and
// without gaps. types=a,b selects.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	at := r.Header.Get("Last-Event-ID")
	if at == "" {
		at = r.URL.Query().Get("after")
	}
	after, err := cursor(at)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	wanted := map[string]bool{}
	for _, name := range strings.Split(r.URL.Query().Get("types"), ",") {
		if name != "" {
			wanted[name] = true
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	stream := http.NewResponseController(w)
	flush := func() error {
		if err := stream.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return err
		}
		return stream.Flush()
	}
	if err := flush(); err != nil {
		return
	}
	if s.cfg.Observer != nil {
		s.cfg.Observer.Streaming(1)
		defer s.cfg.Observer.Streaming(-1)
	}
	f, leave, err := s.tail.join(r.Context())
	if err != nil {
		s.lost(r, err)
		return
	}
	defer leave()
	beats := f.at.Load().beats
	for {
		now := f.at.Load()
		if now.over {
			return
		}
		page, whole := now.behind(after)
		if !whole {
			if page, err = s.tail.page(r.Context(), after); err != nil {
				s.lost(r, err)
				return
			}
		}
		said := false
		for i := range page {
			after = page[i].seq
			if len(wanted) > 0 && !wanted[page[i].kind] {
				continue
			}
			if _, err := w.Write(page[i].raw); err != nil {
				return
			}
			said = true
		}
		if now.beats != beats && !said {
			if _, err := io.WriteString(w, ": alive\n\n"); err != nil {
				return
			}
			said = true
		}
		beats = now.beats
		if said && flush() != nil {
			return
		}
		if !whole && len(page) > 0 {
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-now.next:
		}
	}
}

// lost notes why a stream ended that its client did not end.
func (s *Server) lost(r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.cfg.Log.Error("event stream", "request", requestID(r.Context()), "error", err)
	}
}
