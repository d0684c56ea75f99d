package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/process"
)

// Process is a driver process after its handshake.
type Process interface {
	Client() *driver.Client
	// Ping is the health check; ctx bounds it.
	Ping(ctx context.Context) error
	// Done is closed when the process was reaped.
	Done() <-chan struct{}
	// Report tells how it ended; only after Done.
	Report() Report
	PID() string
	Level() process.Level
	// Stop sends SIGTERM, waits for grace, sends SIGKILL and reaps.
	Stop(ctx context.Context, grace time.Duration) error
}

// Start makes a process. It returns an error that holds the driver's own words
// when the handshake fails, and leaves nothing behind then.
type Start func(ctx context.Context) (Process, error)

// MaxSocketDir is the longest path of a folder for sockets: a socket's path has at
// most 107 bytes, and go-plugin needs 40 below the folder.
const MaxSocketDir = 66

// Exec starts the driver of spec by go-plugin: gRPC only, mutual TLS, no
// environment of the engine, a socket in a fresh folder below sockets (a folder
// of mode 0700 with a path of at most MaxSocketDir bytes). timeout bounds the time to the handshake.
func Exec(spec *process.Spec, sockets string, timeout time.Duration, l *slog.Logger) Start {
	return func(ctx context.Context) (Process, error) {
		if len(sockets) > MaxSocketDir {
			return nil, fmt.Errorf("the folder for sockets has a path of %d bytes, at most %d: %s", len(sockets), MaxSocketDir, sockets)
		}
		tlsConfig, certificate, err := clientTLS()
		if err != nil {
			return nil, fmt.Errorf("certificate for the driver's client: %w", err)
		}
		made := make(chan *process.Runner, 1)
		said := &words{}
		pc := plugin.NewClient(&plugin.ClientConfig{
			HandshakeConfig:  driver.Handshake,
			VersionedPlugins: map[int]plugin.PluginSet{driver.ProtocolVersion: {driver.PluginName: &driver.Plugin{}}},
			AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
			TLSConfig:        tlsConfig,
			SkipHostEnv:      true,
			StartTimeout:     timeout,
			UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: sockets, Group: socketGroup(spec)},
			Logger:           bridge{to: l},
			SyncStdout:       said,
			SyncStderr:       said,
			GRPCDialOptions:  driver.DialOptions(),
			RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
				r, err := process.NewRunner(spec, append(cmd.Env, "PLUGIN_CLIENT_CERT="+string(certificate)), dir)
				if err != nil {
					return nil, err
				}
				said.to.Store(r)
				made <- r
				return r, nil
			},
		})
		p := &child{plugin: pc, sha256: spec.Image.SHA256}
		return p, p.connect(ctx, made)
	}
}

// socketGroup lets a driver under another account make its socket.
func socketGroup(spec *process.Spec) string {
	if spec.User == nil {
		return ""
	}
	return strconv.FormatUint(uint64(spec.User.GID), 10)
}

// words passes on what a driver prints, once there is a process to pass it to.
type words struct {
	to atomic.Pointer[process.Runner]
}

func (w *words) Write(b []byte) (int, error) {
	if r := w.to.Load(); r != nil {
		return r.Words().Write(b)
	}
	return len(b), nil
}

// child is a process of Exec.
type child struct {
	plugin *plugin.Client
	run    *process.Runner
	conn   *grpc.ClientConn
	client *driver.Client
	sha256 [32]byte
}

// connect runs go-plugin's start, which does not know contexts, beside ctx.
func (c *child) connect(ctx context.Context, made <-chan *process.Runner) error {
	type end struct {
		proto plugin.ClientProtocol
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		p, err := c.plugin.Client()
		ended <- end{p, err}
	}()
	var e end
	select {
	case e = <-ended:
		select {
		case c.run = <-made:
		default:
		}
	case <-ctx.Done():
		select {
		case c.run = <-made:
			_ = c.run.Kill(context.WithoutCancel(ctx)) // go-plugin's start fails then
		default:
		}
		e = <-ended
		e.err = errors.Join(ctx.Err(), e.err)
	}
	if e.err == nil {
		g, ok := e.proto.(*plugin.GRPCClient)
		if !ok {
			e.err = fmt.Errorf("go-plugin gave %T: %w", e.proto, driver.ErrBroken)
		} else {
			c.conn, c.client = g.Conn, driver.NewClient(g.Conn, nil)
			go c.tidy()
			return nil
		}
	}
	c.plugin.Kill()
	if c.run != nil {
		return fmt.Errorf("driver %s did not start: %w\n%s", c.run.Name(), e.err, c.run.Diagnose(ctx))
	}
	return fmt.Errorf("driver did not start: %w", e.err)
}

// tidy lets go-plugin remove its socket folder and goroutines after the end.
func (c *child) tidy() {
	<-c.run.Done()
	c.plugin.Kill()
}

func (c *child) Client() *driver.Client { return c.client }
func (c *child) Done() <-chan struct{}  { return c.run.Done() }
func (c *child) PID() string            { return c.run.ID() }
func (c *child) Level() process.Level   { return c.run.Level() }

func (c *child) Ping(ctx context.Context) error {
	r, err := healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err == nil && r.Status != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("health: %s", r.Status)
	}
	return err
}

func (c *child) Report() Report {
	return Report{Exit: c.run.Exit(), Stderr: c.run.Tail(), Version: c.plugin.NegotiatedVersion(), SHA256: c.sha256}
}

func (c *child) Stop(ctx context.Context, grace time.Duration) error {
	t := time.NewTimer(grace)
	defer t.Stop()
	return c.run.Terminate(ctx, t.C)
}
