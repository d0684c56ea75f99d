package keysock

import (
	"context"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

func key(t testing.TB, alg string, role keys.Role, b byte) keys.RoleSigner {
	n := map[string]int{keys.Ed25519: 32, keys.Composite: 64}[alg]
	seed := make([]byte, n)
	seed[0] = b
	k, err := keys.NewKey(alg, role, seed)
	require.NoError(t, err)
	return k
}

var origin = auditlog.Origin(digest.Sum([]byte("p")))

type record struct {
	sync.Mutex
	lines []Signed
}

func (r *record) add(s Signed) {
	r.Lock()
	defer r.Unlock()
	r.lines = append(r.lines, s)
}

// serve starts a holder and returns the path of its socket.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keysock") // short: paths of sockets have at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "s")
	l, err := Listen(path)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	return path
}

func TestSignaturesOverTheSocket(t *testing.T) {
	ctx, rec := context.Background(), &record{}
	op, log := key(t, keys.Composite, keys.Operational, 1), key(t, keys.Ed25519, keys.Log, 2)
	path := serve(t, &Server{Keys: map[keys.Role]keys.RoleSigner{keys.Operational: op, keys.Log: log}, Origin: origin, Record: rec.add})
	k, err := Dial(ctx, path, keys.Operational)
	require.NoError(t, err)
	require.Equal(t, op.KeyID(), k.KeyID())
	d := digest.Sum([]byte("x"))
	sig, err := keys.Sign(ctx, k, keys.PurposeProof, d, 9)
	require.NoError(t, err)
	require.NoError(t, sig.Verify(keys.Composite, op.Public(), keys.PurposeProof, d))
	require.Equal(t, keys.PurposeProof, rec.lines[0].Purpose)

	lk, err := Dial(ctx, path, keys.Log)
	require.NoError(t, err)
	signed, err := auditlog.SignCheckpoint(ctx, auditlog.Checkpoint{Origin: origin, Size: 1}, lk)
	require.NoError(t, err)
	_, err = auditlog.OpenCheckpoint(signed, origin, log.Public())
	require.NoError(t, err)

	_, err = Dial(ctx, path, keys.Payout)
	require.ErrorIs(t, err, ErrRefused)
	_, err = Dial(ctx, filepath.Join(filepath.Dir(path), "nobody"), keys.Log)
	require.ErrorIs(t, err, keys.ErrLocked)
	dead, cancel := context.WithCancel(ctx)
	cancel()
	_, err = k.SignMessage(dead, nil)
	require.Error(t, err)
}

// TestHolderIsNoOracle asks for everything that a role may not sign. The frames
// are well-formed, so that only the rule refuses them.
func TestHolderIsNoOracle(t *testing.T) {
	ctx, rec := context.Background(), &record{}
	op, log := key(t, keys.Ed25519, keys.Operational, 1), key(t, keys.Ed25519, keys.Log, 2)
	path := serve(t, &Server{Keys: map[keys.Role]keys.RoleSigner{keys.Operational: op, keys.Log: log}, Origin: origin, Record: rec.add})
	frame := func(purpose, alg string, id digest.Digest) []byte {
		b, err := transcript.Encode(transcript.SigFrame{Purpose: purpose, Alg: alg, KeyID: id, SignedAtUnix: 1})
		require.NoError(t, err)
		return b
	}
	other, err := transcript.NewFrame("qprov/v1/identity").U64(1, 1).Encode()
	require.NoError(t, err)
	opKey, err := Dial(ctx, path, keys.Operational)
	require.NoError(t, err)
	logKey, err := Dial(ctx, path, keys.Log)
	require.NoError(t, err)
	n := 0
	for _, row := range []struct {
		name string
		k    *Key
		msg  []byte
	}{
		{"bytes", opKey, []byte("transfer all my money")}, {"nothing", opKey, nil},
		{"root's purpose", opKey, frame(keys.PurposeIdentity, keys.Ed25519, op.KeyID())},
		{"log's purpose", opKey, frame(keys.PurposeCheckpoint, keys.Ed25519, op.KeyID())},
		{"payout", opKey, frame(keys.PurposePayout, keys.Ed25519, op.KeyID())},
		{"unknown purpose", opKey, frame("anything", keys.Ed25519, op.KeyID())},
		{"another key", opKey, frame(keys.PurposeProof, keys.Ed25519, log.KeyID())},
		{"another suite", opKey, frame(keys.PurposeProof, keys.Composite, op.KeyID())},
		{"another frame", opKey, other},
		{"checkpoint by the operational key", opKey, auditlog.Checkpoint{Origin: origin, Size: 3}.Body()},
		{"another log", logKey, auditlog.Checkpoint{Origin: auditlog.Origin(digest.Digest{}), Size: 3}.Body()},
		{"cosignature", logKey, append([]byte("cosignature/v1\ntime 5\n"), auditlog.Checkpoint{Origin: origin, Size: 3}.Body()...)},
		{"proof by the log key", logKey, frame(keys.PurposeProof, keys.Ed25519, log.KeyID())},
	} {
		_, err := row.k.SignMessage(ctx, row.msg)
		require.ErrorIs(t, err, ErrRefused, row.name)
		n++
		require.Len(t, rec.lines, n, "refusals are recorded")
		require.Error(t, rec.lines[n-1].Err)
	}
}

