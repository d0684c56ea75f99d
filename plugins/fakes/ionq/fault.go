package ionq

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault makes the next requests of a kind fail.
type Fault struct {
	Kind string // 429, 500, 503, slow, cut, lost-reply, stale-auth
	Post bool   // only POST /jobs; lost-reply always
	N    int    // so many requests
}

var faultKinds = map[string]bool{"429": true, "500": true, "503": true, "slow": true, "cut": true, "lost-reply": true, "stale-auth": true}

// ParseFaults reads a plan: kinds with commas between, each with post: before it
// where only submissions are meant, and *N behind it where it is not once.
// "429*3,post:lost-reply" is an example.
func ParseFaults(spec string) ([]Fault, error) {
	var out []Fault
	if spec == "" {
		return nil, nil
	}
	for _, part := range strings.Split(spec, ",") {
		f := Fault{N: 1}
		kind, times, many := strings.Cut(part, "*")
		if many {
			n, err := strconv.Atoi(times)
			if err != nil || n < 1 || n > 1_000_000 {
				return nil, fmt.Errorf("fault %.40q: want 1 to 1000000 behind the *", part)
			}
			f.N = n
		}
		f.Kind, f.Post = strings.CutPrefix(kind, "post:")
		if !faultKinds[f.Kind] {
			return nil, fmt.Errorf("fault %.40q: want 429, 500, 503, slow, cut, lost-reply or stale-auth", part)
		}
		f.Post = f.Post || f.Kind == "lost-reply"
		out = append(out, f)
	}
	return out, nil
}

// fault takes the next planned fault of a request; the lock is held.
func (s *Server) fault(post bool) string {
	for i := range s.faults {
		f := &s.faults[i]
		if f.N > 0 && (post || !f.Post) {
			f.N--
			return f.Kind
		}
	}
	return ""
}
