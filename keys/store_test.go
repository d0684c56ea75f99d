package keys

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func entropy(b byte) *bytes.Reader {
	var out []byte
	for i := range byte(4) {
		out = append(out, bytes.Repeat([]byte{b + i}, SeedSize)...)
	}
	return bytes.NewReader(out)
}

func TestStoreInitDev(t *testing.T) {
	s := openStore(t)
	_, err := s.Held()
	require.ErrorIs(t, err, ErrNoKey)
	h, err := s.InitDev(entropy(1), 1000)
	require.NoError(t, err)
	got, err := s.Held()
	require.NoError(t, err)
	require.Equal(t, h, got)
	root, err := s.Key(Root)
	require.NoError(t, err)
	require.Equal(t, root.KeyID(), h.ProviderID)
	require.Equal(t, h.ProviderID, h.Statement.ProviderID)
	require.NotEqual(t, root.KeyID(), h.Operational.KeyID())
	for _, name := range []string{"root.key", "operational.key", "log.key"} {
		info, err := os.Stat(filepath.Join(s.Dir(), name))
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm(), name)
	}
	files, err := os.ReadDir(s.Dir())
	require.NoError(t, err)
	require.Len(t, files, 5, "three keys, two statements, no temporary file")
	log, err := s.HeldFor(Log)
	require.NoError(t, err)
	require.EqualValues(t, 2, log.Statement.Seq)
	require.Equal(t, h.ProviderID, log.ProviderID)
	_, err = s.InitDev(entropy(5), 1000)
	require.ErrorIs(t, err, ErrKeyExists)

	require.NoError(t, os.Remove(filepath.Join(s.Dir(), "root.key")))
	_, err = s.Held()
	require.NoError(t, err, "the root key may be kept elsewhere")
	require.NoError(t, os.Remove(filepath.Join(s.Dir(), "operational.key")))
	_, _, err = s.Ensure(entropy(9), 1000)
	require.ErrorIs(t, err, ErrNoKey, "and then nobody makes a second one")
	require.NoFileExists(t, filepath.Join(s.Dir(), "root.key"))
}

func TestStoreEnsureCompletesACutInit(t *testing.T) {
	s := openStore(t)
	root, err := s.Create(Root, entropy(1))
	require.NoError(t, err)
	h, made, err := s.Ensure(entropy(3), 7)
	require.NoError(t, err)
	require.True(t, made)
	require.Equal(t, root.KeyID(), h.ProviderID)
	require.NoError(t, os.Remove(filepath.Join(s.Dir(), "operational.statement.json")))
	again, made, err := s.Ensure(entropy(9), 7)
	require.NoError(t, err)
	require.True(t, made)
	require.Equal(t, h, again, "the stored key is kept")
	_, made, err = s.Ensure(entropy(9), 7)
	require.NoError(t, err)
	require.False(t, made)

	fresh := openStore(t)
	_, made, err = fresh.Ensure(entropy(1), 7)
	require.NoError(t, err)
	require.True(t, made)
}

func TestStoreRefusesExposedAndStrangeFiles(t *testing.T) {
	s := openStore(t)
	_, err := s.InitDev(entropy(1), 1)
	require.NoError(t, err)
	path := filepath.Join(s.Dir(), "operational.key")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = s.Key(Operational)
		require.ErrorIs(t, err, ErrKeyExposed, mode)
	}
	require.NoError(t, os.Chmod(path, 0o600))
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"other role":    strings.Replace(string(good), `"operational"`, `"root"`, 1),
		"other suite":   strings.Replace(string(good), `"ed25519"`, `"rsa"`, 1),
		"short seed":    strings.Replace(string(good), `"seed":"0`, `"seed":"`, 1),
		"unknown field": strings.Replace(string(good), `{`, `{"x":1,`, 1),
		"too long":      string(good) + strings.Repeat(" ", maxKeyFile+1),
		"empty":         "",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := s.Key(Operational)
		require.Error(t, err, name)
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink("root.key", path))
	_, err = s.Key(Operational)
	require.ErrorIs(t, err, ErrKeyExposed)
	require.NoError(t, os.Remove(path))

	_, err = s.Create(Operational, entropy(9))
	require.NoError(t, err)
	_, err = s.Held()
	require.ErrorIs(t, err, ErrRole, "the statement is for another key")
}

type brokenEntropy struct{}

func (brokenEntropy) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestStoreNeedsEntropy(t *testing.T) {
	s := openStore(t)
	_, err := s.InitDev(brokenEntropy{}, 1)
	require.ErrorContains(t, err, "no entropy")
	files, err := os.ReadDir(s.Dir())
	require.NoError(t, err)
	require.Empty(t, files)
}
