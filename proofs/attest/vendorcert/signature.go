package vendorcert

import (
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
)

// What a device signs, as plugins/driver/SPEC.md has it: one of these domains and
// a digest of 32 bytes.
const (
	ExecDomain   = "engine.driver.v1/sign/exec\x00"   // over X, before the first shot
	ResultDomain = "engine.driver.v1/sign/result\x00" // over R, after the last
)

// CheckSignatures verifies the device's signatures over X and R. It wants both.
func (v *Verified) CheckSignatures(s *Signed, x, r digest.Digest) error {
	for _, m := range []struct {
		member, domain string
		d              digest.Digest
		sig            []byte
	}{{"sig_exec", ExecDomain, x, s.ExecSig}, {"sig", ResultDomain, r, s.ResultSig}} {
		if m.sig == nil {
			return attest.Refuse(attest.BadSignature, "member %s is missing: the device signs X and R", m.member)
		}
		if keys.VerifyMessage(keys.Ed25519, v.Claims.DeviceKey, append([]byte(m.domain), m.d[:]...), m.sig) != nil {
			return attest.Refuse(attest.BadSignature, "member %s is no signature of the device over %s", m.member, m.d)
		}
	}
	return nil
}
