package proofs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

func (v *verifier) flags() (string, error) {
	if v.p.Body.Binding.Flags&FlagDev == 0 {
		return "", nil
	}
	if v.in.Policy.RefuseDev {
		return "", errors.New("made with development overrides (dev flag)")
	}
	return "dev flag: made with development overrides", nil
}

func (v *verifier) modulePolicy() (string, error) {
	allowed := v.in.Policy.AllowedModules
	if allowed == nil {
		return "", skipf("no list of allowed modules")
	}
	for _, m := range v.p.Body.Binding.Modules {
		if !slices.Contains(allowed, m.SHA3) {
			return "", fmt.Errorf("module %s in slot %s (%s %s) is not allowed", m.SHA3, m.Slot, m.Name, m.Version)
		}
	}
	return "", nil
}

func (v *verifier) trapPolicy() (string, error) {
	if v.in.TrapPolicies == nil {
		return "", skipf("no list of accepted trap policies")
	}
	if _, ok := v.in.TrapPolicies[v.p.Body.Binding.Params.PolicyHash]; !ok {
		return "", fmt.Errorf("trap policy %s is not accepted here", v.p.Body.Binding.Params.PolicyHash)
	}
	return "", nil
}

// AcceptableTrapCounts is the liberal rule for envelopes of other emitters:
// trap_pass + trap_fail is the number of traps, rounded either way, or anything
// up to all shots.
func AcceptableTrapCounts(pass, fail, shots, ratioPPM uint64) bool {
	if shots > transcript.MaxShots || ratioPPM > transcript.PPM || pass > shots || fail > shots-pass {
		return false
	}
	return pass+fail >= shots*ratioPPM/transcript.PPM
}

// counts holds the histogram file against the body and the outcomes.
func (v *verifier) counts() (string, error) {
	b := &v.p.Body
	if v.in.Bundle == nil || v.in.Bundle.Counts == nil {
		return "", nil
	}
	h, err := ParseCounts(v.in.Bundle.Counts)
	if err != nil {
		return "", err
	}
	g, err := h.Digest()
	if err := equal("hist_digest of counts.json", b.HistDigest, g, err); err != nil {
		return "", err
	}
	shots, _ := h.Shots()
	if v.outcomes != nil && shots > v.outcomes.Executed() {
		return "", fmt.Errorf("%d target shots, %d slots were executed", shots, v.outcomes.Executed())
	}
	return fmt.Sprintf("%d target shots", shots), nil
}

// minPassPPM is the guide's trap_ratio_pass, 0.98.
const minPassPPM = 980_000

// verdict is the service-level gate: the job succeeded and enough shots lie in
// certified windows.
func (v *verifier) verdict() (string, error) {
	b := &v.p.Body
	if !b.QoS.Success {
		return "", fmt.Errorf("the job did not succeed: status %d, %d of %d shots certified", b.Binding.Status, b.TrapPass, b.Shots)
	}
	if b.TrapPass*transcript.PPM < b.Shots*minPassPPM {
		return "", fmt.Errorf("%d of %d shots certified, at least 0.98 are needed", b.TrapPass, b.Shots)
	}
	if v.report == nil {
		return fmt.Sprintf("%d of %d shots certified, by the provider's word", b.TrapPass, b.Shots), nil
	}
	return fmt.Sprintf("%d of %d shots certified", b.TrapPass, b.Shots), nil
}

// skewMS is the tolerated difference of clocks.
const skewMS = 60_000

// governingTime is the time that windows of validity are held against; step
// audit_log may replace it by the witnesses'.
func (v *verifier) governingTime() uint64 {
	switch {
	case v.in.ReceiptMS != 0:
		return v.in.ReceiptMS
	case v.in.AtMS != 0:
		return v.in.AtMS
	}
	return v.p.Body.Binding.FinishedUnixMS
}

func (v *verifier) freshness() (string, error) {
	b := &v.p.Body.Binding
	asserted := v.in.ReceiptMS == 0 && v.in.AtMS == 0 && !v.witnessed
	switch {
	case v.time+skewMS < b.FinishedUnixMS:
		return "", fmt.Errorf("finished at %d ms, after the governing time %d ms", b.FinishedUnixMS, v.time)
	case v.time+skewMS < 1000*b.KeyStatement.ValidFrom:
		return "", fmt.Errorf("the key is valid from %d s, the governing time is %d ms", b.KeyStatement.ValidFrom, v.time)
	}
	if c := v.chain(); c != nil {
		if err := c.Accept(keys.Operational, b.KeyStatement.KeyID(), v.time/1000); err != nil {
			return "", err
		}
	}
	if l := b.Lease; l != nil {
		switch {
		case b.StartedUnixMS+skewMS < l.IssuedMS:
			return "", fmt.Errorf("started at %d ms, the lease was issued at %d ms", b.StartedUnixMS, l.IssuedMS)
		case b.FinishedUnixMS > l.DeadlineMS+skewMS:
			return "", fmt.Errorf("finished at %d ms, the deadline was %d ms", b.FinishedUnixMS, l.DeadlineMS)
		case v.in.ReceiptMS > l.DeadlineMS+skewMS:
			return "", fmt.Errorf("received at %d ms, the deadline was %d ms", v.in.ReceiptMS, l.DeadlineMS)
		}
	}
	switch {
	case asserted:
		return "governing time is R.finished, provider-asserted", nil
	case v.witnessed:
		return fmt.Sprintf("governing time is the witnesses', %d s", v.time/1000), nil
	}
	return "", nil
}

func (v *verifier) nullifierStore() (string, error) {
	if v.in.Nullifiers == nil {
		return "", skipf("no store")
	}
	c, found, err := v.in.Nullifiers.Lookup(v.ctx, v.p.Nullifier)
	switch {
	case err != nil:
		return "", undecided{err}
	case found && c != v.c:
		return "", fmt.Errorf("nullifier %s was used by claim %s", v.p.Nullifier, c)
	case found:
		return "this claim was seen before", nil
	}
	return "", nil
}
