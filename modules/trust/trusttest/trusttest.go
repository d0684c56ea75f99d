// Package trusttest makes governance documents with fixed keys, good and bad, for
// tests. It promises that the same calls give the same bytes, and that the keys
// are worth nothing: they are in the source. It is imported by tests only.
package trusttest

import (
	"context"
	"crypto/sha256"
	"testing"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ChainID is the network of all documents.
const ChainID = 9

// Member is governance key number n.
func Member(t testing.TB, n byte) *keys.Ed25519Key {
	t.Helper()
	k, err := keys.NewEd25519(keys.Governance, [32]byte{n, 7})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Sign frames a document and lets members sign it.
func Sign(t testing.TB, v transcript.Framed, members ...byte) *trust.Signed {
	t.Helper()
	d, err := trust.NewSigned(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range members {
		if err := d.Sign(context.Background(), Member(t, n)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Root is a root of members of which k must sign; it expires at height 10000.
func Root(t testing.TB, version uint64, previous digest.Digest, first, k uint64, members ...byte) trust.Root {
	t.Helper()
	r := trust.Root{ChainID: ChainID, Version: version, Previous: previous, FirstEpoch: first, Expiry: 10_000, Threshold: k}
	for _, n := range members {
		r.Keys = append(r.Keys, Member(t, n).Public())
	}
	r.Sort()
	return r
}

// Record is an active record of the bytes, for heights 100 to 5000.
func Record(kind, name, version string, wasm, vectors []byte) trust.Record {
	return trust.Record{Kind: kind, Name: name, Version: version, SHA3: digest.Sum(wasm), SHA256: sha256.Sum256(wasm), Size: uint64(len(wasm)),
		Profile: "L1", ABI: "qx1", Vectors: digest.Sum(vectors), Status: trust.Active, Activation: 100, Expiry: 5000}
}

// First is the set of epoch 1 under a root, in force from height 100 to 1000.
func First(root *trust.Signed, records ...trust.Record) trust.Set {
	s := trust.Set{ChainID: ChainID, Epoch: 1, Root: root.Digest(), Activation: 100, Expiry: 1000, Records: records}
	s.Sort()
	return s
}

// Next is the set after s, as signed in d, in force from height 200 to 2000.
func Next(s trust.Set, d *trust.Signed, edit func(*trust.Set)) trust.Set {
	s.Epoch, s.Previous, s.Activation, s.Expiry = s.Epoch+1, d.Digest(), 200, 2000
	s.Records = append([]trust.Record{}, s.Records...)
	edit(&s)
	return s
}
