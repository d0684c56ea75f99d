//go:build pkcs11 && cgo

// Command engine-pkcs11 holds the keys of an engine in an HSM: it signs with them
// over a Unix socket (keys/keysock), so that the engine itself needs no cgo and no
// access to the HSM.
//
//	engine-pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --token engine --pin-file pin \
//	  --provider PROVIDER_ID --key operational=op-2026 --key log=log-2026 --socket /run/engine-keys/sock
//
// Keys are Ed25519 (CKK_EC_EDWARDS), found by their labels; the private half never
// leaves the token. What may be signed is keysock's rule. Each signature and each
// refusal is a line on stderr. It is built with -tags pkcs11 and cgo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/keys/keysock"
	"github.com/animicaorg/engine/proofs/auditlog"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "engine-pkcs11:", err)
		os.Exit(50)
	}
}

// labels collects --key ROLE=LABEL.
type labels map[keys.Role]string

// String implements flag.Value.
func (labels) String() string { return "" }

// Set implements flag.Value.
func (l labels) Set(s string) error {
	name, label, ok := strings.Cut(s, "=")
	role, err := keys.ParseRole(name)
	if !ok || label == "" || err != nil || role == keys.Root {
		return fmt.Errorf("want ROLE=LABEL with a role other than root")
	}
	l[role] = label
	return nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	f := flag.NewFlagSet("engine-pkcs11", flag.ContinueOnError)
	f.SetOutput(errOut)
	module := f.String("module", "", "`PATH` of the PKCS#11 library")
	token := f.String("token", "", "`LABEL` of the token")
	pinFile := f.String("pin-file", "", "`FILE` with the user's PIN, mode 0600")
	provider := f.String("provider", "", "provider_id, whose log the key of role log signs")
	socket := f.String("socket", "", "`PATH` of the socket to make; its folder has mode 0700")
	byRole := labels{}
	f.Var(byRole, "key", "`ROLE=LABEL`; repeat")
	if err := f.Parse(args); err != nil {
		return err
	}
	if len(byRole) == 0 || *module == "" || *token == "" || *pinFile == "" || *socket == "" {
		return errors.New("--module, --token, --pin-file, --socket and a --key are needed")
	}
	server := &keysock.Server{Keys: map[keys.Role]keys.RoleSigner{}, Record: record(slog.New(slog.NewTextHandler(errOut, nil)))}
	if byRole[keys.Log] != "" {
		id, err := digest.Parse(*provider)
		if err != nil {
			return fmt.Errorf("--provider: %w", err)
		}
		server.Origin = auditlog.Origin(id)
	}
	pin, err := readPIN(*pinFile)
	if err != nil {
		return err
	}
	t, err := openToken(*module, *token, pin)
	if err != nil {
		return err
	}
	defer t.Close()
	for role, label := range byRole {
		k, err := t.Key(role, label)
		if err != nil {
			return err
		}
		server.Keys[role] = k
	}
	l, err := keysock.Listen(*socket)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %s\n", *socket)
	return server.Serve(ctx, l)
}

func record(log *slog.Logger) func(keysock.Signed) {
	return func(s keysock.Signed) {
		if s.Err != nil {
			log.Warn("refused", "role", s.Role, "purpose", s.Purpose, "message_sha3_256", s.Message, "error", s.Err)
			return
		}
		log.Info("signed", "role", s.Role, "purpose", s.Purpose, "message_sha3_256", s.Message)
	}
}

const maxPIN = 256

func readPIN(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("--pin-file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() > maxPIN {
		return "", fmt.Errorf("--pin-file: %s is no file of mode 0600 and at most %d bytes: %w", path, maxPIN, keys.ErrKeyExposed)
	}
	b, err := os.ReadFile(path)
	return strings.TrimRight(string(b), "\r\n"), err
}
