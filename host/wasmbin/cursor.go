package wasmbin

import (
	"fmt"
	"unicode/utf8"
)

// maxName bounds import, export and section names in bytes.
const maxName = 256

// cursor reads bytes up to end. The first mistake sticks; reads behind it give
// zeros, so callers check err where they loop or allocate.
type cursor struct {
	b       []byte
	at, end int
	floats  bool // f32 and f64 are value types
	err     *Rejected
}

func (c *cursor) reject(rule Rule, at int, format string, args ...any) {
	if c.err == nil {
		c.err = &Rejected{Rule: rule, Offset: at, Detail: fmt.Sprintf(format, args...)}
	}
}

func (c *cursor) left() int { return c.end - c.at }

func (c *cursor) u8() byte {
	if c.err != nil {
		return 0
	}
	if c.at >= c.end {
		c.reject(RuleTruncated, c.at, "one more byte is needed")
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (c *cursor) u32() uint32 {
	if c.err == nil && c.at < c.end && c.b[c.at] < 0x80 {
		c.at++
		return uint32(c.b[c.at-1])
	}
	start, v := c.at, uint32(0)
	for shift := 0; ; shift += 7 {
		x := c.u8()
		if c.err != nil {
			return 0
		}
		if shift == 28 && x > 0x0f {
			c.reject(RuleLEB, start, "integer is longer than 32 bits")
			return 0
		}
		v |= uint32(x&0x7f) << shift
		if x < 0x80 {
			if x == 0 && shift > 0 {
				c.reject(RuleLEB, start, "integer is not in its shortest form")
				return 0
			}
			return v
		}
	}
}

// signed reads a signed LEB128 of the given number of bits (32, 33 or 64).
func (c *cursor) signed(bits int) int64 {
	start, v, prev := c.at, int64(0), byte(0)
	for shift := 0; ; shift += 7 {
		x := c.u8()
		if c.err != nil {
			return 0
		}
		v |= int64(x&0x7f) << shift
		rest := bits - shift // value bits that this byte may carry
		if rest <= 7 {
			top := int8(x<<1) >> rest // sign bit and what lies above it
			if x >= 0x80 || top != 0 && top != -1 {
				c.reject(RuleLEB, start, "integer is longer than %d bits", bits)
				return 0
			}
		}
		if x < 0x80 {
			if shift > 0 && (x == 0 && prev&0x40 == 0 || x == 0x7f && prev&0x40 != 0) {
				c.reject(RuleLEB, start, "integer is not in its shortest form")
				return 0
			}
			if used := shift + 7; used < 64 {
				v = v << (64 - used) >> (64 - used)
			}
			return v
		}
		prev = x
	}
}

// fixed reads n bytes, little-endian.
func (c *cursor) fixed(n int) (v uint64) {
	for i := range n {
		v |= uint64(c.u8()) << (8 * i)
	}
	return v
}

// count reads the length of a vector of items of at least size bytes each.
func (c *cursor) count(size int, limit uint32, rule Rule) int {
	at, n := c.at, c.u32()
	if c.err != nil {
		return 0
	}
	if uint64(n)*uint64(size) > uint64(c.left()) {
		c.reject(RuleCount, at, "%d items do not fit the %d bytes that remain", n, c.left())
		return 0
	}
	if n > limit {
		c.reject(rule, at, "%d, the limit is %d", n, limit)
		return 0
	}
	return int(n)
}

func (c *cursor) name() string {
	at, n := c.at, c.u32()
	if c.err != nil {
		return ""
	}
	if uint64(n) > uint64(c.left()) {
		c.reject(RuleCount, at, "a name of %d bytes in the %d bytes that remain", n, c.left())
		return ""
	}
	b := c.b[c.at : c.at+int(n)]
	if n > maxName || !utf8.Valid(b) {
		c.reject(RuleUTF8, at, "a name of %d bytes is longer than %d or not UTF-8", n, maxName)
		return ""
	}
	c.at += int(n)
	return string(b)
}

func (c *cursor) valueType() ValueType {
	at, t := c.at, ValueType(c.u8())
	if c.err == nil && t != I32 && t != I64 && !(c.floats && (t == F32 || t == F64)) {
		c.reject(RuleValueType, at, "value type 0x%02x is not allowed", byte(t))
	}
	return t
}
