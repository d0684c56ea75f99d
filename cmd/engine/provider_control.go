package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/internal/cli"
)

const (
	controlSocket = "control.sock"
	maxControl    = 16 << 20 // bytes of an answer
	maxSocketPath = 100      // sun_path holds 108 on Linux, 104 elsewhere
)

// controlPath is an address of the socket in dir that fits a socket address. A long one
// leads over /proc (Linux) and holds until close.
func controlPath(dir string) (path string, close func() error, err error) {
	path = filepath.Join(dir, controlSocket)
	if len(path) <= maxSocketPath {
		return path, func() error { return nil }, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	short := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(short); err != nil {
		return "", nil, errors.Join(fmt.Errorf("the path %s is too long for a socket", path), f.Close())
	}
	return filepath.Join(short, controlSocket), f.Close, nil
}

// callControl asks the daemon of this data directory.
func (e *program) callControl(ctx context.Context, method, path string) ([]byte, error) {
	dir, err := e.providerDir()
	if err != nil {
		return nil, err
	}
	at, release, err := controlPath(dir)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	defer release()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", at)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, "http://provider"+path, nil)
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return nil, cli.Errorf(cli.NetworkService, "--data-dir", "no provider runs in %s: %w", dir, err).Named("NoProvider").WithHint("engine provider start")
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxControl))
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil, cli.Errorf(cli.NetworkService, "", "the provider answers %s: %.200s", answer.Status, raw)
	}
	return raw, nil
}

// serveControl answers at the socket until stop. about is what GET /about says, drain is
// called by POST /drain.
func (e *program) serveControl(ctx context.Context, dir string, a *agent.Agent, about map[string]string, drain func()) (stop func(), err error) {
	if _, err := e.callControl(ctx, http.MethodGet, "/status"); err == nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "a provider runs in %s", dir).Named("AlreadyRunning").WithHint("engine provider drain ends it")
	}
	at, release, err := controlPath(dir)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	_ = os.Remove(at) // of a process that was killed
	l, err := net.Listen("unix", at)
	if err == nil {
		err = os.Chmod(at, 0o600) // the folder is 0700 already
	}
	if err != nil {
		return nil, errors.Join(cli.Errorf(cli.BadConfig, "--data-dir", "%w", err), release())
	}
	h := &http.Server{Handler: controlRoutes(a, about, drain), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.Log.Error("control socket", "error", err)
		}
	}()
	return func() {
		_ = h.Close()
		<-done
		_ = release()
	}, nil
}

func controlRoutes(a *agent.Agent, about map[string]string, drain func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /about", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(about) // the caller may have gone
	})
	status := func(w http.ResponseWriter, r *http.Request) {
		s, err := a.Status(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s) // the caller may have gone
	}
	mux.HandleFunc("GET /status", status)
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, r *http.Request) {
		a.Drain()
		status(w, r)
		drain()
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if err := a.Metrics(r.Context(), &b); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(b.Bytes())
	})
	return mux
}

func (e *program) providerStatus() *cobra.Command {
	var metrics bool
	c := &cobra.Command{
		Use: "status", Short: "Say what the provider of this data directory does now", Args: cli.Args(),
		Long: `Say what the running provider does: leases that run, leases by state, the last
answer to a heartbeat and the last error. It is asked over a socket in the data
directory. --metrics prints the text format of Prometheus in place of that.`,
		Example: "  engine provider status --json\n  engine provider status --metrics",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if metrics {
				raw, err := e.callControl(cmd.Context(), http.MethodGet, "/metrics")
				if err != nil {
					return err
				}
				return e.Print(map[string]string{"metrics": string(raw)}, func(w io.Writer) { _, _ = w.Write(raw) })
			}
			return e.printControl(cmd, http.MethodGet, "/status")
		},
	}
	c.Flags().BoolVar(&metrics, "metrics", false, "print metrics")
	return c
}

func (e *program) providerDrain() *cobra.Command {
	return &cobra.Command{
		Use: "drain", Short: "Have the running provider finish its jobs and end", Args: cli.Args(),
		Long: `Have the running provider take no more offers, finish what runs, hand it in and
end, as SIGTERM does. The answer comes at once.`,
		Example: "  engine provider drain",
		RunE:    func(cmd *cobra.Command, _ []string) error { return e.printControl(cmd, http.MethodPost, "/drain") },
	}
}

func (e *program) printControl(cmd *cobra.Command, method, path string) error {
	raw, err := e.callControl(cmd.Context(), method, path)
	if err != nil {
		return err
	}
	var s agent.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return cli.Errorf(cli.NetworkService, "", "the provider's answer: %w", err)
	}
	return e.Print(&s, func(w io.Writer) {
		word := "working"
		if s.Draining {
			word = "draining"
		}
		fmt.Fprintf(w, "provider  %s\nnetwork   %s\n%s for %v; %d of %d leases run\n", s.ProviderID, s.Endpoint, word, time.Duration(s.UptimeMS)*time.Millisecond, len(s.Running), s.Capacity)
		for _, r := range s.Running {
			fmt.Fprintf(w, "  job %s  %s for %v\n", r.Job, r.State, time.Duration(r.ForMS)*time.Millisecond)
		}
		for _, state := range []agent.State{agent.Done, agent.Released, agent.Lost, agent.Parked, agent.Proved} {
			if n := s.Leases[state]; n > 0 {
				fmt.Fprintf(w, "%-9s %d\n", state, n)
			}
		}
		if h := s.Heartbeat; h != nil {
			fmt.Fprintf(w, "heartbeat %s; the network has this provider as %s, health %d ppm\n", h.Outcome, h.State, h.HealthPPM)
		}
		if s.LastError != "" {
			fmt.Fprintf(w, "last error: %s\n", s.LastError)
		}
	})
}
