package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Governance chooses the modules of jobs among those that a trust chain lets run.
// Without one a caller runs the modules of its own choice.
type Governance struct {
	Chain  *trust.Chain
	Policy *trust.Policy // the operator's; nil removes nothing
	Height uint64        // block height that is now
	// Blob returns the bytes of a hash, at most max of them. What it returns is
	// copied, hashed, and only that copy is used.
	Blob func(d digest.Digest, max int64) ([]byte, error)
}

// Authority says under which set the modules of a job were admitted.
type Authority struct {
	ChainID uint64        `json:"chain_id"`
	Epoch   uint64        `json:"epoch"`
	Set     digest.Digest `json:"set_digest"`
	Height  uint64        `json:"height"`
}

// Authority returns the set in force.
func (g *Governance) Authority() (Authority, error) {
	s, err := g.Chain.At(g.Height)
	if err != nil {
		return Authority{}, err
	}
	sum, err := transcript.Sum(s)
	return Authority{ChainID: s.ChainID, Epoch: s.Epoch, Set: sum, Height: g.Height}, err
}

// Choose returns the module of a kind and name that may run now, after its
// self-test. Of several versions it takes an active one before a deprecated one,
// then the latest activation, then the version that is greatest as text. Where all
// are refused the error is the first one's.
func (g *Governance) Choose(ctx context.Context, h *host.Host, kind abi.Kind, name string) (*trust.Artifact, error) {
	s, err := g.Chain.At(g.Height)
	if err != nil {
		return nil, err
	}
	var found []*trust.Record
	var refused error
	for i := range s.Records {
		r := &s.Records[i]
		if r.Kind != kind.String() || r.Name != name {
			continue
		}
		if _, err := g.Chain.Lookup(r.SHA3, g.Height, g.Policy); err != nil {
			refused = cmp.Or(refused, err)
			continue
		}
		found = append(found, r)
	}
	switch {
	case len(found) > 0:
	case refused != nil:
		return nil, refused
	default:
		return nil, fmt.Errorf("no %s named %s in epoch %d: %w", kind, name, s.Epoch, trust.ErrNotListed)
	}
	r := slices.MinFunc(found, func(a, b *trust.Record) int {
		return cmp.Or(strings.Compare(string(a.Status), string(b.Status)), // active, deprecated
			cmp.Compare(b.Activation, a.Activation), strings.Compare(b.Version, a.Version))
	})
	wasm, err := g.Blob(r.SHA3, int64(r.Size))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Name, r.Version, err)
	}
	a, err := r.Match(wasm)
	if err != nil {
		return nil, err
	}
	return a, g.selfTest(ctx, h, a)
}

// Admit takes the bytes of a module of the caller's choice: they must be those of
// a record of this kind that may run now, and its self-test must pass.
func (g *Governance) Admit(ctx context.Context, h *host.Host, kind abi.Kind, wasm []byte) (*trust.Artifact, error) {
	a, err := g.Chain.Admit(wasm, g.Height, g.Policy)
	if err != nil {
		return nil, err
	}
	if a.Record.Kind != kind.String() {
		return nil, fmt.Errorf("%s %s is of kind %s, want %s: %w", a.Record.Name, a.Record.Version, a.Record.Kind, kind, trust.ErrNotListed)
	}
	return a, g.selfTest(ctx, h, a)
}

func (g *Governance) selfTest(ctx context.Context, h *host.Host, a *trust.Artifact) error {
	vectors, err := g.Blob(a.Record.Vectors, trust.MaxVectorFile)
	if err != nil {
		return fmt.Errorf("%s %s: vectors: %w", a.Record.Name, a.Record.Version, err)
	}
	return a.SelfTest(ctx, vectors, Opener(h))
}

// Opener opens artifacts in the sandbox, each in a worker process of its own.
func Opener(h *host.Host) trust.Opener {
	return func(ctx context.Context, kind abi.Kind, wasm []byte) (abi.Caller, func() error, error) {
		m, err := h.Load(ctx, wasm, kind)
		if err != nil {
			return nil, nil, err
		}
		i, err := m.Open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return i, i.Close, nil
	}
}

// OpenGoverned is OpenGuests for admitted modules: what they say of themselves, and
// what the meter makes of them, must be what their records say.
func OpenGoverned(ctx context.Context, h *host.Host, compiler, traps *trust.Artifact) (*Guests, error) {
	g, err := OpenGuests(ctx, h, compiler.Bytes(), traps.Bytes())
	if err != nil {
		return nil, err
	}
	use := g.Use()
	for i, r := range []*trust.Record{&compiler.Record, &traps.Record} {
		if r.Meter != "" && (r.Meter != meter.ID || r.MeteredSHA3 != use[i].Metered) {
			err := fmt.Errorf("%s %s: metered by %s to %s, its record says %s by %s: %w", r.Name, r.Version, meter.ID, use[i].Metered, r.MeteredSHA3, r.Meter, trust.ErrBytes)
			return nil, errors.Join(err, g.Close())
		}
		if m := g.Modules[i]; m.SHA3 != r.SHA3 || m.Name != r.Name || m.Version != r.Version {
			err := fmt.Errorf("module %s says that it is %s %s (%s), its record %s %s (%s): %w", m.Slot, m.Name, m.Version, m.SHA3, r.Name, r.Version, r.SHA3, trust.ErrBytes)
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}
