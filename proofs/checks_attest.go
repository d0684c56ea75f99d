package proofs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/job"
)

// attestation has the evidence judged, and holds the level that it reaches against
// the policy. Evidence that is refused reaches no level at all: half of a pair that
// contradicts itself is not to be relied on.
func (v *verifier) attestation() (string, error) {
	a, b := v.p.Body.Attest, &v.p.Body.Binding
	var unjudged error
	var said, refused []string
	switch {
	case a.TEE == nil && a.QPU == nil:
		unjudged = skipf("no evidence")
	case v.in.Attester == nil:
		unjudged = skipf("evidence is present, but no verifier for it is at hand")
	default:
		in := AttestInput{Attest: a, X: b.Digests.X, R: b.Digests.R, ProviderID: v.p.Body.ProviderID, ModuleSet: b.Digests.M, Device: b.Device,
			RunnerMeasurement: b.RunnerMeasurement, Lease: b.Lease, TimeMS: v.time, Dev: b.Flags&FlagDev != 0}
		if b.Lease != nil {
			in.LeaseFrame = v.p.leaseFrame()
		}
		var err error
		if v.evidence, err = v.in.Attester.Attest(v.ctx, in); err != nil {
			return "", undecided{err}
		}
		if said, refused, err = v.weigh(); err != nil {
			return "", err
		}
	}
	if len(refused) > 0 {
		return "", errors.New(strings.Join(refused, "; "))
	}
	sealed := slices.ContainsFunc(v.evidence, func(e EvidenceVerdict) bool { return e.SealedSeed })
	if secret := b.TrapTier == job.TrapModeTEE || b.Params.TrapMode == job.TrapModeTEE; secret && !sealed && (unjudged == nil || a.TEE == nil) {
		return "", errors.New("trap_tier or trap_mode is tee, but no evidence shows that the seed came sealed to an enrolled runner key")
	}
	if want := v.in.Policy.MinLevel; want != "" && !v.level.Covers(want) {
		return "", fmt.Errorf("level %q, the policy demands %q", v.level, want)
	}
	if unjudged == nil && v.level == LevelNone {
		unjudged = skipf("%s", strings.Join(said, "; "))
	}
	return strings.Join(said, "; "), unjudged
}

// weigh joins the levels of accepted evidence and lists what was refused.
func (v *verifier) weigh() (said, refused []string, err error) {
	var want []string
	if v.p.Body.Attest.QPU != nil {
		want = append(want, "qpu")
	}
	if v.p.Body.Attest.TEE != nil {
		want = append(want, "tee")
	}
	var got []string
	level := LevelNone
	for _, e := range v.evidence {
		got = append(got, e.Member)
		if !slices.Contains(Levels(), e.Level) {
			return nil, nil, fmt.Errorf("the attestation verifier answers with unknown level %q", e.Level)
		}
		if !e.Accepted {
			for _, r := range e.Reasons {
				refused = append(refused, r.Message+" ("+e.Member+")")
			}
			if len(e.Reasons) == 0 {
				refused = append(refused, "refused ("+e.Member+")")
			}
			continue
		}
		level = level.Join(e.Level)
		said = append(said, strings.Join(append([]string{e.Member + " " + e.Kind + ": " + string(e.Level)}, e.Notes...), ", "))
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		return nil, nil, fmt.Errorf("the attestation verifier judged %q, the evidence is %q", got, want)
	}
	if len(refused) == 0 {
		v.level = level
	}
	return said, refused, nil
}
