package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/keys/agekeys"
)

func (e *program) keysVerb() *cobra.Command {
	return e.Group("keys", "Make, show and replace the keys of this provider", e.keysInit(), e.keysShow(), e.keysRotate(), e.keysExport(), e.keysAttach(), e.keysServe())
}

// keyStore opens the store under the data directory. Keys to come lie in the
// clear unless the caller sets a sealer.
func (e *program) keyStore() (*keys.Store, error) {
	dir, err := e.data()
	if err != nil {
		return nil, err
	}
	s, err := keys.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, keyError(err)
	}
	s.Seals = map[string]keys.Sealer{
		keys.LevelAge:        agekeys.Lazy(e.identity),
		keys.LevelPassphrase: agekeys.Lazy(e.passphrase),
	}
	s.Dial = e.dialKey
	return s, nil
}

// identityFile is where the age identity lies: what the flag says, what the
// service manager handed over, or below the configuration.
func (e *program) identityFile() (string, error) {
	if e.keyIdentity != "" {
		return e.keyIdentity, nil
	}
	dir, err := e.ConfigDir()
	return agekeys.Find("", e.Getenv("CREDENTIALS_DIRECTORY"), dir), err
}

func (e *program) identity() (keys.Sealer, error) {
	path, err := e.identityFile()
	if err != nil {
		return nil, err
	}
	return agekeys.Identity(path)
}

func (e *program) passphrase() (keys.Sealer, error) {
	if e.keyPassphrase == "" {
		return nil, fmt.Errorf("no passphrase file: %w", keys.ErrLocked)
	}
	return agekeys.Passphrase(e.keyPassphrase)
}

// keyError gives refusals of package keys an exit code.
func keyError(err error) *cli.Error {
	switch {
	case errors.Is(err, keys.ErrNoKey):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("NoKey").WithHint("engine keys init makes the keys")
	case errors.Is(err, keys.ErrKeyExists):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("KeyExists").WithHint("engine keys show lists them; keys are never replaced, but see engine keys rotate")
	case errors.Is(err, keys.ErrKeyExposed):
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err).Named("KeyExposed").WithHint("chmod 600 the file; if others could read it, make new keys")
	case errors.Is(err, keys.ErrLocked):
		return cli.Errorf(cli.BadConfig, "--key-identity", "%w", err).Named("KeyLocked").WithHint("--key-identity or --key-passphrase with the file that opens it")
	case errors.Is(err, keys.ErrSignature), errors.Is(err, keys.ErrKey), errors.Is(err, keys.ErrRole):
		return cli.Errorf(cli.AttestationError, "", "%w", err)
	}
	return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
}

type keyRow struct {
	Role      keys.Role     `json:"role"`
	Alg       string        `json:"alg"`
	KeyID     digest.Digest `json:"key_id"`
	Public    string        `json:"public"`
	File      string        `json:"file,omitempty"` // absent: the key is not in this store
	Level     string        `json:"level"`          // dev, age, passphrase, remote, absent
	Seq       uint64        `json:"seq,omitempty"`  // of the root's statement
	ValidFrom uint64        `json:"valid_from,omitempty"`
	RotateBy  uint64        `json:"rotate_by,omitempty"` // a quarter later, Unix seconds
}

type keysAnswer struct {
	ProviderID digest.Digest `json:"provider_id"`
	Dir        string        `json:"dir"`
	Identity   string        `json:"identity,omitempty"` // made by init
	Keys       []keyRow      `json:"keys"`
}

func (e *program) keysInit() *cobra.Command {
	kind := cli.Choice{Value: "age", Allowed: []string{"age", "dev"}}
	alg := cli.Choice{Value: keys.Ed25519, Allowed: keys.SuiteNames()}
	sealRoot := false
	var without []string
	c := &cobra.Command{
		Use: "init", Short: "Make root, operational and log key",
		Long: `Make the root key, whose hash is the provider_id, the operational key, which signs
proofs, and the log key, which signs checkpoints of the audit log. They lie below
DATA_DIR/keys, sealed (age) to an identity in a second file, which is made where it
is missing; keep it apart from the keys. With --passphrase-root the root key is
sealed with the passphrase in the file --key-passphrase instead: commands that
only run jobs never need it. --store dev leaves keys in the clear, as a first
"engine run" does. --without leaves out keys that live elsewhere (engine keys
attach).`,
		Example: "  engine keys init\n  engine keys init --passphrase-root --key-passphrase root.pass\n  engine keys init --store dev --data-dir /srv/engine",
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			absent, err := rolesOf(without)
			if err != nil {
				return err
			}
			return e.makeKeys(kind.Value, alg.Value, sealRoot, absent)
		},
	}
	c.Flags().Var(&kind, "store", "how keys lie in their files")
	c.Flags().Var(&alg, "alg", "suite of the operational key; root and log are ed25519")
	c.Flags().StringSliceVar(&without, "without", nil, "`ROLES` (operational, log) whose keys will be attached")
	c.Flags().BoolVar(&sealRoot, "passphrase-root", false, "seal the root key with the passphrase in --key-passphrase")
	return c
}

