package proofs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Exit classes of the command line.
const (
	ExitTraps     = 40 // trap verdict failed
	ExitSignature = 41 // signature or attestation
	ExitProof     = 42 // the proof does not verify
)

// Input is what a verifier has. Only Proof or Bundle is needed; the rest
// decides which checks run.
type Input struct {
	Proof      []byte  // JSON or CBOR; nil: the bundle's
	Bundle     *Bundle // nil: none
	Policy     Policy
	Judge      Judge          // nil: NativeJudge
	Recompiler Recompiler     // nil: the compiled circuit is not derived again
	Meter      Meter          // nil: metered hashes are the provider's word
	Attester   Attester       // nil: evidence is not judged
	Nullifiers NullifierStore // nil: reuse is not looked for
	Sets       *Sets          // nil: governance_set is the provider's word
	// TrapPolicies are the trap policies that the verifier accepts, by
	// policy_hash, as 64-byte records. Nil: any, and traps cannot be re-judged.
	TrapPolicies map[digest.Digest][]byte
	ReceiptMS    uint64   // when the service or a witness saw the claim, Unix milliseconds; 0: unknown
	AtMS         uint64   // the caller's time, used when there is no receipt; 0: none
	Require      []string // checks that may not be skipped, besides the policy's
}

// Check is the outcome of one step. A skipped step is OK unless it was
// required.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Skipped bool   `json:"skipped,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Failure is the first failing step as an operator meets it.
type Failure struct {
	Check   string // name of the check
	Exit    int    // ExitTraps, ExitSignature or ExitProof
	Name    string // TrapMismatch, AttestationError, …
	Code    int    // numeric code of the network: 6000..6003
	Message string
}

func (f *Failure) Error() string { return f.Name + ": " + f.Message }

// Report is the outcome of Verify. Checks lists every step in order.
type Report struct {
	Valid  bool    `json:"valid"`
	Level  Level   `json:"level"`
	Checks []Check `json:"checks"`
	// Evidence lists what was said about each piece of attestation evidence.
	Evidence []EvidenceVerdict `json:"evidence,omitempty"`
	Failure  *Failure          `json:"-"` // nil when valid

	Proof *Proof        `json:"-"` // nil when it could not be decoded
	Claim digest.Digest `json:"-"` // C
}

// Check returns the named step.
func (r *Report) Check(name string) (Check, bool) {
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{}, false
	}
	return r.Checks[i], true
}

// check is one row of the table of steps.
type check struct {
	name, errName string
	exit, code    int
	run           func(*verifier) (detail string, err error)
}

// checks is the order of verification.
var checks []check

func init() {
	const proofError, attestationError, schemaError, nullifierError = 6000, 6001, 6002, 6003
	checks = []check{
		{"syntax", "SchemaError", ExitProof, schemaError, (*verifier).syntax},
		{"schema", "SchemaError", ExitProof, schemaError, (*verifier).schema},
		{"keys", "ProviderKeyInvalid", ExitSignature, attestationError, (*verifier).keys},
		{"signatures", "ProviderSignatureInvalid", ExitSignature, attestationError, (*verifier).signatures},
		{"audit_log", "AuditLogMismatch", ExitProof, proofError, (*verifier).auditLog},
		{"lease_signature", "LeaseSignatureInvalid", ExitSignature, attestationError, (*verifier).leaseSignature},
		{"job_hash", "BindingError", ExitProof, proofError, (*verifier).jobHash},
		{"lease_id", "BindingError", ExitProof, proofError, (*verifier).leaseID},
		{"seed", "BindingError", ExitProof, proofError, (*verifier).seed},
		{"circuit_hash", "BindingError", ExitProof, proofError, (*verifier).circuitHash},
		{"job_digest", "BindingError", ExitProof, proofError, (*verifier).jobDigest},
		{"module_set", "BindingError", ExitProof, proofError, (*verifier).moduleSet},
		{"device", "BindingError", ExitProof, proofError, (*verifier).device},
		{"exec_digest", "BindingError", ExitProof, proofError, (*verifier).execDigest},
		{"hist_digest", "BindingError", ExitProof, proofError, (*verifier).histDigest},
		{"result_digest", "BindingError", ExitProof, proofError, (*verifier).resultDigest},
		{"nullifier", "BindingError", ExitProof, proofError, (*verifier).nullifier},
		{"qos", "BindingError", ExitProof, proofError, (*verifier).qos},
		{"bundle", "BindingError", ExitProof, proofError, (*verifier).bundle},
		{"metered", "BindingError", ExitProof, proofError, (*verifier).metered},
		{"journal", "BindingError", ExitProof, proofError, (*verifier).journal},
		{"compiled_circuit", "BindingError", ExitProof, proofError, (*verifier).compiledCircuit},
		{"recompile", "BindingError", ExitProof, proofError, (*verifier).recompile},
		{"outcomes_root", "BindingError", ExitProof, proofError, (*verifier).outcomesRoot},
		{"trap_report", "BindingError", ExitProof, proofError, (*verifier).trapReport},
		{"attestation", "AttestationError", ExitSignature, attestationError, (*verifier).attestation},
		{"flags", "PolicyMismatch", ExitProof, proofError, (*verifier).flags},
		{"module_policy", "ModuleNotAllowed", ExitProof, proofError, (*verifier).modulePolicy},
		{"governance_set", "GovernanceMismatch", ExitProof, proofError, (*verifier).governanceSet},
		{"trap_policy", "PolicyMismatch", ExitProof, proofError, (*verifier).trapPolicy},
		{"traps", "TrapMismatch", ExitTraps, proofError, (*verifier).rejudge},
		{"counts", "CountsMismatch", ExitProof, proofError, (*verifier).counts},
		{"verdict", "TrapMismatch", ExitTraps, proofError, (*verifier).verdict},
		{"freshness", "ProofExpired", ExitProof, proofError, (*verifier).freshness},
		{"nullifier_store", "NullifierReuseError", ExitProof, nullifierError, (*verifier).nullifierStore},
	}
}

