package circuit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokKind uint8

const (
	tEOF tokKind = iota
	tIdent
	tInt
	tFloat
	tString
	tHardware // $0
	tTiming   // 100ns
	tImaginary
	tPragma // #pragma; restOfLine takes its text
	tSemi
	tComma
	tLParen
	tRParen
	tLBrack
	tRBrack
	tLBrace
	tRBrace
	tColon
	tArrow
	tAt
	tAssign
	tPlus
	tMinus
	tStar
	tSlash
	tPercent
	tPower
	tCaret
	tAmp
	tPipe
	tTilde
	tBang
	tEq
	tNe
	tLt
	tLe
	tGt
	tGe
	tShl
	tShr
	tAnd
	tOr
	tConcat
	tOpAssign // += and so on; the operator is in lexer.op
)

// operators by their first byte, longest first.
var operators = [128][]struct {
	text string
	kind tokKind
}{
	';': {{";", tSemi}}, ',': {{",", tComma}}, '(': {{"(", tLParen}}, ')': {{")", tRParen}}, '[': {{"[", tLBrack}}, ']': {{"]", tRBrack}},
	'{': {{"{", tLBrace}}, '}': {{"}", tRBrace}}, ':': {{":", tColon}}, '@': {{"@", tAt}},
	'-': {{"->", tArrow}, {"-=", tOpAssign}, {"-", tMinus}}, '+': {{"++", tConcat}, {"+=", tOpAssign}, {"+", tPlus}},
	'*': {{"**=", tOpAssign}, {"**", tPower}, {"*=", tOpAssign}, {"*", tStar}}, '/': {{"/=", tOpAssign}, {"/", tSlash}},
	'%': {{"%=", tOpAssign}, {"%", tPercent}}, '^': {{"^=", tOpAssign}, {"^", tCaret}},
	'&': {{"&&", tAnd}, {"&=", tOpAssign}, {"&", tAmp}}, '|': {{"||", tOr}, {"|=", tOpAssign}, {"|", tPipe}},
	'~': {{"~=", tOpAssign}, {"~", tTilde}}, '!': {{"!=", tNe}, {"!", tBang}}, '=': {{"==", tEq}, {"=", tAssign}},
	'<': {{"<<=", tOpAssign}, {"<<", tShl}, {"<=", tLe}, {"<", tLt}}, '>': {{">>=", tOpAssign}, {">>", tShr}, {">=", tGe}, {">", tGt}},
}

// Byte classes.
const (
	classSpace = 1 << iota
	classLetter
	classDigit
)

var class = func() (t [256]uint8) {
	for _, c := range " \t\r\n" {
		t[c] = classSpace
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = classLetter, classLetter
	}
	t['_'] = classLetter
	for c := '0'; c <= '9'; c++ {
		t[c] = classDigit
	}
	return t
}()

// lexer holds the current token: kind, src[start:end]. After an error the kind
// stays tEOF.
type lexer struct {
	src        string
	start, end int
	kind       tokKind
	op         tokKind // operator of a tOpAssign
	tokens     int
	maxTokens  int
	err        *Error
}

func (l *lexer) fail(pos int, code Code, format string, args ...any) {
	if l.err == nil {
		l.err = newError(l.src, pos, code, format, args...)
	}
	l.kind, l.start, l.end = tEOF, len(l.src), len(l.src)
}

func (l *lexer) text() string { return l.src[l.start:l.end] }

// next advances to the next token.
func (l *lexer) next() {
	if l.err != nil {
		return
	}
	i := l.skipSpace()
	if l.err != nil {
		return
	}
	l.start = i
	if i >= len(l.src) {
		l.kind, l.end = tEOF, i
		return
	}
	if l.tokens++; l.tokens > l.maxTokens {
		l.fail(i, CodeLimitTokens, "more than %d tokens", l.maxTokens)
		return
	}
	switch c := l.src[i]; {
	case class[c]&classLetter != 0 || c >= utf8.RuneSelf:
		l.word()
	case class[c]&classDigit != 0 || c == '.' && i+1 < len(l.src) && class[l.src[i+1]]&classDigit != 0:
		l.number()
	case c == '"' || c == '\'':
		l.quoted(c)
	case c == '$':
		for i++; i < len(l.src) && class[l.src[i]]&classDigit != 0; {
			i++
		}
		l.kind, l.end = tHardware, i
	case c == '#' && strings.HasPrefix(l.src[i:], "#pragma"):
		l.kind, l.end = tPragma, i+len("#pragma")
	default:
		l.operator(c)
	}
}