func TestListenAndServeRefuse(t *testing.T) {
	dir, err := os.MkdirTemp("", "keysock")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = Listen(filepath.Join(dir, "s"))
	require.ErrorIs(t, err, keys.ErrKeyExposed)
	require.NoError(t, os.Chmod(dir, 0o700))
	l, err := Listen(filepath.Join(dir, "s"))
	require.NoError(t, err)
	defer l.Close()
	info, err := os.Stat(filepath.Join(dir, "s"))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	err = (&Server{Keys: map[keys.Role]keys.RoleSigner{keys.Root: key(t, keys.Ed25519, keys.Root, 1)}}).Serve(context.Background(), l)
	require.ErrorIs(t, err, keys.ErrRole)
}

// TestRawMessages talks to a holder by hand.
func TestRawMessages(t *testing.T) {
	path := serve(t, &Server{Keys: map[keys.Role]keys.RoleSigner{keys.Operational: key(t, keys.Ed25519, keys.Operational, 1)}})
	for name, raw := range map[string]string{
		"version": `{"v":2,"op":"public","role":"operational"}`, "op": `{"v":1,"op":"export","role":"operational"}`,
		"twice": `{"v":1,"v":1,"op":"public","role":"operational"}`, "member": `{"v":1,"op":"public","role":"operational","x":1}`,
		"message": `{"v":1,"op":"public","role":"operational","message":"00"}`, "no message": `{"v":1,"op":"sign","role":"operational"}`, "junk": `{`,
	} {
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		_, err = conn.Write(append([]byte{0, 0, 0, byte(len(raw))}, raw...))
		require.NoError(t, err)
		b, err := readMessage(conn)
		require.NoError(t, err)
		a, err := parseAnswer(b)
		require.NoError(t, err)
		require.NotEmpty(t, a.Error, name)
		require.Empty(t, a.Signature)
		require.NoError(t, conn.Close())
	}
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	_, err = conn.Write([]byte{0, 1, 0, 1}) // 65,537 bytes are announced
	require.NoError(t, err)
	_, err = readMessage(conn)
	require.ErrorIs(t, err, ErrProtocol, "the holder hangs up before it allocates")
	require.NoError(t, conn.Close())
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"v":1,"op":"sign","role":"log","message":"00"}`))
	s := &Server{Keys: map[keys.Role]keys.RoleSigner{keys.Log: key(f, keys.Ed25519, keys.Log, 2)}, Origin: origin}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := s.handle(context.Background(), b)
		if err != nil || a.Signature == "" {
			return
		}
		r, err := parseRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Allow(s.Keys[keys.Log], origin, r.message); err != nil {
			t.Fatalf("signed %s", hex.EncodeToString(r.message))
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"alg":"ed25519","public":"00"}`))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseAnswer(b) })
}
