package proofs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

func (v *verifier) syntax() (string, error) {
	if v.in.Proof == nil {
		return "", errors.New("no proof was given")
	}
	p, err := Decode(v.in.Proof)
	if err != nil {
		return "", err
	}
	v.p = p
	v.time = v.governingTime()
	return "", nil
}

// schema checks what the members mean together; their types and ranges are
// checked by the decoder.
func (v *verifier) schema() (string, error) {
	b := &v.p.Body.Binding
	switch {
	case v.p.Body.Shots == 0:
		return "", errors.New("body.shots is 0")
	case !AcceptableTrapCounts(v.p.Body.TrapPass, v.p.Body.TrapFail, v.p.Body.Shots, v.p.Body.TrapRatioPPM) || v.p.Body.TrapPass+v.p.Body.TrapFail != v.p.Body.Shots:
		return "", fmt.Errorf("body.trap_pass %d + body.trap_fail %d is not body.shots %d", v.p.Body.TrapPass, v.p.Body.TrapFail, v.p.Body.Shots)
	case b.Width == 0:
		return "", errors.New("binding.width is 0")
	case b.Flags&^knownFlags != 0:
		return "", fmt.Errorf("binding.flags has unknown bits: %#x", b.Flags)
	case !slices.Contains([]string{job.TrapModeProcess, job.TrapModeTEE, job.TrapModeVerifier}, b.Params.TrapMode):
		return "", fmt.Errorf("binding.params.trap_mode is %.40q", b.Params.TrapMode)
	case b.Params.TrapFamily == job.DefaultTraps || b.Params.TrapFamily != "" && new(job.Spec).SetTrapFamily(b.Params.TrapFamily) != nil:
		return "", fmt.Errorf("binding.params.trap_family is %.60q: absent for %s, else NAME@MAJOR", b.Params.TrapFamily, job.DefaultTraps)
	case len(b.Signatures) != 1:
		return "", fmt.Errorf("binding.signatures has %d entries, want the provider's one", len(b.Signatures))
	}
	for _, slot := range []string{"compiler", "traps"} {
		if _, ok := v.p.Module(slot); !ok {
			return "", fmt.Errorf("binding.modules has no slot %q", slot)
		}
	}
	return "", v.trapTier()
}

// trapTier holds who is said to have had the secret of the traps against what the
// job asks and what the envelope can show. A proof without the member says nothing
// beyond the provider's own process.
func (v *verifier) trapTier() error {
	b := &v.p.Body.Binding
	tier, mode := b.TrapTier, b.Params.TrapMode
	switch tier {
	case "", job.TrapModeProcess:
		if mode != job.TrapModeProcess {
			return fmt.Errorf("binding.trap_tier is %.40q, the job asks for trap_mode %s", tier, mode)
		}
	case job.TrapModeTEE:
		if mode == job.TrapModeVerifier {
			return fmt.Errorf("binding.trap_tier is tee, the job asks for trap_mode verifier")
		}
		if v.p.Body.Attest.TEE == nil || b.Lease == nil {
			return errors.New("binding.trap_tier is tee without a lease or without attest.tee: a seed that was sealed to an enrolled runner")
		}
	case job.TrapModeVerifier:
		if mode != job.TrapModeVerifier {
			return fmt.Errorf("binding.trap_tier is verifier, the job asks for trap_mode %s", mode)
		}
	default:
		return fmt.Errorf("binding.trap_tier is %.40q", tier)
	}
	return nil
}

// chain is the provider's rotations, where the policy has them; nil: it has none.
func (v *verifier) chain() *keys.Chain {
	for _, c := range v.in.Policy.Chains {
		if c.Provider() == v.p.Body.ProviderID {
			return c
		}
	}
	return nil
}

func (v *verifier) keys() (string, error) {
	s := &v.p.Body.Binding.KeyStatement
	if err := s.VerifyUnder(v.chain()); err != nil {
		return "", err
	}
	if s.ProviderID != v.p.Body.ProviderID {
		return "", fmt.Errorf("the key statement is of provider %s, not %s", s.ProviderID, v.p.Body.ProviderID)
	}
	if s.Role != keys.Operational {
		return "", fmt.Errorf("the key statement is for the %s key: proofs are signed by the operational key", s.Role)
	}
	for _, id := range []digest.Digest{s.ProviderID, s.KeyID()} {
		if slices.Contains(v.in.Policy.DeniedKeys, id) {
			return "", fmt.Errorf("key %s is on the deny list", id)
		}
	}
	return "operational key " + s.KeyID().String(), nil
}

