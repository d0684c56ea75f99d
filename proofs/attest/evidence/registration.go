package evidence

import (
	"context"
	"fmt"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Registration judges the evidence of a provider bundle at a time. There is no job
// yet that it could be bound to: a vendor certificate reaches what it reaches alone,
// and a quote says which environment the provider has, not that it will use it. dev
// admits published roots.
func (a *Attester) Registration(ctx context.Context, b *keys.Bundle, at time.Time, dev bool) ([]proofs.EvidenceVerdict, error) {
	var out []proofs.EvidenceVerdict
	for _, ev := range b.Evidence {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		judge := a.registeredTEE
		if ev.Kind == string(attest.QPU) {
			judge = a.registeredQPU
		}
		v, err := judge(ev.Raw, at, dev)
		if err != nil {
			return nil, err
		}
		if v.Accepted = len(v.Reasons) == 0; !v.Accepted {
			v.Level = proofs.LevelNone
		}
		out = append(out, *v)
	}
	return out, nil
}

func (a *Attester) registeredQPU(raw []byte, at time.Time, dev bool) (*proofs.EvidenceVerdict, error) {
	v := newVerdict("qpu", string(attest.QPU))
	d, err := vendorcert.Parse(raw)
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return v, nil
	}
	cert, err := a.certificate(v, d, at, dev)
	if err != nil || cert == nil {
		return v, err
	}
	if v.Level = proofs.LevelVendorChained; cert.Device == nil {
		v.Level = proofs.LevelVendorAsserted
	}
	return v, nil
}

// certificate judges a vendor certificate and describes it; nil where signatures or
// chain do not hold.
func (a *Attester) certificate(v *proofs.EvidenceVerdict, d *vendorcert.Document, at time.Time, dev bool) (*vendorcert.Verified, error) {
	p := vendorcert.Params{At: at, Policy: a.Policy}
	if a.Vendor != nil {
		t, err := a.Vendor(d.Vendor)
		if err != nil {
			return nil, fmt.Errorf("trust for vendor %.80q: %w", d.Vendor, err)
		}
		p.Roots, p.CRLs = t.Roots, t.CRLs
	}
	cert, bad := vendorcert.Check(d, p)
	refuse(v, bad...)
	if cert == nil {
		return nil, nil
	}
	v.Digest, v.Notes, v.NotAfter = &cert.Digest, append(v.Notes, cert.Notes...), cert.NotAfter.Format(time.RFC3339)
	a.published(v, rootPrint(cert.Signer), dev)
	return cert, nil
}

func (a *Attester) registeredTEE(raw []byte, at time.Time, dev bool) (*proofs.EvidenceVerdict, error) {
	v := newVerdict("tee", "")
	c, err := parseCarriedJSON(raw)
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return v, nil
	}
	v.Kind = string(c.Kind)
	r, bad, err := a.quote(c, nil, at)
	if err != nil {
		return nil, err
	}
	refuse(v, bad...)
	if r != nil {
		a.describe(v, r, dev)
		v.Notes = append(v.Notes, "no job is bound yet")
	}
	return v, nil
}

// describe copies what a verified quote says into a verdict.
func (a *Attester) describe(v *proofs.EvidenceVerdict, r *attest.Result, dev bool) {
	d := r.Digest
	v.Digest, v.Notes = &d, append(v.Notes, r.Notes...)
	if !r.NotAfter.IsZero() {
		v.NotAfter = r.NotAfter.Format(time.RFC3339)
	}
	a.published(v, r.Root, dev)
}

func parseCarriedJSON(raw []byte) (*attest.Carried, error) {
	n, err := strictjson.Parse(raw, strictjson.Limits{Bytes: keys.EvidenceLimits.Bytes, Depth: keys.EvidenceLimits.Depth, Values: 1000})
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "%v", err)
	}
	v, err := transcript.ValueOfJSON(n, keys.EvidenceLimits)
	if err != nil {
		return nil, attest.Refuse(attest.BadFormat, "%v", err)
	}
	return attest.ParseCarried(&v)
}
