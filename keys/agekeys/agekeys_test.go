package agekeys

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
)

func secret(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestIdentityOpensItsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apart", "identity")
	_, err := Identity(path)
	require.ErrorIs(t, err, keys.ErrLocked, "no identity at hand")
	s, err := NewIdentity(path)
	require.NoError(t, err)
	_, err = NewIdentity(path)
	require.ErrorIs(t, err, os.ErrExist, "never replaced")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	dir := filepath.Join(t.TempDir(), "keys")
	store, err := keys.Open(dir)
	require.NoError(t, err)
	defer store.Close()
	store.Sealer = s
	h, err := store.InitDev(rand.Reader, 1000)
	require.NoError(t, err)

	again, err := Identity(path)
	require.NoError(t, err)
	other, err := NewIdentity(filepath.Join(t.TempDir(), "other"))
	require.NoError(t, err)
	store.Seals = map[string]keys.Sealer{keys.LevelAge: other}
	_, err = store.Held()
	require.ErrorIs(t, err, keys.ErrLocked, "another identity")
	store.Seals[keys.LevelAge] = again
	got, err := store.Held()
	require.NoError(t, err)
	require.Equal(t, h.Operational.KeyID(), got.Operational.KeyID())

	// The file is age's: the tool's library opens it with the identity's text.
	sealed, err := os.ReadFile(filepath.Join(dir, "operational.key.age"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(sealed, []byte("age-encryption.org/v1\n")))
	for i := 0; i < len(sealed); i += 7 {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		_, err := again.Open(bad)
		require.Error(t, err, "byte %d", i)
	}
	_, err = again.Open(sealed[:len(sealed)-1])
	require.Error(t, err)
}

func TestPassphrase(t *testing.T) {
	if testing.Short() {
		t.Skip("scrypt takes a second")
	}
	s, err := Passphrase(secret(t, "correct horse\n"))
	require.NoError(t, err)
	sealed, err := s.Seal([]byte("key"))
	require.NoError(t, err)
	same, err := Passphrase(secret(t, "correct horse"))
	require.NoError(t, err)
	plain, err := same.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "key", string(plain))
	wrong, err := Passphrase(secret(t, "wrong"))
	require.NoError(t, err)
	_, err = wrong.Open(sealed)
	require.ErrorIs(t, err, keys.ErrLocked)
	id, err := NewIdentity(filepath.Join(t.TempDir(), "id"))
	require.NoError(t, err)
	_, err = id.Open(sealed)
	require.ErrorIs(t, err, keys.ErrLocked, "the kind of the seal differs")

	// A file whose work factor would keep the program busy for minutes.
	costly, err := age.NewScryptRecipient("correct horse")
	require.NoError(t, err)
	costly.SetWorkFactor(maxWorkFactor)
	heavy, err := (&Sealer{keys.LevelPassphrase, costly, nil}).Seal(nil)
	require.NoError(t, err)
	tooHeavy := bytes.Replace(heavy, []byte(" 20\n"), []byte(" 30\n"), 1)
	require.NotEqual(t, heavy, tooHeavy)
	_, err = same.Open(tooHeavy)
	require.Error(t, err)
}

func TestSecretFiles(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	good := secret(t, "# comment\n\n"+id.String()+"\n")
	_, err = Identity(good)
	require.NoError(t, err)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644} {
		require.NoError(t, os.Chmod(good, mode))
		_, err = Identity(good)
		require.ErrorIs(t, err, keys.ErrKeyExposed, mode)
	}
	require.NoError(t, os.Chmod(good, 0o400))
	_, err = Identity(good)
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(good, link))
	_, err = Identity(link)
	require.ErrorIs(t, err, keys.ErrKeyExposed)
	for name, text := range map[string]string{"empty": "", "comment": "# x\n", "junk": "AGE-SECRET-KEY-1JUNK", "long": strings.Repeat("#\n", maxIdentity)} {
		_, err := Identity(secret(t, text))
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "JUNK", "the text is a secret")
	}
	_, err = Passphrase(secret(t, "\n"))
	require.ErrorContains(t, err, "empty")
	_, err = Passphrase(secret(t, strings.Repeat("x", maxPassphrase+1)))
	require.Error(t, err)
}

// FuzzOpen spoils a sealed file: it opens to what was sealed, or not at all.
func FuzzOpen(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	s := &Sealer{keys.LevelAge, id.Recipient(), id}
	sealed, err := s.Seal([]byte("key"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte("age-encryption.org/v1\n-> X25519 x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := s.Open(b); err == nil && string(plain) != "key" {
			t.Fatalf("opened to %q", plain)
		}
	})
}
