package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
)

func witness(t *testing.T, name string, seed byte) (*Witness, keys.Signer) {
	t.Helper()
	k, err := keys.NewEd25519(keys.Witness, [keys.SeedSize]byte{seed})
	require.NoError(t, err)
	w, err := NewWitness(name, keys.Ed25519, k.Public())
	require.NoError(t, err)
	return w, k
}

func TestCosignatures(t *testing.T) {
	l := openLog(t, t.TempDir())
	signed := grow(t, l, 0, 3)
	a, keyA := witness(t, "witness.example/a", 11)
	b, keyB := witness(t, "witness.example/b", 12)
	c, _ := witness(t, "witness.example/c", 13)

	_, ok, err := a.Time(signed)
	require.NoError(t, err)
	require.False(t, ok)
	one, err := Cosign(ctx, signed, a.Name(), keyA, 2000)
	require.NoError(t, err)
	two, err := Cosign(ctx, one, b.Name(), keyB, 1990)
	require.NoError(t, err)
	_, err = OpenCheckpoint(two, origin, mustLogKey().Public())
	require.NoError(t, err, "the log's signature stands beside them")

	// The line, computed apart from the package.
	body, _, _ := bytes.Cut(signed, []byte("\n\n"))
	msg := fmt.Appendf(nil, "cosignature/v1\ntime 2000\n%s\n", body)
	seed := [32]byte{11}
	priv := ed25519.NewKeyFromSeed(seed[:])
	id := sha256.Sum256(append([]byte("witness.example/a\n\x04"), priv.Public().(ed25519.PublicKey)...))
	raw := append(binary.BigEndian.AppendUint64(id[:4:4], 2000), ed25519.Sign(priv, msg)...)
	require.Equal(t, "— witness.example/a "+base64.StdEncoding.EncodeToString(raw)+"\n", strings.TrimPrefix(string(one), string(signed)))

	for _, row := range []struct {
		quorum int
		who    []*Witness
		time   uint64
		ok     bool
	}{
		{1, []*Witness{a}, 2000, true}, {1, []*Witness{b}, 1990, true}, {1, []*Witness{a, b}, 1990, true},
		{2, []*Witness{a, b, c}, 2000, true}, {3, []*Witness{a, b, c}, 0, false}, {2, []*Witness{a, a}, 0, false},
		{0, []*Witness{a}, 0, false}, {1, nil, 0, false}, {1, []*Witness{c}, 0, false},
	} {
		at, ok, err := WitnessedTime(two, row.who, row.quorum)
		require.NoError(t, err)
		require.Equal(t, row.ok, ok, "%+v", row)
		require.Equal(t, row.time, at, "%+v", row)
	}

	bad := bytes.Replace(two, []byte("\n15\n"), []byte("\n16\n"), 1)
	_, _, err = WitnessedTime(bad, []*Witness{a}, 1)
	require.ErrorIs(t, err, ErrCheckpoint, "over another checkpoint")

	require.NoError(t, l.AddCosignatures(two))
	p, err := l.Prove(4)
	require.NoError(t, err)
	at, ok, err := WitnessedTime(p.Checkpoint, []*Witness{a, b}, 2)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 2000, at)
	_, err = l.Verify()
	require.NoError(t, err)
	grow(t, l, 3, 4)
	require.ErrorIs(t, l.AddCosignatures(two), ErrCheckpoint, "of an older tree")

	back, err := ParseWitness(a.String())
	require.NoError(t, err)
	require.Equal(t, a, back)
	for _, text := range []string{"", "x", a.String() + "=", strings.Replace(a.String(), "/a+", "/b+", 1), "a+00000000+AQ=="} {
		_, err := ParseWitness(text)
		require.ErrorIs(t, err, ErrCheckpoint, text)
	}
	_, err = NewWitness("small", keys.Ed25519, append([]byte{1}, make([]byte, 31)...))
	require.ErrorIs(t, err, keys.ErrKey)
	_, err = Cosign(ctx, signed, "w", mustLogKey(), 1)
	require.ErrorIs(t, err, keys.ErrRole)
	_, err = Cosign(ctx, []byte("no checkpoint"), "w", keyA, 1)
	require.ErrorIs(t, err, ErrCheckpoint)
}

