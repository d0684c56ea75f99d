package main

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// sandboxAudit lets the proof's own trap library score the opened slots in the
// sandbox, and refuses unless it says what the native audit says.
func (e *program) sandboxAudit(ctx context.Context, b *proofs.Bundle, p *proofs.Proof, in *traps.AuditInput, r *traps.Audit) error {
	m, ok := p.Module("traps")
	if !ok {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "no trap library").Named("BundleInvalid")
	}
	wasm := b.Modules[m.SHA3]
	for _, s := range embedded.All() {
		if digest.Sum(s.Bytes) == m.SHA3 {
			wasm = s.Bytes
		}
	}
	if wasm == nil {
		return cli.Errorf(cli.ProofInvalid, "--sandbox", "module %s %s is neither in the bundle nor in this build", m.Name, m.SHA3)
	}
	h, err := e.guestHost()
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	loaded, err := h.Load(ctx, wasm, abi.KindTraps)
	if err != nil {
		return runError(err)
	}
	i, err := loaded.Open(ctx)
	if err != nil {
		return runError(err)
	}
	defer i.Close()
	plan, hidden, outcomes, err := openedSlots(in, r)
	if err != nil {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
	}
	a, _, err := abi.TrapLibrary{Caller: i}.Audit(ctx, in.Layered, plan.Append(nil), hidden, outcomes)
	if err != nil {
		return cli.Errorf(cli.Unsupported, "--sandbox", "%s %s: %w", m.Name, m.Version, err).WithHint("xeb_small exports qx_audit; leave --sandbox out for the native audit")
	}
	if *a != r.Audit {
		return cli.Errorf(cli.ProofInvalid, "--sandbox", "the module scores %d of limits %d, %d ppb over %d shots, natively %s", a.Score, a.Limit, a.FraudLimit, a.Shots, r).Named("AuditMismatch")
	}
	return nil
}

// openedSlots makes what qx_audit reads: all slots, and the outcomes of the opened
// leaves.
func openedSlots(in *traps.AuditInput, r *traps.Audit) (*guest.Plan, *guest.Hidden, *guest.Outcomes, error) {
	l, err := guest.ParseLayered(in.Layered)
	if err != nil {
		return nil, nil, nil, err
	}
	plan, err := traps.Plan(l, in.Header, in.Policy, in.Mix)
	if err != nil {
		return nil, nil, nil, err
	}
	g, err := traps.NewGenerator(l, plan, in.Root)
	if err != nil {
		return nil, nil, nil, err
	}
	hidden := &guest.Hidden{Width: l.Width}
	for first := uint64(0); first < plan.Shots; first += guest.MaxGenerate {
		_, part, err := g.Slots(first, int(min(guest.MaxGenerate, plan.Shots-first)))
		if err != nil {
			return nil, nil, nil, err
		}
		hidden.Extend(part)
	}
	n, rb := int(plan.Shots), guest.RowBytes(l.Width)
	o := &guest.Outcomes{N: n, Width: l.Width, Rows: make([]byte, n*rb), Present: make([]byte, (n+7)/8)}
	for _, leaf := range r.Leaves {
		for slot := int(leaf) * transcript.SlotsPerLeaf; slot < min(n, (int(leaf)+1)*transcript.SlotsPerLeaf); slot++ {
			if in.Outcomes.Present(uint64(slot)) {
				copy(o.Rows[slot*rb:(slot+1)*rb], in.Outcomes.Rows[slot*rb:])
				o.Present[slot>>3] |= 1 << (slot & 7)
			}
		}
	}
	if len(o.Rows) != len(in.Outcomes.Rows) {
		return nil, nil, nil, fmt.Errorf("outcomes of %d bytes, want %d", len(in.Outcomes.Rows), len(o.Rows))
	}
	return plan, hidden, o, nil
}
