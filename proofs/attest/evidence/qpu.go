package evidence

import (
	"fmt"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// qpu judges a vendor certificate, and the device's signatures where the vendor
// says that the key is the device's own.
func (a *Attester) qpu(in proofs.AttestInput, at time.Time) (*proofs.EvidenceVerdict, error) {
	v := newVerdict("qpu", string(attest.QPU))
	s, err := vendorcert.ParseSigned(in.Attest.QPU)
	if err != nil {
		refuse(v, attest.AsRefusal(err))
		return v, nil
	}
	cert, err := a.certificate(v, &s.Document, at, in.Dev)
	if err != nil || cert == nil {
		return v, err
	}
	sameDevice(v, cert, in)
	v.Level = deviceLevel(v, cert, s, in)
	return v, nil
}

// sameDevice holds the claims against D, which X binds.
func sameDevice(v *proofs.EvidenceVerdict, cert *vendorcert.Verified, in proofs.AttestInput) {
	c, d := cert.Claims, in.Device
	var key digest.Digest
	if c.DeviceKey != nil {
		key = digest.Sum(c.DeviceKey)
	}
	for _, m := range []struct{ name, said, bound string }{
		{"vendor", c.Vendor, d.Vendor}, {"family", c.Family, d.Family}, {"serial", c.Serial, d.Serial}, {"firmware", c.Firmware, d.Firmware},
		{"device_key_sha3_256", key.String(), d.DeviceKeySHA3.String()}, {"vendor_cert_sha3_256", cert.CertSHA3().String(), d.VendorCertSHA3.String()},
	} {
		if m.said != m.bound {
			refuse(v, attest.Refuse(attest.BadMeasurement, "the vendor certifies %s %.80q, the job ran on %.80q", m.name, m.said, m.bound))
		}
	}
}

// deviceLevel is what the certificate and the signatures reach. Signatures that are
// there must verify, whoever holds the key.
func deviceLevel(v *proofs.EvidenceVerdict, cert *vendorcert.Verified, s *vendorcert.Signed, in proofs.AttestInput) proofs.Level {
	none := s.ExecSig == nil && s.ResultSig == nil
	switch holder := cert.Claims.KeyHolder; {
	case cert.Device == nil && none:
		return proofs.LevelVendorAsserted
	case cert.Device == nil:
		refuse(v, attest.Refuse(attest.BadSignature, "signatures of a device that has no key, by its vendor's word"))
		return proofs.LevelNone
	case none:
		v.Notes = append(v.Notes, "the device signed nothing of this job")
		return proofs.LevelVendorChained
	default:
		if err := cert.CheckSignatures(s, in.X, in.R); err != nil {
			refuse(v, attest.AsRefusal(err))
			return proofs.LevelNone
		}
		if !holder.Signs() {
			v.Notes = append(v.Notes, fmt.Sprintf("X and R are signed, but the key holder is %s by the vendor's word", holder))
			return proofs.LevelVendorChained
		}
		v.Notes = append(v.Notes, fmt.Sprintf("X and R are signed, key holder %s", holder))
		return proofs.LevelDeviceSigned
	}
}
