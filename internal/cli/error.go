package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is what a verb returns when it cannot do what was asked.
type Error struct {
	Code    Code
	Name    string // empty: the code's own name
	Message string // what went wrong, with the value that caused it
	Field   string // flag, argument or dotted member of the input; may be empty
	Hint    string // the next step; may be empty
	Detail  string // lines for a reader at a terminal, such as a source line with a caret
	Err     error  // cause, for errors.Is; never printed twice

	// Printed says that the JSON answer, with its error member, is already on
	// stdout.
	Printed bool
}

// Errorf builds an Error. %w works as in fmt.Errorf.
func Errorf(code Code, field, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Field: field, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint sets the hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Named sets the name, for classes finer than the exit code.
func (e *Error) Named(name string) *Error { e.Name = name; return e }

// Error returns field and message.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Body is the JSON form of an error, member "error" of an answer.
type Body struct {
	Code    Code   `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Field   string `json:"field"`
	Hint    string `json:"hint"`
}

// Body returns the JSON form.
func (e *Error) Body() *Body {
	name := e.Name
	if name == "" {
		name = e.Code.String()
	}
	return &Body{e.Code, name, clip(e.Message), clip(e.Field), e.Hint}
}

// maxText bounds what an error repeats of its input, in characters.
const maxText = 600

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	r := []rune(strings.ToValidUTF8(s[:min(len(s), 4*maxText)], "?"))
	return string(r[:min(len(r), maxText)]) + "…"
}

// write prints the error for a person.
func (e *Error) write(w io.Writer, paint func(style, text string) string) {
	b := e.Body()
	text := b.Message
	if b.Field != "" {
		text = b.Field + ": " + text
	}
	fmt.Fprintf(w, "%s %s %s\n", paint(bold+red, "error:"), oneLine(text), paint(dim, fmt.Sprintf("(%s, exit %d)", b.Name, b.Code)))
	if e.Detail != "" {
		for line := range strings.Lines(e.Detail) {
			fmt.Fprintln(w, oneLine(strings.TrimRight(line, "\n")))
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(w, "%s %s\n", paint(bold, "hint:"), e.Hint)
	}
}

// oneLine keeps control characters of quoted input off the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// asError gives every error a code: cancellation is 32, a passed deadline 31,
// and what nobody classified is 70.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return Errorf(Cancelled, "", "interrupted: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(DeadlineExceeded, "", "%w", err)
	}
	return Errorf(Internal, "", "%w", err).WithHint("please report this with the command line and the input")
}
