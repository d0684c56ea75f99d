package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

func (e *program) keysVerb() *cobra.Command {
	return e.Group("keys", "Make and show the keys of this provider", e.keysInit(), e.keysShow())
}

// keyStore opens the store under the data directory.
func (e *program) keyStore() (*keys.Store, error) {
	dir, err := e.data()
	if err != nil {
		return nil, err
	}
	s, err := keys.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, keyError(err)
	}
	return s, nil
}

// keyError gives refusals of package keys an exit code.
func keyError(err error) *cli.Error {
	switch {
	case errors.Is(err, keys.ErrNoKey):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("NoKey").WithHint("engine keys init makes the keys")
	case errors.Is(err, keys.ErrKeyExists):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("KeyExists").WithHint("engine keys show lists them; keys are never replaced")
	case errors.Is(err, keys.ErrKeyExposed):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("KeyExposed").WithHint("chmod 600 the file; if others could read it, make new keys")
	case errors.Is(err, keys.ErrSignature), errors.Is(err, keys.ErrKey), errors.Is(err, keys.ErrRole):
		return cli.Errorf(cli.AttestationError, "", "%w", err)
	}
	return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
}

type keyRow struct {
	Role   keys.Role     `json:"role"`
	Alg    string        `json:"alg"`
	KeyID  digest.Digest `json:"key_id"`
	Public string        `json:"public"`
	File   string        `json:"file"`
	Level  string        `json:"level"`
}

type keysAnswer struct {
	ProviderID digest.Digest `json:"provider_id"`
	Dir        string        `json:"dir"`
	Keys       []keyRow      `json:"keys"`
}

func (e *program) keysInit() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Make the root key and the operational key",
		Long: `Make the root key, whose hash is the provider_id, and the operational key, which
signs proofs. Both are Ed25519 keys in files with mode 0600 below DATA_DIR/keys;
they lie in the clear (level dev). A first "engine run" does the same.`,
		Example: "  engine keys init\n  engine keys init --data-dir /srv/engine",
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			s, err := e.keyStore()
			if err != nil {
				return err
			}
			defer s.Close()
			if _, err := s.InitDev(rand.Reader, uint64(time.Now().Unix())); err != nil {
				return keyError(err)
			}
			e.Say("back up %s: the root key is the identity of this provider", filepath.Join(s.Dir(), "root.key"))
			return e.printKeys(s)
		},
	}
}

func (e *program) keysShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the public halves of the keys", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			s, err := e.keyStore()
			if err != nil {
				return err
			}
			defer s.Close()
			return e.printKeys(s)
		},
	}
}

func (e *program) printKeys(s *keys.Store) error {
	a := keysAnswer{Dir: s.Dir()}
	for _, role := range []keys.Role{keys.Root, keys.Operational} {
		k, err := s.Key(role)
		if err != nil {
			return keyError(err)
		}
		if role == keys.Root {
			a.ProviderID = k.KeyID()
		}
		a.Keys = append(a.Keys, keyRow{role, k.Alg(), k.KeyID(), keys.PublicText(k.Alg(), k.Public()),
			filepath.Join(s.Dir(), string(role)+".key"), keys.LevelDev})
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "provider_id  %s\n", a.ProviderID)
		for _, k := range a.Keys {
			fmt.Fprintf(w, "%-12s %s\n", k.Role, k.Public)
		}
	})
}
