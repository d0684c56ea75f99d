package oracle

import (
	"math"

	"github.com/animicaorg/engine/host/wasmbin"
)

func canonical32(v uint64) uint64 {
	if f := math.Float32frombits(uint32(v)); f != f {
		return 0x7fc00000
	}
	return v
}

func canonical64(v uint64) uint64 {
	if f := math.Float64frombits(v); f != f {
		return 0x7ff8000000000000
	}
	return v
}

func f32(v uint64) float32 { return math.Float32frombits(uint32(v)) }
func f64(v uint64) float64 { return math.Float64frombits(v) }

func (o *Machine) push32(f float32) { o.push(uint64(math.Float32bits(f))) }
func (o *Machine) push64(f float64) { o.push(math.Float64bits(f)) }

// float runs an instruction on floats. NaNs are canonical wherever the rewriter
// makes them so: at stores, reinterpretations and the sign source of copysign.
func (o *Machine) float(op wasmbin.Opcode) {
	switch {
	case op >= 0x5b && op <= 0x60:
		b, a := f32(o.pop()), f32(o.pop())
		o.push(truth(floatCompare(op-0x5b, float64(a), float64(b))))
	case op >= 0x61 && op <= 0x66:
		b, a := f64(o.pop()), f64(o.pop())
		o.push(truth(floatCompare(op-0x61, a, b)))
	case op == 0x8b || op == 0x8c:
		sign := uint64(1) << 31
		o.push(flip(o.pop(), sign, op == 0x8c))
	case op == 0x99 || op == 0x9a:
		o.push(flip(o.pop(), 1<<63, op == 0x9a))
	case op >= 0x8d && op <= 0x91:
		o.push32(float32(unary(op-0x8d, float64(f32(o.pop()))))) // exact or correctly rounded from binary64
	case op >= 0x9b && op <= 0x9f:
		o.push64(unary(op-0x9b, f64(o.pop())))
	case op == 0x98:
		b, a := canonical32(o.pop()), o.pop()
		o.push(a&0x7fffffff | b&0x80000000)
	case op == 0xa6:
		b, a := canonical64(o.pop()), o.pop()
		o.push(a&^(1<<63) | b&(1<<63))
	case op >= 0x92 && op <= 0x97:
		b, a := f32(o.pop()), f32(o.pop())
		o.push32(binary(op-0x92, a, b))
	case op >= 0xa0 && op <= 0xa5:
		b, a := f64(o.pop()), f64(o.pop())
		o.push64(binary(op-0xa0, a, b))
	case op == 0xbc:
		o.push(canonical32(o.pop()))
	case op == 0xbd:
		o.push(canonical64(o.pop()))
	case op == 0xbe || op == 0xbf:
	default:
		o.convert(op)
	}
}

func flip(v, sign uint64, negate bool) uint64 {
	if negate {
		return v ^ sign
	}
	return v &^ sign
}

// floatCompare: eq ne lt gt le ge.
func floatCompare(k wasmbin.Opcode, a, b float64) bool {
	return [...]bool{a == b, a != b, a < b, a > b, a <= b, a >= b}[k]
}

// unary: ceil floor trunc nearest sqrt.
func unary(k wasmbin.Opcode, a float64) float64 {
	return [...]func(float64) float64{math.Ceil, math.Floor, math.Trunc, math.RoundToEven, math.Sqrt}[k](a)
}

// binary: add sub mul div min max.
func binary[F float32 | float64](k wasmbin.Opcode, a, b F) F {
	if a != a || b != b {
		return F(math.NaN())
	}
	switch k {
	case 0:
		return a + b
	case 1:
		return a - b
	case 2:
		return a * b
	case 3:
		return a / b
	case 4:
		return F(math.Min(float64(a), float64(b)))
	}
	return F(math.Max(float64(a), float64(b)))
}

func (o *Machine) convert(op wasmbin.Opcode) {
	v := o.pop()
	switch op {
	case 0xa8, 0xa9, 0xae, 0xaf:
		o.push(truncate(float64(f32(v)), op >= 0xae, op&1 == 1, false))
	case 0xaa, 0xab, 0xb0, 0xb1:
		o.push(truncate(f64(v), op >= 0xb0, op&1 == 1, false))
	case 0xfc00, 0xfc01, 0xfc04, 0xfc05:
		o.push(truncate(float64(f32(v)), op >= 0xfc04, op&1 == 1, true))
	case 0xfc02, 0xfc03, 0xfc06, 0xfc07:
		o.push(truncate(f64(v), op >= 0xfc04, op&1 == 1, true))
	case 0xb2:
		o.push32(float32(int32(v)))
	case 0xb3:
		o.push32(float32(uint32(v)))
	case 0xb4:
		o.push32(float32(int64(v)))
	case 0xb5:
		o.push32(float32(v))
	case 0xb6:
		o.push32(float32(f64(v)))
	case 0xb7:
		o.push64(float64(int32(v)))
	case 0xb8:
		o.push64(float64(uint32(v)))
	case 0xb9:
		o.push64(float64(int64(v)))
	case 0xba:
		o.push64(float64(v))
	case 0xbb:
		o.push64(float64(f32(v)))
	}
}

// truncate converts to an integer of 32 or 64 bits; what does not fit traps or
// saturates.
func truncate(f float64, wide, unsigned, saturate bool) uint64 {
	bits := uint(32)
	if wide {
		bits = 64
	}
	low, high := -math.Ldexp(1, int(bits)-1), math.Ldexp(1, int(bits)-1) // low ≤ result < high
	minimum, maximum := uint64(1)<<(bits-1), uint64(1)<<(bits-1)-1
	if unsigned {
		low, high, minimum, maximum = 0, math.Ldexp(1, int(bits)), 0, math.MaxUint64>>(64-bits)
	}
	t := math.Trunc(f)
	switch {
	case f != f && saturate:
		return 0
	case f != f:
		panic(&Trap{"invalid conversion to integer"})
	case t < low && saturate:
		return minimum
	case t >= high && saturate:
		return maximum
	case t < low || t >= high:
		panic(&Trap{"integer overflow"})
	case unsigned:
		return uint64(t)
	}
	return uint64(int64(t)) & (math.MaxUint64 >> (64 - bits))
}
