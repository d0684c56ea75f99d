// Package qx1 is the Go SDK for guests of ABI qx1: calls with their streams,
// failures, and what trap libraries and compilers do the same way.
//
// A guest is written against Call. Compiled for wasip1 it runs in a host's
// sandbox; everywhere else Try runs the same function on streams in memory, so
// that a guest is tested and debugged like any Go code. Package link makes the
// toolchain's output loadable.
//
// It promises that an error that an export returns becomes a domain error with a
// message, never a trap, and that nothing in it depends on clock, randomness or
// map order. It does not catch panics: a panic is a bug and ends as TRAP.
package qx1

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Streams.
const (
	Header   = 0
	Circuit  = 1 // circuit of a compiler, layered circuit of a trap library
	Target   = 2 // of a compiler
	Plan     = 2 // of a trap library
	Hidden   = 3
	Outcomes = 4
	Root     = 5 // root32 ‖ policy
	Result   = 16
	Secret   = 17 // hidden data, as an output
)

// Codes of domain errors.
const (
	BadInput    = 1
	TooLarge    = 2
	Unsupported = 3
	HostRefused = 4
)

// Failure is a domain error: what the guest refuses, and why.
type Failure struct {
	Code    int32 // 1..0x7fff
	Message string
}

// Error implements error.
func (f *Failure) Error() string { return f.Message }

// Refuse makes a Failure.
func Refuse(code int32, format string, args ...any) error {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// streams is what a Call stands on: the host's imports, or maps.
type streams interface {
	in(stream int) []byte // nil if there is none
	out(stream int, b []byte) error
	log(text string)
}

// Call is one call of an export.
type Call struct{ s streams }

// In returns an input stream, nil if there is none.
func (c *Call) In(stream int) []byte { return c.s.in(stream) }

// Out appends to an output stream; an error means that the host took no more.
func (c *Call) Out(stream int, b []byte) error { return c.s.out(stream, b) }

// Log writes a line for debugging; hosts drop it in consensus mode.
func (c *Call) Log(text string) { c.s.log(text) }

// Describe returns the export that names a guest; kind is "traps" or "compiler".
func Describe(kind, name, version string) func(*Call) error {
	return func(c *Call) error {
		return c.Out(Result, fmt.Appendf(nil, "abi=1\nkind=%s\nname=%s\nversion=%s\n", kind, name, version))
	}
}

// maxMessage is the longest message of an error record in bytes.
const maxMessage = 1024

// failure gives an error the form of an error record.
func failure(err error) *Failure {
	f := &Failure{}
	if !errors.As(err, &f) {
		f = &Failure{Code: BadInput, Message: err.Error()}
	}
	m := strings.ToValidUTF8(f.Message, "?")
	for len(m) > maxMessage {
		_, n := utf8.DecodeLastRuneInString(m)
		m = m[:len(m)-n]
	}
	return &Failure{min(max(f.Code, 1), 0x7fff), m}
}
