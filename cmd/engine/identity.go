package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

func (e *program) identityVerb() *cobra.Command {
	return e.Group("identity", "The signed self-description of this provider", e.identityShow(), e.identitySelfSign())
}

// maxDocument bounds identity and bundle files.
const maxDocument = 4 << 20

// rootKey returns the root key; in an empty store it makes the keys.
func (e *program) rootKey() (keys.RoleSigner, *keys.Held, error) {
	s, err := e.keyStore()
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	held, made, err := s.Ensure(rand.Reader, uint64(time.Now().Unix()))
	if err != nil {
		return nil, nil, keyError(err)
	}
	if made {
		e.Say("made the keys of a new provider in %s", s.Dir())
	}
	root, err := s.Key(keys.Root)
	if err != nil {
		return nil, nil, keyError(err)
	}
	return root, held, nil
}

func (e *program) identitySelfSign() *cobra.Command {
	var email, out string
	c := &cobra.Command{
		Use: "self-sign", Short: "Sign a self-description with the root key",
		Long: `Sign the self-description: provider_id, public key, capabilities, contact and
time. It is kept as DATA_DIR/identity.json, which "engine bundle make" uses.`,
		Example: "  engine identity self-sign --email ops@provider.io",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, _, err := e.rootKey()
			if err != nil {
				return err
			}
			id, err := e.signIdentity(cmd.Context(), root, email)
			if err != nil {
				return err
			}
			path, err := e.identityPath()
			if err != nil {
				return err
			}
			if out != "" {
				path = out
			}
			return e.writeDocument(path, id)
		},
	}
	c.Flags().StringVar(&email, "email", "", "contact `ADDRESS`, public")
	c.Flags().StringVar(&out, "out", "", "write to `FILE` instead of DATA_DIR/identity.json")
	return c
}

func (e *program) signIdentity(ctx context.Context, root keys.Signer, email string) (*keys.Identity, error) {
	chain, err := e.rotations()
	if err != nil {
		return nil, err
	}
	id, err := keys.NewIdentityUnder(ctx, chain, root, email, []string{"quantum"}, uint64(time.Now().Unix()))
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--email", "%w", err)
	}
	return id, nil
}

// rotations is the chain of this provider's keys.
func (e *program) rotations() (*keys.Chain, error) {
	s, err := e.keyStore()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	chain, err := s.Chain()
	if err != nil {
		return nil, keyError(err)
	}
	return chain, nil
}

func (e *program) identityPath() (string, error) {
	dir, err := e.data()
	return filepath.Join(dir, "identity.json"), err
}

// writeDocument stores a JSON document and prints it.
func (e *program) writeDocument(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path != "-" {
		if err := e.WriteOutput(path, b, 0o644); err != nil {
			return err
		}
		e.Say("wrote %s", path)
	}
	return e.Print(v, func(w io.Writer) { _, _ = w.Write(b) })
}

func (e *program) identityShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [FILE]", Short: "Check and show a self-description, by default this provider's",
		Args: cli.Args("[FILE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := e.identityPath()
			if len(args) > 0 {
				path, err = args[0], nil
			}
			if err != nil {
				return err
			}
			id, err := e.readIdentity(path)
			if err != nil {
				return err
			}
			return e.Print(id, func(w io.Writer) {
				fmt.Fprintf(w, "provider_id  %s\npubkey       %s\ncapabilities %v\nemail        %s\nsigned       %s\n", id.ProviderID,
					keys.PublicText(keys.Ed25519, id.RootPublic), id.Capabilities, id.Email, time.Unix(int64(id.Timestamp), 0).UTC().Format(time.RFC3339))
			})
		},
	}
}

func (e *program) readIdentity(path string) (*keys.Identity, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && path != "-" {
		return nil, cli.Errorf(cli.Usage, "FILE", "%s: no such file", path).WithHint("engine identity self-sign writes it")
	}
	b, err := e.ReadInput("FILE", path, maxDocument, cli.AttestationError)
	if err != nil {
		return nil, err
	}
	id, err := keys.ParseIdentity(b)
	if err != nil {
		return nil, documentError(err)
	}
	return id, nil
}

// documentError is a refusal of a signed document: code 41.
func documentError(err error) *cli.Error {
	out := jsonError(err)
	out.Code = cli.AttestationError
	return out
}
