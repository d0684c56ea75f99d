package attest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rules say which verified evidence is accepted. The zero Rules accept any
// measurement at the patch levels UpToDate and Unrated.
type Rules struct {
	ExpectReportData []byte      // nil: not judged; 32 bytes are a digest R (Result.BindsReportData)
	AllowTCB         []TCBStatus // beside UpToDate and Unrated; Revoked is never accepted
	Policy           *Policy     // nil: none
}

// DefaultMaxVMPL is the least privileged level that is accepted without a
// policy: a paravisor may run the code at level 1.
const DefaultMaxVMPL = 1

// Verdict is the outcome for one piece of evidence.
type Verdict struct {
	Accepted bool
	Refusals []*Refusal // the first one decides; empty when accepted
	Result   *Result    // nil when signatures or chain do not hold
}

// Check verifies evidence and judges its normal form.
func Check(v Verifier, ev Evidence, p Params, rules Rules) *Verdict {
	res, err := v.Verify(ev, p)
	if err != nil {
		return &Verdict{Refusals: []*Refusal{AsRefusal(err)}}
	}
	bad := rules.Judge(res, p.At)
	return &Verdict{Accepted: len(bad) == 0, Refusals: bad, Result: res}
}

// AsRefusal returns err as a Refusal; an error of another type is one of format.
func AsRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return Refuse(BadFormat, "%v", err)
}

// Judge lists what the rules refuse at the time at, the gravest first.
func (rules Rules) Judge(r *Result, at time.Time) (bad []*Refusal) {
	add := func(x *Refusal) {
		if x != nil {
			bad = append(bad, x)
		}
	}
	if r.Debug {
		add(Refuse(DebugMode, "the environment is in debug mode: its operator can read the memory"))
	}
	if r.Migration {
		add(Refuse(Migratable, "the environment may be migrated by an agent"))
	}
	add(rules.vmpl(r))
	if p := rules.Policy; p != nil {
		add(p.window(at))
		add(p.denied(r))
		add(p.measured(r, at))
	}
	add(rules.tcb(r, at))
	if p := rules.Policy; p != nil {
		add(p.levels(r))
	}
	add(rules.reportData(r))
	return bad
}

func (rules Rules) vmpl(r *Result) *Refusal {
	most := uint64(DefaultMaxVMPL)
	if rules.Policy != nil && rules.Policy.MaxVMPL != nil {
		most = *rules.Policy.MaxVMPL
	}
	if r.VMPL != nil && *r.VMPL > most {
		return Refuse(BadPolicy, "privilege level VMPL %d, at most %d is accepted", *r.VMPL, most)
	}
	return nil
}

func (rules Rules) tcb(r *Result, at time.Time) *Refusal {
	s := r.TCBStatus
	switch {
	case s == RevokedTCB:
		return Refuse(BadTCB, "the platform's patch level is Revoked")
	case s == UpToDate, s == Unrated, slices.Contains(rules.AllowTCB, s):
		return nil
	}
	why := ""
	if rules.Policy != nil {
		var ok bool
		if ok, why = rules.Policy.allows(r, at); ok {
			return nil
		}
	}
	if s == Unknown {
		return Refuse(BadTCB, "the platform's patch level is Unknown: no collateral was supplied")
	}
	if len(r.Advisories) > 0 {
		why += "; advisories " + strings.Join(r.Advisories, ", ")
	}
	return Refuse(BadTCB, "the platform's patch level is %s%s", s, why)
}

func (rules Rules) reportData(r *Result) *Refusal {
	want := rules.ExpectReportData
	if want == nil || r.BindsReportData(want) {
		return nil
	}
	got := []byte(r.ReportData)
	if len(want) == 32 && len(got) == 64 && string(got[:32]) == string(want) {
		return Refuse(BadReportData, "report data binds the digest, but its second half is %x, want zero", got[32:])
	}
	return Refuse(BadReportData, "report data is %s, want %s", clipHex(got), clipHex(want))
}

func clipHex(b []byte) string {
	if len(b) > 64 {
		return fmt.Sprintf("%s… (%d bytes)", hex.EncodeToString(b[:64]), len(b))
	}
	return hex.EncodeToString(b)
}
