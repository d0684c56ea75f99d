package auditlog

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

func mustLogKey() *keys.Ed25519Key {
	k, err := keys.NewEd25519(keys.Log, [keys.SeedSize]byte{1})
	if err != nil {
		panic(err)
	}
	return k
}

// grow appends jobs and returns the signed checkpoint.
func grow(t *testing.T, l *Log, from, to int) []byte {
	t.Helper()
	for n := from; n < to; n++ {
		_, err := l.Append(ctx, run(n)...)
		require.NoError(t, err)
	}
	signed, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	return signed
}

// contradiction demands evidence that verifies with the log's key and nothing
// else, and with no other key.
func contradiction(t *testing.T, err error, kind string) *Contradiction {
	t.Helper()
	require.ErrorIs(t, err, ErrFork)
	var c *Contradiction
	require.ErrorAs(t, err, &c)
	require.Equal(t, kind, c.Kind)
	require.NoError(t, c.Verify(origin, mustLogKey().Public()))
	require.ErrorIs(t, c.Verify(origin, logKey(t, 2).Public()), ErrCheckpoint)
	require.ErrorIs(t, c.Verify("other", mustLogKey().Public()), ErrCheckpoint)
	for _, other := range []string{KindFork, KindRollback, KindHistory, ""} {
		if other != kind {
			bad := *c
			bad.Kind = other
			require.ErrorIs(t, bad.Verify(origin, mustLogKey().Public()), ErrCheckpoint, "as %s", other)
		}
	}
	return c
}

// TestForksAreEvidence: an operator keeps two histories under one key.
func TestForksAreEvidence(t *testing.T) {
	honest, other := openLog(t, t.TempDir()), openLog(t, t.TempDir())
	shown := grow(t, honest, 0, 4)
	grow(t, other, 1, 5) // other entries, equally many

	contradiction(t, other.Against(shown), KindFork)
	longer := grow(t, other, 5, 9)
	history := contradiction(t, other.Against(shown), KindHistory)
	for name, change := range map[string]func(*Contradiction){
		"no root":    func(c *Contradiction) { c.Root = nil },
		"same root":  func(c *Contradiction) { k, _ := OpenCheckpoint(shown, origin, mustLogKey().Public()); c.Root = &k.Root },
		"no proof":   func(c *Contradiction) { c.Proof = nil },
		"swapped":    func(c *Contradiction) { c.Earlier, c.Later = c.Later, c.Earlier },
		"one twice":  func(c *Contradiction) { c.Later = c.Earlier },
		"long proof": func(c *Contradiction) { c.Proof = make(tlog.TreeProof, 65) },
	} {
		bad := *history
		change(&bad)
		require.ErrorIs(t, bad.Verify(origin, mustLogKey().Public()), ErrCheckpoint, name)
	}
	require.NoError(t, honest.Against(shown))
	contradiction(t, honest.Against(longer), KindRollback)

	// An honest log cannot be accused: its checkpoints of all sizes agree.
	later := grow(t, honest, 4, 30)
	require.NoError(t, honest.Against(shown))
	require.ErrorIs(t, (&Contradiction{Kind: KindFork, Earlier: string(shown), Later: string(later)}).Verify(origin, mustLogKey().Public()), ErrCheckpoint)
	require.ErrorIs(t, (&Contradiction{Kind: KindFork, Earlier: string(shown), Later: string(shown)}).Verify(origin, mustLogKey().Public()), ErrCheckpoint)
}

