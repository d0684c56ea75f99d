package keys

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const qpuEvidence = `{"vendor":"AcmeQPU","device_id":"AQ-7x","firmware":"1.9.3","device_pubkey":"ed25519:00","vendor_signature":"11","chain":["a","b"]}`

func testBundle(t *testing.T) ([]byte, *Bundle) {
	t.Helper()
	root, op := testKey(t, Root, 1), testKey(t, Operational, 2)
	id, err := NewIdentity(ctx, root, "ops@provider.example", []string{"quantum"}, 1735689600)
	require.NoError(t, err)
	st, err := NewKeyStatement(ctx, root, Operational, op.Alg(), op.Public(), 1, 1735689600)
	require.NoError(t, err)
	b := &Bundle{Identity: id, Evidence: []Evidence{{"qpu", []byte(qpuEvidence)}}, Algorithms: []string{"trap_h", "qft_small"},
		Regions: []string{"us-east-1"}, Keys: []*KeyStatement{st}}
	require.NoError(t, b.Sign(ctx, root, 1735689601))
	raw, err := json.Marshal(b)
	require.NoError(t, err)
	return raw, b
}

func TestBundleRoundTrip(t *testing.T) {
	raw, b := testBundle(t)
	got, err := ParseBundle(raw)
	require.NoError(t, err)
	require.Equal(t, b, got)

	// JSON is transport: spaces and member order do not matter.
	var loose map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&loose))
	spaced, err := json.MarshalIndent(loose, " ", "\t")
	require.NoError(t, err)
	_, err = ParseBundle(spaced)
	require.NoError(t, err)

	id, err := json.Marshal(b.Identity)
	require.NoError(t, err)
	gotID, err := ParseIdentity(id)
	require.NoError(t, err)
	require.Equal(t, b.Identity, gotID)
}

// mutate calls f with every document that differs from raw in one leaf: a digit
// or letter of a string, a number, or an element or member removed.
func mutate(t *testing.T, raw []byte, f func(path string, doc []byte)) {
	t.Helper()
	var root any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&root))
	emit := func(path string) {
		b, err := json.Marshal(root)
		require.NoError(t, err)
		f(path, b)
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(path+"/"+k, e, func(x any) { v[k] = x })
				delete(v, k)
				emit(path + "/-" + k)
				v[k] = e
				v[k+"x"] = e
				emit(path + "/+" + k)
				delete(v, k+"x")
			}
		case []any:
			for i, e := range v {
				walk(path+"/i", e, func(x any) { v[i] = x })
			}
			set(append(append([]any{}, v...), "extra"))
			emit(path + "/extra")
			set(v[1:])
			emit(path + "/shorter")
			set(v)
		case json.Number:
			set(json.Number(v.String() + "0"))
			emit(path)
			set(v)
		case string:
			for i := range v {
				c := v[i] ^ 1
				set(v[:i] + string(rune(c)) + v[i+1:])
				emit(path)
			}
			set(v)
		}
	}
	walk("", root, func(any) {})
}

func TestEveryByteOfABundleIsCovered(t *testing.T) {
	raw, _ := testBundle(t)
	n := 0
	mutate(t, raw, func(path string, doc []byte) {
		_, err := ParseBundle(doc)
		require.Error(t, err, "%s: %s", path, doc)
		n++
	})
	require.Greater(t, n, 800)
	t.Logf("%d changed bundles refused", n)
}

func TestBundleRefusals(t *testing.T) {
	raw, _ := testBundle(t)
	for name, doc := range map[string]string{
		"repeated member":  strings.Replace(string(raw), `"timestamp":`, `"timestamp":1,"timestamp":`, 1),
		"trailing":         string(raw) + "{}",
		"evidence text":    strings.Replace(string(raw), qpuEvidence, `"x"`, 1),
		"evidence float":   strings.Replace(string(raw), `"AQ-7x"`, `1.5`, 1),
		"evidence null":    strings.Replace(string(raw), `"AQ-7x"`, `null`, 1),
		"evidence kind":    strings.Replace(string(raw), `"qpu":`, `"gpu":`, 1),
		"key as string":    strings.Replace(string(raw), `"us-east-1"`, `"us-east-1","us-east-1"`, 1),
		"case variant":     strings.Replace(string(raw), `"regions"`, `"Regions"`, 1),
		"negative time":    strings.Replace(string(raw), `"timestamp":1735689601`, `"timestamp":-1`, 1),
		"too many regions": strings.Replace(string(raw), `"us-east-1"`, `"a`+strings.Repeat(`","a`, 70)+`"`, 1),
	} {
		require.NotEqual(t, string(raw), doc, name)
		_, err := ParseBundle([]byte(doc))
		require.Error(t, err, name)
	}
	root := testKey(t, Root, 1)
	_, err := NewIdentity(ctx, root, "e\u0301@x", nil, 1)
	require.Error(t, err, "email not in NFC")
	_, err = NewIdentity(ctx, testKey(t, Operational, 1), "a@b", nil, 1)
	require.ErrorIs(t, err, ErrRole)
	_, err = NewKeyStatement(ctx, root, Operational, Ed25519, root.Public(), 1, 1)
	require.ErrorIs(t, err, ErrRole, "the root key in another role")
}

