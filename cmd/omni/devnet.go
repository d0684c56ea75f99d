package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf/clock"
	"github.com/animicaorg/engine/aicf/metrics"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/fleet"
	"github.com/animicaorg/engine/backends/fleet/broker"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the WebAssembly runtime
	"github.com/animicaorg/engine/internal/cli"
)

// guideJob is the guide's job, section 5.1; a test holds it equal to the example.
//
//go:embed guide.json
var guideJob []byte

type devnetFlags struct {
	jobs                 int
	keep, postgres, nats string
	listen               string
	stay                 bool
}

func (o *program) devnet() *cobra.Command {
	f := &devnetFlags{}
	c := &cobra.Command{
		Use: "devnet", Short: "Run a whole job network here: submit, execute, prove, settle, pay",
		Long: `Run a whole network in one process: service, beacon, treasury, a buyer and a
provider with the simulator, over signed HTTP on loopback. The guide's job is
submitted --jobs times, executed with traps, proved, judged again by the service,
settled and paid; the statement is printed. Offline; nothing waits for real time.

--stay keeps the network running with real rounds until a signal; the first line on
stdout is its address, for omni aicf --endpoint.`,
		Example: "  omni devnet\n  omni devnet --jobs 3 --keep devnet --json\n  omni devnet --stay --listen 127.0.0.1:0 --jobs 0 --json",
		Args:    cli.Args(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.runDevnet(cmd.Context(), f) },
	}
	p := c.Flags()
	p.IntVar(&f.jobs, "jobs", 1, "how often the guide's job is submitted")
	p.StringVar(&f.keep, "keep", "", "`DIR` that keeps database, keys and bundles (default a folder that is removed)")
	p.StringVar(&f.postgres, "postgres", "", "`URL` of a PostgreSQL database, in place of SQLite")
	p.StringVar(&f.nats, "nats", "", "`URL` of a NATS server with workers that run the shots (engine worker)")
	p.StringVar(&f.listen, "listen", "127.0.0.1:0", "`ADDRESS` of the service")
	p.BoolVar(&f.stay, "stay", false, "keep the network running until a signal")
	return c
}

// devnetBackend is the simulator, or the workers at --nats.
func (o *program) devnetBackend(f *devnetFlags) (backends.Backend, func(), error) {
	if f.nats == "" {
		return sim.New(), func() {}, nil
	}
	c, err := broker.Dial(f.nats, "")
	if err != nil {
		return nil, nil, cli.Errorf(cli.NetworkService, "--nats", "%w", err)
	}
	return fleet.New(fleet.Config{Conn: c, Like: sim.New(), Log: o.Log}), c.Close, nil
}

func (o *program) runDevnet(ctx context.Context, f *devnetFlags) (err error) {
	began := time.Now()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.jobs < 0 || f.jobs > 10_000 {
		return cli.Errorf(cli.Usage, "--jobs", "%d, allowed are 0..10000", f.jobs)
	}
	if f.keep == "" {
		if f.keep, err = os.MkdirTemp("", "devnet-"); err != nil {
			return cli.Errorf(cli.BadConfig, "--keep", "%w", err)
		}
		defer os.RemoveAll(f.keep)
	}
	backend, closeBackend, err := o.devnetBackend(f)
	if err != nil {
		return err
	}
	defer closeBackend()
	cfg := host.Config{Logger: o.Log}
	if dir, err := o.CacheDir(); err == nil {
		if cfg.Code, err = host.OpenCodeCache(filepath.Join(dir, "native"), filepath.Join(f.keep, "native-code.key"), rand.Reader); err != nil {
			o.Log.Debug("modules are compiled each time", "error", err)
		}
	}
	h, err := host.New(cfg)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	n, err := devnet.Start(ctx, devnet.Config{Dir: f.keep, Listen: f.listen, Postgres: f.postgres, Host: h, Backend: backend, Log: o.Log, Metrics: metrics.New(time.Now, o.Log),
		Version: engine.VersionOf(statevector.Complex64.Numeric())})
	if err != nil {
		return cli.Errorf(cli.NetworkService, "", "%w", err)
	}
	defer func() {
		if bad := n.Close(); err == nil && bad != nil {
			err = cli.Errorf(cli.NetworkService, "", "%w", bad)
		}
	}()
	if f.stay {
		return o.stay(ctx, n, f)
	}
	r, err := n.Run(ctx, guideJob, f.jobs)
	if err != nil {
		return cli.Errorf(cli.NetworkService, "", "%w", err)
	}
	r.ElapsedMS = time.Since(began).Milliseconds()
	return o.Print(r, func(w io.Writer) {
		for i := range r.Statement.Lines {
			printLine(w, &r.Statement.Lines[i])
		}
		fmt.Fprintf(w, "%d jobs paid, %d to the provider; ledger imbalance %d, %d invariants hold; %d ms\n", r.JobsPaid, r.Statement.Paid, r.Imbalance, len(r.Checks), r.ElapsedMS)
	})
}

// stay prints the address as a line and works in real time until ctx ends.
func (o *program) stay(ctx context.Context, n *devnet.Net, f *devnetFlags) error {
	line, err := json.Marshal(map[string]string{"listen": n.Endpoint})
	if err != nil {
		return err
	}
	if _, err := o.Out.Write(append(line, '\n')); err != nil {
		return err
	}
	if f.jobs > 0 {
		r, err := n.Run(ctx, guideJob, f.jobs)
		if err != nil {
			return cli.Errorf(cli.NetworkService, "", "%w", err)
		}
		var b bytes.Buffer
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			return err
		}
		if _, err := o.Out.Write(b.Bytes()); err != nil {
			return err
		}
	}
	go o.tick(ctx, n.Service, clock.New(time.Now, clock.Elapsed))
	if err := n.Provider.Run(ctx, 10*time.Second); err != nil && ctx.Err() == nil {
		return cli.Errorf(cli.NetworkService, "", "%w", err)
	}
	return nil
}
