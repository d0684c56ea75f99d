package statement

import (
	"bytes"
	"crypto/sha3"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
)

// held makes the keys of one identity.
func held(t testing.TB, name string) *keys.Held {
	store, err := keys.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	x := sha3.NewSHAKE128()
	_, err = io.WriteString(x, name)
	require.NoError(t, err)
	h, _, err := store.Ensure(x, 1)
	require.NoError(t, err)
	return h
}

func signed(t testing.TB, typeID string, frame []byte, authority bool) []byte {
	b, err := Sign(t.Context(), typeID, frame, map[string]int{"for": 1}, held(t, "author"), authority, 7)
	require.NoError(t, err)
	return b
}

func TestOpen(t *testing.T) {
	b := signed(t, TypeAudit, []byte("frame"), true)
	s, err := Open(b, TypeAudit)
	require.NoError(t, err)
	require.Equal(t, "frame", string(s.Frame))
	require.Equal(t, held(t, "author").ProviderID, s.Authority.ProviderID)
	require.Equal(t, TypeAudit, TypeOf(b))
	require.Empty(t, TypeOf([]byte(`{"type_id":"quantum_v1"}`)))
	require.Empty(t, TypeOf([]byte(`[]`)))
	for _, other := range []string{TypeFraud, TypeBatch, TypeRaw, TypeVerdict} {
		_, err = Open(b, other)
		require.ErrorIs(t, err, ErrStatement, other)
		_, err = Open(bytes.ReplaceAll(b, []byte(TypeAudit), []byte(other)), other)
		require.ErrorIs(t, err, ErrStatement, "the purpose is signed: %s", other)
	}
	_, err = Open(make([]byte, MaxBytes+1), TypeAudit)
	require.ErrorIs(t, err, ErrStatement)
	_, err = Sign(t.Context(), "quantum_v1", nil, nil, held(t, "author"), false, 1)
	require.ErrorIs(t, err, ErrStatement)
	_, err = Open(signed(t, TypeAudit, nil, false), TypeAudit)
	require.ErrorIs(t, err, ErrStatement, "empty frame")
}

// TestOpenRefusesEveryChange changes each member of a document but the body, which
// decides nothing, in each way that keeps it JSON.
func TestOpenRefusesEveryChange(t *testing.T) {
	b := signed(t, TypeRaw, []byte("some frame"), true)
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	require.NoError(t, d.Decode(&doc))
	changes := 0
	var walk func(path string, m map[string]any)
	walk = func(path string, m map[string]any) {
		for k, v := range m {
			try := func(x any) {
				m[k] = x
				changed, err := json.Marshal(doc)
				require.NoError(t, err)
				_, err = Open(changed, TypeRaw)
				require.Error(t, err, "%s/%s = %v", path, k, x)
				changes++
			}
			if path+"/"+k == "/body" {
				continue
			}
			switch v := v.(type) {
			case map[string]any:
				walk(path+"/"+k, v)
			case string:
				for i := 0; i < len(v); i += 7 {
					try(v[:i] + string(rune(v[i]^1)) + v[i+1:])
				}
				try(1)
			case json.Number:
				try(json.Number(v.String() + "1"))
				try(v.String())
			}
			m[k] = v
			if path+"/"+k != "/key_statement" {
				delete(m, k)
				changed, err := json.Marshal(doc)
				require.NoError(t, err)
				_, err = Open(changed, TypeRaw)
				require.Error(t, err, "%s without %s", path, k)
				m[k] = v
			}
		}
	}
	walk("", doc)
	require.Greater(t, changes, 80)
	doc["more"] = 1
	changed, err := json.Marshal(doc)
	require.NoError(t, err)
	_, err = Open(changed, TypeRaw)
	require.ErrorIs(t, err, ErrStatement)
}

// TestAuthorityOfAnother: the root's word for another key does not pass.
func TestAuthorityOfAnother(t *testing.T) {
	a, b := held(t, "author"), held(t, "other")
	mixed := *a
	mixed.Statement = b.Statement
	doc, err := Sign(t.Context(), TypeRaw, []byte("frame"), nil, &mixed, true, 7)
	require.NoError(t, err)
	_, err = Open(doc, TypeRaw)
	require.ErrorIs(t, err, ErrStatement)
}

func FuzzOpen(f *testing.F) {
	f.Add(signed(f, TypeVerdict, []byte("frame"), false))
	f.Add([]byte(`{"type_id":"quantum_audit_v1","frame":"00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		TypeOf(b)
		for typeID := range purposes {
			if s, err := Open(b, typeID); err == nil {
				require.NotEmpty(t, s.Frame)
			}
		}
	})
}
