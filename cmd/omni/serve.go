package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/clock"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/rootdir"
)

type serveFlags struct {
	listen   string
	data     string
	postgres string
	policy   string
	leaseTTL time.Duration
	chain    uint64
	treasury string
	attest   string
	apiKeys  string
	dev      bool
	monitor  monitorFlags
}

func (o *program) serve() *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use: "serve", Short: "Run the job network's service",
		Long: `Run the service of the job network: registry, queue, leases, proof intake, pay,
disputes, over HTTP. The first line on stdout is the address. The database is
network.db in --data, or PostgreSQL by --postgres, where any number of services
may share one database; keys lie in --data in both cases.

Attestation evidence of providers and proofs is judged with the pinned roots and
those that lie in DATA/roots/KIND-or-VENDOR. A quote of a TEE needs a policy that
lists its measurement: --attest-policy. Providers in such a TEE can then enrol a
runner key, and jobs with trap_mode tee are sealed to it; without it they are refused.

--dev: new accounts are funded by a faucet, development evidence and proofs are
allowed, the beacon is local, and calls from this machine need no signature.

/ui/ has pages that show the network, /metrics its figures for Prometheus; both answer
this machine only, unless --ui or --metrics says public.

SIGINT or SIGTERM drains: no new offers, running calls finish.`,
		Example: "  omni aicf serve --dev --listen 127.0.0.1:8545\n  omni aicf serve --data /var/lib/aicf --postgres postgres:///aicf --treasury-key ed25519:HEX",
		Args:    cli.Args(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.runService(cmd.Context(), f) },
	}
	p := c.Flags()
	p.StringVar(&f.listen, "listen", "127.0.0.1:8545", "`ADDRESS`; port 0 takes a free one")
	p.StringVar(&f.data, "data", "", "`DIR` of database and keys (default $XDG_DATA_HOME/animica/omni/network)")
	p.StringVar(&f.postgres, "postgres", "", "`URL` of a PostgreSQL database, in place of network.db")
	p.StringVar(&f.policy, "policy", "", "`FILE` with the policy document, default or lineage (default the network's own)")
	p.DurationVar(&f.leaseTTL, "lease-ttl", 0, "`TIME` that one ack or renewal gives (default the policy's)")
	p.Uint64Var(&f.chain, "chain-id", 1, "`N` that names the network in every lease and proof")
	p.StringVar(&f.treasury, "treasury-key", "", "public `KEY` (ed25519:HEX) that signs deposits")
	p.StringVar(&f.attest, "attest-policy", "", "`FILE` with the measurements of environments that are accepted (docs/attestation.md)")
	p.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "attestation-policy" {
			name = "attest-policy"
		}
		return pflag.NormalizedName(name)
	})
	p.StringVar(&f.apiKeys, "api-keys", "", "`FILE` with lines \"BEARER-KEY ACCOUNT\" for older clients")
	p.BoolVar(&f.dev, "dev", false, "development network: faucet, local beacon, unsigned calls from this machine")
	f.monitor.add(p)
	return c
}

