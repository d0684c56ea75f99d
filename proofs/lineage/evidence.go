package lineage

import (
	"math/big"
	"slices"
)

// Reasons why evidence is refused.
const (
	TrapsRatioTooLow           = "TrapsRatioTooLow"
	ProviderSignatureInvalid   = "ProviderSignatureInvalid"
	ProviderCertExpired        = "ProviderCertExpired"
	ProviderAttestationInvalid = "ProviderAttestationInvalid"
)

// Evidence is the lineage's JSON proof body, as far as it is judged.
type Evidence struct {
	Kind, ProviderID, Subject, KeyAlg string
	NotBefore, NotAfter               uint64 // Unix seconds
	Timestamp                         uint64 // of the attestation
	SignatureOK                       bool
	Width, Depth, Shots               uint64
	TrapsPassed, TrapsTotal           uint64
}

// EvidencePolicy is what evidence is held to.
type EvidencePolicy struct {
	MinTrapsRatio  *big.Rat
	MaxCertAgeSecs uint64 // 0: no limit
	KeyAlgs        []string
}

// EvidenceVerdict lists every reason, in the order of the checks.
type EvidenceVerdict struct {
	Reasons    []string
	TrapsRatio *big.Rat // 0 where there are no traps
	Units      *big.Rat // width × depth × shots / 1000, not rounded
}

// Judge checks evidence at time at (Unix seconds; 0: the attestation's own).
// Quality scores are not judged: the form does not say how they arise.
func (e *Evidence) Judge(p EvidencePolicy, at uint64) *EvidenceVerdict {
	v := &EvidenceVerdict{Reasons: []string{}, TrapsRatio: new(big.Rat)}
	refuse := func(bad bool, reason string) {
		if bad && !slices.Contains(v.Reasons, reason) {
			v.Reasons = append(v.Reasons, reason)
		}
	}
	if at == 0 {
		at = e.Timestamp
	}
	refuse(e.Kind != "qpu_provider" || e.Subject != e.ProviderID || e.ProviderID == "", ProviderAttestationInvalid)
	refuse(!slices.Contains(p.KeyAlgs, e.KeyAlg), ProviderAttestationInvalid)
	refuse(!e.SignatureOK, ProviderSignatureInvalid)
	refuse(e.NotAfter < e.NotBefore || at < e.NotBefore || at > e.NotAfter || e.Timestamp > e.NotAfter, ProviderCertExpired)
	refuse(p.MaxCertAgeSecs > 0 && at > e.NotBefore && at-e.NotBefore > p.MaxCertAgeSecs, ProviderCertExpired)
	if e.TrapsTotal > 0 && e.TrapsPassed <= e.TrapsTotal {
		v.TrapsRatio.SetFrac(new(big.Int).SetUint64(e.TrapsPassed), new(big.Int).SetUint64(e.TrapsTotal))
	}
	refuse(e.TrapsTotal == 0 || e.TrapsPassed > e.TrapsTotal || v.TrapsRatio.Cmp(p.MinTrapsRatio) < 0, TrapsRatioTooLow)
	units := new(big.Int).SetUint64(e.Width)
	units.Mul(units, new(big.Int).SetUint64(e.Depth)).Mul(units, new(big.Int).SetUint64(e.Shots))
	v.Units = new(big.Rat).SetFrac(units, big.NewInt(1000))
	return v
}
