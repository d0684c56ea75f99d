package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// deviceAnswer is what a vendor certificate says.
type deviceAnswer struct {
	Level     proofs.Level         `json:"level"` // that the certificate alone reaches
	Vendor    string               `json:"vendor"`
	DeviceID  string               `json:"device_id"`
	Family    string               `json:"family"`
	Serial    string               `json:"serial"`
	Firmware  string               `json:"firmware"`
	KeyHolder vendorcert.KeyHolder `json:"key_holder"`
	Pubkey    string               `json:"device_pubkey"`
	Qubits    uint64               `json:"qubits"`
	ID        string               `json:"jti"`
	CertSHA3  *digest.Digest       `json:"vendor_cert_sha3_256,omitempty"`
	// Seconds is what is left of the certificate at the time judged, and WarnDays the
	// least of 30, 14, 7 and 1 days that has been reached.
	Seconds  int64 `json:"cert_expiry_seconds"`
	WarnDays *int  `json:"warn_days,omitempty"`
}

// verifyVendorEvidence is attest verify of kind qpu.
func (e *program) verifyVendorEvidence(f *attestFlags) error {
	if f.cert != "" || f.report != "" || len(f.allow) > 0 {
		return cli.Errorf(cli.Usage, "--kind", "--cert, --expect-report-data and --allow-tcb do not go with qpu")
	}
	ev, err := e.readEvidence(f)
	if err != nil {
		return err
	}
	rules, err := e.attestRules(f)
	if err != nil {
		return err
	}
	d, err := parseVendorEvidence(ev.Raw)
	if err != nil {
		return e.printDevice(nil, &vendorcert.Params{Policy: rules.Policy}, []*attest.Refusal{attest.AsRefusal(err)})
	}
	v, p, bad, err := e.checkVendor(d, f.roots, f.at, rules.Policy, ev.Collateral)
	if err != nil {
		return err
	}
	if err := publishedRoot(v); err != nil && !f.testKeys {
		bad = append(bad, err)
	}
	return e.printDevice(v, p, bad)
}

// parseVendorEvidence reads a vendor certificate, or finds it in a provider bundle.
func parseVendorEvidence(b []byte) (*vendorcert.Document, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 4 << 20, Depth: 16, Values: 100_000})
	if m, ok := c.Optional("attestations"); ok {
		q, ok := m.Optional("qpu")
		if err := c.Err(); err != nil || !ok {
			return nil, attest.Refuse(attest.BadFormat, "the bundle has no attestations.qpu: %v", err)
		}
		return vendorcert.Parse(q.Node().Raw)
	}
	return vendorcert.Parse(b)
}

// checkVendor verifies a document under the roots of the vendor that it names. crl
// is one more revocation list; nil: none.
func (e *program) checkVendor(d *vendorcert.Document, roots, at string, policy *attest.Policy, crl []byte) (*vendorcert.Verified, *vendorcert.Params, []*attest.Refusal, error) {
	when, err := attestTime(at)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := checkRootsDir(roots); err != nil {
		return nil, nil, nil, err
	}
	t, err := e.vendorTrust(roots, d.Vendor)
	if err != nil {
		return nil, nil, nil, err
	}
	p := &vendorcert.Params{At: when, Roots: t.Roots, CRLs: t.CRLs, Policy: policy}
	if crl != nil {
		p.CRLs = append(p.CRLs, evidence.RevocationList(crl))
	}
	v, bad := vendorcert.Check(d, *p)
	return v, p, bad, nil
}

// publishedRoot refuses a vendor whose root key everyone has.
func publishedRoot(v *vendorcert.Verified) *attest.Refusal {
	if v == nil {
		return nil
	}
	root := hex.EncodeToString(attest.Fingerprint(v.Signer.Root()))
	if why, ok := evidence.PublishedRoots()[root]; ok {
		return attest.Refuse(attest.DeniedKey, "root %s is for development: %s (--allow-test-keys)", root, why)
	}
	return nil
}

type qpuAnswer struct {
	attestAnswer
	Device *deviceAnswer `json:"device,omitempty"`
}

// printDevice prints a verdict in the form that all kinds share, and the device
// beside it. What no signature holds is not repeated.
func (e *program) printDevice(v *vendorcert.Verified, p *vendorcert.Params, bad []*attest.Refusal) error {
	a := qpuAnswer{attestAnswer: attestAnswer{Verdict: "accepted", Reasons: []attestReason{}}}
	if !p.At.IsZero() {
		a.At = p.At.Format(time.RFC3339Nano)
	}
	if q := p.Policy; q != nil {
		a.Policy = &attestPolicy{q.ID, q.Version, q.Hash, q.Signer}
	}
	if v != nil {
		a.Result, a.Device = normalDevice(v), describeDevice(v, p.At)
	}
	var failed *cli.Error
	for _, r := range bad {
		a.Reasons = append(a.Reasons, attestReason{r.Reason, r.Message})
		if failed == nil {
			failed = attestError(r)
			a.Verdict, a.Reason, a.Error = "refused", r.Message, failed.Body()
		}
	}
	if d := a.Device; d != nil && d.WarnDays != nil {
		e.Warn("the certificate of %s %s ends in %d days or less, at %s: have it renewed", d.Vendor, d.Serial, *d.WarnDays, v.NotAfter.Format(time.RFC3339))
	}
	err := e.Print(a, func(w io.Writer) {
		if d := a.Device; d != nil {
			fmt.Fprintf(w, "vendor       %s\ndevice       %s, family %s, serial %s, firmware %s, %d qubits\nkey          %s, held by: %s\nvalid        %s to %s\nlevel        %s\n",
				d.Vendor, d.DeviceID, d.Family, d.Serial, d.Firmware, d.Qubits, d.Pubkey, d.KeyHolder, v.NotBefore.Format(time.RFC3339), v.NotAfter.Format(time.RFC3339), d.Level)
			for _, n := range v.Notes {
				fmt.Fprintf(w, "note         %s\n", n)
			}
		}
		fmt.Fprintln(w, a.Verdict)
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

// normalDevice is the normal form: the measurement is SHA3-256 of the device's key.
func normalDevice(v *vendorcert.Verified) *attest.Result {
	r := &attest.Result{Kind: attest.QPU, Version: 1, TCBStatus: attest.Unrated, Advisories: []string{}, Digest: v.Digest, Notes: v.Notes}
	if v.Claims.DeviceKey != nil {
		d := digest.Sum(v.Claims.DeviceKey)
		r.Measurement = d[:]
	}
	v.Signer.Describe(r)
	r.NotBefore, r.NotAfter = v.NotBefore, v.NotAfter
	return r
}

func describeDevice(v *vendorcert.Verified, at time.Time) *deviceAnswer {
	c := v.Claims
	d := &deviceAnswer{Level: proofs.LevelVendorChained, Vendor: c.Vendor, DeviceID: c.DeviceID, Family: c.Family, Serial: c.Serial, Firmware: c.Firmware,
		KeyHolder: c.KeyHolder, Pubkey: c.KeyText(), Qubits: c.Qubits, ID: c.ID, Seconds: int64(v.NotAfter.Sub(at) / time.Second)}
	if v.Device == nil {
		d.Level = proofs.LevelVendorAsserted
	} else {
		sum := v.CertSHA3()
		d.CertSHA3 = &sum
	}
	if days, due := attest.ExpiryWarning(at, v.NotAfter); due {
		d.WarnDays = &days
	}
	return d
}
