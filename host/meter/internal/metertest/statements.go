package metertest

import (
	"strings"

	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

// label returns a label that carries the types given.
func (g *generator) label(types string) (int, bool) {
	var fit []int
	for i := range g.labels {
		if l := len(g.labels) - 1 - i; g.labels[l] == types {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return fit[g.r.IntN(len(fit))], true
}

// construct writes a block or an if; its operands are on the stack.
func (g *generator) construct(op byte, params, results string, depth int) {
	switch {
	case params != "" || len(results) > 1:
		g.put(Op(op), S(int64(g.m.TypeIndex(params, results))))
	case results == "":
		g.put(Op(op, 0x40))
	default:
		g.put(Op(op), Type{Params: results}.Bytes()[2:3])
	}
	g.labels = append(g.labels, results)
	arm := func() {
		for range params {
			g.put(Op(0x1a))
		}
		for range g.r.IntN(3) {
			g.stmt(depth - 1)
		}
		g.values(results, depth-1)
		if g.r.IntN(6) == 0 {
			g.jump(results)
		}
	}
	arm()
	if op == 0x04 && (results != "" || g.r.IntN(2) == 0) {
		g.put(Op(0x05))
		arm()
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.put(Op(0x0b))
}

// jump leaves for good; the values of types are on the stack. Sometimes code that
// cannot run follows.
func (g *generator) jump(types string) {
	l, ok := g.label(types)
	switch {
	case ok && g.r.IntN(3) > 0:
		g.put(Br(l))
	case g.labels[0] == types:
		g.put(Op(0x0f))
	case g.r.IntN(2) == 0:
		g.put(Op(0x00))
	default:
		return
	}
	switch g.r.IntN(4) {
	case 0:
		g.put(Op(0x6a, 0x1a, 0x1b, 0x1a)) // add, drop, select, drop: operands of any type
	case 1:
		g.put(Op(0x02, 0x40, 0x0c, 0, 0x0b, 0x03, 0x40, 0x0c, 0, 0x0b))
	case 2:
		g.stmt(2)
		g.values(types, 1)
	}
}

func (g *generator) stmt(depth int) {
	g.budget--
	if depth <= 0 || g.budget < 0 {
		g.put(Op(0x01))
		return
	}
	switch g.r.IntN(14) {
	case 0, 1:
		t := rune(g.pick("i", "I")[0])
		g.expr(t, depth)
		g.put(Set(g.local(t)))
	case 2:
		g.address(depth - 1)
		if g.r.IntN(2) == 0 {
			g.expr('i', depth-1)
			g.put(Op([]byte{0x36, 0x3a, 0x3b}[g.r.IntN(3)], 0), U(g.r.Uint64N(300)))
		} else {
			g.expr('I', depth-1)
			g.put(Op([]byte{0x37, 0x3c, 0x3d, 0x3e}[g.r.IntN(4)], 0), U(g.r.Uint64N(300)))
		}
	case 3, 4:
		g.loop(depth)
	case 5:
		g.expr('i', depth-1)
		g.construct(0x04, "", "", depth)
	case 6:
		g.construct(0x02, "", "", depth)
	case 7:
		g.table(depth)
	case 8:
		g.call("", depth)
	case 9:
		if l, ok := g.label(""); ok {
			g.expr('i', depth-1)
			g.put(BrIf(l))
		}
	case 10:
		g.address(depth - 1)
		g.address(depth - 1)
		g.expr('i', depth-1)
		if g.r.IntN(8) > 0 {
			g.put(I32(0x3ff), Op(0x71))
		}
		g.put([][]byte{Op(0xfc, 0x0a, 0, 0), Op(0xfc, 0x0b, 0)}[g.r.IntN(2)])
	case 11:
		t := g.r.IntN(2)
		g.expr(rune("iI"[t]), depth-1)
		g.put(Op(0x24, byte(t)))
	case 12:
		g.put(I32(16), I32(0), I32(int64(g.r.IntN(40))), Call(OutWrite), Op(0x1a))
	default:
		g.expr('I', depth-1)
		g.put(Op(0x1a))
	}
}

// loop counts down; labels of loops are no targets of other branches.
func (g *generator) loop(depth int) {
	if g.loops == counters {
		return
	}
	c := len(g.locals) - 1 - g.loops
	g.loops++
	g.put(I32(1+int64(g.r.IntN(5))), Set(c), Op(0x03, 0x40))
	g.labels = append(g.labels, "-")
	for range 1 + g.r.IntN(3) {
		g.stmt(depth - 1)
	}
	if g.r.IntN(8) > 0 {
		g.put(Get(c), I32(1), Op(0x6b, 0x22), U(uint64(c)), BrIf(0))
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.put(Op(0x0b))
	g.loops--
}

// table writes nested blocks with a br_table in the innermost.
func (g *generator) table(depth int) {
	n := 1 + g.r.IntN(4)
	for range n {
		g.put(Op(0x02, 0x40))
		g.labels = append(g.labels, "")
	}
	g.expr('i', depth-1)
	g.put(I32(7), Op(0x71, 0x0e), U(uint64(n)))
	for range n + 1 {
		g.put(U(g.r.Uint64N(uint64(n))))
	}
	for range n {
		g.labels = g.labels[:len(g.labels)-1]
		g.put(Op(0x0b))
		g.stmt(depth - 1)
	}
}

// call calls a function, directly or through the table, and leaves one value of
// the type want, or none.
func (g *generator) call(want string, depth int) {
	i := g.r.IntN(len(g.sigs))
	t := g.sigs[i]
	g.values(t.Params, depth-1)
	if g.r.IntN(3) > 0 {
		g.put(Call(i + imports))
	} else {
		g.put(I32(int64(i+1)), Op(0x11), U(uint64(g.m.TypeIndex(t.Params, t.Results))), Op(0))
		if g.r.IntN(10) == 0 { // through a wrong entry, now and then
			g.b[len(g.b)-1] = 0
		}
	}
	have := t.Results
	for have != "" && !strings.HasPrefix(have, want) || len(have) > len(want) {
		g.put(Op(0x1a))
		have = have[:len(have)-1]
	}
	if have != want {
		g.expr(rune(want[0]), depth-1)
	}
}
