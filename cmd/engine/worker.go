package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/fleet"
	"github.com/animicaorg/engine/backends/fleet/broker"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/internal/cli"
)

// natsFlags say where a fleet meets.
type natsFlags struct{ url, seed string }

func (n *natsFlags) add(f *pflag.FlagSet, name string) {
	f.StringVar(&n.url, name, "", "`URL` of the NATS server or cluster: nats://TOKEN@HOST:PORT or tls://…, several with commas")
	f.StringVar(&n.seed, "nats-nkey", "", "`FILE` with this member's nkey seed (SU…), mode 600, in place of a token")
}

func (e *program) workerVerb() *cobra.Command {
	var at natsFlags
	var threads int
	var memory cli.Size
	c := &cobra.Command{
		Use: "worker", Short: "Run pieces of other machines' jobs that come over NATS",
		Long: `Run the simulator for the provider whose engine is at the same NATS server or
cluster (engine run --backend fleet, engine provider start --nats), until a signal
ends it. Any number of workers may come and go, also in the middle of a job: the
outcomes are the same bits.

A worker sees circuits and the key of the shots, never a seed, a trap's role or a
signing key. It must have the numeric version of the engine that asks; others get
no work and are named there.`,
		Example: "  engine worker --connect nats://TOKEN@10.0.0.5:4222",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.dial("--connect")
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			w := &fleet.Worker{Conn: c, Backend: sim.New(), Threads: threads, Memory: memoryLimit(memory), Log: e.Log}
			if err := e.Print(map[string]any{"connected": broker.Address(c), "threads": backends.Threads(threads)}, func(w io.Writer) {
				fmt.Fprintf(w, "worker at %s with %d threads\n", broker.Address(c), backends.Threads(threads))
			}); err != nil {
				return err
			}
			return w.Serve(ctx)
		},
	}
	at.add(c.Flags(), "connect")
	addLimits(c.Flags(), &threads, &memory)
	return c
}

// dial connects; flag is what the user left out or wrote wrong.
func (n natsFlags) dial(flag string) (c *nats.Conn, err error) {
	if n.url == "" {
		return nil, cli.Errorf(cli.Usage, flag, "no NATS address").WithHint("pass %s nats://TOKEN@HOST:PORT; engine broker starts a server", flag)
	}
	if c, err = broker.Dial(n.url, n.seed); err != nil {
		return nil, cli.Errorf(cli.NetworkService, flag, "%w", err).WithHint("is the server up, and its token or nkey the right one?")
	}
	return c, nil
}

func (e *program) brokerVerb() *cobra.Command {
	var o broker.Options
	var tokenFile string
	c := &cobra.Command{
		Use: "broker", Short: "Serve NATS for a fleet of workers, where no cluster exists",
		Long: `Serve NATS until a signal ends it, so that a provider's engine and its workers on
other machines meet. Messages are not kept; a job goes on when the server returns.
The first line on stdout is the address. For several servers, TLS or accounts run a
NATS cluster of your own and give its URL.`,
		Example: "  engine broker --listen 10.0.0.5:4222 --token-file token.txt\n  engine broker --listen :4222 --nkey UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tokenFile != "" {
				raw, err := e.ReadInput("--token-file", tokenFile, 4096, cli.Usage)
				if err != nil {
					return err
				}
				if o.Token = strings.TrimSpace(string(raw)); len(o.Token) < 16 {
					return cli.Errorf(cli.Usage, "--token-file", "a token of %d characters can be guessed; use 16 or more", len(o.Token))
				}
			}
			return e.serveBroker(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:4222", "`ADDRESS` for workers and engines; port 0 takes a free one")
	f.StringVar(&tokenFile, "token-file", "", "`FILE` with the token that members present")
	f.StringArrayVar(&o.NKeys, "nkey", nil, "public user `KEY` (U…) of a member, repeatable, in place of a token")
	return c
}

func (e *program) serveBroker(ctx context.Context, o broker.Options) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := broker.Start(o)
	if err != nil {
		return cli.Errorf(cli.Usage, "--listen", "%w", err).WithHint("--token-file FILE or --nkey KEY says who may come")
	}
	defer s.Close()
	at := s.URL("")
	if err := e.Print(map[string]string{"listen": at}, func(w io.Writer) { fmt.Fprintln(w, at) }); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// openFleet is --backend fleet.
func (e *program) openFleet(f *runFlags, s *session) (backends.Backend, error) {
	c, err := f.nats.dial("--nats")
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, func() error { c.Close(); return nil })
	cfg := fleet.Config{Conn: c, Like: sim.New(), Log: e.Log}
	if f.meter != nil {
		cfg.Observer = f.meter
	}
	return fleet.New(cfg), nil
}
