package transcript

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
)

// JobFrame is J, what the guide calls the job transcript:
// H(chain_id | round | lease_id | circuit_hash | shots | seed | params).
type JobFrame struct {
	ChainID     uint64
	Round       uint64
	LeaseID     digest.Digest
	CircuitHash digest.Digest // of the circuit as received
	Shots       uint64        // all slots, traps included
	Seed        digest.Digest // the lease's seed; of a bare job spec.seed
	ParamsHash  digest.Digest
}

// Frame implements Framed (domain qprov/v1/job).
func (j JobFrame) Frame() *Frame {
	return NewFrame("qprov/v1/job").U64(1, j.ChainID).U64(2, j.Round).H32(3, j.LeaseID).
		H32(4, j.CircuitHash).U64(5, j.Shots).H32(6, j.Seed).H32(7, j.ParamsHash)
}

// JobParams are the parameters that enter J, a pure function of the lease.
type JobParams struct {
	JobID        digest.Digest
	CircuitID    string // empty: the job brought its own circuit, the member is absent
	Width        uint64
	Depth        uint64
	TrapRatioPPM uint64
	TrapMode     string
	PolicyHash   digest.Digest
	TrapFamily   string // empty: accredit@1, the member is absent
}

// Value returns the CBOR map of p.
func (p JobParams) Value() Value {
	m := []Member{
		{"job_id", BytesValue(p.JobID[:])},
		{"width", UintValue(p.Width)},
		{"depth", UintValue(p.Depth)},
		{"trap_ratio_ppm", UintValue(p.TrapRatioPPM)},
		{"trap_mode", TextValue(p.TrapMode)},
		{"policy_hash", BytesValue(p.PolicyHash[:])},
	}
	if p.CircuitID != "" {
		m = append(m, Member{"circuit_id", TextValue(p.CircuitID)})
	}
	if p.TrapFamily != "" {
		m = append(m, Member{"trap_family", TextValue(p.TrapFamily)})
	}
	return MapValue(m...)
}

// Hash returns params_hash.
func (p JobParams) Hash() (digest.Digest, error) { return ParamsHash(p.Value()) }

// ParamsFrame frames an encoded params map.
type ParamsFrame struct{ CBOR []byte }

// Frame implements Framed (domain qprov/v1/params). The bytes must be a
// deterministic CBOR map.
func (p ParamsFrame) Frame() *Frame {
	f := NewFrame("qprov/v1/params")
	v, err := DecodeCBOR(p.CBOR, ParamsLimits)
	if err == nil && v.Kind != KindMap {
		err = cborError("params are not a map")
	}
	if err != nil {
		return f.Fail(fmt.Errorf("params: %w", err))
	}
	return f.Bytes(1, p.CBOR, uint64(ParamsLimits.Bytes))
}

// ParamsHash encodes a map and returns its params_hash.
func ParamsHash(v Value) (digest.Digest, error) {
	b, err := EncodeCBOR(v, ParamsLimits)
	if err != nil {
		return digest.Digest{}, fmt.Errorf("params: %w", err)
	}
	return Sum(ParamsFrame{b})
}

// JobSpecFrame is job_hash: the buyer's job, without lease.
type JobSpecFrame struct {
	JobID        digest.Digest
	Kind         string
	CircuitHash  digest.Digest
	Width        uint64
	Depth        uint64
	Shots        uint64
	TrapRatioPPM uint64
	TrapMode     string
	SpecSeed     digest.Digest
	MaxLatencyMS uint64
	PriceUnits   uint64
	TrapFamily   string // empty: accredit@1
}

// Frame implements Framed (domain qprov/v1/jobspec, or qprov/v2/jobspec where the
// job names a trap family).
func (j JobSpecFrame) Frame() *Frame {
	domain := "qprov/v1/jobspec"
	if j.TrapFamily != "" {
		domain = "qprov/v2/jobspec"
	}
	f := NewFrame(domain).H32(1, j.JobID).Text(2, j.Kind).H32(3, j.CircuitHash).
		U64(4, j.Width).U64(5, j.Depth).U64(6, j.Shots).U64(7, j.TrapRatioPPM).Text(8, j.TrapMode).
		H32(9, j.SpecSeed).U64(10, j.MaxLatencyMS).U64(11, j.PriceUnits)
	if j.TrapFamily != "" {
		f.Text(12, j.TrapFamily)
	}
	return f
}

// Limits of framed documents in bytes.
const (
	MaxCircuitBytes = 1 << 30
	MaxPolicyBytes  = 1 << 20
)

// CircuitHash is H(qprov/v1/circuit: canonical bytes of the circuit as
// received).
func CircuitHash(canonical []byte) (digest.Digest, error) {
	return NewFrame("qprov/v1/circuit").Bytes(1, canonical, MaxCircuitBytes).Sum()
}

// CompiledHash is H(qprov/v1/compiled: the compiler's layered stream).
func CompiledHash(layered []byte) (digest.Digest, error) {
	return NewFrame("qprov/v1/compiled").Bytes(1, layered, MaxCircuitBytes).Sum()
}

// PolicyHash is H(qprov/v1/policy: bytes of the policy document).
func PolicyHash(document []byte) (digest.Digest, error) {
	return NewFrame("qprov/v1/policy").Bytes(1, document, MaxPolicyBytes).Sum()
}

// TrapPlanHash is H(qprov/v1/trapplan: SHA3-256 of the plan, root of the rows).
func TrapPlanHash(planSHA3, rowsRoot digest.Digest) (digest.Digest, error) {
	return NewFrame("qprov/v1/trapplan").H32(1, planSHA3).H32(2, rowsRoot).Sum()
}
