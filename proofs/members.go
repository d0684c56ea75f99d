package proofs

import (
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Limits of the envelope. Integers stay exact in every JSON reader.
const (
	maxInt      = 1<<53 - 1
	maxSigBytes = 8192
	maxKeyText  = 8300
	maxText     = transcript.MaxText
)

// coder walks the members of an envelope in one direction of one encoding. The
// definition below is the only list of members, so the four directions cannot
// disagree.
type coder interface {
	object(key string, f func(coder))
	// orNone is an object or the text "none"; has is read or set.
	orNone(key string, has *bool, f func(coder))
	// list is an array of objects; n is read or set before f.
	list(key string, n *int, max int, grow func(n int), f func(i int, c coder))
	constant(key, value string)
	number(key string, value uint64) // exactly this integer
	text(key string, v *string, max int)
	optionalText(key string, v *string, max int) // empty: absent
	public(key string, alg *string, raw *[]byte) // alg:hex
	uint(key string, v *uint64, max uint64)
	flag(key string, v *bool)
	hash(key string, v *digest.Digest)
	emptyHash(key string, v *digest.Digest)    // zero: empty
	optionalHash(key string, v *digest.Digest) // zero: absent
	bytes(key string, v *[]byte, max int)
	ratio(key string, ppm *uint64)
	evidence(key string, v **transcript.Value) // nil: absent
}

// members walks the whole envelope. Without signatures it is what the claim
// hashes.
func (p *Proof) members(c coder, signatures bool) {
	c.constant("type_id", TypeID)
	c.object("body", func(c coder) {
		b := &p.Body
		c.hash("provider_id", &b.ProviderID)
		c.hash("circuit_hash", &b.CircuitHash)
		c.uint("shots", &b.Shots, transcript.MaxShots)
		c.ratio("trap_ratio", &b.TrapRatioPPM)
		c.uint("trap_pass", &b.TrapPass, maxInt)
		c.uint("trap_fail", &b.TrapFail, maxInt)
		c.hash("hist_digest", &b.HistDigest)
		c.object("qos", func(c coder) {
			c.uint("latency_ms", &b.QoS.LatencyMS, maxInt)
			c.flag("success", &b.QoS.Success)
		})
		c.object("attest", func(c coder) {
			c.evidence("tee", &b.Attest.TEE)
			c.evidence("qpu", &b.Attest.QPU)
		})
		c.object("binding", func(c coder) { b.Binding.members(c, signatures) })
	})
	c.hash("nullifier", &p.Nullifier)
}

func (b *Binding) members(c coder, signatures bool) {
	c.number("version", BindingVersion)
	c.uint("chain_id", &b.ChainID, maxInt)
	c.uint("round", &b.Round, maxInt)
	c.hash("job_id", &b.JobID)
	c.hash("lease_id", &b.LeaseID)
	c.hash("seed", &b.Seed)
	c.object("params", func(c coder) {
		c.optionalText("circuit_id", &b.Params.CircuitID, maxText)
		c.text("trap_mode", &b.Params.TrapMode, maxText)
		c.optionalText("trap_family", &b.Params.TrapFamily, maxText)
		c.hash("policy_hash", &b.Params.PolicyHash)
	})
	c.optionalText("trap_tier", &b.TrapTier, maxText)
	c.uint("width", &b.Width, transcript.MaxWidth)
	c.uint("depth", &b.Depth, maxInt)
	c.object("spec", func(c coder) {
		c.hash("seed", &b.Spec.Seed)
		c.uint("max_latency_ms", &b.Spec.MaxLatencyMS, maxInt)
		c.uint("price_units", &b.Spec.PriceUnits, maxInt)
	})
	c.hash("job_hash", &b.JobHash)
	b.execution(c)
	c.uint("started_unix_ms", &b.StartedUnixMS, maxInt)
	c.uint("finished_unix_ms", &b.FinishedUnixMS, maxInt)
	c.uint("status", &b.Status, transcript.StatusFailed)
	c.hash("outcomes_root", &b.OutcomesRoot)
	c.hash("trap_report_hash", &b.TrapReportHash)
	c.optionalHash("governance_set", &b.GovernanceSet)
	hasLease := b.Lease != nil
	c.orNone("lease", &hasLease, func(c coder) {
		if b.Lease == nil {
			b.Lease = &LeaseBinding{}
		}
		b.Lease.members(c)
	})
	c.uint("flags", &b.Flags, maxInt)
	c.object("key_statement", func(c coder) { statementMembers(c, &b.KeyStatement) })
	if signatures {
		n := len(b.Signatures)
		c.list("signatures", &n, 1, func(n int) { b.Signatures = make([]keys.Signature, n) },
			func(i int, c coder) { signatureMembers(c, &b.Signatures[i]) })
	}
}

func (b *Binding) execution(c coder) {
	n := len(b.Modules)
	c.list("modules", &n, transcript.MaxModules, func(n int) { b.Modules = make([]Module, n) }, func(i int, c coder) {
		m := &b.Modules[i]
		c.text("slot", &m.Slot, maxText)
		c.text("name", &m.Name, maxText)
		c.text("version", &m.Version, maxText)
		c.uint("abi", &m.ABI, maxInt)
		c.uint("size", &m.Size, maxInt)
		c.hash("sha3_256", &m.SHA3)
		c.optionalHash("metered_sha3_256", &m.MeteredSHA3)
	})
	c.object("device", func(c coder) {
		d := &b.Device
		c.text("vendor", &d.Vendor, maxText)
		c.text("family", &d.Family, maxText)
		c.text("serial", &d.Serial, maxText)
		c.text("firmware", &d.Firmware, maxText)
		c.emptyHash("device_key_sha3_256", &d.DeviceKeySHA3)
		c.emptyHash("vendor_cert_sha3_256", &d.VendorCertSHA3)
		c.text("calibration_id", &d.CalibrationID, maxText)
	})
	c.text("engine", &b.Engine, maxText)
	c.bytes("runner_measurement", &b.RunnerMeasurement, 64)
	c.hash("compiled_circuit_hash", &b.CompiledCircuitHash)
	c.hash("trap_plan_hash", &b.TrapPlanHash)
	c.object("digests", func(c coder) {
		d := &b.Digests
		for _, e := range []struct {
			key string
			v   *digest.Digest
		}{{"J", &d.J}, {"M", &d.M}, {"D", &d.D}, {"X", &d.X}, {"G", &d.G}, {"R", &d.R}} {
			c.hash(e.key, e.v)
		}
	})
}

func (l *LeaseBinding) members(c coder) {
	c.uint("fence", &l.Fence, maxInt)
	c.uint("issued_ms", &l.IssuedMS, maxInt)
	c.uint("ttl_ms", &l.TTLMS, maxInt)
	c.uint("deadline_ms", &l.DeadlineMS, maxInt)
	c.hash("nonce", &l.Nonce)
	c.bytes("beacon", &l.Beacon, transcript.MaxBeacon)
	alg := keys.Ed25519
	c.public("public_key", &alg, &l.Public)
	c.uint("signed_at_unix", &l.SignedAtUnix, maxInt)
	c.bytes("sig", &l.Sig, maxSigBytes)
}

func statementMembers(c coder, s *keys.KeyStatement) {
	rootAlg, role := keys.Ed25519, string(s.Role)
	c.hash("provider_id", &s.ProviderID)
	c.public("root_public", &rootAlg, &s.RootPublic)
	c.text("role", &role, maxText)
	c.public("public", &s.Alg, &s.Public)
	c.uint("valid_from", &s.ValidFrom, maxInt)
	c.uint("seq", &s.Seq, maxInt)
	c.uint("signed_at_unix", &s.SignedAt, maxInt)
	c.bytes("sig", &s.Sig, maxSigBytes)
	s.Role = keys.Role(role)
}

func signatureMembers(c coder, s *keys.Signature) {
	c.text("purpose", &s.Purpose, maxText)
	c.text("alg", &s.Alg, maxText)
	c.hash("key_id", &s.KeyID)
	c.uint("signed_at_unix", &s.SignedAtUnix, maxInt)
	c.bytes("sig", &s.Sig, maxSigBytes)
}
