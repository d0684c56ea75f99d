package proofs

import (
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// TypeID is the type_id of every envelope.
const TypeID = "quantum_v1"

// BindingVersion is the version of body.binding. History: 1 (November 2026):
// first.
const BindingVersion = 1

// FlagDev marks a proof made with a fake TEE, a module or beacon override, or
// faucet money.
const FlagDev = 1 << 0

const knownFlags = FlagDev

// Proof is a QuantumProof.
type Proof struct {
	Body      Body
	Nullifier digest.Digest
}

// Body is the guide's body.
type Body struct {
	ProviderID   digest.Digest
	CircuitHash  digest.Digest // of the circuit as received
	Shots        uint64        // all slots, traps included
	TrapRatioPPM uint64        // JSON: trap_ratio, a number
	TrapPass     uint64        // shots in certified windows
	TrapFail     uint64        // the other shots
	HistDigest   digest.Digest // G
	QoS          QoS
	Attest       Attest
	Binding      Binding
}

// QoS is the guide's quality of service.
type QoS struct {
	LatencyMS uint64 // finished - started
	Success   bool   // status is completed
}

// Attest holds evidence as objects of integers, text, booleans, arrays and
// objects. Nil means absent.
type Attest struct {
	TEE, QPU *transcript.Value
}

// Binding is what a verifier needs besides the guide's members.
type Binding struct {
	ChainID, Round      uint64
	JobID, LeaseID      digest.Digest
	Seed                digest.Digest // the lease's seed
	Params              Params
	TrapTier            string // who held the secret of the traps, a trap mode; empty: absent, not recorded
	Width, Depth        uint64
	Spec                SpecBinding
	JobHash             digest.Digest
	Modules             []Module
	Device              transcript.DeviceFrame
	Engine              string // engine_version of X
	RunnerMeasurement   []byte
	CompiledCircuitHash digest.Digest
	TrapPlanHash        digest.Digest
	Digests             Digests
	StartedUnixMS       uint64
	FinishedUnixMS      uint64
	Status              uint64
	OutcomesRoot        digest.Digest
	TrapReportHash      digest.Digest
	GovernanceSet       digest.Digest // under which the modules were admitted; zero: absent
	Lease               *LeaseBinding // nil: none, a local run
	Flags               uint64
	KeyStatement        keys.KeyStatement // root's word for the operational key
	Signatures          []keys.Signature  // exactly one, purpose quantum-proof, over C
}

// Params are the parts of the hashed parameters that stand nowhere else.
type Params struct {
	CircuitID  string // empty: absent, the buyer's own circuit
	TrapMode   string
	PolicyHash digest.Digest
	TrapFamily string // empty: absent, accredit@1
}

// SpecBinding is the rest of the buyer's job, so that job_hash can be
// recomputed.
type SpecBinding struct {
	Seed         digest.Digest
	MaxLatencyMS uint64
	PriceUnits   uint64
}

// Module is one entry of modules[].
type Module struct {
	transcript.ModuleFrame
	MeteredSHA3 digest.Digest // of the module after metering; zero: absent. Not part of M
}

// Digests are the digests that the envelope carries.
type Digests struct {
	J, M, D, X, G, R digest.Digest
}

// LeaseBinding holds the members of the signed lease that stand nowhere else in
// the envelope, the opening of its seed, and the service's signature.
type LeaseBinding struct {
	Fence, IssuedMS, TTLMS, DeadlineMS uint64
	Nonce                              digest.Digest
	Beacon                             []byte
	Public                             []byte // Ed25519 key of the service
	SignedAtUnix                       uint64
	Sig                                []byte
}

// leaseFrame rebuilds the signed lease frame.
func (p *Proof) leaseFrame() transcript.LeaseFrame {
	b, l := &p.Body.Binding, p.Body.Binding.Lease
	return transcript.LeaseFrame{ChainID: b.ChainID, Round: b.Round, LeaseID: b.LeaseID, JobID: b.JobID, JobHash: b.JobHash,
		ProviderID: p.Body.ProviderID, Fence: l.Fence, Seed: b.Seed, PolicyHash: b.Params.PolicyHash,
		IssuedMS: l.IssuedMS, TTLMS: l.TTLMS, DeadlineMS: l.DeadlineMS}
}
