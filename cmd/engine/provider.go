package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

// defaultNetwork is where a service on this machine listens.
const defaultNetwork = "http://127.0.0.1:8545"

func (e *program) providerVerb() *cobra.Command {
	c := e.Group("provider", "Serve the jobs of a network, and ask what comes of it",
		e.providerStart(), e.providerStatus(), e.providerDrain(), e.providerStatement(), e.providerWhy())
	c.PersistentFlags().String("endpoint", "", "`URL` of the network's service (default $OMNI_ENDPOINT, else "+defaultNetwork+")")
	return c
}

// networkClient connects to the service that the command names. Answers to signed calls are
// checked against the key that the service tells.
func (e *program) networkClient(cmd *cobra.Command, signer keys.Signer) (*client.Client, error) {
	at, err := cmd.Flags().GetString("endpoint")
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "--endpoint", "%w", err)
	}
	if at == "" {
		at = e.Getenv("OMNI_ENDPOINT")
	}
	if at == "" {
		at = defaultNetwork
	}
	c, err := client.New(at, signer)
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--endpoint", "%w", err)
	}
	return c, nil
}

// heldKeys are the provider's keys, which must exist.
func (e *program) heldKeys() (*keys.Held, error) {
	s, err := e.keyStore()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	held, err := s.Held()
	if err != nil {
		return nil, keyError(err)
	}
	return held, nil
}

// providerDir is what the daemon keeps, below the data directory.
func (e *program) providerDir() (string, error) {
	data, err := e.data()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(data, "provider")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	return dir, nil
}

// networkError gives what a service answers its exit code.
func networkError(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var f *aicf.Fault
	if !errors.As(err, &f) {
		out := cli.Errorf(cli.NetworkService, "--endpoint", "%w", err)
		if errors.Is(err, client.ErrNoAnswer) {
			out.Named("NoAnswer").WithHint("is the service up? omni aicf serve starts one; what was under way is carried on by the next start")
		}
		return out
	}
	code := cli.NetworkService
	switch f.Code {
	case aicf.AttestationError, aicf.Unauthorized, aicf.Forbidden:
		code = cli.AttestationError
	}
	out := cli.Errorf(code, f.Field, "%w", err).Named(string(f.Code))
	if f.Hint != "" {
		out.WithHint("%s", f.Hint)
	}
	return out
}

func (e *program) providerStatement() *cobra.Command {
	var epoch uint64
	c := &cobra.Command{
		Use: "statement", Short: "Say what every job has earned, and how", Args: cli.Args(),
		Long: `Say what every job of this provider has earned and by which formula, from the
network's ledger. Pay that is held, carried or refused names its cause.`,
		Example: "  engine provider statement --epoch 3 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			held, err := e.heldKeys()
			if err != nil {
				return err
			}
			c, err := e.networkClient(cmd, nil)
			if err != nil {
				return err
			}
			var one *uint64
			if cmd.Flags().Changed("epoch") {
				one = &epoch
			}
			all, err := wholeStatement(cmd.Context(), c, held, one)
			if err != nil {
				return networkError(err)
			}
			return e.Print(all, func(w io.Writer) { writeStatement(w, all) })
		},
	}
	c.Flags().Uint64Var(&epoch, "epoch", 0, "only epoch `N`")
	return c
}

// wholeStatement follows the pages.
func wholeStatement(ctx context.Context, c *client.Client, held *keys.Held, epoch *uint64) (*aicf.Statement, error) {
	var all *aicf.Statement
	for cursor := ""; ; {
		s, err := c.Statement(ctx, held.ProviderID, epoch, cursor)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = s
		} else {
			all.Lines = append(all.Lines, s.Lines...)
		}
		if s.Next == 0 {
			all.Next = 0
			return all, nil
		}
		cursor = fmt.Sprint(s.Next)
	}
}

func writeStatement(w io.Writer, s *aicf.Statement) {
	for _, l := range s.Lines {
		fmt.Fprintf(w, "%s  %-9s epoch %d  %d of %d  %s\n", l.JobID, l.State, l.Epoch, l.Provider, l.Gross, l.Formula)
		if l.Cause != "" {
			fmt.Fprintf(w, "  because %s\n", l.Cause)
		}
	}
	fmt.Fprintf(w, "%d jobs; accrued %d, claimable %d, paid %d, slashed %d\nas of event %d %s\n", len(s.Lines), s.Accrued, s.Claimable, s.Paid, s.Slashed, s.Head, s.HeadHash)
}

func (e *program) providerWhy() *cobra.Command {
	return &cobra.Command{
		Use: "why", Short: "Say why this provider gets no work, and what to do", Args: cli.Args(),
		Long: `Say why this provider gets no work: what the network's matching asks of a provider
and which of it fails now, and the reasons of the last 24 hours with their remedies.`,
		Example: "  engine provider why",
		RunE: func(cmd *cobra.Command, _ []string) error {
			held, err := e.heldKeys()
			if err != nil {
				return err
			}
			c, err := e.networkClient(cmd, nil)
			if err != nil {
				return err
			}
			a, err := c.Eligibility(cmd.Context(), held.ProviderID)
			if aicf.CodeOf(err) == aicf.NotFound {
				return cli.Errorf(cli.NetworkService, "", "provider %s is not registered at %s", held.ProviderID, c.Endpoint).Named(string(aicf.NotFound)).
					WithHint("engine provider start registers it")
			} else if err != nil {
				return networkError(err)
			}
			return e.Print(a, func(w io.Writer) { writeWhy(w, a) })
		},
	}
}

func writeWhy(w io.Writer, a *aicf.Eligibility) {
	if a.Eligible {
		fmt.Fprintln(w, "This provider may get work now. Without offers there are no jobs that it fits.")
	} else {
		fmt.Fprintln(w, "This provider gets no work now.")
	}
	for _, f := range a.Filters {
		mark := "ok"
		if !f.OK {
			mark = "FAILS"
		}
		fmt.Fprintf(w, "  %-5s %-20s %s\n", mark, f.Name, f.Detail)
	}
	if len(a.Reasons) > 0 {
		fmt.Fprintln(w, "In the last 24 hours it was passed over")
	}
	for _, r := range a.Reasons {
		fmt.Fprintf(w, "  %d times by %s, last at %s: %s\n", r.Count, r.Filter, time.UnixMilli(r.LastMS).UTC().Format(time.RFC3339), r.Fix)
	}
}
