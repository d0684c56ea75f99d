package httpapi

import "net/http"

// Local lets only calls from this machine through to next: from a loopback address, to a
// loopback name. A page elsewhere that resolves its own name to this machine is refused by
// its Host, a proxy on this machine unless it hands on the Host that it was asked for.
func Local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r) {
			http.Error(w, "Forbidden: this is served to its own machine only. The operator can open it to all: omni aicf serve --ui public, --metrics public.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
