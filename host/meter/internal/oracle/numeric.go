package oracle

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/host/wasmbin"
)

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// numeric runs an instruction that only computes.
func (o *Machine) numeric(op wasmbin.Opcode) {
	switch {
	case op == 0x45 || op == 0x50:
		v := o.pop()
		if op == 0x45 {
			v = uint64(uint32(v))
		}
		o.push(truth(v == 0))
	case op >= 0x46 && op <= 0x4f:
		b, a := uint32(o.pop()), uint32(o.pop())
		o.push(truth(compare(op-0x46, uint64(a), uint64(b), int64(int32(a)), int64(int32(b)))))
	case op >= 0x51 && op <= 0x5a:
		b, a := o.pop(), o.pop()
		o.push(truth(compare(op-0x51, a, b, int64(a), int64(b))))
	case op >= 0x67 && op <= 0x69:
		o.push(uint64(count(op-0x67, o.pop()&math.MaxUint32, 32)))
	case op >= 0x79 && op <= 0x7b:
		o.push(uint64(count(op-0x79, o.pop(), 64)))
	case op >= 0x6a && op <= 0x78:
		b, a := uint32(o.pop()), uint32(o.pop())
		o.push(uint64(uint32(integer(op-0x6a, uint64(a), uint64(b), int64(int32(a)), int64(int32(b)), 32))))
	case op >= 0x7c && op <= 0x8a:
		b, a := o.pop(), o.pop()
		o.push(integer(op-0x7c, a, b, int64(a), int64(b), 64))
	case op == 0xa7 || op == 0xad:
		o.push(uint64(uint32(o.pop())))
	case op == 0xac:
		o.push(uint64(int64(int32(o.pop()))))
	case op == 0xc0:
		o.push(uint64(uint32(int8(o.pop()))))
	case op == 0xc1:
		o.push(uint64(uint32(int16(o.pop()))))
	case op == 0xc2:
		o.push(uint64(int8(o.pop())))
	case op == 0xc3:
		o.push(uint64(int16(o.pop())))
	case op == 0xc4:
		o.push(uint64(int32(o.pop())))
	default:
		o.float(op)
	}
}

// compare: eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u.
func compare(k wasmbin.Opcode, a, b uint64, sa, sb int64) bool {
	return [...]bool{a == b, a != b, sa < sb, a < b, sa > sb, a > b, sa <= sb, a <= b, sa >= sb, a >= b}[k]
}

// count: clz ctz popcnt.
func count(k wasmbin.Opcode, v uint64, width int) int {
	switch k {
	case 0:
		return bits.LeadingZeros64(v) - (64 - width)
	case 1:
		return min(bits.TrailingZeros64(v), width)
	}
	return bits.OnesCount64(v)
}

// integer: add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr.
func integer(k wasmbin.Opcode, a, b uint64, sa, sb int64, width uint64) uint64 {
	if k >= 3 && k <= 6 && b == 0 {
		panic(&Trap{"integer divide by zero"})
	}
	s := b % width
	switch k {
	case 0:
		return a + b
	case 1:
		return a - b
	case 2:
		return a * b
	case 3:
		if sb == -1 && sa == math.MinInt64>>(64-width) {
			panic(&Trap{"integer overflow"})
		}
		return uint64(sa / sb)
	case 4:
		return a / b
	case 5:
		if sb == -1 {
			return 0
		}
		return uint64(sa % sb)
	case 6:
		return a % b
	case 7:
		return a & b
	case 8:
		return a | b
	case 9:
		return a ^ b
	case 10:
		return a << s
	case 11:
		return uint64(sa >> s)
	case 12:
		return a >> s
	case 13:
		return a<<s | a>>(width-s)
	}
	return a>>s | a<<(width-s)
}
