// Package strictjson reads JSON (RFC 8259) the way signed documents need it:
// a document has one meaning or it is refused.
//
// It refuses repeated members, trailing data, invalid UTF-8, lone surrogates,
// byte order marks and anything deeper, longer or with more values than its
// limits, before it allocates for it. Numbers stay text until a caller asks for
// an integer. It promises nothing about the order of members and does not write
// JSON.
package strictjson

import "fmt"

// Limits bound one document. Depth is the number of containers around the
// innermost value; Values counts every value in it.
type Limits struct {
	Bytes, Depth, Values int
}

// Kind is the JSON type of a Node.
type Kind uint8

// The JSON types.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

// String names the kind as an error message wants it.
func (k Kind) String() string { return kindNames[k] }

// Node is one parsed value.
type Node struct {
	Kind    Kind
	Raw     []byte // exact bytes of the value; aliases the input
	Text    string // String: decoded; Number: the token
	True    bool   // Bool
	Items   []Node // Array
	Members []Member
}

// Member is one member of an object, in document order.
type Member struct {
	Key   string
	Value Node
}

// SyntaxError says where a document stops being acceptable.
type SyntaxError struct {
	Offset int // bytes from the start
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("JSON byte %d: %s", e.Offset, e.Msg) }

// Parse reads exactly one value.
func Parse(b []byte, lim Limits) (*Node, error) {
	if len(b) > lim.Bytes {
		return nil, &SyntaxError{lim.Bytes, fmt.Sprintf("document of %d bytes, limit %d", len(b), lim.Bytes)}
	}
	p := &parser{b: b, lim: lim}
	p.space()
	var n Node
	err := p.value(&n, 0)
	if err == nil {
		if p.space(); p.i != len(b) {
			err = p.fail("data behind the value")
		}
	}
	if err != nil {
		return nil, err
	}
	return &n, nil
}

type parser struct {
	b      []byte
	i      int
	values int
	lim    Limits
}

func (p *parser) fail(format string, a ...any) error {
	return &SyntaxError{p.i, fmt.Sprintf(format, a...)}
}

func (p *parser) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end (0 starts no token).
func (p *parser) peek() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) value(n *Node, depth int) error {
	if p.values++; p.values > p.lim.Values {
		return p.fail("more than %d values", p.lim.Values)
	}
	start := p.i
	var err error
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth >= p.lim.Depth {
			return p.fail("nested deeper than %d", p.lim.Depth)
		}
		if c == '{' {
			err = p.object(n, depth+1)
		} else {
			err = p.array(n, depth+1)
		}
	case c == '"':
		n.Kind = String
		n.Text, err = p.str()
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = Number
		n.Text, err = p.number()
	default:
		err = p.word(n)
	}
	n.Raw = p.b[start:p.i:p.i]
	return err
}

func (p *parser) word(n *Node) error {
	for _, w := range []struct {
		text string
		kind Kind
		t    bool
	}{{"null", Null, false}, {"true", Bool, true}, {"false", Bool, false}} {
		if end := p.i + len(w.text); end <= len(p.b) && string(p.b[p.i:end]) == w.text {
			n.Kind, n.True, p.i = w.kind, w.t, end
			return nil
		}
	}
	if p.i >= len(p.b) {
		return p.fail("ends where a value should start")
	}
	return p.fail("no value starts with %q", p.b[p.i])
}

func (p *parser) digits() bool {
	start := p.i
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.i++
	}
	return p.i > start
}

func (p *parser) number() (string, error) {
	start := p.i
	if p.peek() == '-' {
		p.i++
	}
	if p.peek() == '0' {
		p.i++
	} else if !p.digits() {
		return "", p.fail("number without digits")
	}
	if p.peek() == '.' {
		p.i++
		if !p.digits() {
			return "", p.fail("number without digits behind the point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		if !p.digits() {
			return "", p.fail("number without digits in the exponent")
		}
	}
	if c := p.peek(); c >= '0' && c <= '9' {
		return "", p.fail("number with a leading zero")
	}
	return string(p.b[start:p.i]), nil
}

func (p *parser) array(n *Node, depth int) error {
	n.Kind = Array
	p.i++
	if p.space(); p.peek() == ']' {
		p.i++
		return nil
	}
	for {
		p.space()
		n.Items = append(n.Items, Node{})
		if err := p.value(&n.Items[len(n.Items)-1], depth); err != nil {
			return err
		}
		more, err := p.next(']')
		if !more || err != nil {
			return err
		}
	}
}

// next reads a comma (more) or the closing byte.
func (p *parser) next(end byte) (more bool, err error) {
	p.space()
	switch p.peek() {
	case ',':
		p.i++
		return true, nil
	case end:
		p.i++
		return false, nil
	}
	return false, p.fail("want ',' or %q", end)
}

func (p *parser) object(n *Node, depth int) error {
	n.Kind = Object
	seen := map[string]bool{}
	p.i++
	if p.space(); p.peek() == '}' {
		p.i++
		return nil
	}
	for {
		if p.space(); p.peek() != '"' {
			return p.fail("want a member name in quotes")
		}
		at := p.i
		key, err := p.str()
		if err != nil {
			return err
		}
		if seen[key] {
			p.i = at
			return p.fail("member %q twice", key)
		}
		seen[key] = true
		if p.space(); p.peek() != ':' {
			return p.fail("want ':' behind the member name")
		}
		p.i++
		p.space()
		n.Members = append(n.Members, Member{Key: key})
		if err := p.value(&n.Members[len(n.Members)-1].Value, depth); err != nil {
			return err
		}
		more, err := p.next('}')
		if !more || err != nil {
			return err
		}
	}
}
