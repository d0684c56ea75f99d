// Package beacon makes the random value of a round by commit and reveal, or from
// one secret for a development network, as pure functions.
//
// It promises that a value is fixed by the commitments, the reveals and the
// value before, that whoever reveals nothing is named, and that anybody can
// recompute it from the proof. The last to reveal can still choose between two
// values, at the price of the penalty for withholding; it does not promise more.
package beacon

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Genesis is the value of round 0: H(qprov/v1/beacon-genesis: chain_id).
func Genesis(chainID uint64) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/beacon-genesis").U64(1, chainID).Sum()
}

// Local is the value of a round for who holds the secret: H(qprov/v1/beacon-local:
// chain_id, round, secret).
func Local(chainID, round uint64, secret digest.Digest) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/beacon-local").U64(1, chainID).U64(2, round).H32(3, secret).Sum()
}

// Commitment hides a value until it is revealed: H(qprov/v1/beacon-commit:
// chain_id, round, provider_id, value).
func Commitment(chainID, round uint64, provider, value digest.Digest) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/beacon-commit").U64(1, chainID).U64(2, round).H32(3, provider).H32(4, value).Sum()
}

// Entry is one participant of a round. Value is zero while it is not revealed.
type Entry struct {
	Provider, Commitment, Value digest.Digest
}

// Withheld lists who committed and did not reveal.
func Withheld(entries []Entry) (out []digest.Digest) {
	for _, e := range entries {
		if e.Value.IsZero() {
			out = append(out, e.Provider)
		}
	}
	return out
}

// entrySize is provider, commitment and value.
const entrySize = 3 * digest.Size

// MaxEntries bounds a round's participants.
const MaxEntries = 4096

// Proof lists the entries by provider: 96 bytes each.
func Proof(entries []Entry) []byte {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b Entry) int { return bytes.Compare(a.Provider[:], b.Provider[:]) })
	var out []byte
	for _, e := range sorted {
		out = append(append(append(out, e.Provider[:]...), e.Commitment[:]...), e.Value[:]...)
	}
	return out
}

// ParseProof reads what Proof wrote: ascending providers, none twice.
func ParseProof(b []byte) ([]Entry, error) {
	if len(b)%entrySize != 0 || len(b) > MaxEntries*entrySize {
		return nil, fmt.Errorf("beacon proof of %d bytes, want up to %d entries of %d", len(b), MaxEntries, entrySize)
	}
	var out []Entry
	for ; len(b) > 0; b = b[entrySize:] {
		e := Entry{digest.Digest(b[:32]), digest.Digest(b[32:64]), digest.Digest(b[64:96])}
		if n := len(out); n > 0 && bytes.Compare(out[n-1].Provider[:], e.Provider[:]) >= 0 {
			return nil, fmt.Errorf("beacon proof: entry %d is not behind the one before", n)
		}
		out = append(out, e)
	}
	return out, nil
}

// Value checks every reveal against its commitment and returns H(qprov/v1/beacon:
// chain_id, round, previous value, SHA3-256 of the proof).
func Value(chainID, round uint64, previous digest.Digest, proof []byte) (digest.Digest, error) {
	entries, err := ParseProof(proof)
	if err != nil {
		return digest.Digest{}, err
	}
	for _, e := range entries {
		if e.Value.IsZero() {
			continue
		}
		c, err := Commitment(chainID, round, e.Provider, e.Value)
		if err != nil {
			return digest.Digest{}, err
		}
		if c != e.Commitment {
			return digest.Digest{}, fmt.Errorf("beacon: provider %s revealed another value than it committed to", e.Provider)
		}
	}
	return transcript.NewFrame("qprov/v1/beacon").U64(1, chainID).U64(2, round).H32(3, previous).H32(4, digest.Sum(proof)).Sum()
}
