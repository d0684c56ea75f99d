package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/reissue"
)

func (e *program) attestWindow() *cobra.Command {
	return e.Group("window", "Announce when evidence or a key is renewed", e.windowMake(), e.windowVerify())
}

func (e *program) windowMake() *cobra.Command {
	var opens, closes, reason, out string
	var old digest.Digest
	var seq uint64
	subject := cli.Choice{Value: "qpu", Allowed: reissue.Subjects}
	c := &cobra.Command{
		Use: "make", Short: "Sign a re-issuance window with the operational key",
		Long: `Sign the announcement that evidence (qpu, tee) or a key is renewed between --opens
and --closes: until then others expect the old one, in the window either,
afterwards the new one. A window has at most 30 days and is announced before it
opens. Publish the file beside the provider bundle.`,
		Example: "  engine attest window make --subject qpu --opens 2027-02-01T00:00:00Z \\\n    --closes 2027-02-03T00:00:00Z --seq 1 --out window.json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := &reissue.Window{Seq: seq, Subject: subject.Value, Old: old, Reason: reason}
			for _, m := range []struct {
				flag, text string
				to         *time.Time
			}{{"--opens", opens, &w.Opens}, {"--closes", closes, &w.Closes}} {
				ms, err := parseTime(m.flag, m.text)
				if err != nil {
					return err
				}
				if ms == 0 {
					return cli.Errorf(cli.Usage, m.flag, "is needed")
				}
				*m.to = time.UnixMilli(int64(ms)).UTC().Truncate(time.Second)
			}
			store, err := e.keyStore()
			if err != nil {
				return err
			}
			defer store.Close()
			held, _, err := store.Ensure(rand.Reader, uint64(time.Now().Unix()))
			if err != nil {
				return keyError(err)
			}
			if err := w.Sign(cmd.Context(), held, uint64(time.Now().Unix())); err != nil {
				return cli.Errorf(cli.Usage, "--opens", "%s", strings.TrimPrefix(err.Error(), "AttestationError: "))
			}
			return e.writeDocument(out, w)
		},
	}
	p := c.Flags()
	p.Var(&subject, "subject", "what is renewed")
	p.StringVar(&opens, "opens", "", "first `TIME` of the window: RFC 3339 or now")
	p.StringVar(&closes, "closes", "", "last `TIME` of the window")
	p.Var(hexFlag{&old}, "old", "id of the evidence or key that goes")
	p.Uint64Var(&seq, "seq", 1, "`N` that grows with every window of this provider, from 1")
	p.StringVar(&reason, "reason", "", "`WORDS` for people")
	p.StringVar(&out, "out", "-", "`FILE` to write; - is stdout only")
	return c
}

type windowAnswer struct {
	Valid   bool           `json:"valid"`
	Phase   reissue.Phase  `json:"phase,omitempty"` // before, open or after, with --at
	Subject string         `json:"subject"`
	Opens   time.Time      `json:"opens"`
	Closes  time.Time      `json:"closes"`
	Issuer  digest.Digest  `json:"provider_id"`
	Seq     uint64         `json:"seq"`
	Old     *digest.Digest `json:"old,omitempty"`
}

func (e *program) windowVerify() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check a re-issuance window", Args: cli.Args("FILE"),
		Example: "  engine attest window verify window.json --at now",
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := e.ReadInput("FILE", args[0], maxDocument, cli.AttestationError)
			if err != nil {
				return err
			}
			when, err := attestTime(at)
			if err != nil {
				return err
			}
			w, err := reissue.Parse(b)
			if err != nil {
				return attestError(attest.AsRefusal(err))
			}
			a := windowAnswer{Valid: true, Subject: w.Subject, Opens: w.Opens, Closes: w.Closes, Issuer: w.ProviderID, Seq: w.Seq}
			if !w.Old.IsZero() {
				a.Old = &w.Old
			}
			if !when.IsZero() {
				a.Phase = w.At(when)
			}
			return e.Print(a, func(o io.Writer) {
				fmt.Fprintf(o, "valid\n%s of provider %s, %s to %s %s\n", a.Subject, a.Issuer, a.Opens.Format(time.RFC3339), a.Closes.Format(time.RFC3339), a.Phase)
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "say where this `TIME` lies: RFC 3339 or now")
	return c
}
