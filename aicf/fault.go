package aicf

import (
	"errors"
	"fmt"
)

// Code is the stable name of a refusal. Names of the provider guide and of its
// lineage stand where they exist.
type Code string

// The codes.
const (
	AttestationError  Code = "AttestationError" // evidence, signature or key refused
	TrapMismatch      Code = "TrapMismatch"     // the traps say that the outcomes are wrong
	ProofError        Code = "ProofError"       // the proof or its bundle does not verify
	SchemaError       Code = "SchemaError"      // a document breaks its form
	NullifierReuse    Code = "NullifierReuseError"
	LimitExceeded     Code = "LimitExceeded"     // a size, quota or count
	RateLimited       Code = "RateLimited"       // too many calls
	JobExpired        Code = "JobExpired"        // the job is over
	InsufficientStake Code = "InsufficientStake" // stake, or the balance that a stake comes from
	PaymentRequired   Code = "PaymentRequired"   // the available balance does not cover the escrow
	QueueOverCapacity Code = "QueueOverCapacity" // the queue of jobs is full
	NoResultYet       Code = "NoResultYet"
	LeaseFenced       Code = "LeaseFenced"  // another fence holds the job
	LeaseExpired      Code = "LeaseExpired" // the lease lapsed; it is never revived
	LeaseLost         Code = "LeaseLost"    // the lease ended otherwise
	ReplayDetected    Code = "ReplayDetected"
	ClockSkew         Code = "ClockSkew"
	VersionTooOld     Code = "VersionTooOld"
	PolicyMismatch    Code = "PolicyMismatch"
	Unauthorized      Code = "Unauthorized" // no known key signed
	Forbidden         Code = "Forbidden"    // the key may not do this
	NotFound          Code = "NotFound"
	Conflict          Code = "Conflict"            // the state does not allow it
	IdempotencyReused Code = "IdempotencyMismatch" // one key, two requests
	Overloaded        Code = "Overloaded"          // the writer's queue is full; try again
	StorageFailed     Code = "StorageFailed"       // disk full, read-only, database away
)

// facts are HTTP status and numeric code (0: none) of every code.
var facts = map[Code]struct{ status, number int }{
	AttestationError: {400, 6001}, TrapMismatch: {422, 6000}, ProofError: {400, 6000}, SchemaError: {422, 6002}, NullifierReuse: {409, 6003},
	LimitExceeded: {413, 9002}, RateLimited: {429, 0}, JobExpired: {410, 9103}, InsufficientStake: {403, 9102}, PaymentRequired: {402, 0},
	QueueOverCapacity: {429, 0}, NoResultYet: {409, 9003}, LeaseFenced: {409, 9104}, LeaseExpired: {410, 9104}, LeaseLost: {409, 9104},
	ReplayDetected: {409, 0}, ClockSkew: {401, 0}, VersionTooOld: {426, 0}, PolicyMismatch: {412, 0}, Unauthorized: {401, 0}, Forbidden: {403, 0},
	NotFound: {404, 0}, Conflict: {409, 9101}, IdempotencyReused: {422, 0}, Overloaded: {503, 0}, StorageFailed: {503, 0},
}

// Codes lists every code with its HTTP status and number, for documents and
// tests; the order is not defined.
func Codes() map[Code]int {
	out := make(map[Code]int, len(facts))
	for c, f := range facts {
		out[c] = f.status
	}
	return out
}

// Status is the HTTP status of a refusal; 500 for a code that is not listed.
func (c Code) Status() int {
	if f, ok := facts[c]; ok {
		return f.status
	}
	return 500
}

// Number is the numeric code of the lineage, 0 where there is none.
func (c Code) Number() int { return facts[c].number }

// Fault is a refusal that a caller may see. Errors that are no Fault are the
// operator's business.
type Fault struct {
	Code         Code   `json:"code"`
	Message      string `json:"message"`
	Field        string `json:"field,omitempty"`          // JSON pointer into the request
	Hint         string `json:"hint,omitempty"`           // the next step
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"` // 0: do not wait, or do not retry
}

func (f *Fault) Error() string { return string(f.Code) + ": " + f.Message }

// Is makes errors.Is compare codes.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

// Refuse builds a fault.
func Refuse(c Code, format string, args ...any) *Fault {
	return &Fault{Code: c, Message: fmt.Sprintf(format, args...)}
}

// In names the field.
func (f *Fault) In(field string) *Fault { f.Field = field; return f }

// Try names the next step.
func (f *Fault) Try(format string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// After says when to try again.
func (f *Fault) After(ms int64) *Fault { f.RetryAfterMS = ms; return f }

// CodeOf returns the code of a fault in err's chain, empty when there is none.
func CodeOf(err error) Code {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}
