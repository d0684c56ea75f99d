package evidence

import (
	"bytes"
	"fmt"
	"time"

	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

const memberSealed = "sealed"

// tee judges a quote about the runner.
func (a *Attester) tee(in proofs.AttestInput, at time.Time) (*proofs.EvidenceVerdict, error) {
	v := newVerdict("tee", "")
	c, err := attest.ParseCarried(in.Attest.TEE, memberSealed)
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return v, nil
	}
	v.Kind = string(c.Kind)
	r, bad, err := a.quote(c, in.R[:], at)
	if err != nil {
		return nil, err
	}
	refuse(v, bad...)
	if r == nil {
		return v, nil
	}
	a.describe(v, r, in.Dev)
	if !bytes.Equal(r.Measurement, in.RunnerMeasurement) {
		refuse(v, attest.Refuse(attest.BadMeasurement, "the quote is about measurement %s, runner_measurement is %x", r.Measurement, in.RunnerMeasurement))
	}
	if a.Policy == nil {
		v.Notes = append(v.Notes, "no policy lists the measurement, so what ran there is not known")
		return v, nil
	}
	v.Level = proofs.LevelTEESigned
	return v, a.sealed(v, r, in)
}

// quote verifies and judges one quote. The error says that trust could not be
// looked up.
func (a *Attester) quote(c *attest.Carried, data []byte, at time.Time) (*attest.Result, []*attest.Refusal, error) {
	verifier, unknown := verifierOf(c.Kind)
	if unknown != nil {
		return nil, []*attest.Refusal{unknown}, nil
	}
	p := attest.Params{At: at, Roots: verifier.PinnedRoots()}
	if a.TEE != nil {
		t, err := a.TEE(c.Kind)
		if err != nil {
			return nil, nil, fmt.Errorf("trust for %s: %w", c.Kind, err)
		}
		p.Roots, p.Key = t.Roots, t.Key
	}
	ev := c.Evidence
	if a.Collateral != nil {
		ev.Collateral = a.Collateral
	}
	got := attest.Check(verifier, ev, p, attest.Rules{ExpectReportData: data, AllowTCB: a.Allow, Policy: a.Policy})
	return got.Result, got.Refusals, nil
}

// sealed judges the statement that the seed came sealed to the runner, where there
// is one.
func (a *Attester) sealed(v *proofs.EvidenceVerdict, r *attest.Result, in proofs.AttestInput) error {
	m, ok := in.Attest.TEE.Get(memberSealed)
	if !ok {
		return nil
	}
	if in.Lease == nil {
		refuse(v, attest.Refuse(attest.BadFormat, "a sealed seed goes with a signed lease"))
		return nil
	}
	s, err := enroll.Parse(m)
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return nil
	}
	var undecided error
	err = s.Check(enroll.CheckInput{ProviderID: in.ProviderID, Lease: in.LeaseFrame, Service: in.Lease.Public, Measurement: r.Measurement,
		Quote: func(c *attest.Carried, data []byte, at time.Time) (*attest.Result, []*attest.Refusal) {
			got, bad, err := a.quote(c, data, at)
			undecided = err
			if got != nil && a.isPublished(got.Root) && !in.Dev {
				bad = append(bad, attest.Refuse(attest.DeniedKey, "root %s is denied outside development", got.Root))
			}
			if got == nil && len(bad) == 0 {
				bad = []*attest.Refusal{attest.Refuse(attest.BadFormat, "no result")}
			}
			return got, bad
		}})
	if undecided != nil {
		return undecided
	}
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return nil
	}
	v.SealedSeed = true
	return nil
}
