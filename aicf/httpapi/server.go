package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

// Config makes a server. Network, Signer and Now are needed; zero limits take the default.
type Config struct {
	Network *network.Service
	// Signer is the service's key: it signs the answers to signed calls.
	Signer keys.Signer
	// Now is the service's clock.
	Now func() time.Time
	// Dev lets in unsigned calls from this machine.
	Dev bool
	// APIKeys let older clients submit and read: SHA3-256 of the bearer key → the account
	// that pays. They are never a provider's.
	APIKeys map[digest.Digest]digest.Digest
	Log     *slog.Logger

	// Rate is calls per second and key, or address where nothing was signed; default 500
	// with bursts of twice as many.
	Rate float64
	// Concurrent calls; default 512. Long polls and streams: as many again.
	Concurrent int
	// Version is what the document and the header of answers say.
	Version string
	// Extra routes, such as "GET /metrics" and "GET /ui/"; they see no signature.
	Extra map[string]http.Handler
	// Observer hears of every answered call; nil: nobody.
	Observer Observer
}

const (
	maxBody     = 1 << 20
	maxBundle   = 64 << 20
	maxWaitMS   = 25_000
	pollEvery   = 250 * time.Millisecond // for events of other replicas
	headerLimit = 16 << 10
)

// Server is the handler of the whole service.
type Server struct {
	cfg     Config
	api     huma.API
	handler http.Handler
	limits  *limiter
	calls   chan struct{} // running calls
	waits   chan struct{} // running long polls and streams
	health  readiness
	tail    tail
}

// New makes a server.
func New(cfg Config) *Server {
	if cfg.Rate == 0 {
		cfg.Rate = 500
	}
	if cfg.Concurrent == 0 {
		cfg.Concurrent = 512
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, limits: newLimiter(cfg.Rate), calls: make(chan struct{}, cfg.Concurrent), waits: make(chan struct{}, cfg.Concurrent)}
	s.tail.head, s.tail.read, s.tail.changed, s.tail.over, s.tail.log = cfg.Network.Head, cfg.Network.Events, cfg.Network.Changed, s.health.off.Load, cfg.Log
	mux := http.NewServeMux()
	s.api = humago.New(mux, document(cfg.Version))
	// A lease has a form of its own (job.ParseLease), which reflection does not see.
	s.api.OpenAPI().Components.Schemas.RegisterTypeAlias(reflect.TypeFor[job.Lease](), reflect.TypeFor[map[string]any]())
	s.api.OpenAPI().Components.Schemas.RegisterTypeAlias(reflect.TypeFor[enroll.Sealed](), reflect.TypeFor[map[string]any]())
	s.api.OpenAPI().Components.Schemas.RegisterTypeAlias(reflect.TypeFor[digest.Digest](), reflect.TypeFor[hexDigest]())
	for _, r := range routes {
		r.add(s, mux)
	}
	for pattern, h := range cfg.Extra {
		mux.Handle(pattern, h)
	}
	mux.Handle("/", http.HandlerFunc(s.unknown))
	s.handler = s.identify(s.observe(mux, s.bound(s.authenticate(mux))))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// OpenAPI is the document as YAML.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().YAML() }

// Serve listens on a server with the time limits that a public service needs, until ctx
// ends; then it drains for at most grace.
func (s *Server) Serve(ctx context.Context, h *http.Server, serve func() error, grace time.Duration) error {
	h.Handler, h.ReadHeaderTimeout, h.MaxHeaderBytes = s, 10*time.Second, headerLimit
	h.ReadTimeout, h.IdleTimeout = 2*time.Minute, 2*time.Minute
	h.BaseContext = nil
	done := make(chan error, 1)
	go func() { done <- serve() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	s.health.draining()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return h.Shutdown(drain)
}
