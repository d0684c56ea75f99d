// Package broker is the NATS server inside the engine and the client that reaches one.
//
// A provider with one machine starts nothing: [Start] without an address listens nowhere
// and is reached inside the process. With an address it listens, so that workers on other
// machines come; an external cluster is reached by [Dial]. The server keeps no messages
// (no JetStream): what is lost is sent again by package fleet.
//
// A listening server always demands a credential: either the token of its URL or nkeys.
package broker

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// MaxPayload of the embedded server: rows of thousands of slots in one message.
const MaxPayload = 8 << 20

// Patience is how long [Dial] tries a server that refuses connections.
const (
	Patience   = 5 * time.Second
	retryEvery = 50 * time.Millisecond
)

const ready = 10 * time.Second

// Options of an embedded server.
type Options struct {
	// Listen is HOST:PORT; port 0 takes a free one, "" listens nowhere.
	Listen string
	// Token is what workers present; needed with Listen, unless NKeys is set.
	Token string
	// NKeys are public user keys (U…) of workers and coordinators.
	NKeys []string
	// Cluster is HOST:PORT for routes to other servers, Routes their URLs.
	Cluster string
	Routes  []string
}

// Server is a running embedded server.
type Server struct{ s *server.Server }

// Start starts a server and waits until it takes connections.
func Start(o Options) (*Server, error) {
	cfg := &server.Options{
		DontListen: o.Listen == "", NoSigs: true, NoLog: true, MaxPayload: MaxPayload,
		MaxPending: 256 << 20, NoSystemAccount: true,
	}
	if o.Listen != "" {
		if o.Token == "" && len(o.NKeys) == 0 {
			return nil, errors.New("broker: a server that listens needs a token or nkeys: anyone could run slots otherwise")
		}
		var err error
		if cfg.Host, cfg.Port, err = hostPort(o.Listen); err != nil {
			return nil, fmt.Errorf("broker: listen: %w", err)
		}
		cfg.Authorization = o.Token
	}
	for _, key := range o.NKeys {
		if !nkeys.IsValidPublicUserKey(key) {
			return nil, fmt.Errorf("broker: %.60q is no public user nkey (U…)", key)
		}
		cfg.Nkeys = append(cfg.Nkeys, &server.NkeyUser{Nkey: key})
	}
	if o.Cluster != "" {
		var err error
		cfg.Cluster.Name = "engine"
		if cfg.Cluster.Host, cfg.Cluster.Port, err = hostPort(o.Cluster); err != nil {
			return nil, fmt.Errorf("broker: cluster: %w", err)
		}
		for _, route := range o.Routes {
			u, err := url.Parse(route)
			if err != nil {
				return nil, fmt.Errorf("broker: route %q: %w", route, err)
			}
			cfg.Routes = append(cfg.Routes, u)
		}
	}
	s, err := server.NewServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(ready) {
		s.Shutdown()
		return nil, fmt.Errorf("broker: not ready after %v; is %s taken by another program?", ready, o.Listen)
	}
	return &Server{s}, nil
}

// hostPort reads HOST:PORT; port 0 becomes the server's word for a free one.
func hostPort(text string) (string, int, error) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q: %w", digits, err)
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

// URL is where workers connect, with the token; "" if the server listens nowhere.
func (s *Server) URL(token string) string {
	addr, ok := s.s.Addr().(*net.TCPAddr)
	if !ok || addr == nil {
		return ""
	}
	u := url.URL{Scheme: "nats", Host: addr.String()}
	if token != "" {
		u.User = url.User(token)
	}
	return u.String()
}

// ClusterURL is where other servers route to; "" without a cluster.
func (s *Server) ClusterURL() string {
	if addr := s.s.ClusterAddr(); addr != nil {
		return "nats://" + addr.String()
	}
	return ""
}

// Routes counts the connections to other servers of the cluster.
func (s *Server) Routes() int { return s.s.NumRoutes() }

// Connect connects inside the process, past any listener. Token and nkeys do apply: token
// may be "" for a server that listens nowhere.
func (s *Server) Connect(token string) (*nats.Conn, error) {
	return nats.Connect("", append(options(), nats.InProcessServer(s.s), nats.Token(token))...)
}

// Close stops the server and ends its connections.
func (s *Server) Close() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}

func options() []nats.Option {
	return []nats.Option{
		nats.Name("engine"), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.Timeout(5 * time.Second), nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
	}
}

// Dial connects to a server or cluster by URL (nats:// or tls://, several with commas).
// seedFile, if not "", holds an nkey user seed (SU…) and must be readable by its owner
// alone. A server that is not up yet is tried again for [Patience].
func Dial(address, seedFile string) (*nats.Conn, error) {
	opts := options()
	for _, one := range strings.Split(address, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || (u.Scheme != "nats" && u.Scheme != "tls") || u.Host == "" {
			return nil, fmt.Errorf("broker: %q is no NATS address; write nats://HOST:PORT or tls://HOST:PORT", redact(one))
		}
	}
	if seedFile != "" {
		info, err := os.Stat(seedFile)
		if err != nil {
			return nil, fmt.Errorf("broker: nkey: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("broker: nkey: %s may be read by others (%v); chmod 600 it", seedFile, info.Mode().Perm())
		}
		key, err := nats.NkeyOptionFromSeed(seedFile)
		if err != nil {
			return nil, fmt.Errorf("broker: nkey: %w", err)
		}
		opts = append(opts, key)
	}
	for try := 0; ; try++ {
		c, err := nats.Connect(address, opts...)
		switch {
		case err == nil:
			return c, nil
		case errors.Is(err, nats.ErrAuthorization) || try == int(Patience/retryEvery):
			return nil, fmt.Errorf("broker: %s: %w", redact(address), err)
		}
		time.Sleep(retryEvery)
	}
}

// Address is where a connection goes, without credentials.
func Address(c *nats.Conn) string { return redact(c.ConnectedUrl()) }

// redact takes the credentials out of an address.
func redact(address string) string {
	if at := strings.LastIndex(address, "@"); at >= 0 {
		return "…@" + address[at+1:]
	}
	return address
}
