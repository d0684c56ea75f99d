// Package evidence judges the attestation evidence that a proof carries: quotes of
// TEEs about the runner (body.attest.tee) and the vendor certificate and signatures
// of a quantum device (body.attest.qpu). It is the proofs.Attester of the engine's
// binaries.
//
// It promises that a level is reached only by evidence bound to this very job: a
// quote must bind R in both halves of its report data and run the measurement that
// X names, the device must be the one of D and must have signed X and R, and both
// are judged at the governing time. A quote without a policy that lists its
// measurement reaches no level. Keys that are published for tests refuse unless the
// proof carries the dev flag. It reads no clock, file or network.
package evidence

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"

	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/cca"
	"github.com/animicaorg/engine/proofs/attest/nitro"
	"github.com/animicaorg/engine/proofs/attest/sev"
	"github.com/animicaorg/engine/proofs/attest/sgx"
	"github.com/animicaorg/engine/proofs/attest/tdx"
	"github.com/animicaorg/engine/proofs/attest/tpm"
)

// Verifiers are the kinds of TEE evidence that this module verifies.
func Verifiers() []attest.Verifier {
	return []attest.Verifier{sgx.Verifier{}, tdx.Verifier{}, sev.Verifier{}, nitro.Verifier{}, cca.Verifier{}, tpm.Verifier{}}
}

// Trust is what a verifier relies on for one kind of TEE or one vendor.
type Trust struct {
	Roots *attest.Roots
	CRLs  [][]byte // DER; of vendors of quantum computers
	Key   []byte   // cca, tpm: a public key that the caller vouches for
}

// Attester implements proofs.Attester.
type Attester struct {
	TEE    func(attest.Kind) (*Trust, error)   // nil: the pinned roots
	Vendor func(vendor string) (*Trust, error) // nil: no vendor is trusted
	Policy *attest.Policy                      // nil: no measurement is known
	Allow  []attest.TCBStatus                  // patch levels beside UpToDate and Unrated
	// Collateral, where not nil, takes the place of what the evidence carries.
	Collateral []byte
	// Published are fingerprints of roots whose keys everyone has. They count in
	// proofs with the dev flag only.
	Published attest.DenyList
}

// Attest implements proofs.Attester.
func (a *Attester) Attest(ctx context.Context, in proofs.AttestInput) ([]proofs.EvidenceVerdict, error) {
	at := time.UnixMilli(int64(in.TimeMS)).UTC()
	var out []proofs.EvidenceVerdict
	for _, m := range []struct {
		present bool
		judge   func(proofs.AttestInput, time.Time) (*proofs.EvidenceVerdict, error)
	}{{in.Attest.TEE != nil, a.tee}, {in.Attest.QPU != nil, a.qpu}} {
		if !m.present {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := m.judge(in, at)
		if err != nil {
			return nil, err
		}
		if v.Accepted = len(v.Reasons) == 0; !v.Accepted {
			v.Level, v.SealedSeed = proofs.LevelNone, false
		}
		out = append(out, *v)
	}
	return out, nil
}

// refuse adds reasons to a verdict.
func refuse(v *proofs.EvidenceVerdict, bad ...*attest.Refusal) {
	for _, r := range bad {
		v.Reasons = append(v.Reasons, proofs.EvidenceReason{Code: string(r.Reason), Message: r.Message})
	}
}

// published refuses roots that are for development, unless the proof says that it
// is.
func (a *Attester) published(v *proofs.EvidenceVerdict, root []byte, dev bool) {
	why, ok := a.Published[hex.EncodeToString(root)]
	switch {
	case ok && dev:
		v.Notes = append(v.Notes, "development: "+why)
	case ok:
		refuse(v, attest.Refuse(attest.DeniedKey, "root %x is denied outside development: %s", root, why))
	}
}

func (a *Attester) isPublished(root []byte) bool {
	_, ok := a.Published[hex.EncodeToString(root)]
	return ok
}

func newVerdict(member, kind string) *proofs.EvidenceVerdict {
	return &proofs.EvidenceVerdict{Member: member, Kind: kind, Level: proofs.LevelNone, Reasons: []proofs.EvidenceReason{}}
}

// verifierOf finds the verifier of a kind.
func verifierOf(k attest.Kind) (attest.Verifier, *attest.Refusal) {
	list := Verifiers()
	i := slices.IndexFunc(list, func(v attest.Verifier) bool { return v.Kind() == k })
	if i < 0 {
		return nil, attest.Refuse(attest.BadFormat, "evidence of kind %.20q is not known here", string(k))
	}
	return list[i], nil
}

// rootPrint is the fingerprint of a path's root.
func rootPrint(path []*x509.Certificate) []byte { return attest.Fingerprint(path[len(path)-1]) }
