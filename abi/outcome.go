package abi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/animicaorg/engine/digest"
)

// Class says how a call of a guest ended. All but INFRA are part of the record
// of a job: every provider gets the same one. INFRA is local (a killed worker, a
// wall limit) and never a verdict about the guest.
type Class uint8

// Classes. The zero value is no class.
const (
	OK           Class = 1
	DomainError  Class = 2 // the guest refused its input, with code and message
	Trap         Class = 3 // unreachable, division by zero, out of bounds, …
	OutOfFuel    Class = 4 // the budget of fuel is used up
	Depth        Class = 5 // calls nested too deep
	ABIViolation Class = 6 // the guest broke the contract
	OutputLimit  Class = 7
	LoadRejected Class = 8 // the module was refused before it ran
	Infra        Class = 9
)

var classNames = [...]string{OK: "OK", DomainError: "DOMAIN_ERROR", Trap: "TRAP", OutOfFuel: "OUT_OF_FUEL", Depth: "DEPTH", ABIViolation: "ABI_VIOLATION",
	OutputLimit: "OUTPUT_LIMIT", LoadRejected: "LOAD_REJECTED", Infra: "INFRA"}

// String returns the name that records and error messages use.
func (c Class) String() string {
	if c == 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class(%d)", uint8(c))
	}
	return classNames[c]
}

// Outcome is how one call ended.
type Outcome struct {
	Class       Class
	Code        int32          // of a DOMAIN_ERROR, 1..MaxDomainCode: the code given to fail, else the return value
	Message     string         // detail for people; of a DOMAIN_ERROR the guest's own words
	Out         map[int][]byte // output streams that were written; nil unless OK
	Fuel        uint64         // used, in units of the host's meter; of a TRAP what was paid up to the last call or return before it
	Budget      uint64         // fuel that the call was given
	Depth       int32          // what is left of the call depth: the whole budget after a return, negative after DEPTH
	MemoryPages uint32         // size of the guest's memory afterwards, pages of 64 KiB
	MemoryHash  digest.Digest  // SHA3-256 of the guest's memory afterwards; zero where it was not asked for
	Duration    time.Duration  // for logs only
}

// Caller is an instance of a guest. Call runs one export with the given input
// streams. The error is nil whenever the guest's run came to an outcome, whatever
// its class; it is not nil when it did not, which is INFRA.
type Caller interface {
	Call(ctx context.Context, export string, args []uint64, in map[int][]byte) (*Outcome, error)
}

// Error is an outcome that is not OK, or an OK one whose messages break the
// contract.
type Error struct {
	Class   Class
	Export  string
	Code    int32 // of a DOMAIN_ERROR
	Message string
	Err     error // cause, may be nil
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Export, e.Class)
	if e.Class == DomainError {
		s += fmt.Sprintf(" %d", e.Code)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeClass returns the class; see ClassOf.
func (e *Error) OutcomeClass() Class { return e.Class }

// ClassOf returns the class that an error of this package or of a host carries:
// OK for nil, INFRA for an error that carries none.
func ClassOf(err error) Class {
	if err == nil {
		return OK
	}
	var c interface{ OutcomeClass() Class }
	if errors.As(err, &c) {
		return c.OutcomeClass()
	}
	return Infra
}

// run calls an export and maps every end but OK to an *Error. It demands exactly
// the output streams that the export is to write.
func run(ctx context.Context, c Caller, export string, args []uint64, in map[int][]byte, want ...int) (map[int][]byte, error) {
	o, err := c.Call(ctx, export, args, in)
	if err != nil {
		return nil, err
	}
	if o.Class != OK {
		return nil, &Error{Class: o.Class, Export: export, Code: o.Code, Message: o.Message}
	}
	for _, s := range want {
		if o.Out[s] == nil {
			return nil, violation(export, fmt.Errorf("stream %d was not written", s))
		}
	}
	if len(o.Out) != len(want) {
		return nil, violation(export, fmt.Errorf("%d streams were written, want %d", len(o.Out), len(want)))
	}
	return o.Out, nil
}

func violation(export string, cause error) error {
	return &Error{Class: ABIViolation, Export: export, Err: cause}
}