func (v *verifier) signatures() (string, error) {
	c, err := v.p.Claim()
	if err != nil {
		return "", err
	}
	v.c = c
	b := &v.p.Body.Binding
	if len(b.Signatures) != 1 {
		return "", errors.New("no signature of the provider")
	}
	sig := &b.Signatures[0]
	if err := sig.Verify(b.KeyStatement.Alg, b.KeyStatement.Public, keys.PurposeProof, c); err != nil {
		return "", err
	}
	if sig.SignedAtUnix < b.KeyStatement.ValidFrom {
		return "", fmt.Errorf("signed at %d, the key is valid from %d", sig.SignedAtUnix, b.KeyStatement.ValidFrom)
	}
	return "", nil
}

func (v *verifier) leaseSignature() (string, error) {
	l := v.p.Body.Binding.Lease
	if l == nil {
		if v.in.Policy.RequireLease {
			return "", errors.New("lease: none, but the policy demands a lease")
		}
		return "", skipf("lease: none (a local run; the network refuses it)")
	}
	d, err := transcript.Sum(v.p.leaseFrame())
	if err != nil {
		return "", err
	}
	id := keys.KeyID(l.Public)
	sig := keys.Signature{Purpose: keys.PurposeLease, Alg: keys.Ed25519, KeyID: id, SignedAtUnix: l.SignedAtUnix, Sig: l.Sig}
	if err := sig.Verify(keys.Ed25519, l.Public, keys.PurposeLease, d); err != nil {
		return "", err
	}
	if s := &v.p.Body.Binding.KeyStatement; id == s.ProviderID || id == s.KeyID() {
		return "", errors.New("the lease is signed by the provider itself")
	}
	if slices.Contains(v.in.Policy.DeniedKeys, id) {
		return "", fmt.Errorf("service key %s is on the deny list", id)
	}
	if v.in.Policy.ServiceKeys == nil {
		return "signed by " + id.String() + ", a key that no policy names", nil
	}
	if !slices.Contains(v.in.Policy.ServiceKeys, id) {
		return "", fmt.Errorf("service key %s is not one of the policy's", id)
	}
	return "signed by " + id.String(), nil
}

// equal compares a carried digest with the recomputed one.
func equal(what string, carried, computed digest.Digest, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if carried != computed {
		return fmt.Errorf("%s is %s, recomputed %s", what, carried, computed)
	}
	return nil
}

func (v *verifier) jobHash() (string, error) {
	d, err := transcript.Sum(v.p.jobSpecFrame())
	return "", equal("job_hash", v.p.Body.Binding.JobHash, d, err)
}

func (v *verifier) leaseID() (string, error) {
	b := &v.p.Body.Binding
	if b.Lease != nil {
		d, err := transcript.LeaseID(b.ChainID, b.JobID, v.p.Body.ProviderID, b.Lease.Fence)
		return "", equal("lease_id", b.LeaseID, d, err)
	}
	if b.ChainID != 0 || b.Round != 0 {
		return "", fmt.Errorf("chain_id is %d and round %d without a lease, want 0", b.ChainID, b.Round)
	}
	d, err := transcript.LocalLeaseID(b.JobID)
	if err == nil && d != b.LeaseID {
		return "the lease_id of an unsigned lease: the provider's word", nil
	}
	return "local", err
}

func (v *verifier) seed() (string, error) {
	b := &v.p.Body.Binding
	if b.Lease == nil {
		return "", equal("seed (of a run without a lease: spec.seed)", b.Seed, b.Spec.Seed, nil)
	}
	d, err := transcript.LeaseSeed(b.Spec.Seed, b.Lease.Beacon, b.LeaseID, b.Lease.Nonce)
	return "", equal("seed", b.Seed, d, err)
}

// circuitHash compares with the bundle's circuit and, where circuit_id names a
// known generator, with the generated one.
func (v *verifier) circuitHash() (string, error) {
	b, want := &v.p.Body.Binding, v.p.Body.CircuitHash
	detail := ""
	if in := v.in.Bundle; in != nil && in.Circuit != nil {
		c, err := circuit.ParseCanonical(in.Circuit)
		if err != nil {
			return "", err
		}
		d, err := c.Hash()
		if err := equal("circuit_hash", want, d, err); err != nil {
			return "", err
		}
		if uint64(c.Width()) != b.Width || uint64(c.Depth()) != b.Depth {
			return "", fmt.Errorf("the circuit is %d x %d, binding says %d x %d", c.Width(), c.Depth(), b.Width, b.Depth)
		}
		v.circuit, detail = in.Circuit, "the bundle's circuit"
	}
	if id := b.Params.CircuitID; id != "" {
		if !slices.ContainsFunc(circuit.Generators(), func(g circuit.GeneratorInfo) bool { return g.ID == id }) {
			return "", skipf("circuit_id %.60q names no generator known here", id)
		}
		return v.generatedCircuit()
	}
	if detail == "" {
		return "", skipf("no bundle, and the circuit is the buyer's own")
	}
	return detail, nil
}

