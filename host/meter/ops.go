package meter

import "github.com/animicaorg/engine/host/wasmbin"

// op is a row of the instruction table: the types that an instruction pops and
// pushes, and its weight. Instructions whose types depend on their immediates
// have none here.
type op struct {
	params, results []wasmbin.ValueType
	weight          int64
}

// Opcodes that this package names and wasmbin does not.
const (
	opNop            wasmbin.Opcode = 0x01
	opDrop           wasmbin.Opcode = 0x1a
	opSelect         wasmbin.Opcode = 0x1b
	opLocalSet       wasmbin.Opcode = 0x21
	opI32Store       wasmbin.Opcode = 0x36
	opI64Store       wasmbin.Opcode = 0x37
	opF32Store       wasmbin.Opcode = 0x38
	opF64Store       wasmbin.Opcode = 0x39
	opI32Eq          wasmbin.Opcode = 0x46
	opI32LtS         wasmbin.Opcode = 0x48
	opI64LtS         wasmbin.Opcode = 0x53
	opI64GtU         wasmbin.Opcode = 0x56
	opF32Eq          wasmbin.Opcode = 0x5b
	opF64Eq          wasmbin.Opcode = 0x61
	opI32Add         wasmbin.Opcode = 0x6a
	opI32Sub         wasmbin.Opcode = 0x6b
	opI64Add         wasmbin.Opcode = 0x7c
	opI64Sub         wasmbin.Opcode = 0x7d
	opI64Mul         wasmbin.Opcode = 0x7e
	opI64ShrU        wasmbin.Opcode = 0x88
	opF32Copysign    wasmbin.Opcode = 0x98
	opF64Copysign    wasmbin.Opcode = 0xa6
	opI64ExtendI32U  wasmbin.Opcode = 0xad
	opI32Reinterpret wasmbin.Opcode = 0xbc
	opI64Reinterpret wasmbin.Opcode = 0xbd
	opF32Reinterpret wasmbin.Opcode = 0xbe
	opF64Reinterpret wasmbin.Opcode = 0xbf
)

// Classes of weights; SPEC.md section 7 gives the figures behind them.
const (
	free       = 0 // what compiles to nothing
	cheap      = 1
	access     = 3 // loads, stores, globals
	multiply   = 3
	division   = 20
	floating   = 3
	floatDiv   = 20
	floatSqrt  = 40
	canonical  = 8 // with a NaN made canonical, or a conversion
	jump       = 1
	choice     = 2 // if, br_if
	jumpTable  = 4
	callDirect = 20
	callTable  = 24
	copyBytes  = 30
	fillBytes  = 80
	growPages  = 300
)

var ops, opsFC = buildOps()

