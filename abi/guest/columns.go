// Package guest is what the author of a WebAssembly guest imports and what the
// host shares with it: the byte forms of all messages of ABI qx1, described in
// ../SPEC.md.
//
// It promises that every message has exactly one encoding (readers refuse any
// other bytes) and that no reader allocates more than a small multiple of its
// input. It uses the standard library only and does no I/O.
package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind names a message.
type Kind uint16

// Message kinds of qx1.
const (
	KindCircuit  Kind = 1  // lowered circuit, input of a compiler
	KindTarget   Kind = 2  // what a compiler compiles for
	KindLayered  Kind = 4  // compiled circuit
	KindPlan     Kind = 5  // plan of a trap library
	KindRows     Kind = 6  // slots as palette indexes
	KindHidden   Kind = 7  // what must never leave the engine
	KindOutcomes Kind = 8  // measured rows
	KindVerdict  Kind = 9  // the judge's report
	KindAudit    Kind = 10 // the score of target slots
	KindBatch    Kind = 11 // what a device runs, handed out by a verifier
)

// FormVersion is the version of the message forms.
const FormVersion = 1

const (
	magic       = "QXF1"
	headerSize  = 32
	entrySize   = 24
	maxSections = 32
)

// ErrForm is wrapped by every refusal of a message's bytes.
var ErrForm = errors.New("malformed qx1 message")

// Column is one section: an array of little-endian elements.
type Column struct {
	ID       uint16
	ElemSize uint16 // 1, 2, 4 or 8 bytes
	Data     []byte
}

// Columns is a message before its sections are given meaning.
type Columns struct {
	Kind  Kind
	Items uint64
	Cols  []Column // ids ascending
}

func align8(n uint64) uint64 { return (n + 7) &^ 7 }

// Append writes the one encoding: header, section table, sections in order,
// each at the next multiple of 8, zero padding between and behind.
func (c *Columns) Append(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, uint16(c.Kind))
	b = binary.LittleEndian.AppendUint16(b, FormVersion)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, c.Items)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Cols)))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	off := align8(uint64(headerSize + entrySize*len(c.Cols)))
	for _, col := range c.Cols {
		b = binary.LittleEndian.AppendUint16(b, col.ID)
		b = binary.LittleEndian.AppendUint16(b, col.ElemSize)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint64(b, off)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(col.Data)))
		off = align8(off + uint64(len(col.Data)))
	}
	for _, col := range c.Cols {
		b = append(b, col.Data...)
		for (len(b)-start)%8 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

// ParseColumns reads the one encoding of a message of the given kind. The
// columns alias b.
func ParseColumns(b []byte, kind Kind) (*Columns, error) {
	bad := func(format string, args ...any) (*Columns, error) {
		return nil, fmt.Errorf("message kind %d: %s: %w", kind, fmt.Sprintf(format, args...), ErrForm)
	}
	if len(b) < headerSize || string(b[:4]) != magic {
		return bad("no %s header in %d bytes", magic, len(b))
	}
	le := binary.LittleEndian
	if k := Kind(le.Uint16(b[4:])); k != kind {
		return bad("kind is %d", k)
	}
	if v := le.Uint16(b[6:]); v != FormVersion {
		return bad("version %d, want %d", v, FormVersion)
	}
	n := le.Uint32(b[20:])
	if le.Uint32(b[8:]) != 0 || le.Uint64(b[24:]) != 0 {
		return bad("reserved header bytes are not zero")
	}
	if n > maxSections || uint64(len(b)) < headerSize+entrySize*uint64(n) {
		return bad("%d sections in %d bytes", n, len(b))
	}
	c := &Columns{Kind: kind, Items: le.Uint64(b[12:]), Cols: make([]Column, n)}
	off := align8(headerSize + entrySize*uint64(n))
	last := -1
	for i := range c.Cols {
		e := b[headerSize+entrySize*i:]
		id, elem, at, size := le.Uint16(e), le.Uint16(e[2:]), le.Uint64(e[8:]), le.Uint64(e[16:])
		switch {
		case int(id) <= last:
			return bad("section %d after section %d", id, last)
		case elem != 1 && elem != 2 && elem != 4 && elem != 8, size%uint64(elem) != 0:
			return bad("section %d: %d bytes of %d-byte elements", id, size, elem)
		case le.Uint32(e[4:]) != 0:
			return bad("section %d: reserved bytes are not zero", id)
		case at != off || at > uint64(len(b)) || size > uint64(len(b))-at:
			return bad("section %d: offset %d length %d of %d bytes, want offset %d", id, at, size, len(b), off)
		}
		c.Cols[i] = Column{ID: id, ElemSize: elem, Data: b[at : at+size : at+size]}
		last = int(id)
		off = align8(at + size)
		if off > uint64(len(b)) || !allZero(b[at+size:off]) {
			return bad("section %d: padding is missing or not zero", id)
		}
	}
	if off != uint64(len(b)) {
		return bad("%d bytes behind the last section", uint64(len(b))-off)
	}
	return c, nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// reader takes the sections of a message one after the other; the first
// mistake sticks.
type reader struct {
	c   *Columns
	at  int
	err error
}

func newReader(b []byte, kind Kind) *reader {
	c, err := ParseColumns(b, kind)
	if err != nil {
		return &reader{c: &Columns{Kind: kind}, err: err}
	}
	return &reader{c: c}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("message kind %d: %s: %w", r.c.Kind, fmt.Sprintf(format, args...), ErrForm)
	}
}

// take returns section id with n elements (n < 0: any number).
func (r *reader) take(id, elem uint16, n int) []byte {
	if r.err != nil {
		return nil
	}
	if r.at == len(r.c.Cols) || r.c.Cols[r.at].ID != id || r.c.Cols[r.at].ElemSize != elem {
		r.fail("section %d of %d-byte elements is missing", id, elem)
		return nil
	}
	col := r.c.Cols[r.at]
	if n >= 0 && len(col.Data) != n*int(elem) {
		r.fail("section %d has %d elements, want %d", id, len(col.Data)/int(elem), n)
		return nil
	}
	r.at++
	return col.Data
}

func (r *reader) done() error {
	if r.err == nil && r.at != len(r.c.Cols) {
		r.fail("unknown section %d", r.c.Cols[r.at].ID)
	}
	return r.err
}

func (r *reader) u64s(id uint16, n int) []uint64 {
	d := r.take(id, 8, n)
	out := make([]uint64, len(d)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(d[8*i:])
	}
	return out
}

func (r *reader) u32s(id uint16, n int) []uint32 {
	d := r.take(id, 4, n)
	out := make([]uint32, len(d)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(d[4*i:])
	}
	return out
}

func (r *reader) u16s(id uint16, n int) []uint16 {
	d := r.take(id, 2, n)
	out := make([]uint16, len(d)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(d[2*i:])
	}
	return out
}

func colU64(id uint16, v []uint64) Column {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return Column{id, 8, b}
}

func colU32(id uint16, v []uint32) Column {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return Column{id, 4, b}
}

func colU16(id uint16, v []uint16) Column {
	b := make([]byte, 0, 2*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, x)
	}
	return Column{id, 2, b}
}
