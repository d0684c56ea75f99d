package oci_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

// world is one root of one key and two epochs with one module each.
type world struct {
	root, one, two *trust.Signed
	wasm           [2][]byte
	vectors        []byte
}

func signed(t testing.TB, v transcript.Framed) *trust.Signed {
	t.Helper()
	k, err := keys.NewEd25519(keys.Governance, [32]byte{1})
	require.NoError(t, err)
	d, err := trust.NewSigned(v)
	require.NoError(t, err)
	require.NoError(t, d.Sign(t.Context(), k))
	return d
}

func newWorld(t testing.TB) *world {
	t.Helper()
	k, err := keys.NewEd25519(keys.Governance, [32]byte{1})
	require.NoError(t, err)
	w := &world{wasm: [2][]byte{[]byte("first"), []byte("second")}}
	w.vectors, err = transcript.Encode(trust.Vectors{{Export: "qx_describe", Class: abi.OK, Output: map[int]digest.Digest{16: {1}}}})
	require.NoError(t, err)
	w.root = signed(t, trust.Root{ChainID: 1, Version: 1, FirstEpoch: 1, Expiry: 1000, Threshold: 1, Keys: [][]byte{k.Public()}})
	set := trust.Set{ChainID: 1, Epoch: 1, Root: w.root.Digest(), Activation: 10, Expiry: 100}
	for i, b := range w.wasm {
		set.Records = []trust.Record{{Kind: "traps", Name: "a", Version: string('1' + rune(i)), SHA3: digest.Sum(b), SHA256: sha256.Sum256(b), Size: uint64(len(b)), Profile: "L1", ABI: "qx1",
			Vectors: digest.Sum(w.vectors), Status: trust.Active, Activation: 10, Expiry: 1000}}
		if i == 0 {
			w.one = signed(t, set)
			set.Epoch, set.Previous, set.Activation, set.Expiry = 2, w.one.Digest(), 50, 200
		}
	}
	w.two = signed(t, set)
	return w
}

func (w *world) mark() trust.Mark { return trust.Mark{Pin: w.root.Digest()} }

func (w *world) publication(t testing.TB, docs ...*trust.Signed) *store.Publication {
	t.Helper()
	p := &store.Publication{Modules: w.wasm[:], Vectors: [][]byte{w.vectors}}
	for _, d := range docs {
		b, err := json.Marshal(d)
		require.NoError(t, err)
		p.Documents = append(p.Documents, b)
	}
	return p
}

func open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	require.NoError(t, err)
	return s
}
