package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fault makes the next requests of a kind fail.
type Fault struct {
	Kind string // 429, 500, 503, slow, cut, lost-reply, stale-auth
	Post bool   // only submissions; lost-reply always
	N    int    // so many requests
}

var kinds = map[string]bool{"429": true, "500": true, "503": true, "slow": true, "cut": true, "lost-reply": true, "stale-auth": true}

// Parse reads a plan: kinds with commas between, each with post: before it where
// only submissions are meant, and *N behind it where it is not once.
// "429*3,post:lost-reply" is an example.
func Parse(spec string) ([]Fault, error) {
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
		if !kinds[f.Kind] {
			return nil, fmt.Errorf("fault %.40q: want 429, 500, 503, slow, cut, lost-reply or stale-auth", part)
		}
		f.Post = f.Post || f.Kind == "lost-reply"
		out = append(out, f)
	}
	return out, nil
}

// Plan is what is left to fail. The zero value fails nothing.
type Plan struct {
	mu   sync.Mutex
	list []Fault
}

// Set replaces the plan.
func (p *Plan) Set(f []Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.Clone(f)
}

// take is the next planned fault of a request; "": none.
func (p *Plan) take(post bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		f := &p.list[i]
		if f.N > 0 && (post || !f.Post) {
			f.N--
			return f.Kind
		}
	}
	return ""
}