// TestFolderFromABackupIsRefused: the key was asked to sign more than the folder
// holds.
func TestFolderFromABackupIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir)
	grow(t, l, 0, 2)
	backup := t.TempDir()
	require.NoError(t, os.CopyFS(backup, os.DirFS(dir)))
	grow(t, l, 2, 4)
	signed, err := os.ReadFile(filepath.Join(dir, signedName))
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(filepath.Join(backup, signedName), signed, 0o600))
	_, err = Open(backup, origin, logKey(t, 1))
	require.ErrorIs(t, err, ErrFork)
	require.NoError(t, os.Remove(filepath.Join(backup, signedName)))
	_, err = Open(backup, origin, logKey(t, 1))
	require.ErrorIs(t, err, ErrFork, "the note of what was signed is missing")

	// Entries that were signed for are rewritten before the checkpoint appears.
	require.NoError(t, os.WriteFile(filepath.Join(backup, signedName), signed, 0o600))
	pending := [][]byte{}
	for _, d := range append(run(2), run(9)...) {
		leaf, err := d.Entry.leaf()
		require.NoError(t, err)
		pending = append(pending, leaf)
	}
	require.NoError(t, os.WriteFile(filepath.Join(backup, pendingName), appendRecord(nil, 10, pending), 0o600))
	_, err = Open(backup, origin, logKey(t, 1))
	require.ErrorContains(t, err, "another root was signed")
}

func TestWatch(t *testing.T) {
	l, other := openLog(t, t.TempDir()), openLog(t, t.TempDir())
	w := &Watch{Origin: origin, Public: mustLogKey().Public()}
	first := grow(t, l, 0, 3)
	_, err := w.Advance(first, nil)
	require.NoError(t, err)
	second := grow(t, l, 3, 8)
	_, err = w.Advance(second, nil)
	require.ErrorIs(t, err, ErrCheckpoint, "no proof is no evidence")
	require.NotErrorIs(t, err, ErrFork)
	require.Equal(t, first, w.Last)
	proof, err := l.ProveConsistency(15)
	require.NoError(t, err)
	_, err = w.Advance(second, append(proof, proof[0]))
	require.ErrorIs(t, err, ErrCheckpoint)
	c, err := w.Advance(second, proof)
	require.NoError(t, err)
	require.EqualValues(t, 40, c.Size)
	_, err = w.Advance(second, nil)
	require.NoError(t, err, "the same again")
	_, err = w.Advance(first, nil)
	contradiction(t, err, KindRollback)
	_, err = w.Advance(grow(t, other, 1, 9), nil)
	contradiction(t, err, KindFork)
	require.Equal(t, second, w.Last, "nothing of this was accepted")
	stranger, err := Open(t.TempDir(), origin, logKey(t, 2))
	require.NoError(t, err)
	defer stranger.Close()
	_, err = w.Advance(grow(t, stranger, 0, 9), nil)
	require.ErrorIs(t, err, ErrCheckpoint, "somebody else's signature accuses nobody")
	require.NotErrorIs(t, err, ErrFork)
	_, err = l.ProveConsistency(41)
	require.ErrorIs(t, err, ErrFork)
}

func TestOriginNamesTheProvider(t *testing.T) {
	require.Equal(t, "animica.org/audit/"+digest.Sum(nil).String(), Origin(digest.Sum(nil)))
	c := Checkpoint{Origin: origin, Size: 3, Root: tlog.Hash{1}}
	require.Equal(t, digest.Sum(c.Body()), c.Hash())
}

// TestHandOver: the log opens with the old key until it is replaced and with the
// new one from then on, and one history goes on.
func TestHandOver(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir)
	require.NoError(t, l.HandOver(ctx, logKey(t, 2)), "an empty log needs nothing")
	before := grow(t, l, 0, 2)
	_, err := l.Append(ctx, run(2)...)
	require.NoError(t, err)
	_, err = Open(dir, origin, logKey(t, 2))
	require.ErrorIs(t, err, ErrLog)
	require.NoError(t, l.HandOver(ctx, logKey(t, 2)))
	require.NoError(t, l.HandOver(ctx, logKey(t, 2)))
	_, err = l.Verify()
	require.NoError(t, err, "the old key still")
	next, err := Open(dir, origin, logKey(t, 2))
	require.NoError(t, err)
	defer next.Close()
	grow(t, next, 3, 4)
	_, err = next.Verify()
	require.NoError(t, err)
	_, err = l.Verify()
	require.ErrorIs(t, err, ErrLog, "the old key no more")
	old, err := OpenCheckpoint(before, origin, logKey(t, 1).Public())
	require.NoError(t, err)
	require.EqualValues(t, 10, old.Size)
	require.ErrorIs(t, l.HandOver(ctx, mustKey(t, keys.Operational)), keys.ErrRole)
}
