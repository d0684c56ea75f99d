package attest

import (
	"bytes"
	"slices"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// TCBStatus is the vendor's word on the patch level of a platform.
type TCBStatus string

// The statuses. Intel's are those of its TCB info (Intel SGX and TDX PCS API
// version 4).
const (
	UpToDate                          TCBStatus = "UpToDate"
	SWHardeningNeeded                 TCBStatus = "SWHardeningNeeded"
	ConfigurationNeeded               TCBStatus = "ConfigurationNeeded"
	ConfigurationAndSWHardeningNeeded TCBStatus = "ConfigurationAndSWHardeningNeeded"
	OutOfDate                         TCBStatus = "OutOfDate"
	OutOfDateConfigurationNeeded      TCBStatus = "OutOfDateConfigurationNeeded"
	RevokedTCB                        TCBStatus = "Revoked"
	Unknown                           TCBStatus = "Unknown" // levels exist, but none were supplied
	Unrated                           TCBStatus = "Unrated" // the vendor publishes no levels; SVNs are held against the policy
)

// Statuses are the statuses that a caller can allow: all but Revoked.
var Statuses = []TCBStatus{UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded,
	OutOfDate, OutOfDateConfigurationNeeded, Unknown, Unrated}

// Named is a value beside the measurement, such as a runtime register.
type Named struct {
	Name  string   `json:"name"`
	Value HexBytes `json:"value"`
}

// SVN is a security version number of one component; larger is newer.
type SVN struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Dates are the dates that bound supplied collateral.
type Dates struct {
	IssuedAt   time.Time `json:"issued_at"`   // of the oldest part
	NextUpdate time.Time `json:"next_update"` // of the part that expires first
	Evaluation uint64    `json:"tcb_evaluation,omitempty"`
}

// Result is the normal form of verified evidence of any kind.
type Result struct {
	Kind          Kind          `json:"kind"`
	Version       uint64        `json:"version"`     // of the evidence format
	Measurement   HexBytes      `json:"measurement"` // identity of the code: 32, 48 or 64 bytes
	Extra         []Named       `json:"extra,omitempty"`
	ReportData    HexBytes      `json:"report_data"` // what the environment bound: 64 bytes; nitro and tpm: 0..1024
	HostData      HexBytes      `json:"host_data,omitempty"`
	Debug         bool          `json:"debug"`          // the operator can read the memory
	Migration     bool          `json:"migration"`      // an agent may move the environment elsewhere
	VMPL          *uint64       `json:"vmpl,omitempty"` // sev: privilege level, 0 is the highest
	SVNs          []SVN         `json:"svns,omitempty"`
	TCBStatus     TCBStatus     `json:"tcb_status"`
	TCBDate       time.Time     `json:"tcb_date,omitzero"`       // of the level that matched
	OutdatedSince time.Time     `json:"outdated_since,omitzero"` // date of the newest level, when a part is out of date
	Advisories    []string      `json:"advisories"`              // sorted
	Platform      HexBytes      `json:"platform,omitempty"`      // the vendor's id of chip or module
	Signer        HexBytes      `json:"signer"`                  // SHA-256 of the attestation key's certificate or public key
	Root          HexBytes      `json:"root,omitempty"`          // SHA-256 of the root certificate
	RootName      string        `json:"root_name,omitempty"`
	NotBefore     time.Time     `json:"not_before,omitzero"` // of the certificate chain
	NotAfter      time.Time     `json:"not_after,omitzero"`
	QuotedAt      time.Time     `json:"quoted_at,omitzero"` // the evidence's own word; never used as the time
	Collateral    *Dates        `json:"collateral,omitempty"`
	Digest        digest.Digest `json:"evidence_digest"`
	Notes         []string      `json:"notes,omitempty"`

	// ReportDataFree says that the field has no fixed size (nitro, tpm), so R
	// may stand in it alone.
	ReportDataFree bool `json:"-"`
}

// EvidenceDigest identifies evidence by what was signed, so that padding and
// certificate copies cannot make one quote look like two.
func EvidenceDigest(k Kind, signed []byte) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/evidence").Text(1, string(k)).Bytes(2, signed, MaxEvidence).Sum()
}

// SVN returns the named component.
func (r *Result) SVN(name string) (uint64, bool) {
	for _, s := range r.SVNs {
		if s.Name == name {
			return s.Value, true
		}
	}
	return 0, false
}

// ExtraValue returns the named value, nil when there is none.
func (r *Result) ExtraValue(name string) []byte {
	for _, n := range r.Extra {
		if n.Name == name {
			return n.Value
		}
	}
	return nil
}

// AddAdvisories merges advisory ids, sorted and without repetition.
func (r *Result) AddAdvisories(ids ...string) {
	all := append(slices.Clone(r.Advisories), ids...)
	slices.Sort(all)
	r.Advisories = slices.Compact(all)
}

// BindsReportData reports whether the evidence binds want. 32 bytes are a digest
// R: a field of 64 bytes must hold R and 32 zero bytes, a free field R alone or
// that. Any other length must equal the whole field.
func (r *Result) BindsReportData(want []byte) bool {
	if len(want) != 32 {
		return len(want) > 0 && bytes.Equal(r.ReportData, want)
	}
	padded := append(bytes.Clone(want), make([]byte, 32)...)
	return bytes.Equal(r.ReportData, padded) || r.ReportDataFree && bytes.Equal(r.ReportData, want)
}
