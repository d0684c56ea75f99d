package link

import (
	"fmt"

	"github.com/animicaorg/engine/host/wasmbin"
)

// skip passes over an integer of any form, at most ten bytes.
func (s *scanner) skip() {
	for range 10 {
		if s.byte() < 0x80 || s.err != nil {
			return
		}
	}
	s.err = errTruncated
}

// fixCode rewrites the targets of calls, which the Go linker writes as signed
// numbers, in the shortest unsigned form; all else is copied.
func fixCode(s *scanner) []byte {
	n := s.count()
	out := wasmbin.AppendUnsigned(make([]byte, 0, len(s.b)), uint64(n))
	var buf []byte
	for i := 0; i < n && s.err == nil; i++ {
		f := &scanner{b: s.take(s.u32())}
		buf = fixBody(f, buf[:0])
		if f.err != nil && s.err == nil {
			s.err = fmt.Errorf("function %d: %w", i, f.err)
		}
		out = append(wasmbin.AppendUnsigned(out, uint64(len(buf))), buf...)
	}
	return out
}

func fixBody(f *scanner, out []byte) []byte {
	at := f.b // from here on not copied yet
	for range f.count() {
		f.skip() // locals of one type
		f.byte()
	}
	for len(f.b) > 0 && f.err == nil {
		op := f.byte()
		if op != byte(wasmbin.OpCall) {
			f.immediates(op)
			continue
		}
		out = append(out, at[:len(at)-len(f.b)]...)
		out = wasmbin.AppendUnsigned(out, uint64(f.u32()))
		at = f.b
	}
	return append(out, at...)
}

// immediates passes over what follows an opcode other than call.
func (s *scanner) immediates(op byte) {
	switch {
	case op == 0x0e: // br_table
		for range s.count() + 1 {
			s.skip()
		}
	case op == 0x11, op >= 0x28 && op <= 0x3e: // call_indirect, loads and stores
		s.skip()
		s.skip()
	case op >= 0x02 && op <= 0x04, op == 0x0c, op == 0x0d, op >= 0x20 && op <= 0x24, op >= 0x3f && op <= 0x42: // one integer
		s.skip()
	case op == 0x43:
		s.take(4)
	case op == 0x44:
		s.take(8)
	case op == 0xfc:
		switch sub := s.u32(); {
		case sub == 10: // memory.copy
			s.take(2)
		case sub == 11: // memory.fill
			s.take(1)
		case sub > 7:
			s.err = fmt.Errorf("opcode 0xfc %d", sub)
		}
	case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4: // none
	default:
		s.err = fmt.Errorf("opcode 0x%02x", op)
	}
}
