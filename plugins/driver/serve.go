package driver

import (
	"context"
	"crypto/tls"
	"math"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// ProtocolVersion is the version of engine.driver.v1 that this package speaks.
// History in SPEC.md.
const ProtocolVersion = 1

// Handshake is what host and driver agree on before anything else. The cookie
// guards against starting a driver by hand, not against attackers.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  ProtocolVersion,
	MagicCookieKey:   "ENGINE_DRIVER",
	MagicCookieValue: "this is a driver of the engine; try: engine driver test PATH",
}

// PluginName is the only plugin of a driver process.
const PluginName = "driver"

// Plugin is the go-plugin form of a driver. Impl is nil on the host's side.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Impl Driver
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)

// GRPCServer implements plugin.GRPCPlugin.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.Impl)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin; it returns a *Client.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return NewClient(c, nil), nil
}

// Register puts a driver on a gRPC server, with the rules of SPEC.md around it.
func Register(s *grpc.Server, d Driver) { driverv1.RegisterDriverServer(s, &server{d: d}) }

// maxMessage bounds a gRPC message on either side: a header with the largest
// palette is 24 MiB.
const maxMessage = 32 << 20

// Windows and buffers of a connection: result streams come in messages of 256 KiB,
// which gRPC's own first window of 64 KiB would let through in four round trips.
const (
	windowBytes = 4 << 20
	bufferBytes = 256 << 10
)

// DialOptions are what the engine's side of the boundary sets.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		grpc.WithInitialWindowSize(windowBytes), grpc.WithInitialConnWindowSize(windowBytes), grpc.WithReadBufferSize(bufferBytes), grpc.WithWriteBufferSize(bufferBytes)}
}

// ServerOptions are what the driver's side sets.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.InitialWindowSize(windowBytes), grpc.InitialConnWindowSize(windowBytes), grpc.ReadBufferSize(bufferBytes), grpc.WriteBufferSize(bufferBytes)}
}

// Serve runs a driver process until the host ends it. It is the only thing that
// main of a driver does; call it before any vendor library writes to stdout,
// which from here on is stderr.
func Serve(d Driver) { ServeConfig{Driver: d}.Serve() }

// ServeConfig is for the few drivers that need more than Serve: options of the
// gRPC server, and TLS of their own.
type ServeConfig struct {
	Driver  Driver
	Options []grpc.ServerOption
	TLS     func() (*tls.Config, error) // nil: mutual TLS as the host asks for it
	// Prepare runs when standard output is the handshake's alone.
	Prepare func() error
}

// Serve is the function Serve with this configuration.
func (c ServeConfig) Serve() {
	if err := keepStdout(); err != nil {
		hclog.Default().Error("stdout", "error", err)
	}
	if c.Prepare != nil {
		if err := c.Prepare(); err != nil {
			hclog.Default().Error("prepare", "error", err)
			return
		}
	}
	followParent()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &Plugin{Impl: c.Driver}}},
		TLSProvider:      c.TLS,
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			opts = append(opts, ServerOptions()...)
			return grpc.NewServer(append(opts, c.Options...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Info, JSONFormat: true}),
	})
}