func (o *program) runService(ctx context.Context, f *serveFlags) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.data == "" {
		data, err := o.DataDir()
		if err != nil {
			return cli.Errorf(cli.BadConfig, "--data", "%w", err)
		}
		f.data = filepath.Join(data, "network")
	}
	cfg, err := o.networkConfig(f)
	if err != nil {
		return err
	}
	m := o.newMonitor(&f.monitor)
	if cfg.Store, err = o.openStore(ctx, f, m); err != nil {
		return cli.Errorf(cli.NetworkService, "--data", "%w", err).Named("StorageFailed")
	}
	defer func() { err = errors.Join(err, cfg.Store.Close()) }()
	steady, err := serviceClock(ctx, cfg.Store)
	if err != nil {
		return cli.Errorf(cli.NetworkService, "--postgres", "%w", err).Named("StorageFailed")
	}
	n, err := network.New(ctx, *cfg, steady.Now().UnixMilli())
	if err != nil {
		return cli.Errorf(cli.NetworkService, "--data", "%w", err)
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	accounts, err := o.apiKeys(f)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return cli.Errorf(cli.Usage, "--listen", "%w", err)
	}
	at := "http://" + l.Addr().String()
	if err := o.Print(map[string]string{"listen": at}, func(w io.Writer) { fmt.Fprintln(w, at) }); err != nil {
		return errors.Join(err, l.Close())
	}
	api := httpapi.Config{Network: n, Signer: cfg.Service, Now: steady.Now, Dev: f.dev, APIKeys: accounts, Log: o.Log, Version: "1", Extra: o.routes(m, n, steady.Now)}
	if m.metrics != nil {
		api.Observer = m.metrics
	}
	s := httpapi.New(api)
	go o.tick(ctx, n, steady)
	o.watch(ctx, m, n, f.data)
	h := &http.Server{ErrorLog: nil}
	if err := s.Serve(ctx, h, func() error { return h.Serve(l) }, 10*time.Second); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return cli.Errorf(cli.NetworkService, "", "%w", err)
	}
	return nil
}

// serviceClock is the time of the service: it never jumps, and replicas on one
// PostgreSQL go by the server's.
func serviceClock(ctx context.Context, db *store.DB) (*clock.Steady, error) {
	if db.Engine() != "postgresql" {
		return clock.New(time.Now, clock.Elapsed), nil
	}
	first, err := db.ServerTime(ctx)
	if err != nil {
		return nil, err
	}
	server := clock.NewSamples(first, clock.Elapsed)
	go func() {
		beat := time.NewTicker(time.Second)
		defer beat.Stop()
		server.Follow(ctx, beat.C, db.ServerTime)
	}()
	return clock.New(server.Now, clock.Elapsed), nil
}

// maxOff is how far the wall clock may be away without a word.
const maxOff = 5 * time.Second

// tick does what is due, once a second.
func (o *program) tick(ctx context.Context, n *network.Service, steady *clock.Steady) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	said := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if _, err := n.Tick(ctx, steady.Now().UnixMilli()); err != nil && ctx.Err() == nil {
				o.Log.Error("what was due could not be done", "error", err)
			}
			off := steady.Off()
			if off.Abs() > maxOff && !said {
				o.Log.Error("the wall clock jumped; the service follows slowly", "ahead", off)
			}
			said = off.Abs() > maxOff
		}
	}
}

func (o *program) openStore(ctx context.Context, f *serveFlags, m *monitor) (*store.DB, error) {
	started := time.Now()
	opts := store.Options{Log: o.Log, Ticks: func() int64 { return int64(time.Since(started)) }}
	if m.metrics != nil {
		opts.Observer = m.metrics
	}
	if f.postgres != "" {
		return store.OpenPostgres(ctx, f.postgres, opts)
	}
	return store.OpenSQLite(ctx, filepath.Join(f.data, "network.db"), opts)
}

