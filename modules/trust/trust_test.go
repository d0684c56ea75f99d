package trust_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

// member is governance key number n of the tests.
func member(t testing.TB, n byte) *keys.Ed25519Key {
	t.Helper()
	k, err := keys.NewEd25519(keys.Governance, [32]byte{n, 7})
	require.NoError(t, err)
	return k
}

func signed(t testing.TB, v transcript.Framed, members ...byte) *trust.Signed {
	t.Helper()
	d, err := trust.NewSigned(v)
	require.NoError(t, err)
	for _, n := range members {
		require.NoError(t, d.Sign(context.Background(), member(t, n)))
	}
	return d
}

func root(t testing.TB, version uint64, previous digest.Digest, first, k uint64, members ...byte) trust.Root {
	t.Helper()
	r := trust.Root{ChainID: 9, Version: version, Previous: previous, FirstEpoch: first, Expiry: 10_000, Threshold: k}
	for _, n := range members {
		r.Keys = append(r.Keys, member(t, n).Public())
	}
	r.Sort()
	return r
}

var (
	wasmA, wasmB = []byte("module a"), []byte("module b")
	sumA, sumB   = digest.Sum(wasmA), digest.Sum(wasmB)
)

func vectors(t testing.TB) []byte {
	t.Helper()
	b, err := transcript.Encode(trust.Vectors{
		{Export: "qx_describe", Class: abi.OK, Output: map[int]digest.Digest{16: digest.Sum([]byte("qx_describe"))}},
		{Export: "qx_generate", Args: []uint64{3, 4}, Inputs: map[int][]byte{0: {1}, 15: {}}, Class: abi.DomainError, Code: 7},
	})
	require.NoError(t, err)
	return b
}

func record(t testing.TB, name string, wasm []byte, s trust.Status) trust.Record {
	t.Helper()
	return trust.Record{Kind: "traps", Name: name, Version: "1.0.0", SHA3: digest.Sum(wasm), SHA256: sha256.Sum256(wasm), Size: uint64(len(wasm)),
		Profile: "L1", ABI: "qx1", Vectors: digest.Sum(vectors(t)), Source: "https://example.org/x", Commit: "abc", Toolchain: "clang-16",
		Builders: []digest.Digest{{1}, {2}}, Status: s, Activation: 100, Expiry: 5000}
}

// world is a chain of three epochs with a rotation before the third.
type world struct {
	pin            digest.Digest
	root1, root2   *trust.Signed
	set1, s2, set3 *trust.Signed
	r1, r2         trust.Root
	e1, e2, e3     trust.Set
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	w.r1 = root(t, 1, digest.Digest{}, 1, 2, 1, 2, 3)
	w.root1 = signed(t, w.r1, 1, 2)
	w.pin = w.root1.Digest()
	w.r2 = root(t, 2, w.pin, 3, 2, 3, 4, 5)
	w.root2 = signed(t, w.r2, 1, 3, 4)
	w.e1 = trust.Set{ChainID: 9, Epoch: 1, Root: w.pin, Activation: 100, Expiry: 1000, Records: []trust.Record{record(t, "a", wasmA, trust.Active), record(t, "b", wasmB, trust.Active)}}
	w.set1 = signed(t, w.e1, 1, 2)
	w.e2 = trust.Set{ChainID: 9, Epoch: 2, Previous: w.set1.Digest(), Root: w.pin, Activation: 200, Expiry: 2000, Records: []trust.Record{record(t, "a", wasmA, trust.Active), record(t, "b", wasmB, trust.Revoked)}}
	w.s2 = signed(t, w.e2, 2, 3)
	w.e3 = trust.Set{ChainID: 9, Epoch: 3, Previous: w.s2.Digest(), Root: w.root2.Digest(), Activation: 300, Expiry: 3000, Records: []trust.Record{record(t, "a", wasmA, trust.RevokedHard)}}
	w.set3 = signed(t, w.e3, 4, 5)
	return w
}

func (w *world) chain(t testing.TB, docs ...*trust.Signed) *trust.Chain {
	t.Helper()
	c, err := trust.NewChain(w.pin, w.root1)
	require.NoError(t, err)
	require.NoError(t, c.Offer(docs))
	return c
}

