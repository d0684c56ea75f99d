package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/fakes/faults"
	fakeionq "github.com/animicaorg/engine/plugins/fakes/ionq"
)

// fakeKey is the only api key that a fake lets in.
const fakeKey = "fake"

func (e *program) fakeVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "fake", Short: "Stand-ins for vendors' services, to try a driver without an account",
		Long: `A fake answers as a vendor's service does and simulates the circuits that it is
sent. It is for trying drivers and for tests: its outcomes are no device's.`,
	}
	c.AddCommand(e.fakeIonq())
	return c
}

func (e *program) fakeIonq() *cobra.Command {
	var listen, spec, seed string
	var delay time.Duration
	c := &cobra.Command{
		Use: "ionq", Short: "Serve IonQ's REST v0.4 on a loopback address",
		Long: `Serve IonQ's REST v0.4 under /v0.4 until a signal ends it. The first line on
stdout is the address. The api key is "fake".

--fault is a list of kinds with commas between: 429, 500, 503, slow, cut,
lost-reply, stale-auth; post: before a kind means submissions only, *N behind it
the next N requests.`,
		Example: "  engine fake ionq --listen 127.0.0.1:8085\n  engine fake ionq --fault '429*3,post:lost-reply' --json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := faults.Parse(spec)
			if err != nil {
				return cli.Errorf(cli.Usage, "--fault", "%w", err)
			}
			o := fakeionq.Options{Key: fakeKey, Delay: delay, Slow: 5 * time.Second, Faults: plan, Now: time.Now}
			b, err := hex.DecodeString(seed)
			if err != nil || len(b) > len(o.Seed) {
				return cli.Errorf(cli.Usage, "--seed", "want at most 64 hexadecimal digits")
			}
			copy(o.Seed[:], b)
			return e.serveFake(cmd.Context(), listen, fakeionq.New(o))
		},
	}
	f := c.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:0", "loopback `ADDRESS`; port 0 takes a free one")
	f.StringVar(&spec, "fault", "", "`PLAN` of requests that fail")
	f.StringVar(&seed, "seed", "", "`HEX` of at most 32 bytes that fixes outcomes and ids (default zeros)")
	f.DurationVar(&delay, "delay", 0, "`TIME` from a job's acceptance to its end")
	return c
}

// serveFake prints the address and serves until the context or a signal ends it.
func (e *program) serveFake(ctx context.Context, listen string, h http.Handler) error {
	addr, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil || !addr.IP.IsLoopback() {
		return cli.Errorf(cli.Usage, "--listen", "%q is not a loopback address such as 127.0.0.1:0", listen)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return cli.Errorf(cli.Usage, "--listen", "%w", err)
	}
	at := "http://" + l.Addr().String()
	if err := e.Print(map[string]string{"listen": at}, func(w io.Writer) { fmt.Fprintln(w, at) }); err != nil {
		return errors.Join(err, l.Close())
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err = <-done:
		return cli.Errorf(cli.Internal, "", "%w", err)
	case <-ctx.Done():
		return s.Close()
	}
}
