package host

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/wasmbin"
)

// RuleEngine is the rule of a module that passed the validator and that the
// engine refuses all the same, for instance for the types of its operands.
const RuleEngine wasmbin.Rule = "engine"

// RuleMeteredSize is the rule of a module whose metered form is longer than what
// goes to a worker.
const RuleMeteredSize wasmbin.Rule = "metered-size"

// Sentinels, wrapped in an *Error of class INFRA.
var (
	// ErrUnwired: the binary does not call MaybeWorker first, so that it cannot
	// start workers.
	ErrUnwired = errors.New("host.MaybeWorker is not the first statement of this binary's main or TestMain")
	// ErrNoRuntime: no package that registers a runtime is linked in.
	ErrNoRuntime = errors.New("no WebAssembly runtime is linked into this binary; import host/wazerort")
	// ErrSpent: the instance ended before; open another one.
	ErrSpent = errors.New("the instance ended with an earlier call")
	// ErrWallTime: the call took longer than Limits.CallTime or OpenTime.
	ErrWallTime = errors.New("the wall limit passed and the worker was killed")
)

// Error is why a module or an instance cannot be used. Class is LOAD_REJECTED,
// with Rule, OUT_OF_FUEL before anything ran, or INFRA.
type Error struct {
	Class   abi.Class
	Rule    wasmbin.Rule // of LOAD_REJECTED
	Module  string       // hash of the module, 64 hexadecimal digits; empty when there is none
	Message string
	Err     error // cause
}

// Error implements error.
func (e *Error) Error() string {
	s := "guest host: " + e.Class.String()
	if e.Rule != "" {
		s += fmt.Sprintf("(%s)", e.Rule)
	}
	if e.Module != "" {
		s += " module " + e.Module
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

// OutcomeClass returns the class; see abi.ClassOf.
func (e *Error) OutcomeClass() abi.Class { return e.Class }