func TestMixedRoleKeysAreRefused(t *testing.T) {
	_, b := testBundle(t)
	root := testKey(t, Root, 1)
	again, err := NewKeyStatement(ctx, root, Log, Ed25519, b.Keys[0].Public, 2, 5)
	require.NoError(t, err)
	b.Keys = append(b.Keys, again)
	require.ErrorIs(t, b.Sign(ctx, root, 7), ErrRole)

	other := testKey(t, Root, 77)
	foreign, err := NewKeyStatement(ctx, other, Log, Ed25519, testKey(t, Log, 5).Public(), 2, 5)
	require.NoError(t, err)
	b.Keys[1] = foreign
	require.ErrorIs(t, b.Sign(ctx, root, 7), ErrKey)
}

func FuzzParseBundle(f *testing.F) {
	root, err := NewEd25519(Root, [SeedSize]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	id, err := NewIdentity(ctx, root, "a@b", []string{"quantum"}, 1)
	if err != nil {
		f.Fatal(err)
	}
	b := &Bundle{Identity: id, Evidence: []Evidence{{"tee", []byte(`{"a":[1,-2,true,"x"]}`)}}}
	if err := b.Sign(ctx, root, 2); err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseBundle(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseBundle(again); err != nil {
			t.Fatalf("accepted once, refused after writing: %v", err)
		}
	})
}

func FuzzParseIdentity(f *testing.F) {
	root := mustKey(f, Root, 1)
	id, err := NewIdentity(ctx, root, "a@b", []string{"quantum"}, 1)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseIdentity(raw)
		if err != nil {
			return
		}
		if got.ProviderID == id.ProviderID && (got.Email != id.Email || got.Timestamp != id.Timestamp) {
			t.Fatal("a forged identity")
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseIdentity(again); err != nil {
			t.Fatalf("accepted once, refused after writing: %v", err)
		}
	})
}

func FuzzParseKeyStatement(f *testing.F) {
	root := mustKey(f, Root, 1)
	s, err := NewKeyStatement(ctx, root, Operational, Ed25519, mustKey(f, Operational, 2).Public(), 1, 5)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseKeyStatement(raw)
		if err != nil {
			return
		}
		if got.ProviderID == s.ProviderID && (got.KeyID() != s.KeyID() || got.Role != s.Role || got.ValidFrom != s.ValidFrom) {
			t.Fatal("a forged statement")
		}
	})
}

func FuzzParsePublic(f *testing.F) {
	f.Add(PublicText(Ed25519, mustKey(f, Root, 1).Public()))
	f.Add("mldsa65-ed25519-draft19:00")
	f.Add("ed25519:0100000000000000000000000000000000000000000000000000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		alg, public, err := ParsePublic(s)
		if err != nil {
			return
		}
		if PublicText(alg, public) != s || CheckPublic(alg, public) != nil {
			t.Fatalf("%q is read as %s", s, PublicText(alg, public))
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(`{"alg":"ed25519","seed":"0101010101010101010101010101010101010101010101010101010101010101","role":"operational","level":"dev"}`))
	f.Add([]byte(`{"alg":"ed25519","public":"00","url":"unix:/x","role":"operational","level":"remote"}`))
	s := &Store{}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, level, err := s.parseKeyFile(Operational, LevelDev, b)
		if err == nil && (k.Role() != Operational || level != LevelDev || CheckPublic(k.Alg(), k.Public()) != nil) {
			t.Fatalf("a key of role %s at level %s", k.Role(), level)
		}
	})
}
