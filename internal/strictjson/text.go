package strictjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string; the opening quote is next.
func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.b) && p.b[p.i] != '"' && p.b[p.i] != '\\' && p.b[p.i] >= ' ' {
		p.i++
	}
	out := p.b[start:p.i]
	if p.peek() != '"' {
		out = append([]byte(nil), out...)
	}
	for {
		if p.i >= len(p.b) {
			return "", p.fail("string without end")
		}
		switch c := p.b[p.i]; {
		case c == '"':
			if !utf8.Valid(out) {
				return "", p.fail("string is not UTF-8")
			}
			p.i++
			return string(out), nil
		case c < ' ':
			return "", p.fail("control byte %#x in a string", c)
		case c == '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		default:
			out = append(out, c)
			p.i++
		}
	}
}

func (p *parser) escape(out []byte) ([]byte, error) {
	p.i++
	c := p.peek()
	p.i++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, err := p.hex4()
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			if p.i+1 < len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
				p.i += 2
				low, err := p.hex4()
				if err != nil {
					return nil, err
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					return utf8.AppendRune(out, r), nil
				}
			}
			return nil, p.fail("lone surrogate")
		}
		return utf8.AppendRune(out, r), nil
	}
	p.i--
	return nil, p.fail("unknown escape")
}

func (p *parser) hex4() (rune, error) {
	if p.i+4 > len(p.b) {
		return 0, p.fail("\\u without four digits")
	}
	for _, c := range p.b[p.i : p.i+4] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0, p.fail("\\u without four digits")
		}
	}
	v, err := strconv.ParseUint(string(p.b[p.i:p.i+4]), 16, 16)
	p.i += 4
	return rune(v), err
}
