package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// TypeID is the envelope type of quantum proofs.
const TypeID = 3

// ErrEnvelope is wrapped by every refusal of an envelope or body.
var ErrEnvelope = errors.New("envelope refused")

// ErrNullifier says that an envelope carries another nullifier than its body has.
var ErrNullifier = errors.New("nullifier differs from that of the body")

// Salt is what a nullifier may be bound to besides the body.
type Salt struct {
	ChainID    *uint64 // nil: not bound; else below 2^32
	PolicyRoot []byte  // nil: not bound
}

const nullifierDomain = "Animica/ProofNullifier/Quantum/v1"

// Nullifier is H(domain ‖ 00 ‖ I [‖ 01 ‖ u32be chain id] [‖ 02 ‖ policy root])
// with I the hash of the canonical map of certificate digest, trap results
// digest, circuit digest, shots and, where present, depth and width.
func Nullifier(body *Value, salt Salt) (digest.Digest, error) {
	if err := checkBody(body); err != nil {
		return digest.Digest{}, err
	}
	cert, traps := digest.Sum(body.Get("providerCert").Bytes), digest.Sum(Encode(*body.Get("trapResults")))
	id := Value{Kind: Map, Members: []Member{
		{"providerCertDigest", Value{Kind: Bytes, Bytes: cert[:]}},
		{"trapResultsDigest", Value{Kind: Bytes, Bytes: traps[:]}},
	}}
	for _, key := range []string{"circuitDigest", "shots", "depth", "width"} {
		if v := body.Get(key); v != nil {
			id.Members = append(id.Members, Member{key, *v})
		}
	}
	sum := digest.Sum(Encode(id))
	pre := append([]byte(nullifierDomain+"\x00"), sum[:]...)
	if salt.ChainID != nil {
		if *salt.ChainID > math.MaxUint32 {
			return digest.Digest{}, fmt.Errorf("chain_id %d does not fit 32 bits: %w", *salt.ChainID, ErrEnvelope)
		}
		pre = binary.BigEndian.AppendUint32(append(pre, 1), uint32(*salt.ChainID))
	}
	if salt.PolicyRoot != nil {
		pre = append(append(pre, 2), salt.PolicyRoot...)
	}
	return digest.Sum(pre), nil
}

// checkBody demands the members of a quantum body with their types. Unknown
// members are tolerated, as the lineage does.
func checkBody(b *Value) error {
	if b == nil || b.Kind != Map {
		return fmt.Errorf("body is no map: %w", ErrEnvelope)
	}
	for _, m := range []struct {
		key    string
		kind   Kind
		needed bool
		empty  func(*Value) bool
	}{
		{"providerCert", Bytes, true, func(v *Value) bool { return len(v.Bytes) == 0 }},
		{"trapResults", Array, true, func(v *Value) bool { return len(v.Items) == 0 }},
		{"circuitDigest", Bytes, true, func(v *Value) bool { return len(v.Bytes) != digest.Size }},
		{"shots", Uint, true, func(v *Value) bool { return v.Uint == 0 }},
		{"depth", Uint, false, func(*Value) bool { return false }},
		{"width", Uint, false, func(*Value) bool { return false }},
	} {
		v := b.Get(m.key)
		switch {
		case v == nil && m.needed:
			return fmt.Errorf("body.%s is missing: %w", m.key, ErrEnvelope)
		case v != nil && v.Kind != m.kind:
			return fmt.Errorf("body.%s has the wrong type: %w", m.key, ErrEnvelope)
		case v != nil && m.empty(v):
			return fmt.Errorf("body.%s is empty or of the wrong length: %w", m.key, ErrEnvelope)
		}
	}
	return nil
}

// EncodeEnvelope is the canonical envelope of a body, with its nullifier.
func EncodeEnvelope(body Value, salt Salt) ([]byte, digest.Digest, error) {
	n, err := Nullifier(&body, salt)
	if err != nil {
		return nil, n, err
	}
	return Encode(Value{Kind: Map, Members: []Member{
		{"body", body}, {"type_id", Value{Kind: Uint, Uint: TypeID}}, {"nullifier", Value{Kind: Bytes, Bytes: n[:]}},
	}}), n, nil
}

// DecodeEnvelope reads an envelope strictly and computes its nullifier again.
func DecodeEnvelope(b []byte, salt Salt) (body *Value, n digest.Digest, err error) {
	v, err := Decode(b)
	if err != nil {
		return nil, n, err
	}
	if v.Kind != Map {
		return nil, n, fmt.Errorf("is no map: %w", ErrEnvelope)
	}
	for _, m := range v.Members {
		if !slices.Contains([]string{"body", "type_id", "nullifier"}, m.Key) {
			return nil, n, fmt.Errorf("unknown member %.40q: %w", m.Key, ErrEnvelope)
		}
	}
	if t := v.Get("type_id"); t == nil || t.Kind != Uint || t.Uint != TypeID {
		return nil, n, fmt.Errorf("type_id is not %d: %w", TypeID, ErrEnvelope)
	}
	carried := v.Get("nullifier")
	if carried == nil || carried.Kind != Bytes || len(carried.Bytes) != digest.Size {
		return nil, n, fmt.Errorf("nullifier is not 32 bytes: %w", ErrEnvelope)
	}
	body = v.Get("body")
	if n, err = Nullifier(body, salt); err != nil {
		return nil, n, err
	}
	if n != digest.Digest(carried.Bytes) {
		return nil, n, fmt.Errorf("%x, computed %s: %w", carried.Bytes, n, ErrNullifier)
	}
	return body, n, nil
}