// skipSpace passes space and comments and returns the offset after them.
func (l *lexer) skipSpace() int {
	i, src := l.end, l.src
	for i < len(src) {
		c := src[i]
		if class[c]&classSpace != 0 {
			i++
			continue
		}
		if c != '/' || i+1 >= len(src) || src[i+1] != '/' && src[i+1] != '*' {
			break
		}
		closing, skip := "\n", 0
		if src[i+1] == '*' {
			closing, skip = "*/", 2
		}
		n := strings.Index(src[i+2:], closing)
		if n < 0 {
			if skip == 2 {
				l.fail(i, CodeSyntax, "comment without its end")
			}
			return len(src)
		}
		i += 2 + n + skip
	}
	return i
}

func (l *lexer) word() {
	i := l.start
	for i < len(l.src) {
		c := l.src[i]
		if class[c]&(classLetter|classDigit) != 0 {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRuneInString(l.src[i:])
		if r == utf8.RuneError && n == 1 || !unicode.In(r, unicode.L, unicode.Nl, unicode.M, unicode.Nd) {
			l.fail(i, CodeSyntax, "unexpected character %q", r)
			return
		}
		i += n
	}
	l.kind, l.end = tIdent, i
}

// restOfLine extends the current token to the end of its line: annotations and
// pragmas are not tokens.
func (l *lexer) restOfLine() string {
	end := strings.IndexByte(l.src[l.start:], '\n')
	if end < 0 {
		end = len(l.src) - l.start
	}
	l.end = l.start + end
	return l.text()
}

// number scans 1, 0x1f, 0o17, 0b1_0, 1.5e-3 and, with a unit behind it, timing
// and imaginary literals.
func (l *lexer) number() {
	i, src := l.start, l.src
	l.kind = tInt
	if src[i] == '0' && i+1 < len(src) && strings.IndexByte("xXoObB", src[i+1]) >= 0 {
		for i += 2; i < len(src) && class[src[i]]&(classLetter|classDigit) != 0; {
			i++
		}
		l.end = i
		return
	}
	digits := func() {
		for i < len(src) && (class[src[i]]&classDigit != 0 || src[i] == '_') {
			i++
		}
	}
	digits()
	if i < len(src) && src[i] == '.' {
		l.kind = tFloat
		i++
		digits()
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		j := i + 1
		if j < len(src) && (src[j] == '+' || src[j] == '-') {
			j++
		}
		if j < len(src) && class[src[j]]&classDigit != 0 {
			l.kind, i = tFloat, j
			digits()
		}
	}
	l.end = i
	if i < len(src) && (class[src[i]]&classLetter != 0 || src[i] >= utf8.RuneSelf) {
		l.unit(i)
	}
}

// unit classifies the letters glued to a number.
func (l *lexer) unit(i int) {
	from := i
	for i < len(l.src) && (class[l.src[i]]&(classLetter|classDigit) != 0 || l.src[i] >= utf8.RuneSelf) {
		i++
	}
	switch l.src[from:i] {
	case "dt", "ns", "us", "µs", "μs", "ms", "s":
		l.kind, l.end = tTiming, i
	case "im":
		l.kind, l.end = tImaginary, i
	default:
		l.fail(from, CodeSyntax, "%q behind a number", l.src[from:i])
	}
}

func (l *lexer) quoted(quote byte) {
	n := strings.IndexAny(l.src[l.start+1:], string(quote)+"\n")
	if n < 0 || l.src[l.start+1+n] == '\n' {
		l.fail(l.start, CodeSyntax, "string without its end")
		return
	}
	l.kind, l.end = tString, l.start+n+2
}

func (l *lexer) operator(c byte) {
	if c < utf8.RuneSelf {
		for _, o := range operators[c] {
			if strings.HasPrefix(l.src[l.start:], o.text) {
				l.kind, l.end = o.kind, l.start+len(o.text)
				if o.kind == tOpAssign {
					l.op = operatorKind(o.text[:len(o.text)-1])
				}
				return
			}
		}
	}
	l.fail(l.start, CodeSyntax, "unexpected character %q", c)
}

func operatorKind(text string) tokKind {
	for _, o := range operators[text[0]] {
		if o.text == text {
			return o.kind
		}
	}
	return tEOF
}