// TestOrder: nodes that fetch the same documents in any order hold the same.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	docs := []*trust.Signed{w.root1, w.root2, w.set1, w.s2, w.set3}
	want := w.chain(t, docs...).Mark()
	require.Equal(t, trust.Mark{Pin: w.pin, Epoch: 3, Head: w.set3.Digest()}, want)
	n := 0
	permute(docs, func(p []*trust.Signed) {
		n++
		require.Equal(t, want, w.chain(t, p...).Mark())
	})
	require.Equal(t, 120, n)
	// Other signatures of the same frames change no digest.
	w.set1 = signed(t, w.e1, 2, 3)
	require.Equal(t, want, w.chain(t, w.set1, w.s2, w.root2, w.set3).Mark())
	// In two batches too.
	c := w.chain(t, w.set1)
	require.NoError(t, c.Offer([]*trust.Signed{w.set3, w.root2, w.s2, w.set1}))
	require.Equal(t, want, c.Mark())
}

func permute(list []*trust.Signed, f func([]*trust.Signed)) {
	if len(list) < 2 {
		f(list)
		return
	}
	for i := range list {
		rest := slices.Concat(list[:i], list[i+1:])
		permute(rest, func(p []*trust.Signed) { f(append([]*trust.Signed{list[i]}, p...)) })
	}
}

// edited returns set 2 with changes, signed by members.
func (w *world) edited(t testing.TB, edit func(*trust.Set), members ...byte) *trust.Signed {
	t.Helper()
	s := w.e2
	s.Records = slices.Clone(s.Records)
	edit(&s)
	return signed(t, s, members...)
}

// TestAttacks: each is refused by its own error and changes nothing.
func TestAttacks(t *testing.T) {
	w := newWorld(t)
	none := func(*trust.Set) {}
	twice := signed(t, w.e2, 2)
	twice.Signatures = append(twice.Signatures, twice.Signatures[0])
	otherDomain := signed(t, w.e2, 2)
	otherDomain.Signatures = append(otherDomain.Signatures, trust.Signature{Domain: trust.DomainRoot, Public: member(t, 3).Public(), Sig: make([]byte, 64)})
	forged := signed(t, w.e2, 2, 3)
	forged.Signatures[0].Sig[0] ^= 1
	borrowed := signed(t, w.e2, 2)
	borrowed.Signatures = append(borrowed.Signatures, w.set1.Signatures[0])
	flipped := signed(t, w.e2, 2, 3)
	flipped.Frame = slices.Clone(flipped.Frame)
	flipped.Frame[len(flipped.Frame)-1] ^= 1
	lowRoot := root(t, 2, w.pin, 1, 2, 3, 4, 5)
	foreign := root(t, 2, w.pin, 3, 2, 3, 4, 5)
	foreign.ChainID = 8
	rewritten := w.e1
	rewritten.Expiry++
	for name, x := range map[string]struct {
		d    *trust.Signed
		want error
	}{
		"k-1 signatures":          {w.edited(t, none, 2), trust.ErrThreshold},
		"no signature":            {w.edited(t, none), trust.ErrThreshold},
		"same key twice":          {twice, trust.ErrDuplicateKey},
		"unknown key":             {w.edited(t, none, 1, 2, 9), trust.ErrUnknownKey},
		"key of the next root":    {w.edited(t, none, 2, 4), trust.ErrUnknownKey},
		"signed as a root":        {otherDomain, trust.ErrDomain},
		"forged":                  {forged, trust.ErrSignature},
		"signature of another":    {borrowed, trust.ErrSignature},
		"byte changed":            {flipped, trust.ErrSignature},
		"forked":                  {w.edited(t, func(s *trust.Set) { s.Previous = digest.Digest{5} }, 1, 2), trust.ErrFork},
		"another epoch 1":         {signed(t, rewritten, 1, 2), trust.ErrFork},
		"another chain":           {w.edited(t, func(s *trust.Set) { s.ChainID = 8 }, 1, 2), trust.ErrFork},
		"earlier activation":      {w.edited(t, func(s *trust.Set) { s.Activation = 99 }, 1, 2), trust.ErrFork},
		"after the root":          {w.edited(t, func(s *trust.Set) { s.Activation, s.Expiry = 10_000, 10_001 }, 1, 2), trust.ErrExpired},
		"epoch skipped":           {w.edited(t, func(s *trust.Set) { s.Epoch = 3 }, 1, 2), trust.ErrGap},
		"rotation by new only":    {signed(t, w.r2, 3, 4, 5), trust.ErrRotation},
		"rotation by old only":    {signed(t, w.r2, 1, 2), trust.ErrThreshold},
		"rotation by a stranger":  {signed(t, w.r2, 1, 3, 4, 9), trust.ErrUnknownKey},
		"root of another chain":   {signed(t, foreign, 1, 3, 4), trust.ErrFork},
		"root of another history": {signed(t, root(t, 2, digest.Digest{3}, 3, 2, 3, 4, 5), 1, 3, 4), trust.ErrFork},
		"root for a past epoch":   {signed(t, lowRoot, 1, 3, 4), trust.ErrFork},
		"root skipped":            {signed(t, root(t, 3, w.pin, 3, 2, 3, 4, 5), 1, 3, 4), trust.ErrGap},
		"another first root":      {signed(t, root(t, 1, digest.Digest{}, 1, 1, 1), 1), trust.ErrFork},
	} {
		c := w.chain(t, w.set1)
		before := c.Mark()
		err := c.Offer([]*trust.Signed{x.d})
		require.ErrorIs(t, err, x.want, name)
		require.Equal(t, before, c.Mark(), name)
		require.NoError(t, c.Offer([]*trust.Signed{w.s2, w.root2, w.set3}), name)
	}
	lower := w.e1
	lower.Records = nil
	require.ErrorIs(t, w.chain(t, w.set1, w.s2).AddSet(signed(t, lower, 1, 2)), trust.ErrRollback)
	revived := w.e3
	revived.Records = []trust.Record{record(t, "b", wasmB, trust.Active)}
	require.ErrorIs(t, w.chain(t, w.set1, w.s2, w.root2).AddSet(signed(t, revived, 4, 5)), trust.ErrRevoked)
	wrongRoot := w.e3
	wrongRoot.Root = w.pin
	require.ErrorIs(t, w.chain(t, w.set1, w.s2, w.root2).Offer([]*trust.Signed{signed(t, wrongRoot, 1, 2)}), trust.ErrFork)
	old := w.e2
	require.ErrorIs(t, w.chain(t, w.set1).AddRoot(signed(t, old, 1, 2)), trust.ErrDomain)
	require.ErrorIs(t, w.chain(t).AddSet(w.root2), trust.ErrDomain)
}

