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
	fakeiqm "github.com/animicaorg/engine/plugins/fakes/iqm"
)

// fakeKey is the only api key, or token, that a fake lets in.
const fakeKey = "fake"

func (e *program) fakeVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "fake", Short: "Stand-ins for vendors' services, to try a driver without an account",
		Long: `A fake answers as a vendor's service does and simulates the circuits that it is
sent. It is for trying drivers and for tests: its outcomes are no device's.`,
	}
	c.AddCommand(e.fakeIonq(), e.fakeIQM())
	return c
}

// fakeFlags are those of every fake.
type fakeFlags struct {
	listen, faults, seed string
	delay                time.Duration
}

const aboutFaults = `

--fault is a list of kinds with commas between: 429, 500, 503, slow, cut,
lost-reply, stale-auth; post: before a kind means submissions only, *N behind it
the next N requests.`

func (o *fakeFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `ADDRESS`; port 0 takes a free one")
	f.StringVar(&o.faults, "fault", "", "`PLAN` of requests that fail")
	f.StringVar(&o.seed, "seed", "", "`HEX` of at most 32 bytes that fixes outcomes and ids (default zeros)")
	f.DurationVar(&o.delay, "delay", 0, "`TIME` from a job's acceptance to its end")
}

// read gives the seed and the plan.
func (o *fakeFlags) read() (seed [32]byte, plan []faults.Fault, err error) {
	if plan, err = faults.Parse(o.faults); err != nil {
		return seed, nil, cli.Errorf(cli.Usage, "--fault", "%w", err)
	}
	b, err := hex.DecodeString(o.seed)
	if err != nil || len(b) > len(seed) {
		return seed, nil, cli.Errorf(cli.Usage, "--seed", "want at most 64 hexadecimal digits")
	}
	copy(seed[:], b)
	return seed, plan, nil
}

// slowAnswer is what the fault slow waits.
const slowAnswer = 5 * time.Second

func (e *program) fakeIonq() *cobra.Command {
	var o fakeFlags
	c := &cobra.Command{
		Use: "ionq", Short: "Serve IonQ's REST v0.4 on a loopback address",
		Long: `Serve IonQ's REST v0.4 under /v0.4 until a signal ends it. The first line on
stdout is the address. The api key is "fake".` + aboutFaults,
		Example: "  engine fake ionq --listen 127.0.0.1:8085\n  engine fake ionq --fault '429*3,post:lost-reply' --json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			seed, plan, err := o.read()
			if err != nil {
				return err
			}
			return e.serveFake(cmd.Context(), o.listen, fakeionq.New(fakeionq.Options{Seed: seed, Key: fakeKey, Delay: o.delay, Slow: slowAnswer, Faults: plan, Now: time.Now}))
		},
	}
	o.add(c)
	return c
}

func (e *program) fakeIQM() *cobra.Command {
	var o fakeFlags
	var noiseFile string
	c := &cobra.Command{
		Use: "iqm", Short: "Serve IQM Server v1 on a loopback address",
		Long: `Serve IQM Server's API under /api/v1 until a signal ends it. The first line on
stdout is the address. The token is "fake"; the quantum computers are garnet,
twenty qubits in a square lattice, and adonis, five in a star.

--noise makes all qubits noisy alike: a snapshot of format noise/v1 without lists
of qubits. The metrics of the calibration set then say so.` + aboutFaults,
		Example: "  engine fake iqm --listen 127.0.0.1:8086\n  engine fake iqm --noise garnet.json --fault post:429*3 --json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			seed, plan, err := o.read()
			if err != nil {
				return err
			}
			model, err := e.readNoise(noiseFile)
			if err != nil {
				return err
			}
			s, err := fakeiqm.New(fakeiqm.Options{Seed: seed, Token: fakeKey, Delay: o.delay, Slow: slowAnswer, Faults: plan, Noise: model, Now: time.Now})
			if err != nil {
				return cli.Errorf(cli.Usage, "--noise", "%w", err)
			}
			return e.serveFake(cmd.Context(), o.listen, s)
		},
	}
	o.add(c)
	c.Flags().StringVar(&noiseFile, "noise", "", "`FILE` with a noise snapshot (default none)")
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
