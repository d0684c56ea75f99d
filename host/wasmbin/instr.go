package wasmbin

// Instr is one decoded instruction, Module.Bytes[Start:End].
type Instr struct {
	Op         Opcode
	Start, End int
	// A is an index, a label, an alignment exponent, the number of labels of a
	// br_table (without the default), or a constant in two's complement. Of a
	// block it is the block type: a type index, or BlockEmpty, BlockI32, …, in
	// two's complement.
	A uint64
	B uint32 // offset of a memory access, type index of a call_indirect
}

// Block types that are not type indexes.
const (
	BlockEmpty = -64
	BlockI32   = -1
	BlockI64   = -2
	BlockF32   = -3
	BlockF64   = -4
)

// next decodes one instruction. Of a br_table it reads the count, at most
// brLimit, and leaves the labels to the caller.
func (c *cursor) next(in *Instr, brLimit uint32) {
	*in = Instr{Start: c.at}
	b := c.u8()
	in.Op = Opcode(b)
	info := &opcodes[b]
	if b == 0xfc {
		sub := c.u32()
		if c.err != nil {
			return
		}
		if sub >= uint32(len(opcodesFC)) {
			c.reject(RuleOpUnknown, in.Start, "opcode 0xfc %d", sub)
			return
		}
		in.Op, info = 0xfc00+Opcode(sub), &opcodesFC[sub]
	}
	if c.err != nil {
		return
	}
	if info.rule != "" && !(info.float && c.floats) {
		c.reject(info.rule, in.Start, "opcode 0x%02x is denied", uint16(in.Op))
		return
	}
	c.immediates(in, info, brLimit)
	in.End = c.at
}

func (c *cursor) immediates(in *Instr, info *opInfo, brLimit uint32) {
	switch info.imm {
	case immBlock:
		c.blockType(in)
	case immLabel, immFunc, immLocal, immGlobal:
		in.A = uint64(c.u32())
	case immBrTable:
		in.A = uint64(c.count(1, brLimit, RuleBrTable))
	case immIndirect:
		in.B = c.u32()
		c.zero("call_indirect names a table other than 0")
	case immMem:
		at := c.at
		in.A, in.B = uint64(c.u32()), c.u32()
		if c.err == nil && in.A > uint64(info.align) {
			c.reject(RuleForm, at, "alignment 2^%d is larger than natural", in.A)
		}
	case immMem0:
		c.zero("memory other than 0")
	case immMem00:
		c.zero("memory other than 0")
		c.zero("memory other than 0")
	case immI32:
		in.A = uint64(c.signed(32))
	case immI64:
		in.A = uint64(c.signed(64))
	case immF32:
		in.A = c.fixed(4)
	case immF64:
		in.A = c.fixed(8)
	}
}

func (c *cursor) zero(what string) {
	at := c.at
	if b := c.u8(); c.err == nil && b != 0 {
		c.reject(RuleForm, at, "%s", what)
	}
}

func (c *cursor) blockType(in *Instr) {
	at := c.at
	t := c.signed(33)
	in.A = uint64(t)
	known := t >= 0 || t == BlockEmpty || t == BlockI32 || t == BlockI64 || c.floats && (t == BlockF32 || t == BlockF64)
	if c.err == nil && !known {
		c.reject(RuleValueType, at, "block type %d", t)
	}
}

// Walk calls visit for each instruction of a body of an accepted module, the
// final end included. A br_table's labels lie behind its count in Bytes[Start:End].
func (m *Module) Walk(f *Body, visit func(*Instr) error) error {
	c := &cursor{b: m.Bytes, at: f.Code, end: f.End, floats: true} // Read knew the profile
	var in Instr
	for c.at < c.end {
		c.next(&in, ^uint32(0))
		if in.Op == OpBrTable {
			for range in.A + 1 {
				c.u32()
			}
			in.End = c.at
		}
		if c.err != nil {
			return c.err
		}
		if err := visit(&in); err != nil {
			return err
		}
	}
	return nil
}
