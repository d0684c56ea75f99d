package digest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextFormIsUnique(t *testing.T) {
	d := Sum(nil)
	require.Equal(t, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a", d.String()) // FIPS 202, empty message
	got, err := Parse(d.String())
	require.NoError(t, err)
	require.Equal(t, d, got)
	for _, bad := range []string{"", d.String()[1:], d.String() + "0", strings.ToUpper(d.String()), "0x" + d.String()[2:], " " + d.String()[1:]} {
		_, err := Parse(bad)
		require.ErrorIs(t, err, ErrSyntax, bad)
	}
	require.Equal(t, Sum([]byte("ab")), SumParts([]byte("a"), []byte("b")))
	require.True(t, Digest{}.IsZero())
	require.False(t, d.IsZero())
}

func FuzzParse(f *testing.F) {
	f.Add(Sum(nil).String())
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err == nil && d.String() != s {
			t.Fatalf("%q parses but prints as %q", s, d)
		}
	})
}
