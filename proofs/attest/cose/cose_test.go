package cose

import (
	"bytes"
	"crypto/elliptic"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

func TestDecode(t *testing.T) {
	v, err := Decode(unhex(t, "a4 01 20 61 61 82 f6 f5 39 ac cb 41 07 62 6262 bf 01 9f 02 03 ff ff"))
	require.NoError(t, err)
	require.Equal(t, uint64(0), v.GetInt(1).Num)
	require.Equal(t, Negative, v.GetInt(1).Kind)
	require.True(t, v.Get("a").Items[0].Null())
	require.Equal(t, []byte{7}, v.GetInt(-44236).Bytes)
	require.Len(t, v.Get("bb").GetInt(1).Items, 2)
	require.Nil(t, v.GetInt(2))
	require.True(t, v.Get("b").Null())
}

// TestRefusals is a list of other encodings and of each limit.
func TestRefusals(t *testing.T) {
	for name, s := range map[string]string{
		"empty":               "",
		"behind the value":    "00 00",
		"long head":           "18 17",
		"long head of 2":      "19 00ff",
		"long head of 4":      "1a 0000ffff",
		"long head of 8":      "1b 00000000ffffffff",
		"reserved head":       "1c",
		"indefinite string":   "5f 4101 ff",
		"break":               "ff",
		"map cut by a break":  "bf 01 ff",
		"open array":          "9f 01",
		"float":               "f9 3c00",
		"simple":              "e0",
		"simple in two bytes": "f8 20",
		"cut head":            "19 01",
		"cut string":          "42 01",
		"huge string":         "5b ffffffffffffffff",
		"huge array":          "9b fffffffffffffffe",
		"huge map":            "bb 8000000000000001",
		"text not UTF-8":      "61 ff",
		"repeated key":        "a2 01 02 01 03",
		"repeated in open":    "bf 01 02 01 03 ff",
		"tag without value":   "d2",
		"deep":                strings.Repeat("81", MaxDepth+1) + "00",
		"deep tags":           strings.Repeat("d2", MaxDepth+1) + "00",
		"many":                "99 1000" + strings.Repeat("00", MaxValues),
	} {
		_, err := Decode(unhex(t, s))
		require.ErrorIs(t, err, ErrCBOR, name)
	}
	_, err := Decode(make([]byte, MaxBytes+1))
	require.ErrorIs(t, err, ErrCBOR)
	_, err = Decode(unhex(t, strings.Repeat("81", MaxDepth)+"00"))
	require.NoError(t, err)
	_, err = Decode(unhex(t, "99 0fff"+strings.Repeat("00", MaxValues-1)))
	require.NoError(t, err)
}

// TestSign1 makes and verifies a message; the suite's encoder shares no code
// with this package.
func TestSign1(t *testing.T) {
	key := attesttest.Key(elliptic.P384(), "cose")
	for _, n := range []int{0, 23, 24, 255, 256, 65000} {
		raw := attesttest.Sign1(key, bytes.Repeat([]byte{0x55}, n))
		if len(raw) > MaxBytes {
			continue
		}
		s, err := ParseSign1(raw)
		require.NoError(t, err)
		require.Len(t, s.Payload, n)
		require.NoError(t, s.Verify(&key.PublicKey), n)
		require.Error(t, s.Verify(&attesttest.Key(elliptic.P384(), "other").PublicKey))
		require.Error(t, s.Verify(&attesttest.Key(elliptic.P256(), "cose").PublicKey), "algorithm of another curve")
		s.Payload = append(bytes.Clone(s.Payload), 0)
		require.Error(t, s.Verify(&key.PublicKey))
	}
	for name, h := range map[string]string{
		"three elements":      "83 44a1013822 a0 40",
		"protected not bytes": "84 a1013822 a0 40 40",
		"unprotected header":  "84 44a1013822 a10101 40 40",
		"detached":            "84 44a1013822 a0 f6 40",
		"no algorithm":        "84 41a0 a0 40 40",
		"two headers":         "84 46a20138220301 a0 40 40",
		"text algorithm":      "84 45a1016161 a0 40 40",
		"critical":            "84 47a20138220281 01 a0 40 40",
		"header behind":       "84 45a101382200 a0 40 40",
	} {
		_, err := ParseSign1(unhex(t, h))
		require.ErrorIs(t, err, ErrCBOR, name)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, "a2 01 20 61 61 82 f6 f5"))
	f.Add(unhex(f, "bf 01 9f 02 03 ff ff"))
	f.Add(attesttest.Sign1(attesttest.Key(elliptic.P384(), "cose"), []byte("payload")))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := Decode(b)
		if s, err2 := ParseSign1(b); err2 == nil && (err != nil || len(s.Payload)+len(s.Signature) > len(b)) {
			t.Fatal("a message that is no value, or larger than its bytes")
		}
	})
}