// buildOps writes the table down: types from WebAssembly Core 2.0 §5.4 and
// appendix A.7, weights of meter-1.
func buildOps() (t [256]op, fc [32]op) {
	set := func(first, last int, sig string, weight int64) {
		for i := first; i <= last; i++ {
			t[i] = parseSig(sig, weight)
		}
	}
	set(0x00, 0x05, ":", free)      // unreachable, nop, block, loop, if, else
	set(0x04, 0x04, ":", choice)    // if
	set(0x0b, 0x0b, ":", free)      // end
	set(0x0c, 0x0c, ":", jump)      // br
	set(0x0d, 0x0d, ":", choice)    // br_if
	set(0x0e, 0x0e, ":", jumpTable) // br_table
	set(0x0f, 0x0f, ":", jump)      // return
	set(0x10, 0x10, ":", callDirect)
	set(0x11, 0x11, ":", callTable)
	set(0x1a, 0x1a, ":", free)     // drop
	set(0x1b, 0x1b, ":", cheap)    // select
	set(0x20, 0x22, ":", cheap)    // locals
	set(0x23, 0x24, ":", access)   // globals
	set(0x28, 0x28, "i:i", access) // loads
	set(0x29, 0x29, "i:I", access)
	set(0x2a, 0x2a, "i:f", access)
	set(0x2b, 0x2b, "i:F", access)
	set(0x2c, 0x2f, "i:i", access)
	set(0x30, 0x35, "i:I", access)
	set(0x36, 0x36, "ii:", access) // stores
	set(0x37, 0x37, "iI:", access)
	set(0x38, 0x38, "if:", canonical)
	set(0x39, 0x39, "iF:", canonical)
	set(0x3a, 0x3b, "ii:", access)
	set(0x3c, 0x3e, "iI:", access)
	set(0x3f, 0x3f, ":i", cheap) // memory.size
	set(0x40, 0x40, "i:i", growPages)
	set(0x41, 0x41, ":i", cheap)
	set(0x42, 0x42, ":I", cheap)
	set(0x43, 0x43, ":f", cheap)
	set(0x44, 0x44, ":F", cheap)
	set(0x45, 0x45, "i:i", cheap) // comparisons
	set(0x46, 0x4f, "ii:i", cheap)
	set(0x50, 0x50, "I:i", cheap)
	set(0x51, 0x5a, "II:i", cheap)
	set(0x5b, 0x60, "ff:i", floating)
	set(0x61, 0x66, "FF:i", floating)
	set(0x67, 0x69, "i:i", cheap) // clz, ctz, popcnt
	set(0x6a, 0x78, "ii:i", cheap)
	set(0x6c, 0x6c, "ii:i", multiply)
	set(0x6d, 0x70, "ii:i", division)
	set(0x79, 0x7b, "I:I", cheap)
	set(0x7c, 0x8a, "II:I", cheap)
	set(0x7e, 0x7e, "II:I", multiply)
	set(0x7f, 0x82, "II:I", division)
	set(0x8b, 0x90, "f:f", floating)
	set(0x91, 0x91, "f:f", floatSqrt) // sqrt
	set(0x92, 0x98, "ff:f", floating)
	set(0x95, 0x95, "ff:f", floatDiv)  // div
	set(0x98, 0x98, "ff:f", canonical) // copysign
	set(0x99, 0x9e, "F:F", floating)
	set(0x9f, 0x9f, "F:F", floatSqrt)
	set(0xa0, 0xa6, "FF:F", floating)
	set(0xa3, 0xa3, "FF:F", floatDiv)
	set(0xa6, 0xa6, "FF:F", canonical)
	set(0xa7, 0xa7, "I:i", cheap) // wrap
	set(0xa8, 0xa9, "f:i", canonical)
	set(0xaa, 0xab, "F:i", canonical)
	set(0xac, 0xad, "i:I", cheap) // extend
	set(0xae, 0xaf, "f:I", canonical)
	set(0xb0, 0xb1, "F:I", canonical)
	set(0xb2, 0xb3, "i:f", canonical)
	set(0xb4, 0xb5, "I:f", canonical)
	set(0xb6, 0xb6, "F:f", canonical)
	set(0xb7, 0xb8, "i:F", canonical)
	set(0xb9, 0xba, "I:F", canonical)
	set(0xbb, 0xbb, "f:F", canonical)
	set(0xbc, 0xbc, "f:i", canonical) // reinterpret
	set(0xbd, 0xbd, "F:I", canonical)
	set(0xbe, 0xbe, "i:f", floating)
	set(0xbf, 0xbf, "I:F", floating)
	set(0xc0, 0xc1, "i:i", cheap) // sign extension
	set(0xc2, 0xc4, "I:I", cheap)

	for i, sig := range []string{"f:i", "f:i", "F:i", "F:i", "f:I", "f:I", "F:I", "F:I"} {
		fc[i] = parseSig(sig, canonical) // saturating truncation
	}
	fc[0x0a], fc[0x0b] = parseSig("iii:", copyBytes), parseSig("iii:", fillBytes)
	return t, fc
}

// parseSig reads a signature in short form: i i32, I i64, f f32, F f64.
func parseSig(sig string, weight int64) op {
	o, list := op{weight: weight}, []wasmbin.ValueType{}
	for _, c := range sig {
		if c == ':' {
			o.params, list = list, nil
			continue
		}
		list = append(list, map[rune]wasmbin.ValueType{'i': wasmbin.I32, 'I': wasmbin.I64, 'f': wasmbin.F32, 'F': wasmbin.F64}[c])
	}
	o.results = list
	return o
}

func opOf(code wasmbin.Opcode) *op {
	if code>>8 == 0xfc {
		return &opsFC[code&0x1f]
	}
	return &ops[code&0xff]
}
