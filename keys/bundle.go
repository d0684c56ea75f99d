package keys

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// EvidenceLimits bound one attestation object.
var EvidenceLimits = transcript.Limits{Depth: 8, Bytes: 1 << 20, Text: 1 << 20}

// evidenceKinds are the members of attestations, sorted.
var evidenceKinds = []string{"qpu", "tee"}

// Evidence is one attestation object as received. The package checks its form
// and binds it, it does not judge it.
type Evidence struct {
	Kind string // tee or qpu
	Raw  []byte // the JSON object
}

// ID is SHA3-256 of the object's deterministic CBOR: it depends on the meaning
// of the JSON, not on spaces or member order.
func (e Evidence) ID() (digest.Digest, error) {
	n, err := strictjson.Parse(e.Raw, documentLimits)
	if err != nil {
		return digest.Digest{}, fmt.Errorf("attestations/%s: %w", e.Kind, err)
	}
	if n.Kind != strictjson.Object {
		return digest.Digest{}, fmt.Errorf("attestations/%s is %s, want an object", e.Kind, n.Kind)
	}
	v, err := transcript.ValueOfJSON(n, EvidenceLimits)
	if err != nil {
		return digest.Digest{}, fmt.Errorf("attestations/%s: %w", e.Kind, err)
	}
	b, err := transcript.EncodeCBOR(v, EvidenceLimits)
	return digest.Sum(b), err
}

// Bundle is the provider bundle that registers a provider.
type Bundle struct {
	Identity   *Identity
	Evidence   []Evidence // at most one of each kind
	Algorithms []string
	Regions    []string
	Keys       []*KeyStatement
	Timestamp  uint64 // Unix seconds
	Sig        []byte // by the root key, purpose bundle, signed_at = Timestamp
}

// Frame implements transcript.Framed (domain qprov/v1/bundle).
func (b *Bundle) Frame() *transcript.Frame {
	f := transcript.NewFrame("qprov/v1/bundle")
	id, err := transcript.Sum(b.Identity)
	if err != nil {
		return f.Fail(err)
	}
	evidence := transcript.MapValue()
	for _, e := range b.Evidence {
		d, err := e.ID()
		if err != nil {
			return f.Fail(err)
		}
		evidence.Members = append(evidence.Members, transcript.Member{Key: e.Kind, Value: transcript.BytesValue(d[:])})
	}
	statements := transcript.ArrayValue()
	for _, k := range b.Keys {
		d, err := transcript.Sum(k)
		if err != nil {
			return f.Fail(err)
		}
		statements.Array = append(statements.Array, transcript.BytesValue(d[:]))
	}
	ev, err1 := transcript.EncodeCBOR(evidence, transcript.ParamsLimits)
	keys, err2 := transcript.EncodeCBOR(statements, transcript.ParamsLimits)
	algs, err3 := textList(b.Algorithms)
	regs, err4 := textList(b.Regions)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return f.Fail(err)
		}
	}
	return f.H32(1, id).Bytes(2, ev, 65536).Bytes(3, algs, 65536).Bytes(4, regs, 65536).Bytes(5, keys, 65536).U64(6, b.Timestamp)
}

// Sign fills Timestamp and Sig.
func (b *Bundle) Sign(ctx context.Context, root Signer, nowUnix uint64) error {
	b.Timestamp = nowUnix
	d, err := transcript.Sum(b)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	sig, err := Sign(ctx, root, PurposeBundle, d, nowUnix)
	if err != nil {
		return err
	}
	b.Sig = sig.Sig
	return b.Verify()
}

// Verify checks identity, key statements and signature, and that no key serves
// two roles.
func (b *Bundle) Verify() error {
	if b.Identity == nil {
		return fmt.Errorf("bundle: no provider: %w", ErrKey)
	}
	if err := b.Identity.Verify(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	kinds := map[string]bool{}
	for _, e := range b.Evidence {
		if kinds[e.Kind] || !slices.Contains(evidenceKinds, e.Kind) {
			return fmt.Errorf("bundle: evidence kind %q twice or unknown: %w", e.Kind, ErrKey)
		}
		kinds[e.Kind] = true
	}
	roles := map[digest.Digest]Role{b.Identity.ProviderID: Root, KeyID(b.Identity.RootPublic): Root}
	for _, k := range b.Keys {
		if err := k.VerifyUnder(b.Identity.Chain); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		if k.ProviderID != b.Identity.ProviderID {
			return fmt.Errorf("bundle: key statement of provider %s: %w", k.ProviderID, ErrKey)
		}
		if r, ok := roles[k.KeyID()]; ok {
			return fmt.Errorf("bundle: key %s is %s and %s: %w", k.KeyID(), r, k.Role, ErrRole)
		}
		roles[k.KeyID()] = k.Role
	}
	if err := rootAt(b.Identity.ProviderID, b.Identity.RootPublic, b.Identity.Chain, b.Timestamp); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	d, err := transcript.Sum(b)
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	sig := Signature{PurposeBundle, Ed25519, KeyID(b.Identity.RootPublic), b.Timestamp, b.Sig}
	if err := sig.Verify(Ed25519, b.Identity.RootPublic, PurposeBundle, d); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// MarshalJSON writes the transport form.
func (b *Bundle) MarshalJSON() ([]byte, error) {
	att := map[string]json.RawMessage{}
	for _, e := range b.Evidence {
		att[e.Kind] = e.Raw
	}
	keys := b.Keys
	if keys == nil {
		keys = []*KeyStatement{}
	}
	return json.Marshal(struct {
		Provider     *Identity                  `json:"provider"`
		Attestations map[string]json.RawMessage `json:"attestations"`
		Algorithms   []string                   `json:"algorithms"`
		Regions      []string                   `json:"regions"`
		Keys         []*KeyStatement            `json:"keys"`
		Timestamp    uint64                     `json:"timestamp"`
		Signature    string                     `json:"bundle_signature"`
	}{b.Identity, att, list(b.Algorithms), list(b.Regions), keys, b.Timestamp, hex.EncodeToString(b.Sig)})
}

// ParseBundle reads and verifies the transport form.
func ParseBundle(raw []byte) (*Bundle, error) {
	c := strictjson.Open(raw, documentLimits)
	c.Only("provider", "attestations", "algorithms", "regions", "keys", "timestamp", "bundle_signature")
	b := &Bundle{Identity: readIdentity(c.Member("provider"))}
	att := c.Member("attestations").Only(evidenceKinds...)
	for _, kind := range evidenceKinds {
		if e, ok := att.Optional(kind); ok {
			e.Only(memberNames(e)...) // an object
			if n := e.Node(); n != nil {
				b.Evidence = append(b.Evidence, Evidence{kind, bytes.Clone(n.Raw)})
			}
		}
	}
	b.Algorithms = readList(c.Member("algorithms"))
	b.Regions = readList(c.Member("regions"))
	for _, k := range c.Member("keys").Items(maxListed) {
		b.Keys = append(b.Keys, readStatement(k))
	}
	b.Timestamp = c.Member("timestamp").Uint(0, maxUnix)
	b.Sig = c.Member("bundle_signature").Hex(maxSig)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return b, b.Verify()
}

func memberNames(c strictjson.Cursor) (names []string) {
	if n := c.Node(); n != nil {
		for _, m := range n.Members {
			names = append(names, m.Key)
		}
	}
	return names
}
