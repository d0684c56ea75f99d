package httpapi

import (
	"fmt"
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
	beat := time.NewTicker(keepAlive)
	defer beat.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		changed := s.cfg.Network.Changed()
		page, err := s.tail.behind(r.Context(), after, changed)
		if err != nil {
			if r.Context().Err() == nil {
				s.cfg.Log.Error("event stream", "request", requestID(r.Context()), "error", err)
			}
			return
		}
		for i := range page {
			after = page[i].seq
			if len(wanted) > 0 && !wanted[page[i].kind] {
				continue
			}
			if _, err := w.Write(page[i].raw); err != nil {
				return
			}
		}
		if len(page) > 0 {
			if flush() != nil {
				return
			}
			if len(page) == eventPage {
				continue
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-poll.C:
		case <-beat.C:
			if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil || flush() != nil {
				return
			}
		}
		if s.health.off.Load() {
			return
		}
	}
}