func TestPin(t *testing.T) {
	w := newWorld(t)
	_, err := trust.NewChain(digest.Digest{1}, w.root1)
	require.ErrorIs(t, err, trust.ErrFork)
	_, err = trust.NewChain(w.pin, signed(t, w.r1, 1))
	require.ErrorIs(t, err, trust.ErrThreshold)
	_, err = trust.NewChain(w.root2.Digest(), w.root2)
	require.ErrorIs(t, err, trust.ErrGap)
	_, err = trust.NewChain(w.set1.Digest(), w.set1)
	require.ErrorIs(t, err, trust.ErrDomain)
}

// TestMark: an old or another copy of the store is noticed.
func TestMark(t *testing.T) {
	w := newWorld(t)
	full := w.chain(t, w.set1, w.s2, w.root2, w.set3)
	m := full.Mark()
	require.NoError(t, m.Check(full))
	require.ErrorIs(t, m.Check(w.chain(t, w.set1)), trust.ErrRollback)
	two := w.chain(t, w.set1, w.s2).Mark()
	require.NoError(t, two.Check(full))
	two.Head = digest.Digest{4}
	require.ErrorIs(t, two.Check(full), trust.ErrFork)
	two.Pin = digest.Digest{4}
	require.ErrorIs(t, two.Check(full), trust.ErrFork)
}

func TestHeights(t *testing.T) {
	w := newWorld(t)
	c := w.chain(t, w.set1, w.s2, w.root2)
	for height, want := range map[uint64]uint64{100: 1, 199: 1, 200: 2, 1999: 2} {
		s, err := c.At(height)
		require.NoError(t, err)
		require.Equal(t, want, s.Epoch, height)
	}
	for height, want := range map[uint64]error{0: trust.ErrNotActive, 99: trust.ErrNotActive, 2000: trust.ErrExpired, 1 << 63: trust.ErrExpired} {
		_, err := c.At(height)
		require.ErrorIs(t, err, want, height)
	}
	late := w.e1
	late.Expiry = 20_000
	c = w.chain(t, signed(t, late, 1, 2))
	_, err := c.At(9_999)
	require.NoError(t, err)
	_, err = c.At(10_000)
	require.ErrorIs(t, err, trust.ErrExpired, "the root expired")
}
