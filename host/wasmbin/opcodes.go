package wasmbin

// Opcode is a one-byte opcode, or 0xfc00 + number for those behind prefix 0xfc.
type Opcode uint16

// Opcodes with structure, and those that a rewriter treats specially.
const (
	OpUnreachable  Opcode = 0x00
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11
	OpLocalGet     Opcode = 0x20
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpMemorySize   Opcode = 0x3f
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	opF32Const     Opcode = 0x43
	opF64Const     Opcode = 0x44
	OpMemoryCopy   Opcode = 0xfc0a
	OpMemoryFill   Opcode = 0xfc0b
)

// immediate says what follows an opcode.
type immediate uint8

const (
	immNone immediate = iota
	immBlock
	immLabel
	immBrTable
	immFunc
	immIndirect // type index, table 0
	immLocal
	immGlobal
	immMem   // alignment, offset
	immMem0  // one zero byte
	immMem00 // two zero bytes
	immI32
	immI64
	immF32 // four bytes
	immF64 // eight bytes
)

// opInfo is a row of the opcode table. A row with a rule is denied; one with
// float too only where floats are.
type opInfo struct {
	rule  Rule
	float bool
	imm   immediate
	align uint8 // log2 of the natural alignment of an access
}

var opcodes, opcodesFC = buildOpcodes()

// buildOpcodes writes the table down: WebAssembly Core 2.0 §5.4, restricted to
// Core 1.0, sign extension, multi-value, saturating truncation, memory.copy and
// memory.fill. Floats are marked as such.
func buildOpcodes() (t [256]opInfo, fc [32]opInfo) {
	for i := range t {
		t[i].rule = RuleOpUnknown
	}
	for i := range fc {
		fc[i].rule = RuleOpUnknown
	}
	set := func(first, last int, o opInfo) {
		for i := first; i <= last; i++ {
			t[i] = o
		}
	}
	deny := func(rule Rule, ops ...int) {
		for _, i := range ops {
			t[i] = opInfo{rule: rule}
		}
	}
	set(0x00, 0x01, opInfo{}) // unreachable, nop
	set(0x02, 0x04, opInfo{imm: immBlock})
	set(0x05, 0x05, opInfo{})
	set(0x0b, 0x0b, opInfo{})
	set(0x0c, 0x0d, opInfo{imm: immLabel})
	set(0x0e, 0x0e, opInfo{imm: immBrTable})
	set(0x0f, 0x0f, opInfo{})
	set(0x10, 0x10, opInfo{imm: immFunc})
	set(0x11, 0x11, opInfo{imm: immIndirect})
	set(0x1a, 0x1b, opInfo{}) // drop, select
	set(0x20, 0x22, opInfo{imm: immLocal})
	set(0x23, 0x24, opInfo{imm: immGlobal})
	for op, align := range map[int]uint8{0x28: 2, 0x29: 3, 0x2c: 0, 0x2d: 0, 0x2e: 1, 0x2f: 1, 0x30: 0, 0x31: 0, 0x32: 1, 0x33: 1, 0x34: 2, 0x35: 2,
		0x36: 2, 0x37: 3, 0x3a: 0, 0x3b: 1, 0x3c: 0, 0x3d: 1, 0x3e: 2} {
		t[op] = opInfo{imm: immMem, align: align}
	}
	set(0x3f, 0x40, opInfo{imm: immMem0})
	t[0x41], t[0x42] = opInfo{imm: immI32}, opInfo{imm: immI64}
	set(0x45, 0x5a, opInfo{}) // integer comparisons
	set(0x67, 0x8a, opInfo{}) // integer arithmetic
	set(0xa7, 0xa7, opInfo{}) // i32.wrap_i64
	set(0xac, 0xad, opInfo{}) // i64.extend_i32
	set(0xc0, 0xc4, opInfo{}) // sign extension

	float := opInfo{rule: RuleOpFloat, float: true}
	set(0x5b, 0x66, float) // comparisons
	set(0x8b, 0xa6, float) // arithmetic
	set(0xa8, 0xab, float) // to i32
	set(0xae, 0xbf, float) // to i64, from integers, reinterpretation
	float.imm = immMem
	for op, align := range map[int]uint8{0x2a: 2, 0x2b: 3, 0x38: 2, 0x39: 3} {
		float.align = align
		t[op] = float
	}
	t[0x43] = opInfo{rule: RuleOpFloat, float: true, imm: immF32}
	t[0x44] = opInfo{rule: RuleOpFloat, float: true, imm: immF64}
	deny(RuleOpException, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f)
	deny(RuleOpTail, 0x12, 0x13, 0x15)
	deny(RuleOpRef, 0x14, 0x1c, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xfb)
	deny(RuleOpTable, 0x25, 0x26)
	deny(RuleOpSIMD, 0xfd)
	deny(RuleOpThreads, 0xfe)

	for i := range 8 { // saturating truncation
		fc[i] = opInfo{rule: RuleOpFloat, float: true}
	}
	fc[8].rule, fc[9].rule, fc[13].rule = RuleOpBulk, RuleOpBulk, RuleOpBulk
	fc[10], fc[11] = opInfo{imm: immMem00}, opInfo{imm: immMem0}
	for _, i := range []int{12, 14, 15, 16, 17} {
		fc[i].rule = RuleOpTable
	}
	return t, fc
}