func (o *program) networkConfig(f *serveFlags) (*network.Config, error) {
	cfg := &network.Config{ChainID: f.chain, Entropy: rand.Reader, Dev: f.dev, Log: o.Log}
	var err error
	if f.policy != "" {
		cfg.Policy, _, err = o.loadPolicy("--policy", f.policy)
	} else {
		cfg.Policy, err = aicf.DefaultPolicy()
	}
	if err != nil {
		return nil, err
	}
	if err := cfg.Policy.Unserved(); err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--policy", "%w", err).Named("PolicyNotServed").WithHint("such a document can be simulated: omni aicf policy simulate")
	}
	if f.leaseTTL < 0 {
		return nil, cli.Errorf(cli.Usage, "--lease-ttl", "%v is negative", f.leaseTTL)
	}
	if f.leaseTTL > 0 {
		cfg.Policy.Network.LeaseTTLMS = uint64(f.leaseTTL.Milliseconds())
	}
	s, err := keys.Open(filepath.Join(f.data, "keys"))
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data", "%w", err)
	}
	defer s.Close()
	key, err := s.Key(keys.Service)
	if errors.Is(err, keys.ErrNoKey) {
		key, err = s.Create(keys.Service, rand.Reader)
	}
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data", "%w", err)
	}
	cfg.Service = key
	judge := evidenceJudge{&evidence.Attester{Published: evidence.PublishedRoots()}, f.dev}
	from := rootdir.Anchors{Own: filepath.Join(f.data, "roots"), More: fakeTEERoots}
	judge.TEE, judge.Vendor = from.Kind, from.Vendor
	cfg.Evidence, cfg.Wire = judge.registration, func(in *proofs.Input) { in.Attester = judge }
	if f.attest != "" {
		raw, err := o.ReadInput("--attest-policy", f.attest, attest.MaxPolicy, cli.BadConfig)
		if err != nil {
			return nil, err
		}
		if judge.Policy, err = attest.ParsePolicy(raw); err != nil {
			return nil, cli.Errorf(cli.BadConfig, "--attest-policy", "%w", err)
		}
		cfg.Runner = judge.runner
	}
	if f.treasury != "" {
		_, public, err := keys.ParsePublic(f.treasury)
		if err != nil {
			return nil, cli.Errorf(cli.Usage, "--treasury-key", "%w", err)
		}
		cfg.Treasury = public
	}
	if f.dev {
		if cfg.Beacon, err = beaconSecret(filepath.Join(f.data, "beacon.secret")); err != nil {
			return nil, cli.Errorf(cli.BadConfig, "--data", "%w", err)
		}
	}
	return cfg, nil
}

// evidenceJudge judges evidence at registration and in proofs.
type evidenceJudge struct {
	*evidence.Attester
	dev bool
}

// registration is network.Config.Evidence: what a bundle's evidence reaches together. One
// piece that is refused refuses the bundle.
func (j evidenceJudge) registration(ctx context.Context, b *keys.Bundle, nowMS int64) (level proofs.Level, dev bool, err error) {
	verdicts, err := j.Registration(ctx, b, time.UnixMilli(nowMS), j.dev)
	if err != nil {
		return "", false, err
	}
	level = proofs.LevelNone
	for _, v := range verdicts {
		if !v.Accepted {
			return "", false, fmt.Errorf("%s: %s", v.Member, v.Reasons[0].Message)
		}
		level = level.Join(v.Level)
	}
	return level, false, nil
}

// runner is network.Config.Runner.
func (j evidenceJudge) runner(ctx context.Context, quote *attest.Carried, data []byte, nowMS int64) (measurement []byte, dev bool, err error) {
	return j.Enrolment(ctx, quote, data, time.UnixMilli(nowMS), j.dev)
}

// beaconSecret is the secret of the local beacon, drawn once for each network.
func beaconSecret(path string) (digest.Digest, error) {
	var secret digest.Digest
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := io.ReadFull(rand.Reader, secret[:]); err != nil {
			return secret, err
		}
		return secret, os.WriteFile(path, []byte(secret.String()+"\n"), 0o600)
	}
	if err != nil {
		return secret, err
	}
	return digest.Parse(string(bytes.TrimSpace(raw)))
}

// apiKeys reads the keys of older clients.
func (o *program) apiKeys(f *serveFlags) (map[digest.Digest]digest.Digest, error) {
	if f.apiKeys == "" {
		return nil, nil
	}
	raw, err := o.ReadInput("--api-keys", f.apiKeys, 1<<20, cli.BadConfig)
	if err != nil {
		return nil, err
	}
	out := map[digest.Digest]digest.Digest{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 2 || len(words[0]) < 16 {
			return nil, cli.Errorf(cli.BadConfig, "--api-keys", "line %d: want a key of at least 16 characters and an account", n)
		}
		account, err := digest.Parse(words[1])
		if err != nil {
			return nil, cli.Errorf(cli.BadConfig, "--api-keys", "line %d: account: %w", n, err)
		}
		out[digest.Sum([]byte(words[0]))] = account
	}
	return out, nil
}
