package main

import (
	"context"
	"fmt"
	"time"

	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/proofs/transcript"
)

// deviceWitness is the vendor's certificate of the device that runs the shots, and
// the signatures that the device has given so far.
type deviceWitness struct {
	backend *qpu.Backend
	signed  vendorcert.Signed
}

// deadline is when a job's result is due: its lease says so, else its own latency
// from now on.
func deadline(l *job.Lease, now time.Time) time.Time {
	if l.Signed() {
		return time.UnixMilli(int64(l.DeadlineMS))
	}
	return now.Add(time.Duration(l.Job.MaxLatencyMS) * time.Millisecond)
}

// checkCertificate refuses a device whose certificate does not hold now, is of
// another device, or ends before the job is due. Evidence that nobody will accept
// is not worth the device's time.
func (e *program) checkCertificate(s *session, l *job.Lease, now time.Time) error {
	if s.device == nil {
		return nil
	}
	t, err := e.vendorTrust("", s.device.signed.Vendor)
	if err != nil {
		return err
	}
	v, bad := vendorcert.Check(&s.device.signed.Document, vendorcert.Params{At: now, Roots: t.Roots, CRLs: t.CRLs})
	if len(bad) > 0 {
		return attestError(bad[0]).WithHint("engine vendor cert verify shows more; the vendor renews it, or remove %s", e.certificatePath(s.backend))
	}
	if publishedRoot(v) != nil {
		e.Warn("the keys of the vendor that certifies the device are published: the proof is for development only")
		s.dev = true
	}
	caps, err := s.device.backend.Capabilities(context.Background())
	if err != nil {
		return runError(err)
	}
	if err := sameDevice(v, &caps.Device); err != nil {
		return err
	}
	if err := attest.CoversDeadline(v.NotAfter, deadline(l, now)); err != nil {
		return cli.Errorf(cli.AttestationError, "drivers."+s.backend+".certificate", "%w", err).WithHint("the vendor renews it; engine vendor cert issue for a CA of your own")
	}
	if days, due := attest.ExpiryWarning(now, v.NotAfter); due {
		e.Warn("the certificate of device %s ends in %d days or less, at %s: have it renewed", v.Claims.DeviceID, days, v.NotAfter.Format(time.RFC3339))
	}
	return nil
}

func sameDevice(v *vendorcert.Verified, d *transcript.DeviceFrame) error {
	c := v.Claims
	var key digest.Digest
	if c.DeviceKey != nil {
		key = digest.Sum(c.DeviceKey)
	}
	for _, m := range []struct{ name, said, is string }{
		{"vendor", c.Vendor, d.Vendor}, {"family", c.Family, d.Family}, {"serial", c.Serial, d.Serial}, {"firmware", c.Firmware, d.Firmware},
		{"device key", key.String(), d.DeviceKeySHA3.String()},
	} {
		if m.said != m.is {
			return cli.Errorf(cli.AttestationError, "", "the vendor certifies %s %.80q, the driver's device has %.80q", m.name, m.said, m.is).
				WithHint("the certificate is of another device, or the device changed since: have it renewed")
		}
	}
	return nil
}

// signExec has the device sign X, before the first shot.
func (s *session) signExec(ctx context.Context, p *engine.Plan) (err error) {
	if w := s.device; w != nil && w.backend.CanSign() {
		w.signed.ExecSig, err = w.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, p.X)
	}
	return err
}

// signResult has the device sign R, after the last shot.
func (s *session) signResult(ctx context.Context, o *engine.Outcome) (err error) {
	if w := s.device; w != nil && w.signed.ExecSig != nil {
		w.signed.ResultSig, err = w.sign(ctx, driverv1.Purpose_PURPOSE_RESULT, o.R)
	}
	return err
}

func (w *deviceWitness) sign(ctx context.Context, purpose driverv1.Purpose, d digest.Digest) ([]byte, error) {
	sig, err := w.backend.Sign(ctx, purpose, d)
	if err != nil {
		return nil, runError(fmt.Errorf("signature of the device: %w", err))
	}
	return sig.Signature, nil
}

// attestation is the evidence that the proof of a session carries.
func (s *session) attestation() proofs.Attest {
	var a proofs.Attest
	if s.device != nil {
		v := s.device.signed.Value()
		a.QPU = &v
	}
	if s.tee != nil {
		v := s.tee.result.Value()
		if s.sealed != nil {
			v.Members = append(v.Members, transcript.Member{Key: "sealed", Value: s.sealed.Value()})
		}
		a.TEE = &v
	}
	return a
}

// measurement is the runner_measurement of the proof.
func (s *session) measurement() []byte {
	if s.tee == nil {
		return nil
	}
	return s.tee.measurement
}
