package circuit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Code names the reason of a diagnostic. Programs may compare codes; texts may
// change.
type Code string

// Codes of the language.
const (
	CodeSyntax         Code = "syntax"
	CodeUnknownName    Code = "unknown-name"
	CodeRedefined      Code = "redefined"
	CodeType           Code = "type"
	CodeArgumentCount  Code = "argument-count"
	CodeIndexRange     Code = "index-range"
	CodeSizeMismatch   Code = "size-mismatch"
	CodeRepeatedQubit  Code = "repeated-qubit"
	CodeNotConstant    Code = "not-constant"
	CodeNotFinite      Code = "not-finite"
	CodeOverflow       Code = "integer-overflow"
	CodeDivisionByZero Code = "division-by-zero"
	CodeRecursion      Code = "recursion"
	CodeMissingInput   Code = "missing-input"
	CodeUnknownInput   Code = "unknown-input"
	CodeVersion        Code = "version"
	CodeInclude        Code = "include"
	CodeMixedQubits    Code = "mixed-qubits"    // $n beside declared registers
	CodeNoQubits       Code = "no-qubits"       // an empty program
	CodeClobbered      Code = "condition-write" // a conditional block overwrites its own condition and goes on
	CodeRuntimeValue   Code = "runtime-value"   // classical computing on measured bits beyond comparisons
	CodeDiscarded      Code = "discarded-measurement"
	CodePower          Code = "power-not-integer"
)

// Codes of features that the engine profile leaves out.
const (
	CodeExtern       Code = "feature-extern"
	CodeCalibration  Code = "feature-calibration" // cal, defcal, defcalgrammar
	CodeTiming       Code = "feature-timing"      // duration, stretch, delay, durationof
	CodeBox          Code = "feature-box"
	CodeComplex      Code = "feature-complex"
	CodeRuntimeWhile Code = "feature-while" // a while on measured bits without a declared limit
	CodeArray        Code = "feature-array"
	CodeOpaque       Code = "feature-opaque"
)

// Codes of limits, one each.
const (
	CodeLimitSource     Code = "limit-source-bytes"
	CodeLimitTokens     Code = "limit-tokens"
	CodeLimitNesting    Code = "limit-nesting"
	CodeLimitGates      Code = "limit-gates"
	CodeLimitQubits     Code = "limit-qubits"
	CodeLimitClbits     Code = "limit-clbits"
	CodeLimitLoops      Code = "limit-loop-iterations"
	CodeLimitSteps      Code = "limit-eval-steps"
	CodeLimitConditions Code = "limit-conditions"
)

// Codes of warnings.
const (
	WarnPragma       Code = "pragma-ignored"
	WarnAnnotation   Code = "annotation-ignored"
	WarnNoInclude    Code = "no-include"
	WarnLocalBit     Code = "local-bit"      // a bit declared in a block became part of the outcome
	WarnControlledU  Code = "controlled-u"   // the two published phases of U differ under a control
	WarnIntDivision  Code = "int-division"   // 1/2 is 0 in OpenQASM 3
	WarnOutput       Code = "output-ignored" // output does not hide the other bits
	WarnWhileLimited Code = "while-limited"
	WarnAngleBits    Code = "angle-bits" // an angle takes measurements
)

// Error is a refusal of a source text.
type Error struct {
	Code         Code
	Line, Column int // from 1; the column counts characters
	Msg          string
	Hint         string // what to do about it; may be empty

	source string // the line, or what is near the place in a long one
	caret  int    // character of source, from 1
}

// Error is the short form, on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d:%d: %s [%s]", e.Line, e.Column, e.Msg, e.Code)
}

// Detail is the long form: message, source line, caret and hint.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.source != "" {
		fmt.Fprintf(&b, "\n  %s\n  ", e.source)
		n := 0
		for _, r := range e.source {
			if n++; n >= e.caret {
				break
			}
			if r != '\t' {
				r = ' '
			}
			b.WriteRune(r)
		}
		b.WriteByte('^')
	}
	if e.Hint != "" {
		b.WriteString("\n  hint: " + e.Hint)
	}
	return b.String()
}

// Warning is a remark about an accepted source text.
type Warning struct {
	Code         Code
	Line, Column int
	Msg          string
}

// String is the warning on one line.
func (w Warning) String() string {
	return fmt.Sprintf("line %d:%d: warning: %s [%s]", w.Line, w.Column, w.Msg, w.Code)
}

// position finds line and column of a byte offset, both from 1.
func position(src string, pos int) (line, column, start int) {
	start = strings.LastIndexByte(src[:pos], '\n') + 1
	return 1 + strings.Count(src[:pos], "\n"), 1 + utf8.RuneCountInString(src[start:pos]), start
}

// hints by code, where one sentence helps everybody.
var hints = map[Code]string{
	CodeExtern:       "compute the value before and pass it as an input, or after the run",
	CodeCalibration:  "pulses belong to the device's driver; send gates",
	CodeTiming:       "the device schedules; use barrier to keep an order",
	CodeBox:          "remove the box; barrier keeps an order",
	CodeComplex:      "write the real and the imaginary part",
	CodeArray:        "declare registers or single values",
	CodeOpaque:       "define the gate",
	CodeInclude:      "paste the definitions into the program",
	CodeMixedQubits:  "use either $n or declared registers",
	CodePower:        "use the gate's root, such as sx or s, or scale its angle",
	CodeMissingInput: "give it among the parameters of the job",
	CodeNoQubits:     "declare one, as in: qubit[2] q;",
	CodeClobbered:    "measure into another bit, or move the measurement to the end of the block",
	CodeRuntimeWhile: "write `pragma engine.while_limit 10` above it",
}

func newError(src string, pos int, code Code, format string, args ...any) *Error {
	pos = min(pos, len(src))
	e := &Error{Code: code, Msg: clipText(fmt.Sprintf(format, args...), 300), Hint: hints[code]} // names in it may be long
	var start int
	e.Line, e.Column, start = position(src, pos)
	end := len(src)
	if i := strings.IndexByte(src[pos:], '\n'); i >= 0 {
		end = pos + i
	}
	start, end = max(start, pos-60), min(end, pos+60)
	e.caret = 1 + utf8.RuneCountInString(strings.ToValidUTF8(src[start:pos], "?"))
	e.source = strings.ToValidUTF8(src[start:pos], "?") + strings.ToValidUTF8(strings.TrimRight(src[pos:end], "\r"), "?")
	return e
}

// hint adds advice.
func (e *Error) hint(s string) *Error {
	e.Hint = s
	return e
}
