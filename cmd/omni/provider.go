package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

// maxBundleFile bounds a provider bundle: the service's limit of a body.
const maxBundleFile = 1 << 20

type registered struct {
	*aicf.Registration
	Staked *aicf.StakeChange `json:"stake,omitempty"`
}

func (o *program) providerRegister() *cobra.Command {
	var file string
	var stake int64
	c := &cobra.Command{
		Use: "provider_register", Short: "Register a provider by its bundle, and stake",
		Long: `Register a provider: the bundle holds its identity, keys, evidence, algorithms and
regions, signed by the root key (engine bundle make). The call is signed by the
operational key. --stake stakes in a second call; both can be repeated.`,
		Example: "  engine bundle make --out provider_bundle.json\n  omni aicf provider_register --bundle provider_bundle.json --stake 5000",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := o.ReadInput("--bundle", file, maxBundleFile, cli.BadConfig)
			if err != nil {
				return err
			}
			bundle, err := keys.ParseBundle(raw)
			if err != nil {
				return cli.Errorf(cli.AttestationError, "--bundle", "%w", err).WithHint("engine bundle verify %s says which part", file)
			}
			c, held, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			if bundle.Identity.ProviderID != held.ProviderID {
				return cli.Errorf(cli.AttestationError, "--bundle", "the bundle is of provider %s, the keys are of %s", bundle.Identity.ProviderID, held.ProviderID).
					WithHint("make the bundle with these keys, or name the others by --key-dir")
			}
			var out registered
			if out.Registration, err = c.Register(cmd.Context(), "register-"+digest.Sum(raw).String(), raw); err != nil {
				return o.refused(err)
			}
			if stake > 0 {
				if out.Staked, err = c.Stake(cmd.Context(), fmt.Sprintf("register-stake-%d-%s", stake, digest.Sum(raw)), held.ProviderID, aicf.Amount(stake)); err != nil {
					return o.refused(err)
				}
				out.State = out.Staked.State
			}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "provider_id  %s\nstatus       %s\nevidence     %s\nmin_stake    %d\n", out.ProviderID, out.State, out.Level, out.MinStake)
				if out.Staked != nil {
					fmt.Fprintf(w, "staked       %d\n", out.Staked.Staked)
				}
			})
		},
	}
	c.Flags().StringVar(&file, "bundle", "", "`FILE` with the provider bundle")
	c.Flags().Int64Var(&stake, "stake", 0, "`AMOUNT` to stake from the available balance")
	return c
}

func (o *program) providerStake(use, short string, down bool) *cobra.Command {
	var amount int64
	var key string
	c := &cobra.Command{
		Use: use, Short: short, Args: cli.Args(),
		Example: "  omni aicf " + use + " --amount 5000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if amount < 1 {
				return cli.Errorf(cli.Usage, "--amount", "%d, want at least 1", amount)
			}
			c, held, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			call := c.Stake
			if down {
				call = c.Unstake
			}
			out, err := call(cmd.Context(), key, held.ProviderID, aicf.Amount(amount))
			if err != nil {
				return o.refused(err)
			}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "staked       %d\nunbonding    %d\nstatus       %s\n", out.Staked, out.Unbonding, out.State)
				if out.ReleaseRound > 0 {
					fmt.Fprintf(w, "available    from round %d\n", out.ReleaseRound)
				}
			})
		},
	}
	c.Flags().Int64Var(&amount, "amount", 0, "`AMOUNT` in atomic units")
	c.Flags().StringVar(&key, "idempotency-key", "", "`KEY` that makes a repeated call count once (default a fresh one)")
	return c
}

func (o *program) providerHeartbeat() *cobra.Command {
	var id idFlag
	var capacity uint64
	var qos string
	c := &cobra.Command{
		Use: "provider_heartbeat", Short: "Send one heartbeat",
		Long: `Send one heartbeat. engine provider start sends them by itself; this verb is for
cron jobs and for trying.`,
		Example: `  omni aicf provider_heartbeat --provider-id ID --capacity 8 --qos normal`,
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, held, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			if !id.id.IsZero() && id.id != held.ProviderID {
				return cli.Errorf(cli.Usage, "--provider-id", "the keys are of provider %s", held.ProviderID)
			}
			now := time.Now()
			out, err := c.Heartbeat(cmd.Context(), "", aicf.Heartbeat{ProviderID: held.ProviderID, Capacity: capacity, TS: uint64(now.Unix()), Seq: uint64(now.UnixMilli()), QoS: qos})
			if err != nil {
				return o.refused(err)
			}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "%s; status %s, health %d ppm, round %d, next within %v\n", out.Outcome, out.State, out.HealthPPM, out.Round, time.Duration(out.NextWithinMS)*time.Millisecond)
			})
		},
	}
	f := c.Flags()
	f.Var(&id, "provider-id", "who beats (default the provider of the keys)")
	f.Uint64Var(&capacity, "capacity", 1, "leases at once")
	f.StringVar(&qos, "qos", "normal", "normal, degraded or draining")
	return c
}

type providersAnswer struct {
	Providers []aicf.Provider `json:"providers"`
}

func (o *program) providers() *cobra.Command {
	return &cobra.Command{
		Use: "providers", Short: "List the registry", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			all := providersAnswer{Providers: []aicf.Provider{}}
			for cursor := ""; ; {
				page, err := c.Providers(cmd.Context(), cursor, 500)
				if err != nil {
					return o.refused(err)
				}
				all.Providers = append(all.Providers, page.Items...)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			return o.Print(all, func(w io.Writer) {
				for _, p := range all.Providers {
					fmt.Fprintf(w, "%s  %-10s stake %d  running %d of %d  %s\n", p.ID, p.State, p.Staked, p.Running, p.Capacity, p.LastReason)
				}
			})
		},
	}
}

func (o *program) eligibility() *cobra.Command {
	var id idFlag
	c := &cobra.Command{
		Use: "eligibility", Short: "Say why a provider gets no work", Args: cli.Args(),
		Example: "  omni aicf eligibility --provider ID",
		RunE: func(cmd *cobra.Command, _ []string) error {
			who, err := o.providerID(&id)
			if err != nil {
				return err
			}
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			out, err := c.Eligibility(cmd.Context(), who)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "eligible %v\n", out.Eligible)
				for _, f := range out.Filters {
					fmt.Fprintf(w, "  %-5v %-20s %s\n", f.OK, f.Name, f.Detail)
				}
				for _, r := range out.Reasons {
					fmt.Fprintf(w, "%d times by %s: %s\n", r.Count, r.Filter, r.Fix)
				}
			})
		},
	}
	c.Flags().Var(&id, "provider", "provider_id (default the provider of the keys)")
	return c
}

// providerID is the flag's, else that of the keys.
func (o *program) providerID(f *idFlag) (digest.Digest, error) {
	if !f.id.IsZero() {
		return f.id, nil
	}
	held, err := o.provider()
	if err != nil {
		return digest.Digest{}, err
	}
	return held.ProviderID, nil
}

// indent writes a document for people.
func indent(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // to a buffer
}
