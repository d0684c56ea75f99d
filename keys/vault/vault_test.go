package vault

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

var ctx = context.Background()

func (f *fake) open(base string, version string) (*Key, error) {
	return Open(ctx, Config{URL: "vault:" + base + "/" + f.mount + "/" + f.name + "/" + version, Role: keys.Operational, Token: func() (string, error) { return f.token, nil }})
}

func TestSignsWithTheNamedVersion(t *testing.T) {
	f, base := newFake(t)
	k, err := f.open(base, "2")
	require.NoError(t, err)
	require.Equal(t, []byte(f.versions[1].Public().(ed25519.PublicKey)), k.Public(), "not the latest")
	d := digest.Sum([]byte("x"))
	sig, err := keys.Sign(ctx, k, keys.PurposeProof, d, 5)
	require.NoError(t, err)
	require.NoError(t, sig.Verify(keys.Ed25519, k.Public(), keys.PurposeProof, d))
	_, err = keys.Sign(ctx, k, keys.PurposeIdentity, d, 5)
	require.ErrorIs(t, err, keys.ErrRole)
	require.Equal(t, []string{"GET /v1/team/transit/keys/operational", "POST /v1/team/transit/sign/operational"}, f.requests)

	f.versions = append(f.versions, f.versions[0]) // rotated in the vault
	again, err := keys.Sign(ctx, k, keys.PurposeProof, d, 5)
	require.NoError(t, err)
	require.Equal(t, sig, again)
	f.min = 3 // the old version is retired there
	_, err = keys.Sign(ctx, k, keys.PurposeProof, d, 5)
	require.ErrorContains(t, err, "less than the minimum")
}

func TestRefusals(t *testing.T) {
	f, base := newFake(t)
	_, err := f.open(base, "4")
	require.ErrorIs(t, err, keys.ErrNoKey)
	k, err := f.open(base, "1")
	require.NoError(t, err)
	f.sealed = true
	_, err = k.SignMessage(ctx, nil)
	require.ErrorIs(t, err, keys.ErrLocked)
	require.ErrorContains(t, err, "Vault is sealed")
	f.sealed = false
	good := f.token
	k.token = func() (string, error) { return "s.old", nil }
	_, err = k.SignMessage(ctx, nil)
	require.ErrorIs(t, err, keys.ErrLocked)
	require.NotContains(t, err.Error(), "s.old", "a token is a secret")
	k.token = func() (string, error) { return "", errors.New("no token file") }
	_, err = k.SignMessage(ctx, nil)
	require.ErrorContains(t, err, "no token file")
	k.token = func() (string, error) { return good, nil }
	_, err = k.SignMessage(ctx, make([]byte, maxMessage+1))
	require.ErrorIs(t, err, ErrVault)
	dead, cancel := context.WithCancel(ctx)
	cancel()
	_, err = k.SignMessage(dead, nil)
	require.ErrorIs(t, err, context.Canceled)
	f.kind = "ecdsa-p256"
	_, err = f.open(base, "1")
	require.ErrorContains(t, err, "ecdsa-p256")
}

// TestBadAnswers breaks what the vault says.
func TestBadAnswers(t *testing.T) {
	f, base := newFake(t)
	k, err := f.open(base, "1")
	require.NoError(t, err)
	d := digest.Sum(nil)
	for name, change := range map[string]func(int, string) (int, string){
		"other version":     func(s int, b string) (int, string) { return s, strings.Replace(b, "vault:v1:", "vault:v2:", 1) },
		"no prefix":         func(s int, b string) (int, string) { return s, strings.Replace(b, "vault:v1:", "", 1) },
		"no data":           func(s int, b string) (int, string) { return s, `{}` },
		"data is null":      func(s int, b string) (int, string) { return s, `{"data":null}` },
		"member twice":      func(s int, b string) (int, string) { return s, `{"data":{"signature":"a","signature":"b"}}` },
		"no JSON":           func(s int, b string) (int, string) { return s, "<html>" },
		"too long":          func(s int, b string) (int, string) { return s, b + strings.Repeat(" ", maxAnswer) },
		"redirect":          func(s int, b string) (int, string) { return 307, b },
		"server error":      func(s int, b string) (int, string) { return 500, "boom" },
		"another signature": func(s int, b string) (int, string) { return f.sign2() },
		"short signature":   func(s int, b string) (int, string) { return s, `{"data":{"signature":"vault:v1:AAAA"}}` },
	} {
		f.change = func(path string, s int, b string) (int, string) { return change(s, b) }
		_, err := keys.Sign(ctx, k, keys.PurposeProof, d, 5)
		require.Error(t, err, name)
	}
	f.change = func(path string, s int, b string) (int, string) {
		small := base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 31)...))
		return s, strings.Replace(b, base64.StdEncoding.EncodeToString(f.versions[0].Public().(ed25519.PublicKey)), small, 1)
	}
	_, err = f.open(base, "1")
	require.ErrorIs(t, err, keys.ErrKey, "import rules hold for a vault's key too")
}

// sign2 is a signature by another key.
func (f *fake) sign2() (int, string) {
	sig := ed25519.Sign(f.versions[1], []byte("x"))
	return 200, `{"data":{"signature":"vault:v1:` + base64.StdEncoding.EncodeToString(sig) + `"}}`
}

func TestURLs(t *testing.T) {
	for _, bad := range []string{"", "https://h/transit/k/1", "vault:h/transit/k/1", "vault:http://example.com/transit/k/1", "vault:ftp://h/transit/k/1", "vault:https://u:p@h/t/k/1",
		"vault:https://h/t/k/0", "vault:https://h/t/k/01", "vault:https://h/t/k/x", "vault:https://h/k/1", "vault:https://h/t/../k/1", "vault:https://h/t/k%2f/1", "vault:https://h/t/k/1?x=1"} {
		_, err := parseURL(bad)
		require.ErrorIs(t, err, ErrVault, bad)
	}
	for _, good := range []string{"vault:https://h/transit/k/1", "vault:https://h:8200/a/b/k/12", "vault:http://127.0.0.1:1/t/k/1", "vault:http://localhost:1/t/k/1"} {
		_, err := parseURL(good)
		require.NoError(t, err, good)
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("vault:https://h/transit/k/1")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := parseURL(s); err == nil && (k.name == "" || k.mount == "" || k.version == 0) {
			t.Fatalf("%q: %+v", s, k)
		}
	})
}
