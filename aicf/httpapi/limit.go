package httpapi

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/animicaorg/engine/aicf"
)

// maxBudgets bounds how many callers are told apart; the one idle longest is forgotten.
const maxBudgets = 1 << 16

// limiter is a token bucket for each caller.
type limiter struct {
	rate    rate.Limit
	burst   int
	mu      sync.Mutex
	budgets map[string]*list.Element
	order   *list.List // most recent first
}

type budget struct {
	key    string
	bucket *rate.Limiter
}

func newLimiter(perSecond float64) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: max(int(2*perSecond), 1), budgets: map[string]*list.Element{}, order: list.New()}
}

func (l *limiter) take(key string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.budgets[key]
	if !ok {
		if l.order.Len() == maxBudgets {
			last := l.order.Back()
			delete(l.budgets, l.order.Remove(last).(*budget).key)
		}
		at = l.order.PushFront(&budget{key, rate.NewLimiter(l.rate, l.burst)})
		l.budgets[key] = at
	}
	l.order.MoveToFront(at)
	bucket := at.Value.(*budget).bucket
	if bucket.AllowN(now, 1) {
		return nil
	}
	wait := bucket.ReserveN(now, 1)
	delay := wait.DelayFrom(now)
	wait.CancelAt(now)
	return aicf.Refuse(aicf.RateLimited, "more than %g calls a second", float64(l.rate)).After(max(delay.Milliseconds(), 1)).Try("wait as Retry-After says")
}

// bound refuses calls beyond the number that may run at once; nothing queues here.
func (s *Server) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slots := s.calls
		if r.Method == http.MethodGet && (streams(r) || r.URL.Path == "/aicf/leases/next") {
			slots = s.waits
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			s.refuse(w, r, aicf.Refuse(aicf.Overloaded, "%d calls are running", cap(slots)).After(1000).Try("wait as Retry-After says"))
		}
	})
}

type requestKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// identify gives every call an id, which problems and the log carry.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			panic(err) // crypto/rand does not fail on supported systems
		}
		id := hex.EncodeToString(b[:])
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

func (s *Server) now() time.Time { return s.cfg.Now() }

// readiness is false from the first moment of a shutdown.
type readiness struct{ off atomic.Bool }

func (h *readiness) draining() { h.off.Store(true) }
