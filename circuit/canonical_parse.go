package circuit

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// canonicalReader consumes big-endian fields; after the first failure all
// reads return zero and err stays set.
type canonicalReader struct {
	b   []byte
	off int
	err error
}

func (r *canonicalReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s: %w", r.off, fmt.Sprintf(format, args...), ErrCanonical)
	}
}

func (r *canonicalReader) take(n int) []byte {
	if r.err == nil && len(r.b)-r.off < n {
		r.fail("truncated, %d bytes wanted", n)
	}
	if r.err != nil {
		return make([]byte, 8)[:min(n, 8)]
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *canonicalReader) u8() byte    { return r.take(1)[0] }
func (r *canonicalReader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *canonicalReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *canonicalReader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// count reads a number of records of at least size bytes each and refuses one
// that the rest of the input cannot hold, before anything is allocated.
func (r *canonicalReader) count(size int) int {
	n := int64(r.u32())
	if rest := int64(len(r.b) - r.off); r.err == nil && n*int64(size) > rest {
		r.fail("%d records do not fit in %d bytes", n, rest)
		return 0
	}
	return int(n)
}

// ParseCanonical reads canonical bytes. It accepts exactly the outputs of
// CanonicalBytes: anything else, trailing bytes and other spellings of the same
// circuit included, is refused with ErrCanonical. Registers are not part of the
// form and come back empty.
func ParseCanonical(b []byte) (*Circuit, error) {
	r := &canonicalReader{b: b}
	if m := r.take(4); r.err == nil && !bytes.Equal(m, canonicalMagic[:]) {
		r.off = 0
		r.fail("magic %q, want %q (version %d)", m, canonicalMagic[:], CanonicalVersion)
	}
	c := &Circuit{Qubits: int(r.u32()), Clbits: int(r.u32())}
	if n := r.count(16); n > 0 {
		c.Conds = make([]Cond, n)
	}
	for i := range c.Conds {
		c.Conds[i] = r.cond()
		if r.err != nil {
			return nil, r.err
		}
	}
	if n := r.count(2); n > 0 {
		c.Ops = make([]Op, n)
	}
	for i := range c.Ops {
		c.Ops[i] = r.op(len(c.Conds))
		if r.err != nil {
			return nil, r.err
		}
	}
	if r.off != len(b) {
		r.fail("%d bytes left over", len(b)-r.off)
	}
	if r.err != nil {
		return nil, r.err
	}
	again, err := c.CanonicalBytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCanonical, err)
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("another spelling of the circuit's canonical bytes: %w", ErrCanonical)
	}
	return c, nil
}

func (r *canonicalReader) cond() Cond {
	n := int(r.u16())
	if n < 1 || n > MaxCondTerms {
		r.fail("%d terms outside 1..%d", n, MaxCondTerms)
	}
	var d Cond
	for k := 0; k < n && r.err == nil; k++ {
		negate, bits := r.u8(), int(r.u8())
		if negate > 1 || bits < 1 || bits > MaxTermBits {
			r.fail("term with flags %d and %d bits", negate, bits)
			break
		}
		t := CondTerm{Bits: make([]uint32, bits), Negate: negate == 1}
		for i := range t.Bits {
			t.Bits[i] = r.u32()
		}
		t.Value = r.u64()
		d.Terms = append(d.Terms, t)
	}
	return d
}

func (r *canonicalReader) op(conds int) Op {
	op := Op{Gate: Gate(r.u8())}
	flags := r.u8()
	op.NQ = flags &^ condFlag
	info := op.Gate.Info()
	if r.err != nil {
		return op
	}
	if info == nil || op.NQ > MaxOpQubits {
		r.fail("gate %d on %d qubits", op.Gate, op.NQ)
		return op
	}
	for k := range op.NQ {
		op.Q[k] = r.u16()
	}
	if op.Gate == Measure {
		op.Clbit = r.u32()
	}
	if flags&condFlag != 0 {
		k := r.u32()
		if int64(k) >= int64(conds) {
			r.fail("condition %d of %d", k, conds)
		}
		op.Cond = k + 1
	}
	for k := range info.Params {
		op.Params[k] = Angle(r.u64())
	}
	return op
}
