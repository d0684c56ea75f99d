package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
)

type rotateAnswer struct {
	ProviderID     digest.Digest `json:"provider_id"`
	Role           keys.Role     `json:"role"`
	Seq            uint64        `json:"seq"` // of the chain's statement
	KeyID          digest.Digest `json:"key_id"`
	Public         string        `json:"public"`
	ValidFrom      uint64        `json:"valid_from"`
	OldAcceptUntil uint64        `json:"old_accept_until"`
	Reason         keys.Reason   `json:"reason"`
	Logged         bool          `json:"logged"` // the statement is in the audit log
}

func (e *program) keysRotate() *cobra.Command {
	reason := cli.Choice{Value: string(keys.Scheduled), Allowed: []string{string(keys.Scheduled), string(keys.Lost), string(keys.Compromised)}}
	alg := cli.Choice{Value: keys.Ed25519, Allowed: keys.SuiteNames()}
	overlap := keys.DefaultOverlap * time.Second
	c := &cobra.Command{
		Use: "rotate ROLE", Short: "Replace a key by a new one",
		Long: `Replace the key of a role by a new one. The root key and the new key sign the
statement, which joins the provider's chain and the audit log; the old key is kept
and counts for --overlap more. --reason compromised ends the old key as soon as
the statement is in a log. ROLE is root, operational, log, runner, device or payout.

The provider_id stays that of the first root. Behind a rotation of the root the
self-description and the bundle carry the chain, so make and register a new bundle;
verifiers of proofs take it in their policy (engine keys export).`,
		Example: "  engine keys rotate operational\n  engine keys rotate operational --reason compromised\n  engine keys rotate operational --alg " + keys.Composite,
		Args:    cli.Args("ROLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := keys.ParseRole(args[0])
			if err != nil || role == keys.Governance || role == keys.Witness {
				return cli.Errorf(cli.Usage, "ROLE", "%.40q cannot be rotated", args[0]).WithHint("root, operational, log, runner, device or payout")
			}
			if overlap < 0 || overlap > keys.MaxOverlap*time.Second || overlap%time.Second != 0 {
				return cli.Errorf(cli.Usage, "--overlap", "%s is not between 0s and %dh in whole seconds", overlap, keys.MaxOverlap/3600)
			}
			change := keys.Change{Role: role, Alg: alg.Value, Reason: keys.Reason(reason.Value), Overlap: uint64(overlap / time.Second)}
			return e.rotate(cmd.Context(), change)
		},
	}
	c.Flags().Var(&reason, "reason", "why")
	c.Flags().Var(&alg, "alg", "suite of the new key")
	c.Flags().DurationVar(&overlap, "overlap", overlap, "`TIME` for which the old key goes on, at most 720h")
	return c
}

func (e *program) rotate(ctx context.Context, c keys.Change) error {
	if (c.Role == keys.Log || c.Role == keys.Root) && c.Alg != keys.Ed25519 {
		return cli.Errorf(cli.Unsupported, "--alg", "a %s key is %s", c.Role, keys.Ed25519)
	}
	s, err := e.keyStore()
	if err != nil {
		return err
	}
	defer s.Close()
	root, err := s.Key(keys.Root)
	if err != nil {
		return keyError(err)
	}
	_, level, err := s.KeyFile(c.Role, string(c.Role))
	if err != nil {
		return keyError(err)
	}
	if level == keys.LevelRemote {
		return cli.Errorf(cli.Unsupported, "ROLE", "the %s key lives elsewhere", c.Role).WithHint("make a new key there, remove the file that names the old one, and attach the new one")
	}
	switch level { // a sealed key is replaced by a sealed key
	case keys.LevelAge:
		s.Sealer, err = e.identity()
	case keys.LevelPassphrase:
		s.Sealer, err = e.passphrase()
	}
	if err != nil {
		return keyError(err)
	}
	chain, err := s.Chain()
	if err != nil {
		return keyError(err)
	}
	now := uint64(time.Now().Unix())
	if c.Role == keys.Log {
		c.Before = func(old, next keys.RoleSigner) error { return e.handOver(ctx, chain.Provider(), old, next) }
	}
	r, err := s.Rotate(ctx, root, c, rand.Reader, now)
	if err != nil {
		return keyError(err)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := e.logNow(ctx, auditlog.Draft{Entry: auditlog.Entry{Kind: auditlog.Rotation, TimeMS: 1000 * now}, Body: body}); err != nil {
		return err
	}
	a := rotateAnswer{r.ProviderID, r.Role, r.Seq, keys.KeyID(r.Public), keys.PublicText(r.Alg, r.Public), r.ValidFrom, r.OldAcceptUntil, r.Reason, true}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "%s key %s\nstatement %d of %s, in the audit log\nthe old key counts until %s\n", a.Role, a.KeyID, a.Seq, a.ProviderID,
			time.Unix(int64(a.OldAcceptUntil), 0).UTC().Format(time.RFC3339))
	})
}

type exportAnswer struct {
	ProviderID digest.Digest        `json:"provider_id"`
	Chain      *keys.Chain          `json:"chain"`
	Keys       []*keys.KeyStatement `json:"keys"`
}

func (e *program) keysExport() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "export", Short: "Write the public statements about the keys",
		Long: `Write what others need to judge which key counts when: the rotation chain and the
root's statements for the keys in force. Nothing secret. A verifier takes the chain
as an entry of "key_chains" in its policy.`,
		Example: "  engine keys export --out keys.json", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			s, err := e.keyStore()
			if err != nil {
				return err
			}
			defer s.Close()
			a := exportAnswer{}
			if a.Keys, err = e.statements(); err != nil {
				return err
			}
			if a.Chain, err = s.Chain(); err != nil {
				return keyError(err)
			}
			a.ProviderID = a.Chain.Provider()
			return e.writeDocument(out, a)
		},
	}
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is stdout only")
	return c
}

// statements are the root's words for the keys in force.
func (e *program) statements() ([]*keys.KeyStatement, error) {
	s, err := e.keyStore()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	roles, err := s.Certified()
	if err != nil {
		return nil, keyError(err)
	}
	out := []*keys.KeyStatement{}
	for _, role := range roles {
		st, err := s.Statement(role)
		if err != nil {
			return nil, keyError(err)
		}
		out = append(out, st)
	}
	return out, nil
}

// rolesOf reads a list of roles.
func rolesOf(list []string) (out []keys.Role, err error) {
	for _, text := range list {
		r, err := keys.ParseRole(strings.TrimSpace(text))
		if err != nil || r == keys.Root || r == keys.Governance || r == keys.Witness {
			return nil, cli.Errorf(cli.Usage, "ROLE", "%.40q is no role that the root key vouches for", text).WithHint("operational, log, runner, device, payout or service")
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out, nil
}
