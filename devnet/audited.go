package devnet

import (
	"bytes"
	"context"
	"crypto/rand"
	"path/filepath"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/backends/cheat"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// trapsHonest: a provider tells traps from targets by comparing slots, runs the traps and
// invents the targets. No trap sees it; an auditor scores the target shots by a beacon that
// was drawn after they were handed in, and accuses.
func (p *play) trapsHonest() script {
	return script{
		join: func(ctx context.Context) error {
			b, err := cheat.New(p.Cheat, p.cfg.Backend)
			if err != nil {
				return err
			}
			p.accused, err = p.Net.join(ctx, "accused-"+p.Cheat, &executor{backend: b})
			return err
		},
		commit: func(ctx context.Context) error {
			if err := p.submit(ctx, 60_000); err != nil {
				return err
			}
			e, err := p.work(ctx)
			if err != nil {
				return err
			}
			if e.Outcome.Status != aicf.LeaseCompleted {
				return broken("the traps should not see this cheat, the result is %s: %v", e.Outcome.Status, e.Outcome.Failure)
			}
			p.tell("network", "accepts the result, whose traps all passed: %d accrue", e.Outcome.Accrued)
			return p.accuse(ctx, e.Bundle)
		}}
}

// auditor is a party of its own, with an account.
type auditor struct {
	*client.Client
	held *keys.Held
}

func (n *Net) auditor(ctx context.Context) (*auditor, error) {
	s, err := keys.Open(filepath.Join(n.cfg.Dir, "keys", "auditor"))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a := &auditor{}
	if a.held, _, err = s.Ensure(rand.Reader, uint64(n.now().Unix())); err != nil {
		return nil, err
	}
	if a.Client, err = n.connect(ctx, a.held.Operational); err != nil {
		return nil, err
	}
	_, err = a.Enrol(ctx, "")
	return a, err
}

// accuse audits a stored bundle and accuses its provider; forged audits are refused first.
func (p *play) accuse(ctx context.Context, bundle digest.Digest) error {
	a, err := p.auditor(ctx)
	if err != nil {
		return err
	}
	var tar bytes.Buffer
	if err := a.Bundle(ctx, bundle, &tar); err != nil {
		return err
	}
	b, err := proofs.ReadTar(&tar)
	if err != nil {
		return err
	}
	open, err := p.Service.Status(ctx)
	if err != nil {
		return err
	}
	for range 2 { // the beacon is of the next round, which begins after the outcomes lie here
		if err := p.round(ctx); err != nil {
			return err
		}
	}
	early, err := a.Round(ctx, open.Round)
	if err != nil {
		return err
	}
	late, err := a.Round(ctx, open.Round+1)
	if err != nil {
		return err
	}
	p.tell("auditor", "takes the bundle %s from the network and scores its target shots by the beacon of round %d", short(bundle), late.Number)
	choice := *late
	choice.Value = bytes.Repeat([]byte{7}, 32)
	for _, f := range []struct {
		what  string
		round *aicf.Round
		bend  func(*transcript.AuditFrame)
	}{
		{"an audit with a score that it made up", late, func(f *transcript.AuditFrame) { f.Score /= 2 }},
		{"an audit by a beacon of its own choice", &choice, nil},
		{"an audit by the beacon of the round in which the outcomes were handed in", early, nil},
	} {
		d, _, err := a.accusation(ctx, b, f.round, 0, f.bend, uint64(p.now().Unix()))
		if err != nil {
			return err
		}
		_, err = a.Dispute(ctx, "", *d)
		if code := aicf.CodeOf(err); code != aicf.ProofError {
			return broken("%s is answered by %v, want %s", f.what, err, aicf.ProofError)
		}
		p.Refused = append(p.Refused, err.Error())
		p.tell("auditor", "accuses with %s", f.what)
		p.tell("network", "refuses it: %v", err)
	}
	d, _, err := a.accusation(ctx, b, late, 0, nil, uint64(p.now().Unix()))
	if err != nil {
		return err
	}
	out, err := a.Dispute(ctx, "", *d)
	if err != nil {
		return broken("the accusation is refused: %v", err)
	}
	p.tell("auditor", "accuses with the signed audit")
	p.tell("network", "judges the stored outcomes again and finds the same: %s", out.Reason)
	return nil
}

// accusation audits leaves of a bundle (0: all) by a round's beacon, signs audit and fraud
// document, and says whether the audit is evidence. bend changes the audit before it is
// signed; nil: nothing.
func (a *auditor) accusation(ctx context.Context, b *proofs.Bundle, round *aicf.Round, leaves uint64, bend func(*transcript.AuditFrame), nowUnix uint64) (d *aicf.Dispute, fraud bool, err error) {
	proof, err := proofs.Decode(b.Proof)
	if err != nil {
		return nil, false, err
	}
	claim, err := proof.Claim()
	if err != nil {
		return nil, false, err
	}
	in, err := statement.AuditInput(b, proof, round.Number, digest.Digest(round.Value), leaves)
	if err != nil {
		return nil, false, err
	}
	r, err := traps.RunAudit(*in)
	if err != nil {
		return nil, false, err
	}
	frame := r.Frame(in)
	if bend != nil {
		bend(&frame)
	}
	raw, err := transcript.Encode(frame)
	if err != nil {
		return nil, false, err
	}
	d = &aicf.Dispute{}
	if d.Audit, err = statement.Sign(ctx, statement.TypeAudit, raw, map[string]uint64{"score": frame.Score, "fraud_limit": frame.FraudLimit}, a.held, false, nowUnix); err != nil {
		return nil, false, err
	}
	accused, err := transcript.Encode(transcript.FraudFrame{Result: proof.Body.Binding.Digests.R, Claim: claim, ProviderID: proof.Body.ProviderID, Reason: transcript.FraudAudit, Evidence: digest.Sum(raw)})
	if err != nil {
		return nil, false, err
	}
	d.Fraud, err = statement.Sign(ctx, statement.TypeFraud, accused, map[string]string{"reason": "target audit"}, a.held, false, nowUnix)
	return d, r.Fraud, err
}
