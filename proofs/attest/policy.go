package attest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/digest"
)

// Policy is the list of runner measurements and patch levels that a verifier
// accepts. Its JSON form is described in docs/attestation.md.
type Policy struct {
	ID           string
	Version      uint64
	Window       Window
	Measurements []AllowedMeasurement // evidence must match one of its kind
	TCB          []TCBRule
	MinSVN       []MinSVN
	MaxVMPL      *uint64  // nil: DefaultMaxVMPL
	MinTCBEval   uint64   // least tcbEvaluationDataNumber of Intel collateral; 0: any
	DeniedKeys   [][]byte // SHA-256 of attestation keys or their certificates

	// Certificates of quantum computers' vendors.
	Vendors       []VendorRule // nil: whatever roots the verifier has; otherwise a vendor must be listed
	DeniedIDs     []string     // jti of claims
	DeniedDevices []DeniedDevice
	RequireCRL    bool // a current revocation list must be at hand

	Hash   digest.Digest // of the exact bytes
	Signer string        // alg:hex of the key whose signature was checked; empty: unsigned
}

// Window is a half-open period; a zero end is open.
type Window struct{ NotBefore, NotAfter time.Time }

// Contains reports whether NotBefore <= at < NotAfter.
func (w Window) Contains(at time.Time) bool {
	return (w.NotBefore.IsZero() || !at.Before(w.NotBefore)) && (w.NotAfter.IsZero() || at.Before(w.NotAfter))
}

// AllowedMeasurement is one build of the runner.
type AllowedMeasurement struct {
	Kind        Kind
	Measurement []byte
	Extra       []Named // each must be equal too
	Window      Window
	Name        string // for people
}

// TCBRule accepts a patch level that is not accepted by default.
type TCBRule struct {
	Kind       Kind // empty: every kind
	Status     TCBStatus
	Advisories []string // the evidence's advisories must all be listed
	GraceDays  uint64   // OutOfDate: days since a newer level was published, 1..MaxGraceDays
}

// MaxGraceDays bounds how long an outdated patch level may be accepted.
const MaxGraceDays = 30

// MinSVN is the least version of a component.
type MinSVN struct {
	Kind Kind
	Name string
	Min  uint64
}

// VendorRule binds a vendor to its roots: another vendor's root certifies nothing
// of it.
type VendorRule struct {
	Vendor string
	Roots  [][]byte // SHA-256 of the certificates
}

// DeniedDevice is a device that is refused, whatever its certificate.
type DeniedDevice struct{ Vendor, Serial string }

// BindsVendor refuses a vendor that the policy does not list, or lists with other
// roots. A policy without such rules binds nothing.
func (p *Policy) BindsVendor(vendor string, root []byte) error {
	if p.Vendors == nil {
		return nil
	}
	for _, v := range p.Vendors {
		if v.Vendor == vendor && slices.ContainsFunc(v.Roots, func(r []byte) bool { return bytes.Equal(r, root) }) {
			return nil
		}
	}
	return Refuse(BadChain, "chain invalid: policy %s does not let root %x certify vendor %.80q", p.ID, root, vendor)
}

// DeniesVendor refuses certificates by fingerprint, claims by id and devices by
// serial number.
func (p *Policy) DeniesVendor(prints [][]byte, id, vendor, serial string) error {
	for _, k := range p.DeniedKeys {
		if slices.ContainsFunc(prints, func(f []byte) bool { return bytes.Equal(f, k) }) {
			return Refuse(DeniedKey, "certificate %x is on the deny list of policy %s", k, p.ID)
		}
	}
	switch {
	case slices.Contains(p.DeniedIDs, id):
		return Refuse(DeniedKey, "claims %.80q are on the deny list of policy %s", id, p.ID)
	case slices.Contains(p.DeniedDevices, DeniedDevice{vendor, serial}):
		return Refuse(DeniedKey, "device %.80q of %.80q is on the deny list of policy %s", serial, vendor, p.ID)
	}
	return nil
}

func (p *Policy) window(at time.Time) *Refusal {
	if p.Window.Contains(at) {
		return nil
	}
	return Refuse(BadPolicy, "policy %s version %d is not in force at %s", p.ID, p.Version, at.UTC().Format(time.RFC3339))
}

func (p *Policy) denied(r *Result) *Refusal {
	for _, k := range p.DeniedKeys {
		if bytes.Equal(k, r.Signer) || bytes.Equal(k, r.Root) {
			return Refuse(DeniedKey, "key %x is on the deny list of policy %s", k, p.ID)
		}
	}
	return nil
}

func (p *Policy) measured(r *Result, at time.Time) *Refusal {
	late := ""
	for _, m := range p.Measurements {
		if m.Kind != r.Kind || !bytes.Equal(m.Measurement, r.Measurement) || !sameExtra(m.Extra, r) {
			continue
		}
		if m.Window.Contains(at) {
			return nil
		}
		late = fmt.Sprintf(" at %s (%q has another window)", at.UTC().Format(time.RFC3339), m.Name)
	}
	return Refuse(BadMeasurement, "measurement %s of kind %s is not accepted by policy %s%s", r.Measurement, r.Kind, p.ID, late)
}

func sameExtra(want []Named, r *Result) bool {
	for _, n := range want {
		if v := r.ExtraValue(n.Name); v == nil || !bytes.Equal(v, n.Value) {
			return false
		}
	}
	return true
}

// allows applies the rules for patch levels and says why none helped.
func (p *Policy) allows(r *Result, at time.Time) (ok bool, why string) {
	for _, t := range p.TCB {
		if t.Status != r.TCBStatus || t.Kind != "" && t.Kind != r.Kind {
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(r.Advisories), func(id string) bool { return slices.Contains(t.Advisories, id) })
		switch {
		case len(missing) > 0:
			why = fmt.Sprintf(", which policy %s accepts only without %s", p.ID, strings.Join(missing, ", "))
		case t.GraceDays > 0 && (r.OutdatedSince.IsZero() || !at.Before(r.OutdatedSince.AddDate(0, 0, int(t.GraceDays)))):
			why = fmt.Sprintf(" since %s, longer than the %d days of policy %s", r.OutdatedSince.Format(time.DateOnly), t.GraceDays, p.ID)
		default:
			return true, ""
		}
	}
	return false, why
}

func (p *Policy) levels(r *Result) *Refusal {
	for _, m := range p.MinSVN {
		if m.Kind != r.Kind {
			continue
		}
		if v, ok := r.SVN(m.Name); !ok || v < m.Min {
			return Refuse(BadTCB, "component %s has version %d, policy %s demands %d", m.Name, v, p.ID, m.Min)
		}
	}
	if (r.Kind == SGX || r.Kind == TDX) && p.MinTCBEval > 0 && (r.Collateral == nil || r.Collateral.Evaluation < p.MinTCBEval) {
		return Refuse(BadCollateral, "collateral is older than evaluation %d, which policy %s demands", p.MinTCBEval, p.ID)
	}
	return nil
}

// DenyList is a set of key fingerprints.
type DenyList map[string]string // hex of SHA-256 -> why

// Check refuses a fingerprint on the list.
func (d DenyList) Check(fingerprint []byte) error {
	if why, ok := d[hex.EncodeToString(fingerprint)]; ok {
		return Refuse(DeniedKey, "key %x is denied: %s", fingerprint, why)
	}
	return nil
}
