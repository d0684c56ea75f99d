package reissue_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest/reissue"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func held(t testing.TB) *keys.Held {
	root, err := keys.NewEd25519(keys.Root, [32]byte{1})
	require.NoError(t, err)
	op, err := keys.NewEd25519(keys.Operational, [32]byte{2})
	require.NoError(t, err)
	st, err := keys.NewKeyStatement(context.Background(), root, keys.Operational, op.Alg(), op.Public(), 1, uint64(now.AddDate(0, -1, 0).Unix()))
	require.NoError(t, err)
	return &keys.Held{ProviderID: root.KeyID(), Operational: op, Statement: st}
}

func window() *reissue.Window {
	return &reissue.Window{Seq: 3, Subject: "qpu", Old: digest.Sum([]byte("old")), Opens: now.AddDate(0, 0, 7), Closes: now.AddDate(0, 0, 9), Reason: "certificate of AQ-7x ends"}
}

func signed(t testing.TB, w *reissue.Window) []byte {
	require.NoError(t, w.Sign(context.Background(), held(t), uint64(now.Unix())))
	b, err := json.Marshal(w)
	require.NoError(t, err)
	return b
}

func TestWindow(t *testing.T) {
	w := window()
	again, err := reissue.Parse(signed(t, w))
	require.NoError(t, err)
	require.Equal(t, w, again)
	for at, want := range map[time.Time]reissue.Phase{w.Opens.Add(-time.Second): reissue.Before, w.Opens: reissue.Open, w.Closes: reissue.Open, w.Closes.Add(time.Second): reissue.After} {
		require.Equal(t, want, w.At(at), at)
	}
	none := window()
	none.Old = digest.Digest{}
	again, err = reissue.Parse(signed(t, none))
	require.NoError(t, err)
	require.True(t, again.Old.IsZero())
}

func TestRefusals(t *testing.T) {
	for name, edit := range map[string]func(*reissue.Window){
		"closes before it opens": func(w *reissue.Window) { w.Closes = w.Opens.Add(-time.Second) },
		"longer than 30 days":    func(w *reissue.Window) { w.Closes = w.Opens.AddDate(0, 0, 30).Add(time.Second) },
		"announced too late":     func(w *reissue.Window) { w.Opens, w.Closes = now.Add(-time.Second), now },
	} {
		w := window()
		edit(w)
		require.Error(t, w.Sign(context.Background(), held(t), uint64(now.Unix())), name)
	}
	ok := window()
	ok.Opens, ok.Closes = now, now.AddDate(0, 0, 30)
	require.NoError(t, ok.Sign(context.Background(), held(t), uint64(now.Unix())), "the edges are inside")
	good := string(signed(t, window()))
	for name, e := range map[string][2]string{
		"seq": {`"seq":3`, `"seq":4`}, "seq 0": {`"seq":3`, `"seq":0`}, "subject": {`"subject":"qpu"`, `"subject":"tee"`}, "unknown subject": {`"subject":"qpu"`, `"subject":"log"`},
		"reason": {"AQ-7x", "AQ-8x"}, "opens": {"2026-03-08T12:00:00Z", "2026-03-08T12:00:01Z"}, "spelling": {"2026-03-08T12:00:00Z", "2026-03-08T13:00:00+01:00"},
		"old": {`"old":"`, `"old":"00`}, "member": {`"seq":3`, `"seq":3,"x":1`}, "signed at": {`"signed_at_unix":1772366400,"sig"`, `"signed_at_unix":1772366401,"sig"`},
	} {
		bad := strings.Replace(good, e[0], e[1], 1)
		require.NotEqual(t, good, bad, name)
		_, err := reissue.Parse([]byte(bad))
		require.Error(t, err, name)
	}
	_, err := reissue.Parse(make([]byte, 1<<17))
	require.Error(t, err)
}

func FuzzParse(f *testing.F) {
	f.Add(signed(f, window()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := reissue.Parse(b); err == nil && w.Verify() != nil {
			t.Fatal("parsed, and does not verify")
		}
	})
}
