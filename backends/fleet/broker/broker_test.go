package broker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestAListenerWantsACredential(t *testing.T) {
	_, err := Start(Options{Listen: "127.0.0.1:0"})
	require.ErrorContains(t, err, "token or nkeys")
	s, err := Start(Options{Listen: "127.0.0.1:0", Token: "secret"})
	require.NoError(t, err)
	defer s.Close()
	_, err = Dial(s.URL(""), "")
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = Dial(s.URL("wrong"), "")
	require.ErrorIs(t, err, nats.ErrAuthorization)
	require.NotContains(t, err.Error(), "wrong", "an error shows no token")
	c, err := Dial(s.URL("secret"), "")
	require.NoError(t, err)
	require.Equal(t, s.URL("")[len("nats://"):], Address(c)[len("…@"):])
	c.Close()
}

func TestNKey(t *testing.T) {
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "seed")
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	s, err := Start(Options{Listen: "127.0.0.1:0", NKeys: []string{public}})
	require.NoError(t, err)
	defer s.Close()
	c, err := Dial(s.URL(""), file)
	require.NoError(t, err)
	c.Close()
	_, err = Dial(s.URL(""), "")
	require.ErrorIs(t, err, nats.ErrAuthorization)
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = Dial(s.URL(""), file)
	require.ErrorContains(t, err, "chmod 600")
	_, err = Start(Options{Listen: "127.0.0.1:0", NKeys: []string{string(seed)}})
	require.ErrorContains(t, err, "public user nkey")
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:4222", "http://h", "nats://", "nats://tok@h:1,ftp://tok@x"} {
		_, err := Dial(bad, "")
		require.ErrorContains(t, err, "NATS address", bad)
		require.NotContains(t, err.Error(), "tok@", bad)
	}
	for _, bad := range []string{"x", "h:99999", "h:-1"} {
		_, err := Start(Options{Listen: bad, Token: "t"})
		require.Error(t, err, bad)
	}
}

func TestNowhere(t *testing.T) {
	s, err := Start(Options{})
	require.NoError(t, err)
	require.Empty(t, s.URL(""))
	require.Empty(t, s.ClusterURL())
	c, err := s.Connect("")
	require.NoError(t, err)
	require.EqualValues(t, MaxPayload, c.MaxPayload())
	c.Close()
	s.Close()
}
