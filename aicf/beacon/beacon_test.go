package beacon

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func entries(t testing.TB, values ...byte) (out []Entry) {
	for i, v := range values {
		e := Entry{Provider: digest.Digest{byte(i + 1)}, Value: digest.Digest{v}}
		var err error
		e.Commitment, err = Commitment(7, 3, e.Provider, digest.Digest{max(v, 1)})
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

func TestValueIsFixedByTheReveals(t *testing.T) {
	prev, err := Genesis(7)
	require.NoError(t, err)
	a := entries(t, 5, 6, 0)
	v, err := Value(7, 3, prev, Proof(a))
	require.NoError(t, err)
	swapped, err := Value(7, 3, prev, Proof([]Entry{a[2], a[0], a[1]}))
	require.NoError(t, err)
	require.Equal(t, v, swapped, "order of arrival")
	require.Equal(t, []digest.Digest{{3}}, Withheld(a))

	for name, f := range map[string]func() (digest.Digest, error){
		"other reveal":   func() (digest.Digest, error) { return Value(7, 3, prev, Proof(entries(t, 5, 7, 0))) },
		"other round":    func() (digest.Digest, error) { b, _ := Genesis(8); return Value(7, 3, b, Proof(a)) },
		"one more":       func() (digest.Digest, error) { return Value(7, 3, prev, Proof(entries(t, 5, 6, 0, 0))) },
		"nobody":         func() (digest.Digest, error) { return Value(7, 3, prev, nil) },
		"the local one":  func() (digest.Digest, error) { return Local(7, 3, digest.Digest{1}) },
		"revealed later": func() (digest.Digest, error) { return Value(7, 3, prev, Proof(entries(t, 5, 6, 1))) },
	} {
		got, err := f()
		require.NoError(t, err, name)
		require.NotEqual(t, v, got, name)
	}
}

func TestAForeignRevealIsRefused(t *testing.T) {
	a := entries(t, 5, 6)
	a[1].Value = digest.Digest{9}
	_, err := Value(7, 3, digest.Digest{}, Proof(a))
	require.ErrorContains(t, err, "revealed another value")
	_, err = Value(7, 4, digest.Digest{}, Proof(entries(t, 5)))
	require.ErrorContains(t, err, "revealed another value", "a commitment is for one round")
}

func FuzzParseProof(f *testing.F) {
	f.Add(Proof(entries(f, 5, 6, 0)))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := ParseProof(b); err == nil {
			require.Equal(t, b, append([]byte{}, Proof(list)...))
		}
	})
}
