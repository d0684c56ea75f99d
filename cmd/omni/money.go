package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/cli"
)

func (o *program) getBalance() *cobra.Command {
	var provider, account idFlag
	c := &cobra.Command{
		Use: "get_balance", Short: "Show what an account has", Args: cli.Args(),
		Long:    "Show what an account has: of --account, of --provider, else of the provider of the keys.",
		Example: "  omni aicf get_balance --provider ID",
		RunE: func(cmd *cobra.Command, _ []string) error {
			who := account.id
			var err error
			if who.IsZero() {
				if who, err = o.providerID(&provider); err != nil {
					return err
				}
			}
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			b, err := c.Balance(cmd.Context(), who)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(b, func(w io.Writer) {
				fmt.Fprintf(w, "account    %s\navailable  %d\npending    %d (accrued %d, claimable %d)\nescrow     %d\nstaked     %d (unbonding %d, held %d)\n",
					b.Account, b.Available, b.Pending, b.Accrued, b.Claimable, b.Escrow, b.Staked, b.Unbonding, b.Held)
			})
		},
	}
	c.Flags().Var(&provider, "provider", "provider_id (default the provider of the keys)")
	c.Flags().Var(&account, "account", "any account, such as a buyer's key id")
	return c
}

func (o *program) claimPayout() *cobra.Command {
	var epoch uint64
	c := &cobra.Command{
		Use: "claim_payout", Short: "Claim the pay of a settled epoch", Args: cli.Args(),
		Long:    "Claim the pay of a settled epoch. The same epoch again gives the same payout.",
		Example: "  omni aicf claim_payout --epoch 12",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("epoch") {
				return cli.Errorf(cli.Usage, "--epoch", "is needed")
			}
			c, held, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			p, err := c.Claim(cmd.Context(), fmt.Sprintf("claim-%s-%d", held.ProviderID, epoch), held.ProviderID, epoch)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(p, func(w io.Writer) {
				fmt.Fprintf(w, "payout_id  %s\nepoch      %d\namount     %d\nstatus     %s\n", p.ID, p.Epoch, p.Amount, p.State)
			})
		},
	}
	c.Flags().Uint64Var(&epoch, "epoch", 0, "epoch `N`")
	return c
}

func printLine(w io.Writer, l *aicf.StatementLine) {
	fmt.Fprintf(w, "job %s\n  %s\n  units %d, payable %d, gross %d, subsidy %d\n  provider %d, treasury %d, miner %d\n  traps %d pass, %d fail; latency %d of %d ms\n  epoch %d, %s %s\n",
		l.JobID, l.Formula, l.Units, l.Payable, l.Gross, l.Subsidy, l.Provider, l.Treasury, l.Miner, l.TrapPass, l.TrapFail, l.LatencyMS, l.MaxLatency, l.Epoch, l.State, l.Cause)
}

func (o *program) statement() *cobra.Command {
	var epoch uint64
	c := &cobra.Command{
		Use: "statement", Short: "Explain the pay of every job of this provider", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, held, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			var one *uint64
			if cmd.Flags().Changed("epoch") {
				one = &epoch
			}
			var all *aicf.Statement
			for cursor := ""; ; {
				s, err := c.Statement(cmd.Context(), held.ProviderID, one, cursor)
				if err != nil {
					return o.refused(err)
				}
				if all == nil {
					all = s
				} else {
					all.Lines = append(all.Lines, s.Lines...)
				}
				if s.Next == 0 {
					break
				}
				cursor = fmt.Sprint(s.Next)
			}
			all.Next = 0
			return o.Print(all, func(w io.Writer) {
				for i := range all.Lines {
					printLine(w, &all.Lines[i])
				}
				fmt.Fprintf(w, "%d jobs; accrued %d, claimable %d, paid %d, slashed %d\nas of event %d %s\n", len(all.Lines), all.Accrued, all.Claimable, all.Paid, all.Slashed, all.Head, all.HeadHash)
			})
		},
	}
	c.Flags().Uint64Var(&epoch, "epoch", 0, "only epoch `N`")
	return c
}

func (o *program) fund() *cobra.Command {
	var amount int64
	var to idFlag
	c := &cobra.Command{
		Use: "faucet", Short: "Take money of a development network", Args: cli.Args(),
		Example: "  omni aicf faucet --amount 100000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if amount < 1 {
				return cli.Errorf(cli.Usage, "--amount", "%d, want at least 1", amount)
			}
			c, who, err := o.asBuyer(cmd.Context())
			if err != nil {
				return err
			}
			if !to.id.IsZero() {
				who = to.id
			}
			b, err := c.Faucet(cmd.Context(), "", aicf.FaucetRequest{Account: who, Amount: aicf.Amount(amount)})
			if err != nil {
				return o.refused(err)
			}
			return o.Print(b, func(w io.Writer) { fmt.Fprintf(w, "account    %s\navailable  %d\n", b.Account, b.Available) })
		},
	}
	c.Flags().Int64Var(&amount, "amount", 0, "`AMOUNT` in atomic units")
	c.Flags().Var(&to, "account", "who gets it (default the buyer's key)")
	return c
}

func (o *program) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Judge the ledger's invariants now; exit 60 if one fails", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			a, err := c.Check(cmd.Context())
			if err != nil {
				return o.refused(err)
			}
			out := struct {
				*aicf.Audit
				Error *cli.Body `json:"error,omitempty"`
			}{Audit: a}
			failed := cli.Errorf(cli.NetworkService, "", "the ledger breaks an invariant").Named("LedgerBroken").WithHint("stop payouts and keep the database as it is; the invariant's detail names account or transfer")
			if !a.OK() {
				out.Error, failed.Printed = failed.Body(), o.JSON
			}
			if err := o.Print(out, func(w io.Writer) {
				for _, i := range a.Invariants {
					fmt.Fprintf(w, "%-5v %-4s %s\n", i.OK, i.ID, i.Detail)
				}
				fmt.Fprintf(w, "imbalance %d after %d events\n", a.Imbalance, a.Events)
			}); err != nil || a.OK() {
				return err
			}
			return failed
		},
	}
}
