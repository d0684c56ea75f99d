package transcript

import "github.com/animicaorg/engine/digest"

// Status of a finished job.
const (
	StatusCompleted = 0 // all slots dispatched, final test passed
	StatusAborted   = 1 // stopped on traps
	StatusFailed    = 2 // anything else
)

// ResultV1 is the first result frame. Only known answers use it; results are
// ResultFrame.
type ResultV1 struct {
	ExecDigest     digest.Digest
	HistDigest     digest.Digest
	TrapPass       uint64 // shots in certified windows
	TrapFail       uint64 // the other shots
	StartedUnixMS  uint64
	FinishedUnixMS uint64
	Status         uint64
}

func (r ResultV1) fields(domain string) *Frame {
	f := NewFrame(domain)
	if r.Status > StatusFailed {
		f.fail("status %d, want 0..2", r.Status)
	}
	return f.H32(1, r.ExecDigest).H32(2, r.HistDigest).U64(3, r.TrapPass).U64(4, r.TrapFail).
		U64(5, r.StartedUnixMS).U64(6, r.FinishedUnixMS).U64(7, r.Status)
}

// Frame implements Framed (domain qprov/v1/result).
func (r ResultV1) Frame() *Frame { return r.fields("qprov/v1/result") }

// ResultFrame is R.
type ResultFrame struct {
	ResultV1
	OutcomesRoot   digest.Digest // Outcomes.Root of all slots
	TrapReportHash digest.Digest // SHA3-256 of the judge's report
}

// Frame implements Framed (domain qprov/v2/result).
func (r ResultFrame) Frame() *Frame {
	return r.fields("qprov/v2/result").H32(8, r.OutcomesRoot).H32(9, r.TrapReportHash)
}

// ReportData is what a TEE quote carries for a result: R and 32 zero bytes.
func ReportData(r digest.Digest) [64]byte {
	var out [64]byte
	copy(out[:], r[:])
	return out
}

// Nullifier is N: one result per chain, job and provider.
func Nullifier(chainID uint64, jobID, providerID digest.Digest) (digest.Digest, error) {
	return NewFrame("qprov/v1/nullifier").U64(1, chainID).H32(2, jobID).H32(3, providerID).Sum()
}

// ClaimFrame is C, the digest that the provider signs.
type ClaimFrame struct {
	Result       digest.Digest // R
	Nullifier    digest.Digest // N
	EnvelopeSHA3 digest.Digest // SHA3-256 of the envelope's CBOR without binding.signatures
}

// Frame implements Framed (domain qprov/v1/claim).
func (c ClaimFrame) Frame() *Frame {
	return NewFrame("qprov/v1/claim").H32(1, c.Result).H32(2, c.Nullifier).H32(3, c.EnvelopeSHA3)
}

// SigFrame is the message that a key signs: the frame's bytes, not their hash.
type SigFrame struct {
	Purpose      string // one purpose per kind of document, see SPEC.md
	Alg          string
	KeyID        digest.Digest
	Digest       digest.Digest
	SignedAtUnix uint64 // seconds; the signer's word only
}

// Frame implements Framed (domain qprov/v1/sig).
func (s SigFrame) Frame() *Frame {
	return NewFrame("qprov/v1/sig").Text(1, s.Purpose).Text(2, s.Alg).H32(3, s.KeyID).H32(4, s.Digest).U64(5, s.SignedAtUnix)
}
