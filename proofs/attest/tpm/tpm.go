// Package tpm verifies TPM 2.0 quotes.
//
// A quote says what a machine booted, not that the runner is isolated from the
// machine's owner, so it carries less than the other kinds. The package promises
// that the quote was made by a TPM's signing command and is signed by the key
// that the caller names, or by one with a certificate under the caller's roots;
// that values of registers which come with it have the quoted digest; and that
// SHA-1 banks are refused. Whether the key lives in a TPM is the word of whoever
// issued the certificate. Event logs are not read, and the monotony of clock and
// reset counter over several quotes is the caller's to check.
//
// The measurement is the digest over the selected registers; the selection and
// the registers stand beside it. A policy should name pcr_selection too: a digest
// over other registers is another statement.
//
// Source: Trusted Computing Group, TPM 2.0 Library, Part 2: Structures.
package tpm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"math/big"
	"strconv"

	"github.com/animicaorg/engine/proofs/attest"
)

// Verifier implements attest.Verifier.
type Verifier struct{}

// Kind implements attest.Verifier.
func (Verifier) Kind() attest.Kind { return attest.TPM }

// PinnedRoots implements attest.Verifier: makers and clouds have roots of their
// own, and none is pinned.
func (Verifier) PinnedRoots() *attest.Roots {
	return &attest.Roots{Where: "this build, which pins no TPM root"}
}

// Verify implements attest.Verifier.
func (v Verifier) Verify(ev attest.Evidence, p attest.Params) (*attest.Result, error) {
	if err := attest.CheckSizes(ev, p); err != nil {
		return nil, err
	}
	if len(ev.Collateral) > 0 {
		return nil, attest.Refuse(attest.BadCollateral, "TPM quotes take no collateral")
	}
	q, err := ParseQuote(ev.Raw)
	if err != nil {
		return nil, err
	}
	res := &attest.Result{Kind: attest.TPM, Version: 2, TCBStatus: attest.Unrated, Advisories: []string{}}
	key, err := attest.TrustedKey(ev, p, v.PinnedRoots(), res)
	if err != nil {
		return nil, err
	}
	if err := q.verify(key); err != nil {
		return nil, err
	}
	return res, q.normal(res)
}

// minRSA is the least size of an RSA key in bits.
const minRSA = 2048

func (q *Quote) verify(key any) error {
	h := q.Hash.New()
	h.Write(q.Attest)
	sum := h.Sum(nil)
	ok := false
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		n := (k.Curve.Params().BitSize + 7) / 8
		known := k.Curve == elliptic.P256() || k.Curve == elliptic.P384()
		ok = known && q.Scheme == algECDSA && len(q.R) <= n && len(q.S) <= n &&
			ecdsa.Verify(k, sum, new(big.Int).SetBytes(q.R), new(big.Int).SetBytes(q.S))
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA || k.N.BitLen() > 8*maxRSA {
			return attest.Refuse(attest.BadChain, "chain invalid: RSA key of %d bits, want %d..%d", k.N.BitLen(), minRSA, 8*maxRSA)
		}
		switch q.Scheme {
		case algRSASSA:
			ok = rsa.VerifyPKCS1v15(k, q.Hash, sum, q.R) == nil
		case algRSAPSS:
			ok = rsa.VerifyPSS(k, q.Hash, sum, q.R, nil) == nil
		}
	default:
		return attest.Refuse(attest.BadChain, "chain invalid: key of type %T", key)
	}
	if !ok {
		return attest.Refuse(attest.BadSignature, "the key did not sign the TPM quote")
	}
	return nil
}

func (q *Quote) normal(res *attest.Result) (err error) {
	res.Measurement, res.ReportData, res.ReportDataFree = q.PCRDigest, q.ExtraData, true
	if res.ReportData == nil {
		res.ReportData = []byte{}
	}
	res.Platform = q.Signer
	res.Extra = []attest.Named{{Name: "pcr_selection", Value: q.Selection},
		{Name: "clock_ms", Value: binary.BigEndian.AppendUint64(nil, q.Clock)},
		{Name: "resets", Value: binary.BigEndian.AppendUint32(nil, q.Resets)}, {Name: "restarts", Value: binary.BigEndian.AppendUint32(nil, q.Restarts)}}
	for _, p := range q.PCRs {
		if p.Digest != nil {
			name := "sha" + strconv.Itoa(8*hashes[p.Bank].Size()) + "_pcr" + strconv.Itoa(p.Index)
			res.Extra = append(res.Extra, attest.Named{Name: name, Value: p.Digest})
		}
	}
	res.SVNs = []attest.SVN{{Name: "firmware", Value: q.Firmware}}
	res.Notes = append(res.Notes, "a TPM quote says what booted; it does not isolate the runner")
	if !q.Safe {
		res.Notes = append(res.Notes, "the TPM's clock may have gone back")
	}
	res.Digest, err = attest.EvidenceDigest(attest.TPM, q.Attest)
	return err
}
