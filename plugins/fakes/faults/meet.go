package faults

import (
	"net/http"
	"strconv"
	"time"
)

// What is left to do for a request that Meet let pass.
const (
	StaleAuth = "stale-auth" // answer as to a wrong key
	LostReply = "lost-reply" // accept it and never answer: panic(http.ErrAbortHandler)
)

// Meet takes the next planned fault of a request. It refuses by refuse, waits for
// slow, or cuts the answer's body in half; done tells that the request has its
// answer. post tells that the request is a submission.
func (p *Plan) Meet(w http.ResponseWriter, r *http.Request, post bool, slow time.Duration, refuse func(w http.ResponseWriter, status int, text string)) (_ http.ResponseWriter, left string, done bool) {
	kind := p.take(post)
	switch kind {
	case "429":
		w.Header().Set("Retry-After", "0")
		refuse(w, http.StatusTooManyRequests, "slow down")
		return w, "", true
	case "500", "503":
		status, _ := strconv.Atoi(kind)
		refuse(w, status, "planned")
		return w, "", true
	case "slow":
		t := time.NewTimer(slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	case "cut":
		return &cutter{w}, "", false
	}
	return w, kind, false
}

// cutter sends half of a body and closes the connection.
type cutter struct{ http.ResponseWriter }

func (c *cutter) Write(b []byte) (int, error) {
	c.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = c.ResponseWriter.Write(b[:len(b)/2])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (c *cutter) WriteHeader(int) {} // Write sends it, with the length
