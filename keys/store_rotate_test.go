package keys

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// xor is a sealer for tests: it shows that the store never reads past it.
type xor struct{ level string }

func (x xor) Level() string { return x.level }
func (x xor) Seal(b []byte) ([]byte, error) {
	out := slices.Clone(b)
	for i := range out {
		out[i] ^= 0x5a
	}
	return append([]byte(x.level), out...), nil
}
func (x xor) Open(b []byte) ([]byte, error) {
	if len(b) < len(x.level) || string(b[:len(x.level)]) != x.level {
		return nil, ErrLocked
	}
	out, err := xor{}.Seal(b[len(x.level):])
	return out, err
}

func TestSealedStore(t *testing.T) {
	s := openStore(t)
	s.Sealer = xor{LevelAge}
	_, err := s.InitDev(entropy(1), 1000)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(s.Dir(), "root.key"))
	_, err = s.Held()
	require.ErrorIs(t, err, ErrLocked)
	_, _, err = s.Ensure(entropy(9), 1000)
	require.ErrorIs(t, err, ErrLocked, "a sealed store is not made anew")
	s.Seals = map[string]Sealer{LevelPassphrase: xor{LevelPassphrase}}
	_, err = s.Held()
	require.ErrorIs(t, err, ErrLocked)
	s.Seals[LevelAge] = xor{LevelAge}
	h, err := s.Held()
	require.NoError(t, err)
	_, level, err := s.KeyFile(Operational, "operational")
	require.NoError(t, err)
	require.Equal(t, LevelAge, level)
	require.NoError(t, os.Chmod(filepath.Join(s.Dir(), "operational.key.age"), 0o644))
	_, err = s.Held()
	require.ErrorIs(t, err, ErrKeyExposed)
	require.NoError(t, os.Chmod(filepath.Join(s.Dir(), "operational.key.age"), 0o600))

	// The same key in the clear beside it would be ambiguous: none is made.
	_, err = s.Create(Operational, entropy(9))
	require.ErrorIs(t, err, ErrKeyExists)
	// A sealed file that claims another level is refused.
	b, err := xor{LevelAge}.Seal([]byte(`{"alg":"ed25519","seed":"` + string(slices.Repeat([]byte("01"), 32)) + `","role":"operational","level":"dev"}`))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "operational.key.age"), b, 0o600))
	_, err = s.Held()
	require.ErrorContains(t, err, "level")
	require.NotEqual(t, h, nil)
}

func TestRemoteKeys(t *testing.T) {
	s := openStore(t)
	root, err := s.Create(Root, entropy(1))
	require.NoError(t, err)
	far := testKey(t, Operational, 77)
	r := Remote{URL: "unix:/run/keys.sock", Role: Operational, Alg: Ed25519, Public: far.Public()}
	require.NoError(t, s.Attach(r))
	require.ErrorIs(t, s.Attach(r), ErrKeyExists)
	_, err = s.Key(Operational)
	require.ErrorIs(t, err, ErrLocked, "nobody dials")
	s.Dial = func(got Remote) (RoleSigner, error) {
		require.Equal(t, r, got)
		return far, nil
	}
	k, err := s.Key(Operational)
	require.NoError(t, err)
	_, err = s.Vouch(root, k, 1000)
	require.NoError(t, err)
	h, err := s.Held()
	require.NoError(t, err)
	require.Equal(t, far.KeyID(), h.Operational.KeyID())
	s.Dial = func(Remote) (RoleSigner, error) { return testKey(t, Operational, 78), nil }
	_, err = s.Held()
	require.ErrorIs(t, err, ErrKey, "another key answers")
	s.Dial = func(Remote) (RoleSigner, error) { return nil, errors.New("connection refused") }
	_, err = s.Held()
	require.ErrorContains(t, err, "connection refused")
	require.ErrorIs(t, s.Attach(Remote{URL: "x", Role: Log, Alg: Ed25519, Public: littleEndian(fieldOne, false)}), ErrKey)
}

