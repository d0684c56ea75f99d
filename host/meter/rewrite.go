package meter

import (
	"slices"

	"github.com/animicaorg/engine/host/wasmbin"
)

// rewriter holds what all bodies of one module share. Everything it adds comes
// behind what is there, so that no index changes.
type rewriter struct {
	in       *wasmbin.Module
	out      wasmbin.Module
	check    checker
	fuel     uint32 // index of the global
	depth    uint32
	firstNew uint32 // index of the first added function: the wrapper of import 0
	grow     uint32 // index of the function that replaces memory.grow
	squares  int64  // of the numbers of metered blocks, summed
	live     int64  // what MaxLive bounds
	maxLive  int64
}

func newRewriter(m *wasmbin.Module, lim Limits) *rewriter {
	r := &rewriter{in: m, out: *m, check: checker{m: m}, maxLive: MaxLive}
	if lim.Floats {
		r.maxLive = MaxLiveFloats
	}
	o := &r.out
	o.Types, o.Funcs = slices.Clone(m.Types), slices.Clone(m.Funcs)
	if lim.MemoryPages != 0 {
		o.Memory.Max = min(o.Memory.Max, lim.MemoryPages)
	}
	r.fuel, r.depth = uint32(len(m.Globals)), uint32(len(m.Globals))+1
	o.Globals = append(slices.Clone(m.Globals), wasmbin.Global{Type: wasmbin.I64, Mutable: true}, wasmbin.Global{Type: wasmbin.I32, Mutable: true})
	r.firstNew = uint32(len(m.Imports) + len(m.Funcs))
	r.grow = r.firstNew + uint32(len(m.Imports))
	for i := range m.Imports {
		o.Funcs = append(o.Funcs, m.Imports[i].Type)
	}
	o.Funcs = append(o.Funcs, r.typeIndex(wasmbin.FuncType{Params: []wasmbin.ValueType{wasmbin.I32}, Results: []wasmbin.ValueType{wasmbin.I32}}))
	o.Exports = nil
	for _, e := range m.Exports {
		if e.Kind == wasmbin.ExportFunc {
			e.Index = r.callee(e.Index)
		}
		o.Exports = append(o.Exports, e)
	}
	o.Exports = append(o.Exports, wasmbin.Export{Name: GlobalFuel, Kind: wasmbin.ExportGlobal, Index: r.fuel}, wasmbin.Export{Name: GlobalDepth, Kind: wasmbin.ExportGlobal, Index: r.depth})
	return r
}

// typeIndex returns the first type equal to t, appended if there is none.
func (r *rewriter) typeIndex(t wasmbin.FuncType) uint32 {
	i := slices.IndexFunc(r.out.Types, t.Equal)
	if i < 0 {
		i = len(r.out.Types)
		r.out.Types = append(r.out.Types, t)
	}
	return uint32(i)
}

// callee is what replaces function i of the index space: an import's wrapper, or
// the function itself.
func (r *rewriter) callee(i uint32) uint32 {
	if i < uint32(len(r.in.Imports)) {
		return r.firstNew + i
	}
	return i
}

// elems returns the functions of each element segment, imports replaced.
func (r *rewriter) elems() [][]uint32 {
	var all [][]uint32
	for i := range r.in.Elems {
		funcs := r.in.Functions(&r.in.Elems[i])
		for k := range funcs {
			funcs[k] = r.callee(funcs[k])
		}
		all = append(all, funcs)
	}
	return all
}

// FrameWeight is what a call of a function takes from the depth budget: slots
// counts its parameters, locals and the most operands that it has at once.
func FrameWeight(slots int) int64 { return 8 + int64(slots+3)/4 }

// body writes body i anew.
func (r *rewriter) body(i int) ([]byte, error) {
	c := &r.check
	if err := c.check(i); err != nil {
		return nil, err
	}
	f := &r.in.Bodies[i]
	w := &bodyWriter{rewriter: r}
	w.charges, w.blocks = charges(c.steps)
	n := w.blocks
	if r.squares += n * n; r.squares > MaxBlockSquares {
		return nil, rejected(RuleBranches, f.Code, "the squares of the numbers of metered blocks of functions 0 to %d sum to %d, the limit is %d", i, r.squares, MaxBlockSquares)
	}
	if r.live += n * (n + loopCost*int64(c.loops)) * int64(len(c.locals)+c.height); r.live > r.maxLive {
		return nil, rejected(RuleLive, f.Code, "blocks times blocks and loops times slots of functions 0 to %d sum to %d, the limit is %d", i, r.live, r.maxLive)
	}
	locals := c.m.LocalTypes(f)
	next := uint32(len(c.locals))
	add := func(needed bool, t wasmbin.ValueType) uint32 {
		if needed {
			locals = append(locals, t)
			next++
		}
		return next - 1
	}
	w.fuelLocal = add(true, wasmbin.I64)
	w.i32 = add(c.bulk || c.calls || c.choice, wasmbin.I32)
	w.f32 = add(c.f32s, wasmbin.F32)
	w.f64 = add(c.f64, wasmbin.F64)
	w.b = wasmbin.AppendLocals(make([]byte, 0, 3*(f.End-f.Start)+64), locals)
	w.function(FrameWeight(len(c.locals)+c.height), r.in.Types[r.in.Funcs[i]].Results)
	return w.b, nil
}

// charges returns for each step the weight of the metered block that starts
// before it, 0 where none starts or a free one, and how many are not free. A metered block starts at the
// beginning of the function, of a loop that a branch names, and of each arm of an
// if; behind a br_if, behind the end of an if, and behind the end of a block that
// a branch names.
func charges(steps []step) (cost []int64, n int64) {
	cost = make([]int64, len(steps))
	start, fresh := 0, true
	for i := range steps {
		s := &steps[i]
		if s.dead {
			continue
		}
		if fresh {
			start, fresh = i, false
		}
		if weight := opOf(s.Op).weight; weight > 0 {
			if cost[start] == 0 {
				n++
			}
			cost[start] += weight
		}
		switch s.Op {
		case wasmbin.OpLoop:
			fresh = s.target
		case wasmbin.OpIf, wasmbin.OpElse, wasmbin.OpBrIf, wasmbin.OpBr, wasmbin.OpBrTable, wasmbin.OpReturn, wasmbin.OpUnreachable:
			fresh = true
		case wasmbin.OpEnd:
			if s.open >= 0 {
				o := &steps[s.open]
				fresh = fresh || o.Op == wasmbin.OpIf || o.Op == wasmbin.OpBlock && o.target
			}
		}
	}
	return cost, n
}