// CheckNames lists the names of all steps in order.
func CheckNames() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// skip is returned by a step that has no input.
type skip struct{ reason string }

func (s skip) Error() string { return s.reason }

func skipf(format string, a ...any) error { return skip{fmt.Sprintf(format, a...)} }

// verifier holds the state of one run.
type verifier struct {
	ctx  context.Context
	in   Input
	p    *Proof
	c    digest.Digest // C
	time uint64        // governing time

	witnessed bool // time is that of the policy's witnesses

	circuit  []byte               // canonical bytes that match circuit_hash
	layered  *circuit.Layered     // parsed compiled stream that matches its hash
	outcomes *transcript.Outcomes // that match outcomes_root
	report   *guest.Verdict       // that matches trap_report_hash
	hist     *transcript.Hist     // re-judged target histogram
	level    Level
	evidence []EvidenceVerdict
	errName  string // of the step that fails, where it says it itself
}

// Verify runs every step that has input and lists all of them. An error is
// returned only when a step could not be decided (a store that is down, a
// cancelled context), never for a bad proof.
func Verify(ctx context.Context, in Input) (*Report, error) {
	if in.Judge == nil {
		in.Judge = NativeJudge{}
	}
	if in.Proof == nil && in.Bundle != nil {
		in.Proof = in.Bundle.Proof
	}
	required := slices.Concat(in.Policy.Require, in.Require)
	for _, name := range required {
		if !slices.Contains(CheckNames(), name) {
			return nil, fmt.Errorf("required check %q does not exist", name)
		}
	}
	v := &verifier{ctx: ctx, in: in, level: LevelNone}
	r := &Report{Valid: true}
	for _, c := range checks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.errName = c.errName
		got, err := v.step(c, slices.Contains(required, c.name))
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", c.name, err)
		}
		if !got.OK && r.Failure == nil {
			r.Valid = false
			r.Failure = &Failure{c.name, c.exit, v.errName, c.code, got.Detail}
		}
		r.Checks = append(r.Checks, got)
	}
	r.Level, r.Evidence, r.Proof, r.Claim = v.level, v.evidence, v.p, v.c
	return r, nil
}

// undecided marks an error that is not the proof's fault.
type undecided struct{ err error }

func (u undecided) Error() string { return u.err.Error() }
func (u undecided) Unwrap() error { return u.err }

func (v *verifier) step(c check, required bool) (Check, error) {
	out := Check{Name: c.name, OK: true}
	var err error
	if v.p == nil && c.name != "syntax" {
		err = skip{"the envelope could not be read"}
	} else {
		out.Detail, err = c.run(v)
	}
	var s skip
	var u undecided
	switch {
	case err == nil:
	case errors.As(err, &u):
		return out, u.err
	case errors.As(err, &s):
		out.Skipped, out.Detail = true, s.reason
		if required {
			out.OK, out.Detail = false, "required, but skipped: "+s.reason
		}
	default:
		out.OK, out.Detail = false, err.Error()
	}
	return out, nil
}