func (e *program) makeKeys(kind, alg string, sealRoot bool, without []keys.Role) error {
	s, err := e.keyStore()
	if err != nil {
		return err
	}
	defer s.Close()
	a := &keysAnswer{Dir: s.Dir()}
	now := uint64(time.Now().Unix())
	seal, rootSeal, err := e.sealers(kind, sealRoot, a)
	if err != nil {
		return err
	}
	s.Sealer = rootSeal
	root, err := s.Create(keys.Root, rand.Reader)
	if err != nil {
		return keyError(err)
	}
	s.Sealer = seal
	for _, k := range []struct {
		role keys.Role
		alg  string
	}{{keys.Operational, alg}, {keys.Log, keys.Ed25519}} {
		if slices.Contains(without, k.role) {
			continue
		}
		if _, err := s.CertifyKey(root, k.role, k.alg, rand.Reader, now); err != nil {
			return keyError(err)
		}
	}
	e.Say("back up the root key in %s and what opens it: it is the identity of this provider", s.Dir())
	return e.printKeys(s, a)
}

// sealers returns what seals the operational and the root key; nil: nothing.
func (e *program) sealers(kind string, sealRoot bool, a *keysAnswer) (seal, root keys.Sealer, err error) {
	if sealRoot {
		if root, err = e.passphrase(); err != nil {
			return nil, nil, keyError(err).WithHint("--key-passphrase FILE")
		}
	}
	if kind == "dev" {
		return nil, root, nil
	}
	path, err := e.identityFile()
	if err != nil {
		return nil, nil, err
	}
	seal, err = agekeys.Identity(path)
	if errors.Is(err, keys.ErrLocked) {
		a.Identity = path
		seal, err = agekeys.NewIdentity(path)
	}
	if err != nil {
		return nil, nil, keyError(err)
	}
	if root == nil {
		root = seal
	}
	return seal, root, nil
}

func (e *program) keysShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the public halves of the keys", Args: cli.Args(),
		Long: `Show the public halves of the keys, where each lies and how it is protected. Sealed
keys need not be opened for it.`,
		RunE: func(*cobra.Command, []string) error {
			s, err := e.keyStore()
			if err != nil {
				return err
			}
			defer s.Close()
			return e.printKeys(s, &keysAnswer{Dir: s.Dir()})
		},
	}
}

// rotateEvery is how often keys are replaced, in seconds.
const rotateEvery = 90 * 24 * 3600

func (e *program) printKeys(s *keys.Store, a *keysAnswer) error {
	roles, err := s.Certified()
	if err != nil {
		return keyError(err)
	}
	root := keyRow{Role: keys.Root, Alg: keys.Ed25519}
	var public []byte
	for _, role := range roles {
		st, err := s.Statement(role)
		if err != nil {
			return keyError(err)
		}
		public = st.RootPublic
		row := keyRow{Role: role, Alg: st.Alg, KeyID: st.KeyID(), Public: keys.PublicText(st.Alg, st.Public), Seq: st.Seq, ValidFrom: st.ValidFrom, RotateBy: st.ValidFrom + rotateEvery}
		if err := e.whereKey(s, &row, st.Public); err != nil {
			return err
		}
		a.Keys = append(a.Keys, row)
	}
	if public == nil {
		k, err := s.Key(keys.Root)
		if err != nil {
			return keyError(err)
		}
		public = k.Public()
	}
	root.KeyID, root.Public = keys.KeyID(public), keys.PublicText(keys.Ed25519, public)
	if err := e.whereKey(s, &root, public); err != nil {
		return err
	}
	a.ProviderID, a.Keys = root.KeyID, append([]keyRow{root}, a.Keys...)
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "provider_id  %s\n", a.ProviderID)
		for _, k := range a.Keys {
			fmt.Fprintf(w, "%-12s %.88s", k.Role, k.Public)
			if len(k.Public) > 88 {
				fmt.Fprint(w, "…")
			}
			fmt.Fprintf(w, "  (%s)\n", k.Level)
		}
		if a.Identity != "" {
			fmt.Fprintf(w, "identity     %s opens them; keep it apart\n", a.Identity)
		}
	})
}

// whereKey fills file and level; a key that cannot be opened is no error.
func (e *program) whereKey(s *keys.Store, row *keyRow, public []byte) error {
	k, level, err := s.KeyFile(row.Role, string(row.Role))
	file, has := s.File(row.Role)
	switch {
	case !has:
		row.Level = "absent"
		return nil
	case err != nil && level == "", errors.Is(err, keys.ErrKeyExposed), errors.Is(err, keys.ErrRole):
		return keyError(err)
	case err == nil && string(k.Public()) != string(public):
		return keyError(fmt.Errorf("%s holds another key than its statement names: %w", file, keys.ErrRole))
	}
	row.File, row.Level = filepath.Join(s.Dir(), file), level
	return nil
}
