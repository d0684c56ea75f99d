// Package abi is the engine's side of ABI qx1, the contract with WebAssembly
// guests in SPEC.md: kinds of guests, outcomes of calls, and typed callers for
// compilers and trap libraries.
//
// It promises that whatever a guest returns is parsed strictly and checked
// against what it was asked before a caller sees it; anything else is an
// ABI_VIOLATION that names the message. It does not run guests (a Caller does),
// and it does not judge whether a plan's statistics are right.
package abi

import "fmt"

// Version is the version of the ABI that this module speaks.
const Version = 1

// Kind is what a guest is for. The zero value is no kind.
type Kind uint8

// Kinds of guests.
const (
	KindCompiler Kind = 1
	KindTraps    Kind = 2
)

// String returns the name that the manifest uses.
func (k Kind) String() string {
	switch k {
	case KindCompiler:
		return "compiler"
	case KindTraps:
		return "traps"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind is the inverse of String.
func ParseKind(s string) (Kind, error) {
	for _, k := range []Kind{KindCompiler, KindTraps} {
		if s == k.String() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("guest kind %q: want compiler or traps", s)
}

// Export names.
const (
	ExportMarker   = "qx_abi_1" // present in every guest, never called
	ExportDescribe = "qx_describe"
	ExportCompile  = "qx_compile"
	ExportPlan     = "qx_plan"
	ExportGenerate = "qx_generate"
	ExportJudge    = "qx_judge"
	ExportAudit    = "qx_audit" // optional
)

// Streams.
const (
	StreamHeader    = 0
	StreamCircuit   = 1 // circuit, or layered circuit for trap libraries
	StreamTarget    = 2 // target of a compiler
	StreamPlan      = 2 // plan of a trap library
	StreamHidden    = 3
	StreamOutcomes  = 4
	StreamPolicy    = 5 // root32 ‖ policy
	MaxInput        = 15
	FirstOutput     = 16
	StreamResult    = 16
	StreamHiddenOut = 17 // hidden, as an output
	MaxOutput       = 31
)

// MaxFailMessage is the longest message of an error record in bytes.
const MaxFailMessage = 1024

// MaxDomainCode is the largest return value that is a domain error.
const MaxDomainCode = 0x7fff