func TestStoreRotate(t *testing.T) {
	s := openStore(t)
	first, err := s.InitDev(entropy(1), 1000)
	require.NoError(t, err)
	root, err := s.Key(Root)
	require.NoError(t, err)
	c, err := s.Chain()
	require.NoError(t, err)
	require.Empty(t, c.Links)
	r, err := s.Rotate(ctx, root, Change{Role: Operational, Alg: Composite, Reason: Scheduled, Overlap: DefaultOverlap}, entropy(40), 5000)
	require.NoError(t, err)
	require.EqualValues(t, 2, r.Seq, "the key that the store began with comes first")
	h, err := s.Held()
	require.NoError(t, err)
	require.Equal(t, Composite, h.Operational.Alg())
	require.EqualValues(t, 3, h.Statement.Seq)
	require.Equal(t, first.ProviderID, h.ProviderID)
	c, err = s.Chain()
	require.NoError(t, err)
	require.NoError(t, c.Accept(Operational, first.Operational.KeyID(), 5000+DefaultOverlap-1))
	require.ErrorIs(t, c.Accept(Operational, first.Operational.KeyID(), 5000+DefaultOverlap), ErrRetired)
	require.NoError(t, c.Accept(Operational, h.Operational.KeyID(), 5000))
	old, _, err := s.KeyFile(Operational, "operational.2")
	require.NoError(t, err)
	require.Equal(t, first.Operational.KeyID(), old.KeyID(), "the old key is kept for the overlap")
	_, err = s.Rotate(ctx, root, Change{Role: Operational, Alg: Ed25519, Reason: Compromised, Overlap: 0}, entropy(50), 6000)
	require.NoError(t, err)
	_, err = s.Rotate(ctx, root, Change{Role: Log, Alg: Ed25519, Reason: Scheduled, Overlap: MaxOverlap + 1}, entropy(60), 7000)
	require.ErrorIs(t, err, ErrKey)
}

// TestRotationIsFinished cuts a rotation at every file operation.
func TestRotationIsFinished(t *testing.T) {
	for _, cut := range []string{"key drawn", "statement written", "chain written", "old aside", "new in place"} {
		s := openStore(t)
		first, err := s.InitDev(entropy(1), 1000)
		require.NoError(t, err)
		root, err := s.Key(Root)
		require.NoError(t, err)
		whole := openStore(t) // the same rotation, not cut
		_, err = whole.InitDev(entropy(1), 1000)
		require.NoError(t, err)
		_, err = whole.Rotate(ctx, root, Change{Role: Operational, Alg: Ed25519, Reason: Scheduled, Overlap: 0}, entropy(40), 5000)
		require.NoError(t, err)
		copyIn := func(from, to string) {
			b, err := os.ReadFile(filepath.Join(whole.Dir(), from))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), to), b, 0o600))
		}
		rename := func(from, to string) {
			require.NoError(t, os.Rename(filepath.Join(s.Dir(), from), filepath.Join(s.Dir(), to)))
		}
		named := true
		copyIn("operational.key", "operational.next.key")
		switch cut {
		case "key drawn":
			named = false
		case "statement written":
			copyIn("operational.statement.json", "operational.next.statement.json")
			named = false
		default:
			copyIn("operational.statement.json", "operational.next.statement.json")
			copyIn(chainName, chainName)
		}
		if cut == "old aside" || cut == "new in place" {
			rename("operational.key", "operational.2.key")
		}
		if cut == "new in place" {
			rename("operational.next.key", "operational.key")
		}
		h, err := s.Held()
		require.NoError(t, err, cut)
		want, err := whole.Held()
		require.NoError(t, err)
		if !named {
			require.Equal(t, first.Operational.KeyID(), h.Operational.KeyID(), cut)
			_, err = s.Rotate(ctx, root, Change{Role: Operational, Alg: Ed25519, Reason: Scheduled, Overlap: 0}, empty{}, 6000)
			require.NoError(t, err, "%s: the key that was drawn is used", cut)
			h, err = s.Held()
			require.NoError(t, err)
		}
		require.Equal(t, want.Operational.KeyID(), h.Operational.KeyID(), cut)
		c, err := s.Chain()
		require.NoError(t, err)
		_, newest := c.Newest(Operational)
		require.Equal(t, h.Operational.Public(), newest, cut)
		old, _, err := s.KeyFile(Operational, "operational.2")
		require.NoError(t, err, cut)
		require.Equal(t, first.Operational.KeyID(), old.KeyID(), cut)
	}
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }
