package strictjson

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/digest"
)

// Error says which field is wrong. Field is a JSON pointer (RFC 6901); the
// empty string is the document itself.
type Error struct {
	Field, Msg, Hint string
}

func (e *Error) Error() string {
	field := e.Field
	if field == "" {
		field = "document"
	}
	if e.Hint != "" {
		return field + ": " + e.Msg + " (" + e.Hint + ")"
	}
	return field + ": " + e.Msg
}

// Cursor reads one value with checks. The first failure of a document sticks:
// later reads return zero values, and Err returns it, so that a reader is a
// list of its fields.
type Cursor struct {
	n    *Node // nil after a failure
	path string
	doc  *doc
}

type doc struct{ err *Error }

// Open parses b and returns a cursor at its root; a syntax error is already
// recorded in it.
func Open(b []byte, lim Limits) Cursor {
	c := Cursor{doc: &doc{}}
	n, err := Parse(b, lim)
	if err != nil {
		c.doc.err = &Error{Msg: err.Error()}
		return c
	}
	c.n = n
	return c
}

// Err returns the first failure as *Error, or nil.
func (c Cursor) Err() error {
	if c.doc.err == nil {
		return nil
	}
	return c.doc.err
}

// Path is the JSON pointer of the value.
func (c Cursor) Path() string { return c.path }

// Fail records a failure at this value, unless there is an earlier one.
func (c Cursor) Fail(hint, format string, a ...any) {
	if c.doc.err == nil {
		c.doc.err = &Error{Field: c.path, Msg: fmt.Sprintf(format, a...), Hint: hint}
	}
}

// ok reports whether the value exists and is of kind k.
func (c Cursor) ok(k Kind) bool {
	if c.n == nil || c.doc.err != nil {
		return false
	}
	if c.n.Kind != k {
		c.Fail("", "is %s, want %s", c.n.Kind, k)
		return false
	}
	return true
}

// Node returns the value, nil after a failure.
func (c Cursor) Node() *Node {
	if c.doc.err != nil {
		return nil
	}
	return c.n
}

// Kind is the value's kind; Null after a failure.
func (c Cursor) Kind() Kind {
	if c.n == nil {
		return Null
	}
	return c.n.Kind
}

// Only checks that the value is an object without members other than keys.
func (c Cursor) Only(keys ...string) Cursor {
	if !c.ok(Object) {
		return c
	}
	for _, m := range c.n.Members {
		if slices.Contains(keys, m.Key) {
			continue
		}
		hint := "known members: " + strings.Join(keys, ", ")
		for _, k := range keys {
			if strings.EqualFold(k, m.Key) {
				hint = fmt.Sprintf("write it %q", k)
			}
		}
		c.at(m.Key, nil).Fail(hint, "unknown member")
	}
	return c
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func (c Cursor) at(key string, n *Node) Cursor {
	return Cursor{n: n, path: c.path + "/" + pointerEscape.Replace(key), doc: c.doc}
}

// Has reports whether an object has the member.
func (c Cursor) Has(key string) bool { return c.find(key) != nil }

func (c Cursor) find(key string) *Node {
	if c.n == nil || c.doc.err != nil {
		return nil
	}
	for i := range c.n.Members {
		if c.n.Members[i].Key == key {
			return &c.n.Members[i].Value
		}
	}
	return nil
}

// Member returns a member that must exist.
func (c Cursor) Member(key string) Cursor {
	if !c.ok(Object) {
		return c.at(key, nil)
	}
	m := c.at(key, c.find(key))
	if m.n == nil {
		m.Fail("", "is missing")
	}
	return m
}

// Optional returns a member that may be absent.
func (c Cursor) Optional(key string) (Cursor, bool) {
	if !c.ok(Object) {
		return c.at(key, nil), false
	}
	m := c.at(key, c.find(key))
	return m, m.n != nil
}

// Items returns the elements of an array of at most max.
func (c Cursor) Items(max int) []Cursor {
	if !c.ok(Array) {
		return nil
	}
	if len(c.n.Items) > max {
		c.Fail("", "has %d elements, limit %d", len(c.n.Items), max)
		return nil
	}
	out := make([]Cursor, len(c.n.Items))
	for i := range out {
		out[i] = c.at(strconv.Itoa(i), &c.n.Items[i])
	}
	return out
}

// Uint reads an unsigned integer written with digits only, lo <= v <= hi.
func (c Cursor) Uint(lo, hi uint64) uint64 {
	if !c.ok(Number) {
		return 0
	}
	v, err := strconv.ParseUint(c.n.Text, 10, 64)
	if err != nil || v < lo || v > hi {
		c.Fail("", "is %s, want an integer %d..%d", clip(c.n.Text), lo, hi)
		return 0
	}
	return v
}

// Text reads a string of at most max bytes.
func (c Cursor) Text(max int) string {
	if !c.ok(String) {
		return ""
	}
	if len(c.n.Text) > max {
		c.Fail("", "has %d bytes, limit %d", len(c.n.Text), max)
		return ""
	}
	return c.n.Text
}

// OneOf reads a string that must be one of the values.
func (c Cursor) OneOf(values ...string) string {
	if !c.ok(String) {
		return ""
	}
	if !slices.Contains(values, c.n.Text) {
		c.Fail("", "is %q, want one of %s", clip(c.n.Text), strings.Join(values, ", "))
		return ""
	}
	return c.n.Text
}

// Bool reads a boolean.
func (c Cursor) Bool() bool { return c.ok(Bool) && c.n.True }

// Hash reads 64 lower-case hexadecimal digits.
func (c Cursor) Hash() (d digest.Digest) {
	if !c.ok(String) {
		return d
	}
	d, err := digest.Parse(c.n.Text)
	if err != nil {
		c.Fail("", "%v", err)
	}
	return d
}

// Hex reads lower-case hexadecimal digits of at most max bytes.
func (c Cursor) Hex(max int) []byte {
	if !c.ok(String) {
		return nil
	}
	b, err := hex.DecodeString(c.n.Text)
	if err != nil || strings.ToLower(c.n.Text) != c.n.Text {
		c.Fail("", "want lower-case hexadecimal digits, two a byte")
		return nil
	}
	if len(b) > max {
		c.Fail("", "has %d bytes, limit %d", len(b), max)
		return nil
	}
	return b
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
