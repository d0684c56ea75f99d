// Package cca verifies Arm CCA attestation tokens: a platform token and a realm
// token, each a COSE_Sign1.
//
// It is experimental. There is no public certification authority for platform
// attestation keys, so the caller names the key that he trusts, or roots of his
// own for a certificate. The package promises that the platform token is signed
// by that key, that the platform vouches for the realm's key and the realm's key
// signed the realm token, and that keys whose private half is published are
// refused. A platform that is not in the state "secured" counts as debug mode.
// The measurement is the realm's initial one.
package cca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"strconv"

	"github.com/animicaorg/engine/proofs/attest"
)

// denied are SHA-256 of the SubjectPublicKeyInfo of keys that sign samples.
var denied = attest.DenyList{
	"0928f896cb02326566530a62a1e36329a12d0a4a308f4fc81e8ff5560bca6bca": "the demonstration key of TF-RMM, whose private half is published",
}

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.CCA }

// PinnedRoots implements attest.Verifier: there is no public root.
func (Verifier) PinnedRoots() *attest.Roots {
	return &attest.Roots{Where: "this build, which pins no CCA root, as no vendor publishes one"}
}

// Verify implements attest.Verifier. Params.Key, or a certificate in Certs under
// Params.Roots, is the platform's key (P-384).
func (v Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	if err := attest.CheckSizes(ev, p); err != nil {
		return nil, err
	}
	if len(ev.Collateral) > 0 {
		return nil, attest.Refuse(attest.BadCollateral, "there is no collateral for CCA tokens")
	}
	t, err := ParseToken(ev.Raw)
	if err != nil {
		return nil, err
	}
	res := &attest.Result{Kind: attest.CCA, Version: 1, TCBStatus: attest.Unrated, Advisories: []string{}}
	key, err := attest.TrustedKey(ev, p, v.PinnedRoots(), res)
	if err != nil {
		return nil, err
	}
	cpak, ok := key.(*ecdsa.PublicKey)
	if !ok || cpak.Curve != elliptic.P384() {
		return nil, attest.Refuse(attest.BadChain, "chain invalid: the platform's key is not ECDSA P-384")
	}
	if err := checkDenied(cpak); err != nil {
		return nil, err
	}
	if err := t.Platform.Verify(cpak); err != nil {
		return nil, err
	}
	if !t.boundKey() {
		return nil, attest.Refuse(attest.BadSignature, "the platform does not vouch for the realm's key")
	}
	if err := t.Realm.Verify(t.RealmKey); err != nil {
		return nil, err
	}
	return res, t.normal(res)
}

func checkDenied(k *ecdsa.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return attest.Refuse(attest.BadChain, "chain invalid: %v", err)
	}
	sum := sha256.Sum256(der)
	return denied.Check(sum[:])
}

func (t *Token) normal(res *attest.Result) (err error) {
	res.Measurement, res.ReportData, res.HostData = t.Initial, t.Challenge, t.Personal
	res.Debug, res.Platform = !t.Secured(), t.Instance
	res.Extra = []attest.Named{{Name: "implementation", Value: t.Impl}, {Name: "config", Value: t.Config}}
	for i, m := range t.REM {
		res.Extra = append(res.Extra, attest.Named{Name: "rem" + strconv.Itoa(i), Value: m})
	}
	res.SVNs = []attest.SVN{{Name: "lifecycle", Value: t.Lifecycle}}
	res.Notes = append(res.Notes, "experimental: no public authority vouches for CCA platforms")
	res.Digest, err = attest.EvidenceDigest(attest.CCA, append(t.Platform.Signed(), t.Realm.Signed()...))
	return err
}
