package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/keys/agekeys"
)

// defaultEndpoint is where a service on this machine listens.
const defaultEndpoint = "http://127.0.0.1:8545"

// endpointFlag adds --endpoint to the group of verbs that call a service.
func (o *program) endpointFlag(c *cobra.Command) {
	c.PersistentFlags().StringVar(&o.endpoint, "endpoint", "", "`URL` of the service (default $OMNI_ENDPOINT, else "+defaultEndpoint+")")
	c.PersistentFlags().StringVar(&o.keyDir, "key-dir", "", "`DIR` of the provider's keys (default those of engine)")
	c.PersistentFlags().StringVar(&o.keyIdentity, "key-identity", "", "`FILE` of the age identity that opens sealed keys (default that of engine)")
}

func (o *program) address() string {
	for _, a := range []string{o.endpoint, o.Getenv("OMNI_ENDPOINT"), o.cfg.Endpoint} {
		if a != "" {
			return a
		}
	}
	return defaultEndpoint
}

// open connects to the service. With a signer its key is asked for, and the answers to
// signed calls are checked against it.
func (o *program) open(ctx context.Context, signer keys.Signer) (*client.Client, error) {
	c, err := client.New(o.address(), signer)
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--endpoint", "%w", err)
	}
	if signer == nil {
		return c, nil
	}
	status, err := c.Anonymous().Status(ctx) // the key may not be enrolled yet
	if err != nil {
		return nil, o.refused(err)
	}
	c.Service = status.ServicePub
	return c, nil
}

// provider is the provider of this data directory.
func (o *program) provider() (*keys.Held, error) {
	dir := o.keyDir
	if dir == "" {
		data, err := cli.New("engine").DataDir()
		if err != nil {
			return nil, cli.Errorf(cli.BadConfig, "--key-dir", "%w", err)
		}
		dir = filepath.Join(data, "keys")
	}
	s, err := keys.Open(dir)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--key-dir", "%w", err)
	}
	defer s.Close()
	s.Seals = map[string]keys.Sealer{keys.LevelAge: agekeys.Lazy(o.identity)}
	held, err := s.Held()
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--key-dir", "%w", err).Named("NoKey").WithHint("engine keys init makes the provider's keys, --key-dir DIR names others")
	}
	return held, nil
}

// identity opens keys that engine keys init sealed.
func (o *program) identity() (keys.Sealer, error) {
	dir, err := o.ConfigDir()
	if err != nil && o.keyIdentity == "" {
		return nil, err
	}
	return agekeys.Identity(agekeys.Find(o.keyIdentity, o.Getenv("CREDENTIALS_DIRECTORY"), dir))
}

// asProvider connects with the provider's operational key.
func (o *program) asProvider(ctx context.Context) (*client.Client, *keys.Held, error) {
	held, err := o.provider()
	if err != nil {
		return nil, nil, err
	}
	c, err := o.open(ctx, held.Operational)
	return c, held, err
}

// asBuyer connects with the buyer's own key, which is made and enrolled when it is new.
func (o *program) asBuyer(ctx context.Context) (*client.Client, digest.Digest, error) {
	var none digest.Digest
	data, err := o.DataDir()
	if err != nil {
		return nil, none, cli.Errorf(cli.BadConfig, "", "%w", err)
	}
	s, err := keys.Open(filepath.Join(data, "buyer"))
	if err != nil {
		return nil, none, cli.Errorf(cli.BadConfig, "", "%w", err)
	}
	defer s.Close()
	key, err := s.Key(keys.Operational)
	if errors.Is(err, keys.ErrNoKey) {
		if key, err = s.Create(keys.Operational, rand.Reader); err == nil {
			o.Say("made the buyer's key %s in %s", key.KeyID(), s.Dir())
		}
	}
	if err != nil {
		return nil, none, cli.Errorf(cli.BadConfig, "", "%w", err)
	}
	c, err := o.open(ctx, key)
	if err != nil {
		return nil, none, err
	}
	if _, err := c.Enrol(ctx, "enrol-"+key.KeyID().String()); err != nil {
		return nil, none, o.refused(err)
	}
	return c, key.KeyID(), nil
}

// refused gives an answer of the service its exit code.
func (o *program) refused(err error) error {
	var f *aicf.Fault
	if !errors.As(err, &f) {
		out := cli.Errorf(cli.NetworkService, "--endpoint", "%w", err)
		if errors.Is(err, client.ErrNoAnswer) {
			out.Named("NoAnswer").WithHint("is the service at %s up? omni aicf serve starts one; a write may have happened and is safe to repeat", o.address())
		}
		return out
	}
	code := cli.NetworkService
	switch f.Code {
	case aicf.SchemaError, aicf.LimitExceeded, aicf.PaymentRequired, aicf.JobExpired:
		code = cli.JobInvalid
	case aicf.AttestationError, aicf.Unauthorized, aicf.Forbidden:
		code = cli.AttestationError
	case aicf.TrapMismatch:
		code = cli.TrapMismatch
	case aicf.ProofError, aicf.NullifierReuse:
		code = cli.ProofInvalid
	}
	out := cli.Errorf(code, f.Field, "%s", f.Message).Named(string(f.Code))
	hint := f.Hint
	if f.RetryAfterMS > 0 {
		hint = fmt.Sprintf("%s (again in %v)", hint, time.Duration(f.RetryAfterMS)*time.Millisecond)
	}
	if hint != "" {
		out.WithHint("%s", hint)
	}
	return out
}

// idFlag is a digest given by a flag.
type idFlag struct{ id digest.Digest }

func (f *idFlag) String() string {
	if f.id.IsZero() {
		return ""
	}
	return f.id.String()
}

func (f *idFlag) Set(s string) (err error) {
	if f.id, err = digest.Parse(s); err == nil && f.id.IsZero() {
		err = errors.New("64 zeros are nobody's id; leave the flag away for its default")
	}
	return err
}

func (*idFlag) Type() string { return "hex" }

func parseID(arg, text string) (digest.Digest, error) {
	id, err := digest.Parse(text)
	if err != nil {
		return id, cli.Errorf(cli.Usage, arg, "%w", err)
	}
	return id, nil
}
