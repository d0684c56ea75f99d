package wasmbin

// frames of the block structure.
const (
	frameBlock byte = iota
	frameIf
	frameElse
	frameLoop
)

// body reads one function body: size, locals, and every instruction.
func (r *reader) body(i int) {
	c := &r.cursor
	at := c.at
	size := c.u32()
	if c.err != nil {
		return
	}
	if uint64(size) > uint64(c.left()) {
		c.reject(RuleCount, at, "a body of %d bytes in the %d bytes that remain", size, c.left())
		return
	}
	if size > r.p.Limits.BodyBytes {
		c.reject(RuleBodySize, at, "function %d has a body of %d bytes, the limit is %d", i, size, r.p.Limits.BodyBytes)
		return
	}
	outer := c.end
	c.end = c.at + int(size)
	f := Body{Range: Range{c.at, c.end}}
	locals := r.locals(i, &f)
	f.Code = c.at
	r.code(&f, locals)
	if c.err == nil && c.at != c.end {
		c.reject(RuleBody, c.at, "%d bytes behind the last end of function %d", c.end-c.at, i)
	}
	c.end = outer
	r.m.Bodies = append(r.m.Bodies, f)
}

// locals reads the declarations and returns the number of locals with parameters.
func (r *reader) locals(i int, f *Body) uint32 {
	c := &r.cursor
	at := c.at
	total := uint64(len(r.m.Types[r.m.Funcs[i]].Params))
	for range c.count(2, ^uint32(0), RuleLocals) {
		n := c.u32()
		c.valueType()
		if c.err != nil {
			return 0
		}
		f.Locals += n
		if total += uint64(n); total > uint64(r.p.Limits.Locals) {
			c.reject(RuleLocals, at, "function %d has %d locals and parameters, the limit is %d", i, total, r.p.Limits.Locals)
			return 0
		}
	}
	return uint32(total)
}

// code walks the instructions of a body.
func (r *reader) code(f *Body, locals uint32) {
	c, lim := &r.cursor, &r.p.Limits
	r.frames, r.loops = r.frames[:0], 0
	var in Instr
	for c.err == nil {
		c.next(&in, lim.BrTable)
		if c.err != nil {
			return
		}
		switch in.Op {
		case OpBlock, OpLoop, OpIf:
			r.open(f, &in, locals)
		case OpElse:
			if n := len(r.frames); n == 0 || r.frames[n-1] != frameIf {
				c.reject(RuleBody, in.Start, "else without if")
			} else {
				r.frames[n-1] = frameElse
			}
		case OpEnd:
			if len(r.frames) == 0 {
				return
			}
			if r.frames[len(r.frames)-1] == frameLoop {
				r.loops--
			}
			r.frames = r.frames[:len(r.frames)-1]
		case OpBrTable:
			r.brTable(f, &in)
		default:
			r.indexes(&in, locals)
		}
	}
}

func (r *reader) open(f *Body, in *Instr, locals uint32) {
	c, lim := &r.cursor, &r.p.Limits
	kind := frameBlock
	switch in.Op {
	case OpIf:
		kind = frameIf
	case OpLoop:
		kind = frameLoop
		r.loops++
	}
	r.frames = append(r.frames, kind)
	f.Blocks++
	f.Nesting = max(f.Nesting, uint32(len(r.frames)))
	switch {
	case int64(in.A) >= int64(len(r.m.Types)):
		c.reject(RuleIndex, in.Start, "block type %d of %d", in.A, len(r.m.Types))
	case uint32(len(r.frames)) > lim.Nesting:
		c.reject(RuleNesting, in.Start, "blocks nest deeper than %d", lim.Nesting)
	case r.loops > lim.Loops:
		c.reject(RuleLoops, in.Start, "loops nest deeper than %d", lim.Loops)
	case f.Blocks > lim.Blocks:
		c.reject(RuleBlocks, in.Start, "more than %d blocks in one function", lim.Blocks)
	case uint64(f.Blocks)*uint64(locals) > lim.LocalsBlocks:
		c.reject(RuleLocalsBlocks, in.Start, "%d locals times %d blocks, the limit is %d", locals, f.Blocks, lim.LocalsBlocks)
	}
}

func (r *reader) brTable(f *Body, in *Instr) {
	c := &r.cursor
	n := uint32(in.A)
	f.BrTargets += n
	if r.brTotal += n; r.brTotal > r.p.Limits.BrTableModule {
		c.reject(RuleBrTable, in.Start, "more than %d labels in the br_tables of the module", r.p.Limits.BrTableModule)
		return
	}
	for range n + 1 {
		at, l := c.at, c.u32()
		if c.err != nil {
			return
		}
		if l > uint32(len(r.frames)) {
			c.reject(RuleIndex, at, "label %d at depth %d", l, len(r.frames))
		}
	}
}

// indexes checks what an instruction refers to.
func (r *reader) indexes(in *Instr, locals uint32) {
	var n uint64
	a := in.A
	switch {
	case in.Op == OpBr || in.Op == OpBrIf:
		n = uint64(len(r.frames)) + 1
	case in.Op == OpCall:
		n = uint64(len(r.m.Imports) + len(r.m.Funcs))
	case in.Op == OpCallIndirect:
		a, n = uint64(in.B), uint64(len(r.m.Types))
		if !r.m.HasTable {
			r.reject(RuleIndex, in.Start, "call_indirect without a table")
		}
	case in.Op >= OpLocalGet && in.Op <= OpLocalTee:
		n = uint64(locals)
	case in.Op == OpGlobalGet || in.Op == OpGlobalSet:
		n = uint64(len(r.m.Globals))
		if a < n && in.Op == OpGlobalSet && !r.m.Globals[a].Mutable {
			r.reject(RuleIndex, in.Start, "global %d cannot be set", a)
		}
	default:
		return
	}
	if a >= n {
		r.reject(RuleIndex, in.Start, "index %d of %d", a, n)
	}
}