// TestMessagesStandApart: neither a checkpoint's nor a cosignature's
// message can be the frame of another purpose.
func TestMessagesStandApart(t *testing.T) {
	var messages [][]byte
	for _, alg := range []string{keys.Ed25519, keys.MLDSA44} {
		k, err := keys.NewKey(alg, keys.Witness, make([]byte, 32))
		require.NoError(t, err)
		w, err := NewWitness("w", alg, k.Public())
		require.NoError(t, err)
		msg, err := w.key.cosigned(1, Checkpoint{Origin: origin, Root: emptyRoot}.Body())
		require.NoError(t, err)
		messages = append(messages, msg)
	}
	for _, msg := range append(messages, Checkpoint{Origin: origin}.Body()) {
		require.Greater(t, msg[0], byte(' '), "frames begin with the length of a domain, 12 for qprov/v1/sig")
		require.NotEqual(t, byte(len("qprov/v1/sig")), msg[0])
	}
}

// TestPostQuantumWitness cosigns with ML-DSA-44: the message is built here by hand from C2SP
// tlog-cosignature, and a line counts only under its own name, key, time and tree.
func TestPostQuantumWitness(t *testing.T) {
	l := openLog(t, t.TempDir())
	signed := grow(t, l, 0, 3)
	k, err := keys.NewMLDSA44([32]byte{5})
	require.NoError(t, err)
	w, err := NewWitness("witness.example/pq", k.Alg(), k.Public())
	require.NoError(t, err)
	again, err := ParseWitness(w.String())
	require.NoError(t, err)
	require.Equal(t, w, again)
	require.LessOrEqual(t, len(w.String()), MaxWitness)
	with, err := Cosign(ctx, signed, w.Name(), k, 1_679_315_147)
	require.NoError(t, err)
	at, ok, err := w.Time(with)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 1_679_315_147, at)

	c, err := OpenCheckpoint(signed, origin, l.public)
	require.NoError(t, err)
	want := "subtree/v1\n\x00" + "\x12witness.example/pq" + string(binary.BigEndian.AppendUint64(nil, 1_679_315_147)) +
		string([]byte{byte(len(origin))}) + origin + string(make([]byte, 8)) + string(binary.BigEndian.AppendUint64(nil, c.Size)) + string(c.Root[:])
	line := with[bytes.LastIndex(with, []byte("— ")):]
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(line[bytes.LastIndexByte(line, ' ')+1:])))
	require.NoError(t, err)
	require.Len(t, raw, 4+8+2420)
	h := sha256.Sum256(append([]byte("witness.example/pq\n\x06"), k.Public()...))
	require.Equal(t, h[:4], raw[:4])
	require.NoError(t, keys.VerifyWitness(keys.MLDSA44, k.Public(), []byte(want), raw[12:]))

	// The same signature under another name, or moved to another checkpoint.
	other, err := NewWitness("witness.example/pr", k.Alg(), k.Public())
	require.NoError(t, err)
	_, ok, err = other.Time(with)
	require.NoError(t, err)
	require.False(t, ok)
	later := append(bytes.Clone(grow(t, l, 3, 5)), line...)
	_, _, err = w.Time(later)
	require.ErrorIs(t, err, ErrCheckpoint)

	// A witness's suite is nobody else's.
	require.ErrorIs(t, keys.CheckPublic(keys.MLDSA44, k.Public()), keys.ErrKey)
	_, err = keys.NewKey(keys.MLDSA44, keys.Operational, make([]byte, 32))
	require.ErrorIs(t, err, keys.ErrKey)
	require.ErrorIs(t, keys.CheckWitness(keys.MLDSA44, append(k.Public()[:32:32], make([]byte, 1280)...)), keys.ErrKey, "t1 is zero")
	_, err = NewWitness("w", keys.Composite, k.Public())
	require.ErrorIs(t, err, keys.ErrKey)
}