func (v *verifier) generatedCircuit() (string, error) {
	b := &v.p.Body.Binding
	c, err := circuit.Generate(b.Params.CircuitID, int(b.Width), 0, b.Spec.Seed) // depth 0: what the generator determines
	var d digest.Digest
	if err != nil { // the buyer chose the depth; at widths 1 and 2 the circuit may be shallower
		for _, depth := range circuit.DeclaredDepths(b.Params.CircuitID, int(b.Width), int(min(b.Depth, circuit.MaxGeneratedOps))) {
			if c, err = circuit.Generate(b.Params.CircuitID, int(b.Width), depth, b.Spec.Seed); err != nil {
				continue
			}
			if d, err = c.Hash(); err == nil && d == v.p.Body.CircuitHash {
				break
			}
		}
	} else {
		d, err = c.Hash()
	}
	if err != nil {
		return "", err
	}
	if err := equal("circuit_hash", v.p.Body.CircuitHash, d, err); err != nil {
		return "", err
	}
	if uint64(c.Width()) != b.Width || uint64(c.Depth()) != b.Depth {
		return "", fmt.Errorf("circuit_id gives %d x %d, binding says %d x %d", c.Width(), c.Depth(), b.Width, b.Depth)
	}
	return "generated from circuit_id and spec.seed", nil
}

func (v *verifier) jobDigest() (string, error) {
	f, err := v.p.jobFrame()
	if err != nil {
		return "", err
	}
	d, err := transcript.Sum(f)
	return "", equal("J", v.p.Body.Binding.Digests.J, d, err)
}

func (v *verifier) moduleSet() (string, error) {
	d, err := transcript.Sum(v.p.ModuleSet())
	b := &v.p.Body.Binding
	if err := equal("M", b.Digests.M, d, err); err != nil {
		return "", err
	}
	spec := job.Spec{TrapFamily: b.Params.TrapFamily}
	if m, ok := v.p.Module("traps"); ok && b.Flags&FlagDev == 0 && !spec.TakesTraps(m.Name, m.Version) {
		name, major := spec.Traps()
		return "", fmt.Errorf("the job is for the trap library %s@%s, slot traps is %s %s", name, major, m.Name, m.Version)
	}
	return "", nil
}

func (v *verifier) device() (string, error) {
	d, err := transcript.Sum(v.p.Body.Binding.Device)
	return "", equal("D", v.p.Body.Binding.Digests.D, d, err)
}

func (v *verifier) execDigest() (string, error) {
	d, err := transcript.Sum(v.p.execFrame())
	return "", equal("X", v.p.Body.Binding.Digests.X, d, err)
}

func (v *verifier) histDigest() (string, error) {
	return "", equal("G", v.p.Body.Binding.Digests.G, v.p.Body.HistDigest, nil)
}

func (v *verifier) resultDigest() (string, error) {
	d, err := transcript.Sum(v.p.resultFrame())
	return "", equal("R", v.p.Body.Binding.Digests.R, d, err)
}

func (v *verifier) nullifier() (string, error) {
	b := &v.p.Body.Binding
	d, err := transcript.Nullifier(b.ChainID, b.JobID, v.p.Body.ProviderID)
	return "", equal("nullifier", v.p.Nullifier, d, err)
}

func (v *verifier) qos() (string, error) {
	b, q := &v.p.Body.Binding, v.p.Body.QoS
	switch {
	case b.FinishedUnixMS < b.StartedUnixMS:
		return "", fmt.Errorf("finished at %d ms, started at %d ms", b.FinishedUnixMS, b.StartedUnixMS)
	case q.LatencyMS != b.FinishedUnixMS-b.StartedUnixMS:
		return "", fmt.Errorf("latency_ms is %d, finished - started is %d", q.LatencyMS, b.FinishedUnixMS-b.StartedUnixMS)
	case q.Success != (b.Status == transcript.StatusCompleted):
		return "", fmt.Errorf("success is %v at status %d", q.Success, b.Status)
	}
	return "", nil
}
