package catalog

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sample() *Lock {
	h := strings.Repeat("ab", 32)
	return &Lock{Entries: []Entry{
		{Name: "zeta", ID: "v/zeta", Version: "1", Protocol: 1, Path: "/opt/zeta", SHA256: map[string]string{"linux/arm64": h, "linux/amd64": h}, By: "op", At: time.Unix(1_700_000_000, 0).UTC()},
		{Name: "mockqpu", ID: "animica/mockqpu", Version: "1.0.0", Protocol: 1, Builtin: true, SHA256: map[string]string{"linux/amd64": h}},
	}}
}

func TestLockRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x", "plugins.lock")
	l, err := Load(path)
	require.NoError(t, err)
	require.Empty(t, l.Entries)
	require.NoError(t, sample().Save(path))
	l, err = Load(path)
	require.NoError(t, err)
	require.Equal(t, sample().Bytes(), l.Bytes())
	require.Equal(t, "mockqpu", l.Entries[0].Name, "entries are sorted")
}

func TestAdmit(t *testing.T) {
	var sum [32]byte
	b, err := hex.DecodeString(strings.Repeat("ab", 32))
	require.NoError(t, err)
	copy(sum[:], b)
	l := sample()
	e, err := l.Admit("zeta", "linux/amd64", sum)
	require.NoError(t, err)
	require.Equal(t, "v/zeta", e.ID)
	for name, c := range map[string]struct {
		name, platform string
		sum            [32]byte
		want           error
	}{
		"unknown":        {"nobody", "linux/amd64", sum, ErrNotLocked},
		"other platform": {"zeta", "darwin/arm64", sum, ErrMismatch},
		"other bytes":    {"zeta", "linux/amd64", [32]byte{1}, ErrMismatch},
		"not approved":   {"mockqpu", "linux/amd64", sum, ErrNotApproved},
	} {
		_, err := l.Admit(c.name, c.platform, c.sum)
		require.ErrorIs(t, err, c.want, name)
	}
	l.Entries[0].Protocol = 2
	_, err = l.Admit("zeta", "linux/amd64", sum)
	require.ErrorIs(t, err, ErrMismatch)
}

func TestPutKeepsApprovalOnlyOfTheSameFile(t *testing.T) {
	l := sample()
	same := l.Entries[0]
	same.By, same.SHA256 = "", map[string]string{"linux/amd64": strings.Repeat("ab", 32)}
	l.Put(same)
	require.Equal(t, "op", l.Find("zeta").By)
	require.Len(t, l.Find("zeta").SHA256, 2, "hashes of other platforms stay")
	changed := same
	changed.By, changed.SHA256 = "", map[string]string{"linux/amd64": strings.Repeat("cd", 32)}
	l.Put(changed)
	require.Empty(t, l.Find("zeta").By)
}

func TestParseRefuses(t *testing.T) {
	good := string(sample().Bytes())
	for name, edit := range map[string][2]string{
		"format": {Format, "engine-plugins/v2"}, "unknown member": {`"version": "1.0.0"`, `"version": "1.0.0", "x": 1`}, "relative path": {"/opt/zeta", "opt/zeta"},
		"path and builtin": {`"builtin": true`, `"builtin": true, "path": "/x"`}, "short hash": {strings.Repeat("ab", 32), "abab"}, "bad name": {`"zeta"`, `"Zeta"`},
		"twice": {`"name": "zeta"`, `"name": "mockqpu"`}, "bad id": {"v/zeta", "zeta"}, "bad time": {"2023-11-14T22:13:20Z", "yesterday"}, "protocol": {`"protocol": 1`, `"protocol": 0`},
	} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		require.NotEqual(t, good, text, name)
		_, err := Parse([]byte(text))
		require.ErrorIs(t, err, ErrLock, name)
	}
	_, err := Parse([]byte(strings.Repeat(" ", MaxBytes+1)))
	require.ErrorIs(t, err, ErrLock)
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add([]byte(`{"format":"engine-plugins/v1","drivers":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrLock)
			return
		}
		again, err := Parse(l.Bytes())
		require.NoError(t, err)
		require.Equal(t, l.Bytes(), again.Bytes())
	})
}
