package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/keys/keysock"
	"github.com/animicaorg/engine/keys/vault"
	"github.com/animicaorg/engine/proofs/auditlog"
)

// dialKey reaches a key that lives elsewhere.
func (e *program) dialKey(r keys.Remote) (keys.RoleSigner, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	switch scheme, rest, _ := strings.Cut(r.URL, ":"); scheme {
	case "unix":
		return keysock.Dial(ctx, rest, r.Role)
	case "vault":
		return vault.Open(ctx, vault.Config{URL: r.URL, Role: r.Role, Token: e.vaultToken})
	}
	return nil, fmt.Errorf("%.100q is neither unix:PATH nor vault:URL: %w", r.URL, keys.ErrKey)
}

// maxToken bounds a vault token in bytes.
const maxToken = 4096

// vaultToken is what VAULT_TOKEN says, or the first line of the file that
// VAULT_TOKEN_FILE names, read anew so that an agent can renew it.
func (e *program) vaultToken() (string, error) {
	if path := e.Getenv("VAULT_TOKEN_FILE"); path != "" {
		b, err := e.ReadInput("VAULT_TOKEN_FILE", path, maxToken, cli.BadConfig)
		return strings.TrimSpace(string(b)), err
	}
	if token := e.Getenv("VAULT_TOKEN"); token != "" {
		return token, nil
	}
	return "", fmt.Errorf("neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set: %w", keys.ErrLocked)
}

func (e *program) keysAttach() *cobra.Command {
	return &cobra.Command{
		Use: "attach ROLE URL", Short: "Use a key that lives in an HSM's helper or a vault",
		Long: `Use a key that lives elsewhere for a role of this provider. URL is unix:PATH, the
socket of a helper ("engine-pkcs11" for an HSM, "engine keys serve" for files of
another user), or vault:https://HOST/MOUNT/KEY/VERSION, an Ed25519 key of a transit
engine (VAULT_TOKEN or VAULT_TOKEN_FILE). The key's public half is read, the root
key vouches for it, and the store notes where it lives.`,
		Example: "  engine keys attach operational unix:/run/engine-keys/sock\n  engine keys attach log vault:https://vault.example:8200/transit/engine-log/1",
		Args:    cli.Args("ROLE", "URL"),
		RunE: func(_ *cobra.Command, args []string) error {
			roles, err := rolesOf(args[:1])
			if err != nil {
				return err
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
			k, err := e.dialKey(keys.Remote{URL: args[1], Role: roles[0]})
			if err != nil {
				return keyError(err)
			}
			if k.Role() == keys.Log && k.Alg() != keys.Ed25519 {
				return cli.Errorf(cli.Unsupported, "URL", "checkpoints are signed with %s, this key is %s", keys.Ed25519, k.Alg())
			}
			if err := s.Attach(keys.Remote{URL: args[1], Role: k.Role(), Alg: k.Alg(), Public: k.Public()}); err != nil {
				return keyError(err)
			}
			if _, err := s.Vouch(root, k, uint64(time.Now().Unix())); err != nil {
				return keyError(err)
			}
			return e.printKeys(s, &keysAnswer{Dir: s.Dir()})
		},
	}
}

func (e *program) keysServe() *cobra.Command {
	var socket string
	var names []string
	c := &cobra.Command{
		Use: "serve", Short: "Hold keys in a process of its own and sign over a Unix socket",
		Long: `Hold keys of this store and sign over a Unix socket, so that the process that runs
jobs, as another user, holds none. Only what a key's role may sign is signed; each
signature and each refusal is logged on stderr. The socket's folder must have mode
0700. Runs until it is interrupted; the first line of stdout with --json is
{"socket", "provider_id", "keys"}.`,
		Example: "  engine keys serve --socket /run/engine-keys/sock --role operational,log",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			roles, err := rolesOf(names)
			if err != nil {
				return err
			}
			return e.serveKeys(cmd.Context(), socket, roles)
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "`PATH` of the socket to make")
	c.Flags().StringSliceVar(&names, "role", []string{string(keys.Operational), string(keys.Log)}, "`ROLES` whose keys are held")
	return c
}

func (e *program) serveKeys(ctx context.Context, socket string, roles []keys.Role) error {
	if !filepath.IsAbs(socket) {
		return cli.Errorf(cli.Usage, "--socket", "%.100q is no absolute path", socket)
	}
	s, err := e.keyStore()
	if err != nil {
		return err
	}
	defer s.Close()
	server := &keysock.Server{Keys: map[keys.Role]keys.RoleSigner{}, Record: e.recordSignature}
	ids := map[keys.Role]digest.Digest{}
	var provider digest.Digest
	for _, role := range roles {
		held, err := s.HeldFor(role)
		if err != nil {
			return keyError(err)
		}
		provider, server.Keys[role], ids[role] = held.ProviderID, held.Operational, held.Operational.KeyID()
	}
	server.Origin = auditlog.Origin(provider)
	l, err := keysock.Listen(socket)
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--socket", "%w", err)
	}
	answer := map[string]any{"socket": socket, "provider_id": provider, "keys": ids}
	if err := e.Print(answer, func(w io.Writer) {
		fmt.Fprintf(w, "listening on %s\n", socket)
		for _, role := range slices.Sorted(maps.Keys(ids)) {
			fmt.Fprintf(w, "%-12s %s\n", role, ids[role])
		}
	}); err != nil {
		return err
	}
	return server.Serve(ctx, l)
}

// recordSignature writes a line for each signature, whatever the log level.
func (e *program) recordSignature(s keysock.Signed) {
	log := slog.New(slog.NewTextHandler(e.Err, nil))
	if s.Err != nil {
		log.Warn("refused", "role", s.Role, "purpose", s.Purpose, "message_sha3_256", s.Message, "error", s.Err)
		return
	}
	log.Info("signed", "role", s.Role, "purpose", s.Purpose, "message_sha3_256", s.Message)
}
