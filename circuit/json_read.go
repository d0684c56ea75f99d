package circuit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrJSON is wrapped by every refusal of ParseJSON.
var ErrJSON = errors.New("invalid circuit JSON")

// jsonReader walks the tokens of one JSON text (RFC 8259). Unlike encoding/json
// it refuses repeated members, compares names exactly and keeps numbers as
// text. After the first failure err stays set and all reads return zero values.
type jsonReader struct {
	src string
	pos int
	err error
}

func (r *jsonReader) fail(format string, args ...any) {
	if r.err == nil {
		line, column, _ := position(r.src, min(r.pos, len(r.src)))
		r.err = fmt.Errorf("line %d:%d: %s: %w", line, column, fmt.Sprintf(format, args...), ErrJSON)
	}
}

// peek returns the first byte of the next token, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.pos < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
	if r.err != nil || r.pos == len(r.src) {
		return 0
	}
	return r.src[r.pos]
}

func (r *jsonReader) expect(c byte) {
	if r.peek() != c {
		r.fail("%q wanted", c)
		return
	}
	r.pos++
}

// object calls field for each member; field must read the value. Repeated
// names are refused.
func (r *jsonReader) object(field func(name string)) {
	var seen []string
	r.expect('{')
	for r.err == nil && r.peek() != '}' {
		name := r.str()
		for _, s := range seen {
			if s == name {
				r.fail("member %q is repeated", name)
			}
		}
		seen = append(seen, name)
		r.expect(':')
		if r.err != nil {
			return
		}
		field(name)
		if r.peek() == '}' {
			break
		}
		r.expect(',')
		if r.peek() == '}' {
			r.fail("a member wanted behind the comma")
		}
	}
	r.expect('}')
}

// array calls item for each element, which must read it.
func (r *jsonReader) array(item func()) {
	r.expect('[')
	for r.err == nil && r.peek() != ']' {
		item()
		if r.peek() == ']' {
			break
		}
		r.expect(',')
		if r.peek() == ']' {
			r.fail("an element wanted behind the comma")
		}
	}
	r.expect(']')
}

// str reads a string of at most 255 bytes; escapes are not needed by this
// format and are refused.
func (r *jsonReader) str() string {
	r.expect('"')
	if r.err != nil {
		return ""
	}
	end := strings.IndexByte(r.src[r.pos:min(len(r.src), r.pos+256)], '"')
	if end < 0 {
		r.fail("string without its end, or longer than 255 bytes")
		return ""
	}
	s := r.src[r.pos : r.pos+end]
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == '\\' {
			r.fail("escapes and control characters are not allowed in strings here")
			return ""
		}
	}
	if !utf8.ValidString(s) {
		r.fail("string is not UTF-8")
		return ""
	}
	r.pos += end + 1
	return s
}

// number returns the text of a number in the grammar of JSON.
func (r *jsonReader) number() string {
	r.peek()
	start := r.pos
	digits := func() bool {
		from := r.pos
		for r.pos < len(r.src) && r.src[r.pos]-'0' <= 9 {
			r.pos++
		}
		return r.pos > from
	}
	accept := func(set string) bool {
		if r.pos < len(r.src) && strings.IndexByte(set, r.src[r.pos]) >= 0 {
			r.pos++
			return true
		}
		return false
	}
	accept("-")
	zero := r.pos < len(r.src) && r.src[r.pos] == '0'
	from := r.pos
	ok := digits() && !(zero && r.pos > from+1)
	if ok && accept(".") {
		ok = digits()
	}
	if ok && accept("eE") {
		accept("+-")
		ok = digits()
	}
	if !ok || r.err != nil {
		r.fail("a number wanted")
		return "0"
	}
	return r.src[start:r.pos]
}

// uint reads an integer from 0 to most.
func (r *jsonReader) uint(most uint64) uint64 {
	s := r.number()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most {
		r.fail("%s is not an integer from 0 to %d", clipText(s, 40), most)
		return 0
	}
	return n
}

func (r *jsonReader) bool() bool {
	r.peek()
	for _, v := range []string{"true", "false"} {
		if r.err == nil && strings.HasPrefix(r.src[r.pos:], v) {
			r.pos += len(v)
			return v == "true"
		}
	}
	r.fail("true or false wanted")
	return false
}

// end refuses anything but space behind the value.
func (r *jsonReader) end() {
	if r.peek() != 0 {
		r.fail("text behind the value")
	}
}
