package metertest

import (
	"math/rand/v2"

	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

// Generated is a random valid module of profile L1. Its exports f0, f1, … have
// parameters as Params says, in the short form of wasmtest.
type Generated struct {
	Bytes  []byte
	Params []string
}

// localPool is what every function declares: two of each type to use, and loop
// counters.
const (
	localPool = "iiIIiiiiiiii"
	counters  = 8
)

// Generate makes a module from a seed: nested blocks, loops that end, br_table,
// calls, recursion, calls through the table, several results, dead code, bulk
// memory, growth and imports. A run ends, or recurses, or traps.
func Generate(seed uint64) Generated {
	r := rand.New(rand.NewPCG(seed, 0x6d657465722d31))
	g := &generator{r: r, m: New()}
	g.m.Max = 1 + r.Uint64N(3)
	n := 2 + r.IntN(4)
	for range n {
		g.sigs = append(g.sigs, Type{Params: g.pick("", "i", "I", "iI", "Iii"), Results: g.pick("", "i", "I", "i", "Ii")})
	}
	out := Generated{}
	for i, t := range g.sigs {
		g.fn(i)
		out.Params = append(out.Params, t.Params)
	}
	entries := [][]byte{U(OutWrite)}
	for i := range n {
		entries = append(entries, U(uint64(i+imports)))
	}
	size := uint64(len(entries) + 1) // the last entry stays empty
	g.m.Before[4] = Cat(U(1), Op(0x70, 1), U(size), U(size))
	g.m.Before[6] = Vec(Cat(Op(0x7f, 1), I32(7), Op(0x0b)), Cat(Op(0x7e, 1), I64(-9), Op(0x0b)))
	g.m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(entries...)))
	g.m.Before[11] = Vec(Cat(Op(0), I32(100), Op(0x0b), Name("some bytes to begin with")))
	out.Bytes = g.m.Bytes()
	return out
}

const imports = Log + 1

type generator struct {
	r      *rand.Rand
	m      *Module
	sigs   []Type
	locals string   // of the function at hand, with parameters
	labels []string // results of the constructs open, innermost last; "-" for a loop
	loops  int      // counters in use
	budget int      // constructs that may still be made
	b      []byte
}

func (g *generator) pick(s ...string) string { return s[g.r.IntN(len(s))] }
func (g *generator) put(parts ...[]byte)     { g.b = append(g.b, Cat(parts...)...) }

func (g *generator) fn(i int) {
	t := g.sigs[i]
	g.locals, g.labels, g.loops, g.budget, g.b = t.Params+localPool, []string{t.Results}, 0, 60, nil
	for range 1 + g.r.IntN(4) {
		g.stmt(4)
	}
	g.values(t.Results, 3)
	g.m.Add("f"+string(rune('0'+i)), t.Params, t.Results, localPool, g.b)
}

func (g *generator) values(types string, depth int) {
	for _, t := range types {
		g.expr(t, depth)
	}
}

// local returns a local of a type that is no counter.
func (g *generator) local(t rune) int {
	for {
		if i := g.r.IntN(len(g.locals) - counters); rune(g.locals[i]) == t {
			return i
		}
	}
}

func (g *generator) constant(t rune) []byte {
	v := int64(g.r.Uint64())
	switch g.r.IntN(4) {
	case 0:
		v = int64(g.r.IntN(9)) - 2
	case 1:
		v = int64(g.r.IntN(70_000))
	}
	if t == 'i' {
		return I32(v)
	}
	return I64(v)
}

// address pushes an address, mostly inside the memory.
func (g *generator) address(depth int) {
	g.expr('i', depth)
	if g.r.IntN(12) > 0 {
		g.put(I32(0x7fff), Op(0x71))
	}
}

var unary32, unary64 = []byte{0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1}, []byte{0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4}
var to32, to64 = []byte{0xa7, 0x50}, []byte{0xac, 0xad}

func (g *generator) expr(t rune, depth int) {
	wide, other := byte(0), 'I'
	if t == 'I' {
		wide, other = 1, 'i'
	}
	g.budget--
	if depth <= 0 || g.budget < 0 {
		if g.r.IntN(2) == 0 {
			g.put(Get(g.local(t)))
		} else {
			g.put(g.constant(t))
		}
		return
	}
	one := func(list []byte) { g.put(Op(list[g.r.IntN(len(list))])) }
	switch g.r.IntN(15) {
	case 0, 1:
		g.expr(t, depth-1)
		g.expr(t, depth-1)
		g.put(Op(byte(0x6a+g.r.IntN(15)) + wide*0x12))
	case 2:
		g.expr(t, depth-1)
		one([][]byte{unary32, unary64}[wide])
		if wide == 0 && g.r.IntN(2) == 0 {
			g.expr(t, depth-1)
			g.put(Op(byte(0x46 + g.r.IntN(10))))
		}
	case 3:
		g.expr(other, depth-1)
		one([][]byte{to32, to64}[wide])
	case 4:
		g.address(depth - 1)
		if wide == 0 {
			g.put(Op([]byte{0x28, 0x2c, 0x2d, 0x2e, 0x2f}[g.r.IntN(5)], 0), U(g.r.Uint64N(300)))
		} else {
			g.put(Op([]byte{0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}[g.r.IntN(7)], 0), U(g.r.Uint64N(300)))
		}
	case 5:
		g.expr(t, depth-1)
		g.expr(t, depth-1)
		g.expr('i', depth-1)
		g.put(Op(0x1b))
	case 6:
		g.expr('i', depth-1)
		g.construct(0x04, "", string(t), depth)
	case 7:
		g.construct(0x02, "", string(t), depth)
	case 8:
		g.put(Op(0x23, wide))
	case 9:
		g.expr(t, depth-1)
		g.put(Op(0x22), U(uint64(g.local(t))))
	case 10:
		g.call(string(t), depth)
	case 11: // a construct with operands
		g.expr(other, depth-1)
		g.expr(t, depth-1)
		g.construct(0x02, string(other)+string(t), string(t)+string(other), depth)
		g.put(Op(0x1a))
	case 12:
		if wide == 0 {
			g.expr('i', depth-1)
			g.put(I32(3), Op(0x71), Op(0x40, 0))
		} else {
			g.put(Op(0x3f, 0, 0xad))
		}
	case 13: // br_if that carries a value
		g.expr(t, depth-1)
		g.expr('i', depth-1)
		if l, ok := g.label(string(t)); ok {
			g.put(BrIf(l))
		} else {
			g.put(Op(0x1a))
		}
	default:
		g.put(Get(g.local(t)))
	}
}
