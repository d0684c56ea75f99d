package circuit

import (
	"strconv"
	"strings"
)

// parser turns tokens into one statement at a time.
type parser struct {
	lexer
	v2       bool // OpenQASM 2 rules
	nesting  int
	maxDepth int
	arena    []expr // nodes of the current statement, reused by reset
	used     int
	call     gateCall // reused for gate calls at top level
	operands []*expr
	params   []*expr
	reuse    bool // the next gate call may use call, operands and params
}

// reset forgets the nodes of the last statement; keep lets them live on.
func (p *parser) reset() { p.used = 0 }

func (p *parser) keep() { p.arena, p.used = nil, 0 }

func (p *parser) node(kind exprKind, pos int) *expr {
	if p.used == len(p.arena) {
		p.arena, p.used = make([]expr, 256), 0
	}
	x := &p.arena[p.used]
	p.used++
	*x = expr{kind: kind, pos: pos}
	return x
}

func (p *parser) syntax(want string) {
	got := "the end of the text"
	if p.kind != tEOF {
		got = strconv.Quote(clipText(p.text(), 40))
	}
	p.fail(p.start, CodeSyntax, "%s wanted, not %s", want, got)
}

func clipText(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// expect passes a token of the kind.
func (p *parser) expect(kind tokKind, want string) {
	if p.kind != kind {
		p.syntax(want)
		return
	}
	p.next()
}

func (p *parser) accept(kind tokKind) bool {
	if p.kind != kind {
		return false
	}
	p.next()
	return true
}

func (p *parser) acceptWord(word string) bool {
	if p.kind != tIdent || p.text() != word {
		return false
	}
	p.next()
	return true
}

func (p *parser) ident(what string) string {
	if p.kind != tIdent {
		p.syntax(what)
		return ""
	}
	s := p.text()
	p.next()
	return s
}

// enter counts a level of nesting; the caller defers leave.
func (p *parser) enter() bool {
	if p.nesting++; p.nesting > p.maxDepth {
		p.fail(p.start, CodeLimitNesting, "nested deeper than %d", p.maxDepth)
	}
	return p.err == nil
}

func (p *parser) leave() { p.nesting-- }
